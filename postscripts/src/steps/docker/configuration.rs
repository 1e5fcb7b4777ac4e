//! The engine's configuration, `/etc/docker/daemon.json`: xdock's settings are merged into the
//! administrator's file.
//!
//! ```text
//! document.rs   the file, with the order and text of its keys
//! pools.rs      addresses for Docker's own bridges that do not overlap the cluster's
//! merge.rs      settings that are set, kept, or in conflict
//! flags.rs      settings on dockerd's command line
//! ```
//!
//! An option stays until it is changed: a run without `registry=` does not remove a registry.

mod document;
mod flags;
mod merge;
mod pools;

use std::collections::BTreeSet;
use std::path::PathBuf;

use inventory::HostTables;
use ipnet::IpNet;
use serde::Serialize;

pub use self::merge::Conflict;

pub(super) use self::document::Document;
pub(super) use self::flags::keys_of;

use self::merge::{Terms, merge};
use super::error::DockerError;
use super::roots;
use crate::args::Engine;
use crate::render::Templates;

/// The file.
pub(super) const PATH: &str = "/etc/docker/daemon.json";
const TEMPLATE: &str = "etc/docker/daemon.json";
/// Docker's default MTU. A smaller one is only set if the host's network has one.
const DEFAULT_MTU: u32 = 1500;

/// Keys that dockerd reads again on reload (moby `daemon/reload.go`). All others need a restart.
const RELOADED: [&str; 12] = [
    "authorization-plugins",
    "debug",
    "default-runtime",
    "features",
    "insecure-registries",
    "labels",
    "live-restore",
    "max-concurrent-downloads",
    "max-concurrent-uploads",
    "registry-mirrors",
    "runtimes",
    "shutdown-timeout",
];

/// Input of the file's template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Settings {
    bip: String,
    blocks: Vec<String>,
    size: u8,
    mtu: Option<u32>,
    mirror: Option<String>,
    data_root: Option<String>,
    #[serde(skip)]
    cluster: Vec<IpNet>,
}

/// What a running engine must do after a change. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Reload its configuration.
    Reload,
    /// Restart. Containers keep running, because live-restore is set first.
    Restart,
}

/// The merged file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merged {
    /// Its text; the current text if nothing changes.
    pub(super) text: String,
    /// The changed keys.
    pub(super) changed: BTreeSet<String>,
    /// What a running engine must do.
    pub(super) effect: Effect,
    /// The current text with live-restore, to which a running engine is rolled back.
    pub(super) fallback: String,
}

fn effect(changed: &BTreeSet<String>) -> Effect {
    match changed.iter().all(|key| RELOADED.contains(&key.as_str())) {
        _ if changed.is_empty() => Effect::None,
        true => Effect::Reload,
        false => Effect::Restart,
    }
}

/// The settings for the cluster's tables and the command line.
///
/// # Errors
/// No private addresses are left.
pub(super) fn settings(tables: &HostTables, engine: &Engine) -> Result<Settings, DockerError> {
    let cluster: Vec<IpNet> =
        tables.networks.iter().flat_map(|network| network.subnets.iter().copied()).collect();
    let pools = pools::choose(&cluster).ok_or(DockerError::NoAddresses)?;
    let network = inventory::networks::around(&tables.networks, tables.ip);
    Ok(Settings {
        bip: pools.bip.to_string(),
        blocks: pools.blocks.iter().map(ToString::to_string).collect(),
        size: pools::SIZE,
        // containers on docker0 use the host's network, so they must not send larger packets
        mtu: network.and_then(|network| network.mtu).filter(|mtu| *mtu < DEFAULT_MTU),
        mirror: engine.registry.as_ref().map(|registry| format!("https://{registry}")),
        data_root: engine.data_root.clone(),
        cluster,
    })
}

/// Merges the settings into the current file.
///
/// # Errors
/// File or template is not JSON, or keys are in conflict. All conflicts are reported.
pub(super) fn merged(
    present: &str,
    settings: &Settings,
    templates: &Templates,
    overrides: &[String],
    flags: &BTreeSet<String>,
) -> Result<Merged, DockerError> {
    let theirs = Document::parse(present).map_err(DockerError::Json)?;
    let ours = Document::parse(&templates.render(TEMPLATE, settings)?).map_err(DockerError::Template)?;
    let terms = Terms { cluster: &settings.cluster, overrides, flags };
    let (document, changed) = merge(&theirs, &ours, terms).map_err(DockerError::Conflicts)?;
    let text = if changed.is_empty() { present.to_owned() } else { document.text() };
    Ok(Merged { text, effect: effect(&changed), changed, fallback: with_live_restore(theirs, flags).text() })
}

/// Refuses a file whose keys are also on the engine's command line, because dockerd would not start.
pub(super) fn refuse_duplicates(text: &str, flags: &BTreeSet<String>) -> Result<(), DockerError> {
    let twice = flags::duplicates(&Document::parse(text).map_err(DockerError::Json)?, flags);
    if twice.is_empty() { Ok(()) } else { Err(DockerError::Twice(twice)) }
}

/// Adds live-restore, without which a starting engine stops its containers.
fn with_live_restore(mut document: Document, flags: &BTreeSet<String>) -> Document {
    if !flags.contains("live-restore") {
        document.set("live-restore", &serde_json::Value::Bool(true));
    }
    document
}

/// The engine's data directory according to this file.
pub(super) fn data_root(text: &str) -> PathBuf {
    let value = Document::parse(text).ok().and_then(|document| document.get("data-root"));
    value.as_ref().and_then(|value| value.as_str()).unwrap_or(roots::DEFAULT).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use std::path::Path;

    fn asked(line: &str, engine: &Engine, present: &str) -> Merged {
        let variables = [
            ("NODE", "host1"),
            ("IPADDR", "10.99.0.11"),
            ("MASTER_IP", "10.99.0.1"),
            ("NETWORKS_LINES", "1"),
            ("NETWORKS_LINE1", line),
        ];
        let tables = variables.into_iter().collect::<Environment>().tables().unwrap();
        let settings = settings(&tables, engine).unwrap();
        let templates = Templates::new(Path::new("/nonexistent"));
        merged(present, &settings, &templates, &[], &BTreeSet::new()).unwrap()
    }

    const NETWORK: &str = "netname=mynet0||net=10.99.0.0||mask=255.255.0.0";

    #[test]
    fn a_fresh_host_gets_this_file() {
        let wanted = r#"{
  "live-restore": true,
  "log-driver": "json-file",
  "log-opts": {"max-file": "3", "max-size": "10m"},
  "bip": "172.17.0.1/16",
  "default-address-pools": [{"base": "172.18.0.0/16", "size": 24}, {"base": "172.19.0.0/16", "size": 24}, {"base": "172.20.0.0/16", "size": 24}, {"base": "172.21.0.0/16", "size": 24}]
}
"#;
        let fresh = asked(NETWORK, &Engine::default(), "");
        assert_eq!((fresh.text.as_str(), fresh.effect), (wanted, Effect::Restart));
        assert_eq!(fresh.fallback, "{\n  \"live-restore\": true\n}\n");
        let again = asked(NETWORK, &Engine::default(), &fresh.text);
        assert_eq!((again.text.as_str(), again.effect), (wanted, Effect::None));
    }

    #[test]
    fn options_and_a_small_mtu_are_added_and_only_what_must_be_restarts() {
        let base = asked(NETWORK, &Engine::default(), "").text;
        let registry = Engine { registry: Some("mn:5000".to_owned()), ..Engine::default() };
        let with = asked(NETWORK, &registry, &base);
        assert_eq!(with.effect, Effect::Reload);
        assert!(
            with.text.ends_with("],\n  \"registry-mirrors\": [\"https://mn:5000\"]\n}\n"),
            "{}",
            with.text
        );
        let moved = Engine { data_root: Some("/srv/docker".to_owned()), ..Engine::default() };
        let with = asked(&format!("{NETWORK}||mtu=1400"), &moved, &base);
        assert_eq!(with.effect, Effect::Restart);
        assert!(
            with.text.ends_with("  \"mtu\": 1400,\n  \"data-root\": \"/srv/docker\"\n}\n"),
            "{}",
            with.text
        );
        assert_eq!(asked(&format!("{NETWORK}||mtu=9000"), &Engine::default(), &base).effect, Effect::None);
        assert_eq!(data_root(&with.text), Path::new("/srv/docker"));
        assert_eq!(data_root(&base), Path::new("/var/lib/docker"));
    }
}
