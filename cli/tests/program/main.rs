//! Runs the real binary on stanza files and compares exit status, standard output and standard error together.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod define;
mod engines;
mod hosts;
mod manual;
mod plugin;
mod samples;
mod selection;
mod tables;
mod usage;
mod xcat;

use std::path::PathBuf;
use std::process::{Command, Output};

/// A directory with its own tables and settings.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// With that stanza text; empty: no file.
    fn with(stanzas: &str) -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        if !stanzas.is_empty() {
            std::fs::write(place.tables(), stanzas).unwrap();
        }
        std::fs::write(place.settings(), "").unwrap();
        place
    }

    fn tables(&self) -> PathBuf {
        self.directory.path().join("cluster.stanza")
    }

    fn settings(&self) -> PathBuf {
        self.directory.path().join("xdock.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.tables()).unwrap()
    }

    /// What the program says: `$ WORDS`, standard output, each line of standard error after a `!`, the status.
    fn say(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let mut said = String::from_utf8(output.stdout).unwrap();
        for line in String::from_utf8(output.stderr).unwrap().lines() {
            said.push_str(&format!("! {line}\n"));
        }
        said.push_str(&format!("= {}\n", output.status.code().unwrap()));
        said.replace(self.directory.path().to_str().unwrap(), "DIR")
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xdock"))
            .env_clear()
            .env("XDOCK_INVENTORY", format!("file:{}", self.tables().display()))
            .env("XDOCK_CONFIG", self.settings())
            .args(words)
            .output()
            .unwrap()
    }
}

/// Two hosts, three containers.
const SMALL: &str = "\
# <xCAT data object stanza file>

mynet0:
    objtype=network
    net=10.99.0.0
    mask=255.255.0.0

host1:
    objtype=node
    groups=hosts
    mgt=ipmi
    ip=10.99.0.11

host2:
    objtype=node
    groups=hosts
    mgt=ipmi
    ip=10.99.0.12

host1c1:
    objtype=node
    groups=docker
    mgt=docker
    ip=10.99.1.1
    vmhost=host1
    provmethod=busybox!sleep,inf

host1c2:
    objtype=node
    groups=docker
    mgt=docker
    ip=10.99.1.2
    vmhost=host1
    provmethod=busybox

host2c1:
    objtype=node
    groups=docker
    mgt=docker
    ip=10.99.2.1
    vmhost=host2
    provmethod=busybox
";
