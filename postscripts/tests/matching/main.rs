//! Which definitions a manager applies to a NIC: by each thing that it can match, and in its own order. What they say is taken over, and
//! what others refer to still_in_use.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test")]

#[path = "../hosts/mod.rs"]
mod hosts;
mod ifupdown;
mod netplan;
mod networkd;
mod networkmanager;

use std::path::PathBuf;

use hosts::{Etc, network, nic};
use inventory::IfName;
use postscripts::steps::network::manager::{Manager, Nic};

const MAC: &str = "02:78:64:00:00:02";
const OTHER: &str = "02:78:64:00:00:03";

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn nics() -> [Nic; 2] {
    [nic("eth0", MAC), Nic { driver: Some("e1000".to_owned()), ..nic("eth1", OTHER) }]
}

/// A host with `eth0` and `eth1` and a bridge over `eth0`, after a run; a second one writes nothing.
fn applied(manager: Manager, files: &[(&str, &str)]) -> Etc {
    let etc = Etc::new(manager, files).with_nics(&nics());
    etc.apply(&network("bridge"));
    assert_eq!(etc.apply(&network("bridge")), Vec::<PathBuf>::new(), "a second run writes nothing");
    etc
}
