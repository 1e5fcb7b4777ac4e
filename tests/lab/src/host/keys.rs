//! ssh keys: one for root of the management node, one host key for each machine. New for every lab.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use process::{Command, ExecuteError};
use thiserror::Error;

use crate::name::Member;
use crate::plan::Spec;

/// How a key could not be made.
#[derive(Debug, Error)]
pub enum KeyError {
    /// ssh-keygen.
    #[error("cannot make the ssh key of {of}")]
    Generate {
        /// Whose.
        of: String,
        /// What it said.
        #[source]
        source: ExecuteError,
    },
    /// A directory for it, or the file.
    #[error("cannot read the new ssh key {}", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The two halves as OpenSSH writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The secret half.
    pub private: String,
    /// The other, one line.
    pub public: String,
}

/// All keys of a lab.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Root of the management node: every machine lets it in.
    pub root: KeyPair,
    /// The machines' own.
    pub hosts: BTreeMap<Member, KeyPair>,
}

impl Keys {
    /// Makes them; nothing stays on the machine's disk.
    ///
    /// # Errors
    /// What ssh-keygen said.
    pub async fn generate(spec: &Spec) -> Result<Self, KeyError> {
        let root = generate("root@mn").await?;
        let mut hosts = BTreeMap::new();
        for member in spec.members() {
            hosts.insert(member, generate(&format!("root@{member}")).await?);
        }
        Ok(Self { root, hosts })
    }
}

async fn generate(of: &str) -> Result<KeyPair, KeyError> {
    let at = |path: PathBuf| move |source| KeyError::Read { path, source };
    let directory = tempfile::tempdir().map_err(at(std::env::temp_dir()))?;
    let private = directory.path().join("key");
    let command = Command::new("ssh-keygen", Duration::from_secs(20))
        .args(["-q", "-t", "ed25519", "-N", "", "-C", of, "-f"])
        .args([&private]);
    command.execute().await.map_err(|source| KeyError::Generate { of: of.to_owned(), source })?;
    let public = private.with_extension("pub");
    Ok(KeyPair {
        private: std::fs::read_to_string(&private).map_err(at(private.clone()))?,
        public: std::fs::read_to_string(&public).map_err(at(public.clone()))?,
    })
}
