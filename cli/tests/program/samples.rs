//! The tables of a real xCAT 2.18: its SQLite files and what its `lsdef -z` wrote of them say the same, and what `def` writes is
//! read again.

use std::path::{Path, PathBuf};

use super::Place;

/// Every attribute that a node of the samples has.
const ATTRIBUTES: &str = "arch,dockercpus,dockerflag,dockerhost,dockermemory,dockernics,groups,ip,mac,mgt,nicips.eth1,\
    nictypes.br0,os,provmethod,vmcpus,vmhost,vmmemory,vmnics,vmothersetting";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/inventory/tests/data")
}

/// A place with the stanzas; groups come with their members.
fn stanzas() -> Place {
    let text = |name: &str| std::fs::read_to_string(samples().join("lsdef").join(name)).unwrap();
    Place::with(&["site.stanza", "networks.stanza", "nodes.stanza"].map(text).concat())
}

#[test]
fn tables_and_stanzas_say_the_same() {
    let place = stanzas();
    let tables = format!("xcat://{}", samples().join("etc-xcat").display());
    for range in ["all", "docker", "mgt==docker,-n2", "vm.host=~dh1"] {
        let from_stanzas = place.say(&["nodes", range, "-i", ATTRIBUTES]);
        assert_eq!(place.say(&["--inventory", &tables, "nodes", range, "-i", ATTRIBUTES]), from_stanzas);
        assert!(from_stanzas.contains(": ip: 10.99.") && from_stanzas.ends_with("= 0\n"), "{from_stanzas}");
    }
}

#[test]
fn what_def_writes_is_read_again() {
    let place = stanzas();
    let before = place.say(&["nodes", "all", "-i", ATTRIBUTES]);
    assert_eq!(place.say(&["def", "d1", "vmcpus=3"]), "d1: success\n= 0\n");
    let after = place.say(&["nodes", "all", "-i", ATTRIBUTES]);
    assert_eq!(
        after,
        before.replacen("d1: dockercpus: 1", "d1: dockercpus: 3", 1).replacen(
            "d1: vmcpus: 1",
            "d1: vmcpus: 3",
            1
        )
    );
    assert!(place.text().starts_with("# <xCAT data object stanza file>\n"), "{}", place.text());
}
