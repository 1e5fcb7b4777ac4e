//! The variables of xCAT's mypostscript, parsed (xcat-core `mypostscript.tmpl` and `Postage.pm`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use durable::FileError;
use inventory::{CellError, HostTables, Network, NetworkRow, Nics, NodeName};
use thiserror::Error;

/// A variable is missing or wrong. Each message names the variable.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// It is not set, or empty.
    #[error("{0} is not set; run this through xCAT, which exports it: updatenode NODE -P xdock")]
    Missing(&'static str),
    /// Its value is invalid.
    #[error("{variable}={value}: {rule}")]
    Value {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// The rule.
        rule: String,
    },
    /// The `nics` columns are wrong.
    #[error("the nics columns of this host are wrong")]
    Nics(#[source] CellError),
}

/// The variables of the last run cannot be read.
#[derive(Debug, Error)]
pub enum RememberedError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file was not written by a run.
    #[error("{} was not written by xdockhost; updatenode NODE -P xdock writes it again", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Position and cause.
        #[source]
        source: serde_json::Error,
    },
}

/// The environment of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// File with the variables of the last run.
pub const REMEMBERED: &str = "/var/lib/xdock/environment.json";

/// Whether the variable contains table data, not settings of a shell.
fn is_tables(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "NODE",
        "MASTER",
        "MASTER_IP",
        "HTTPPORT",
        "OSVER",
        "ARCH",
        "IPADDR",
        "INSTALLNIC",
        "NFSSERVER",
        "OTHERPKGDIR",
        "INSTALLDIR",
        "DOMAIN",
    ];
    NAMES.contains(&name) || name.starts_with("NIC") || name.starts_with("NETWORKS_LINE")
}

/// This node and its management node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `NODE`.
    pub name: NodeName,
    /// `MASTER_IP`, else `MASTER`: the management or service node of this node.
    pub master: IpAddr,
    /// `HTTPPORT`; 80 if site has none.
    pub http_port: u16,
    /// `OSVER`, for example `debian12`.
    pub os_version: String,
    /// `ARCH`, for example `x86_64`.
    pub arch: String,
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Environment {
    /// The environment of this process. xCAT's variables are UTF-8, so others are ignored.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Value of a variable. An empty one counts as not set, because xCAT exports every variable
    /// (`INSTALLNIC=''`).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// Saves xCAT's variables, so that `xdockhost status` can compare without xCAT. They are not secret, but
    /// only root can read the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(&self, path: &Path) -> Result<(), FileError> {
        let ours: BTreeMap<&str, &str> = self.iter().filter(|(name, _)| is_tables(name)).collect();
        // strings only: this cannot fail
        let text = serde_json::to_vec_pretty(&ours).unwrap_or_default();
        durable::replace(path, &text, 0o600).map(drop)
    }

    /// The variables of the last run; `None` if there was none.
    ///
    /// # Errors
    /// The file exists, but cannot be read or was not written by a run.
    pub fn remembered(path: &Path) -> Result<Option<Self>, RememberedError> {
        let Some(text) = durable::read(path)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&text);
        parsed
            .map(|variables| Some(Self(variables)))
            .map_err(|source| RememberedError::Text { path: path.to_owned(), source })
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn parsed<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<T, EnvironmentError> {
        let value = self.get(name).ok_or(EnvironmentError::Missing(name))?;
        value.parse().map_err(|error: T::Err| EnvironmentError::Value {
            variable: name.to_owned(),
            value: value.to_owned(),
            rule: error.to_string(),
        })
    }

    /// This node.
    ///
    /// # Errors
    /// The variable that is missing or wrong.
    pub fn node(&self) -> Result<Node, EnvironmentError> {
        Ok(Node {
            name: self.parsed("NODE")?,
            master: self.master()?,
            http_port: if self.get("HTTPPORT").is_some() { self.parsed("HTTPPORT")? } else { 80 },
            os_version: self.word("OSVER")?,
            arch: self.word("ARCH")?,
        })
    }

    /// `MASTER` may be a name (noderes.xcatmaster). xCAT resolves it into `MASTER_IP`, because xdockhost uses
    /// no name service.
    fn master(&self) -> Result<IpAddr, EnvironmentError> {
        let named = self.get("MASTER_IP").is_none() && self.get("MASTER").is_some();
        self.parsed(if named { "MASTER" } else { "MASTER_IP" })
    }

    /// A value that is used in a path on the management node.
    fn word(&self, name: &'static str) -> Result<String, EnvironmentError> {
        let value = self.get(name).ok_or(EnvironmentError::Missing(name))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        if value.chars().all(plain) && !value.starts_with('.') {
            return Ok(value.to_owned());
        }
        let rule = "only letters, digits and ._-+ may be used in a path".to_owned();
        Err(EnvironmentError::Value { variable: name.to_owned(), value: value.to_owned(), rule })
    }

    /// The tables of this host's network.
    ///
    /// # Errors
    /// The variable, or row and column, that is wrong.
    pub fn tables(&self) -> Result<HostTables, EnvironmentError> {
        let host: NodeName = self.parsed("NODE")?;
        let nics = Nics::from_environment(host.as_str(), |name| self.get(name).map(str::to_owned))
            .map_err(EnvironmentError::Nics)?;
        Ok(HostTables {
            ip: self.parsed("IPADDR")?,
            installnic: self.get("INSTALLNIC").map(str::to_owned),
            networks: self.networks(self.master()?)?,
            nics,
            host,
        })
    }

    /// Rows that are wrong or belong to other nodes are ignored, so that they cannot stop this host. A plan
    /// that needs a missing row reports it, and `xdock check` reports what is wrong with a row.
    fn networks(&self, master: IpAddr) -> Result<Vec<Network>, EnvironmentError> {
        let count: usize = self.parsed("NETWORKS_LINES")?;
        let lines = (1..=count).map_while(|number| self.get(&format!("NETWORKS_LINE{number}")));
        let (networks, _) = Network::usable(lines.map(NetworkRow::from_line), Some(master));
        Ok(networks)
    }
}
