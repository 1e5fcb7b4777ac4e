//! Settings of /etc/xdock/xdock.toml, overridden by options and environment.

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

/// Default path of the settings.
pub(crate) const PATH: &str = "/etc/xdock/xdock.toml";

/// Default connection timeout.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of a command.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Location of the tables, if set.
    pub(crate) inventory: Option<String>,
    /// Database login.
    pub(crate) database: DatabaseSettings,
    /// Directory that deployed hosts download from.
    pub(crate) installdir: PathBuf,
    /// Default connection timeout.
    pub(crate) timeout: Duration,
    /// Certificates for tcp:// engines.
    pub(crate) tls: TlsFiles,
    /// Additional `-o` options of ssh.
    pub(crate) ssh_options: Vec<String>,
    engines: BTreeMap<String, String>,
    path: PathBuf,
    /// Read for the first host.
    ledger: OnceCell<Ledger>,
    /// Read for the first TLS connection.
    revoked: OnceCell<Arc<BTreeSet<String>>>,
}

/// Errors of the settings.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The requested file does not exist.
    #[error("settings file {} does not exist", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// Invalid content.
    #[error("{}: {message}", path.display())]
    Parse {
        path: PathBuf,
        /// Line, column and problem.
        message: String,
    },
    /// Invalid engine URL.
    #[error("{}: [engines] {host}", path.display())]
    Engine {
        path: PathBuf,
        host: String,
        /// Cause.
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
    /// Loads the file; the command line takes precedence.
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
            message: error.to_string().trim().to_owned(),
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

    /// Engine of a host: its own entry, or the default with `{host}` replaced.
    pub(crate) fn engine(&self, host: &str) -> Result<Address, SettingsError> {
        let default = self.engines.get("default").map_or("ssh://{host}", String::as_str);
        let url = self.engines.get(host).map_or(default, String::as_str).replace("{host}", host);
        url.parse().map_err(|source| SettingsError::Engine {
            path: self.path.clone(),
            host: host.to_owned(),
            source,
        })
    }

    /// Ledger at the start of this command.
    pub(crate) fn ledger(&self) -> Result<&Ledger, LedgerError> {
        if let Some(read) = self.ledger.get() {
            return Ok(read);
        }
        let read = Ledger::seen(&self.tls.directory)?;
        Ok(self.ledger.get_or_init(|| read))
    }

    /// Revoked serial numbers.
    pub(crate) fn revoked(&self) -> Result<Arc<BTreeSet<String>>, LedgerError> {
        if let Some(read) = self.revoked.get() {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(Ledger::read(&self.tls.directory)?.revoked());
        Ok(Arc::clone(self.revoked.get_or_init(|| read)))
    }

    /// Whether the settings have an entry for this host, which takes precedence over the port in `vm.host`.
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
