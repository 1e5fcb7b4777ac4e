//! Noderanges over xCAT's five-node tables.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::path::Path;
use std::time::{Duration, Instant};

use inventory::{Inventory, InventoryUrl, NumberNames};
use rusqlite::Connection;

fn sample() -> Inventory {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/etc-xcat");
    Inventory::open(&InventoryUrl::Xcat(path)).unwrap()
}

fn select(tables: &Inventory, range: &str) -> String {
    let nodes = tables.select(range).unwrap();
    nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(",")
}

const GROUPS: &str = "
d1:
    objtype=node
    groups=docker,all
    mgt=docker
d2:
    objtype=node
    groups=docker,all
n1:
    objtype=node
    groups=debnodes,all
n2:
    objtype=node
    groups=debnodes,all
web7:
    objtype=node
    groups=all
docker:
    objtype=group
    mgt=docker
debnodes:
    objtype=group
    mgt=docker
none:
    objtype=group
dyn1:
    objtype=group
    grouptype=dynamic
    wherevals=mgt==docker::groups=~debnodes
everyone:
    objtype=group
    grouptype=dynamic
bad:
    objtype=group
    grouptype=dynamic
    wherevals=mgt==docker::nonsense
";

#[test]
fn groups_criteria_and_regular_expressions_see_the_tables() {
    let tables = sample();
    for (range, nodes) in [
        ("docker", "d1,d2"),
        ("all,-docker", "dh1,n1,n2"),
        ("all@debnodes", "n1,n2"),
        ("__mgmtnode", "xcatmn"),
        ("mgt==docker", "d1,d2,n1,n2"),
        ("mgt=docker", "d1,d2,n1,n2"),
        ("nodehm.mgt!=docker", "dh1,xcatmn"),
        ("mgt!~dock", "dh1,xcatmn"),
        ("groups==docker,all", ""),
        ("vm.host=~/dh1/", "d1,d2,n1,n2"),
        ("vm.host!~dh1", "dh1,xcatmn"),
        ("noderes.xcatmaster==10.99.0.1", "n1,n2"),
        ("groups=~deb", "n1,n2"),
        ("tags=~^docker", "d1,d2,dh1"),
        ("os==debian12", "n1,n2"),
        ("mgt==docker@vm.cpus==1", "d1"),
        ("/d.", "d1,d2"),
        ("/d.*", "d1,d2,dh1"),
        ("(docker,debnodes)@vm.cpus==1", "d1"),
        ("all,-(d1,n1)", "d2,dh1,n2"),
    ] {
        if range.contains("==docker,all") {
            // a comma ends the criterion, as in xCAT
            assert_eq!(select(&tables, range), "d1,d2,dh1,n1,n2", "{range}");
        } else {
            assert_eq!(select(&tables, range), nodes, "{range}");
        }
    }
}

#[test]
fn dynamic_groups_are_computed_and_empty_ones_are_known() {
    let tables = Inventory::from_stanzas(GROUPS).unwrap();
    assert_eq!(select(&tables, "dyn1"), "n1,n2");
    assert_eq!(select(&tables, "all,-dyn1"), "d1,d2,web7");
    assert_eq!(select(&tables, "everyone"), "d1,d2,n1,n2,web7");
    assert_eq!(select(&tables, "none"), "");
    assert_eq!(
        tables.select("bad").unwrap_err().to_string(),
        "\"nonsense\" in bad in the stanza text line 33 is not a criterion such as mgt==docker; correct wherevals there"
    );
}

#[test]
fn unknown_members_fail_with_xcats_text() {
    let error = sample().select("d1,nosuch,d[1-3],n1-n4").unwrap_err();
    assert_eq!(error.to_string(), "Invalid nodes and/or groups in noderange: nosuch,d3,n3,n4");
}

#[test]
fn numbers_are_named_by_the_environment() {
    let tables = Inventory::from_stanzas(GROUPS).unwrap();
    let numbers = NumberNames { prefix: "web".into(), suffix: String::new() };
    assert_eq!(tables.select_with("7", &numbers).unwrap().len(), 1);
    let error = tables.select("7").unwrap_err().to_string();
    assert_eq!(error, "Invalid nodes and/or groups in noderange: node7");
}

#[test]
fn nodes_of_excludenodes_are_never_selected() {
    let site = |value: &str| format!("{GROUPS}\nclustersite:\n    objtype=site\n    excludenodes={value}\n");
    let tables = Inventory::from_stanzas(&site("debnodes,d1")).unwrap();
    assert_eq!(select(&tables, "all"), "d2,web7");
    assert_eq!(select(&tables, "d1"), "");
    let error = Inventory::from_stanzas(&site("gone")).unwrap().select("all").unwrap_err();
    assert_eq!(
        error.to_string(),
        "excludenodes in the stanza text line 40 cannot be used; correct the value there"
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "Invalid nodes and/or groups in noderange: gone");
}

#[test]
fn files_of_noderanges_are_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "# the docker nodes\ndocker are two\nn1:anything\n").unwrap();
    let path = file.path().display();
    assert_eq!(select(&sample(), &format!("^{path}")), "d1,d2,n1");
    assert_eq!(select(&sample(), &format!("all,-^{path}")), "dh1,n2");
}

/// The figure itself is measured by the benchmarks; this is the fence against quadratic work.
#[test]
fn a_thousand_of_a_hundred_thousand_nodes_are_selected_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let table = Connection::open(directory.path().join("nodelist.sqlite")).unwrap();
    table
        .execute_batch(
            "CREATE TABLE nodelist (node VARCHAR(128), groups TEXT, status TEXT, disable TEXT, PRIMARY KEY (node));
             WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM count WHERE n<100000)
             INSERT INTO nodelist (node, groups) SELECT 'n'||n, 'rack'||(n/50)||',all' FROM count",
        )
        .unwrap();
    let started = Instant::now();
    let tables = Inventory::open(&InventoryUrl::Xcat(directory.path().to_owned())).unwrap();
    assert_eq!(tables.select("n[1-1000]").unwrap().len(), 1000);
    assert_eq!(tables.select("rack7,rack9,-n350").unwrap().len(), 99);
    assert_eq!(tables.select("all,-/n.*").unwrap().len(), 0);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
