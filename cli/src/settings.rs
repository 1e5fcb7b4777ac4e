//! /etc/xdock/xdock.toml, read once; flags and environment stand above it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use durable::FileError;
use serde::Deserialize;
use thiserror::Error;

use crate::args::Options;
use crate::engine::{Address, AddressError, TlsFiles};
use crate::enroll::{Ledger, LedgerError};
use crate::tables::DatabaseSettings;

/// Where the settings are, if nobody says otherwise.
pub(crate) const PATH: &str = "/etc/xdock/xdock.toml";

/// How long a host has to answer at first.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a command runs with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The tables, where somebody said.
    pub(crate) inventory: Option<String>,
    /// How to log in to a database that holds the tables.
    pub(crate) database: DatabaseSettings,
    /// What deployed hosts fetch from.
    pub(crate) installdir: PathBuf,
    /// How long a host has to answer at first.
    pub(crate) timeout: Duration,
    /// Certificates for tcp:// engines.
    pub(crate) tls: TlsFiles,
    /// More `-o` options of ssh.
    pub(crate) ssh_options: Vec<String>,
    engines: BTreeMap<String, String>,
    path: PathBuf,
    /// Read when the first host is looked for.
    ledger: OnceCell<Ledger>,
    /// Read when the first host is spoken to by TLS.
    revoked: OnceCell<Arc<BTreeSet<String>>>,
}

/// What is wrong with the settings.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// A file that was asked for.
    #[error("settings file {} does not exist", .0.display())]
    Missing(PathBuf),
    /// A file that cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// Not what we know.
    #[error("{}: {told}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong.
        told: String,
    },
    /// An engine's URL.
    #[error("{}: [engines] {host}", path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// The key.
        host: String,
        /// What is wrong.
        #[source]
        source: AddressError,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Text {
    inventory: Option<String>,
    installdir: Option<PathBuf>,
    timeout: Option<u64>,
    database: DatabaseSettings,
    engines: BTreeMap<String, String>,
    tls: TlsFiles,
    ssh: Ssh,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ssh {
    options: Vec<String>,
}

impl Settings {
    /// The file's settings below the command line's.
    pub(crate) fn load(options: &Options) -> Result<Self, SettingsError> {
        let path = options.config.clone().unwrap_or_else(|| PATH.into());
        let text = match durable::read_text(&path)? {
            Some(text) => text,
            // only the default file may be missing
            None if options.config.is_none() => String::new(),
            None => return Err(SettingsError::Missing(path)),
        };
        let settings = Self::parse(&text, path)?;
        Ok(Self {
            inventory: options.inventory.clone().or(settings.inventory),
            timeout: options.timeout.map_or(settings.timeout, Duration::from_secs),
            ..settings
        })
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, SettingsError> {
        let read: Text = toml::from_str(text).map_err(|error| SettingsError::Parse {
            path: path.clone(),
            told: error.to_string().trim().to_owned(),
        })?;
        let settings = Self {
            inventory: read.inventory,
            database: read.database,
            installdir: read.installdir.unwrap_or_else(|| Path::new("/install").into()),
            timeout: read.timeout.map_or(TIMEOUT, Duration::from_secs),
            tls: read.tls,
            ssh_options: read.ssh.options,
            engines: read.engines,
            path,
            ledger: OnceCell::new(),
            revoked: OnceCell::new(),
        };
        for key in settings.engines.keys() {
            settings.engine(key)?;
        }
        Ok(settings)
    }

    /// The engine of a host as the settings say: its own line, else the default's with `{host}` filled in.
    pub(crate) fn engine(&self, host: &str) -> Result<Address, SettingsError> {
        let default = self.engines.get("default").map_or("ssh://{host}", String::as_str);
        let url = self.engines.get(host).map_or(default, String::as_str).replace("{host}", host);
        url.parse().map_err(|source| SettingsError::Engine {
            path: self.path.clone(),
            host: host.to_owned(),
            source,
        })
    }

    /// What was issued to hosts, as it was when this command began.
    pub(crate) fn ledger(&self) -> Result<&Ledger, LedgerError> {
        if let Some(read) = self.ledger.get() {
            return Ok(read);
        }
        let read = Ledger::seen(&self.tls.directory)?;
        Ok(self.ledger.get_or_init(|| read))
    }

    /// Serial numbers of certificates that count for nothing.
    pub(crate) fn revoked(&self) -> Result<Arc<BTreeSet<String>>, LedgerError> {
        if let Some(read) = self.revoked.get() {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(Ledger::read(&self.tls.directory)?.revoked());
        Ok(Arc::clone(self.revoked.get_or_init(|| read)))
    }

    /// Whether the settings name this very host: then they stand above `vm.host`'s port.
    pub(crate) fn names(&self, host: &str) -> bool {
        self.engines.contains_key(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, "xdock.toml".into())
    }

    #[test]
    fn a_host_has_its_own_engine_or_the_default() {
        let plain = parse("").unwrap();
        assert_eq!(plain.engine("host1").unwrap().to_string(), "ssh://root@host1");
        let text = "[engines]\nhost1 = \"unix:///run/docker.sock\"\ndefault = \"tcp://{host}:2376\"\n";
        let mapped = parse(text).unwrap();
        assert_eq!(mapped.engine("host1").unwrap().to_string(), "unix:///run/docker.sock");
        assert_eq!(mapped.engine("host2").unwrap().to_string(), "tcp://host2:2376");
    }

    #[test]
    fn errors_name_file_and_key() {
        let error = parse("[engines]\nhost1 = \"docker.sock\"\n").unwrap_err();
        assert_eq!(error.to_string(), "xdock.toml: [engines] host1");
        let error = parse("enginez = 1\n").unwrap_err().to_string();
        assert!(error.starts_with("xdock.toml: TOML parse error at line 1, column 1"), "{error}");
        assert!(error.contains("unknown field `enginez`"), "{error}");
    }
}
