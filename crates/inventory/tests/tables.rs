//! The five-node tables of a real xCAT 2.18 resolve as its own `lsdef` shows them.

use std::fmt::Write as _;
use std::path::Path;

use inventory::{Inventory, InventoryUrl};

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn sample() -> Inventory {
    Inventory::open(&InventoryUrl::Xcat(data("etc-xcat"))).unwrap()
}

/// Objects in the form of `lsdef -z`.
fn stanzas<'a>(kind: &str, objects: impl IntoIterator<Item = (&'a str, Vec<(String, String)>)>) -> String {
    let mut text = "# <xCAT data object stanza file>\n".to_owned();
    for (name, attrs) in objects {
        writeln!(text, "\n{name}:\n    objtype={kind}").unwrap();
        for (attr, value) in attrs {
            writeln!(text, "    {attr}={value}").unwrap();
        }
    }
    text
}

#[test]
fn nodes_resolve_as_lsdef_shows_them() {
    let tables = sample();
    let names = ["d1", "d2", "dh1", "n1", "n2"];
    let shown = stanzas("node", names.map(|name| (name, tables.attributes(name).unwrap())));
    assert_eq!(shown, std::fs::read_to_string(data("lsdef/nodes.stanza")).unwrap());
}

#[test]
fn groups_resolve_as_lsdef_shows_them() {
    let tables = sample();
    let names = ["__mgmtnode", "all", "debnodes", "docker", "dockerhosts"];
    let shown = stanzas("group", names.map(|name| (name, tables.group_attributes(name).unwrap())));
    assert_eq!(shown, std::fs::read_to_string(data("lsdef/groups.stanza")).unwrap());
}
