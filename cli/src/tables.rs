//! Chooses the tables of a command: the user's choice, else xCAT's, else the stanza file. Also reads the password of a
//! database.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use durable::FileError;
use inventory::{CfglocError, Choice, Database, InventoryUrl, Password, UrlError, XcatTables};
use serde::Deserialize;
use thiserror::Error;

/// Directory of xCAT's configuration and, by default, its tables.
const XCAT: &str = "/etc/xcat";

/// Where xCAT looks for its tables before [`XCAT`] (xCAT `Table.pm`, `get_xcatcfg`).
const XCAT_OLD: &str = "/opt/xcat/cfg";

/// The stanza file, used without xCAT.
const STANZAS: &str = "/etc/xdock/cluster.stanza";

/// Environment variable with a database's password.
const PASSWORD: &str = "XDOCK_DATABASE_PASSWORD";

/// `[database]` of xdock.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseSettings {
    /// A file whose first line is the password.
    pub(crate) password_file: Option<PathBuf>,
    /// Allows a connection to another machine without TLS.
    pub(crate) plaintext: bool,
}

/// Why the tables or the login are unknown.
#[derive(Debug, Error)]
pub(crate) enum TablesError {
    /// Invalid URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Invalid configuration of xCAT.
    #[error(transparent)]
    Cfgloc(#[from] CfglocError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Stale SQLite files beside xCAT's current database.
    #[error(
        "xCAT no longer uses the SQLite files in {}: {said_by} names {used}. Remove the inventory setting or option to read that database; to read the old files, copy them to another directory",
        directory.display()
    )]
    Stale {
        directory: PathBuf,
        /// `DIRECTORY/cfgloc`.
        said_by: String,
        /// URL of xCAT's current database.
        used: String,
    },
    /// The password file does not exist.
    #[error("password file {} does not exist (password_file in [database] of xdock.toml)", .0.display())]
    NoPassword(PathBuf),
    /// All users can read the password file.
    #[error("every user of this machine can read the password file {}; run \"chmod 600 {}\"", .0.display(), .0.display())]
    Exposed(PathBuf),
}

/// Chooses the tables. `chosen` is the option, variable or setting.
pub(crate) fn find(chosen: Option<&str>, settings: &DatabaseSettings) -> Result<InventoryUrl, TablesError> {
    let variable = std::env::var_os("XCATCFG").map(|text| text.to_string_lossy().into_owned());
    let file = Path::new(XCAT).join("cfgloc");
    let choice = Choice { variable: variable.as_deref(), file: &file };
    match chosen.map(str::parse).transpose()? {
        Some(InventoryUrl::Database(database)) => {
            let password = password(settings)?.or_else(|| of_xcat(choice, &database));
            Ok(InventoryUrl::Database(Database { password, ..allowed(database, settings) }))
        }
        Some(InventoryUrl::Xcat(directory)) => current(directory),
        Some(url) => Ok(url),
        None => Ok(match choice.tables()? {
            Some(XcatTables { url: InventoryUrl::Database(database), .. }) => {
                let password =
                    database.password.clone().map_or_else(|| password(settings), |known| Ok(Some(known)))?;
                InventoryUrl::Database(Database { password, ..allowed(database, settings) })
            }
            Some(tables) => tables.url,
            None => default(),
        }),
    }
}

fn allowed(database: Database, settings: &DatabaseSettings) -> Database {
    Database { plaintext: database.plaintext || settings.plaintext, ..database }
}

fn default() -> InventoryUrl {
    let has_tables = |directory: &&str| Path::new(directory).join("nodelist.sqlite").is_file();
    match [XCAT_OLD, XCAT].into_iter().find(has_tables) {
        Some(directory) => InventoryUrl::Xcat(directory.into()),
        None => InventoryUrl::File(STANZAS.into()),
    }
}

/// The directory, unless its `cfgloc` names other tables: then its SQLite files are from before a migration.
fn current(directory: PathBuf) -> Result<InventoryUrl, TablesError> {
    let file = directory.join("cfgloc");
    let url = InventoryUrl::Xcat(directory.clone());
    match (Choice { variable: None, file: &file }).tables()? {
        Some(tables) if tables.url != url => {
            Err(TablesError::Stale { directory, said_by: tables.said_by, used: tables.url.to_string() })
        }
        _ => Ok(url),
    }
}

/// xCAT's password for the same user and database. Without it the server decides.
fn of_xcat(choice: Choice<'_>, database: &Database) -> Option<Password> {
    match choice.tables() {
        Ok(Some(XcatTables { url: InventoryUrl::Database(known), .. })) if known.is_same(database) => {
            known.password
        }
        _ => None,
    }
}

/// Password from the environment, else from the file of the settings.
fn password(settings: &DatabaseSettings) -> Result<Option<Password>, TablesError> {
    match std::env::var(PASSWORD) {
        Ok(text) if !text.is_empty() => Ok(Some(Password::new(text, PASSWORD))),
        _ => settings.password_file.as_deref().map(of_file).transpose(),
    }
}

fn of_file(path: &Path) -> Result<Password, TablesError> {
    let text = durable::read_text(path)?.ok_or_else(|| TablesError::NoPassword(path.to_owned()))?;
    if std::fs::metadata(path).is_ok_and(|file| file.mode() & 0o004 != 0) {
        return Err(TablesError::Exposed(path.to_owned()));
    }
    Ok(Password::new(text.lines().next().unwrap_or_default(), path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_password_file_is_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let told = || of_file(&path).unwrap_err().to_string();
        let shown = path.display();
        assert_eq!(
            told(),
            format!("password file {shown} does not exist (password_file in [database] of xdock.toml)")
        );
        std::fs::write(&path, "geheim \nmore\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            told(),
            format!(
                "every user of this machine can read the password file {shown}; run \"chmod 600 {shown}\""
            )
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(of_file(&path).unwrap(), Password::new("geheim ", shown.to_string()));
    }

    #[test]
    fn sqlite_files_of_before_a_migration_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let file = path.join("cfgloc");
        let url = || InventoryUrl::Xcat(path.clone());
        assert_eq!(current(path.clone()).unwrap(), url());
        std::fs::write(&file, format!("SQLite:{}\n", path.display())).unwrap();
        assert_eq!(current(path.clone()).unwrap(), url());
        std::fs::write(&file, "mysql:dbname=xcatdb;host=mn|xcatadmin|geheim\n").unwrap();
        assert_eq!(
            current(path.clone()).unwrap_err().to_string(),
            format!(
                "xCAT no longer uses the SQLite files in {}: {} names mysql://xcatadmin@mn/xcatdb. Remove the inventory setting or option to read that database; to read the old files, copy them to another directory",
                path.display(),
                file.display()
            )
        );
        std::fs::write(&file, "DB2:xcatdb|xcatdb|geheim\n").unwrap();
        assert!(current(path).unwrap_err().to_string().contains("cfgloc names a DB2 database"));
    }
}
