//! xCAT's tables resolve as xCAT resolves them. The five-node tables and what `lsdef` shows are of a real xCAT 2.18.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use inventory::{Inventory, InventoryUrl};
use rusqlite::Connection;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn sample() -> Inventory {
    Inventory::open(&InventoryUrl::Xcat(data("etc-xcat"))).unwrap()
}

/// The five-node tables with some more SQL done to them, as `chtab` and `tabedit` would.
struct Changed(tempfile::TempDir);

impl Changed {
    fn new(changes: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(data("etc-xcat")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
        }
        for (table, sql) in changes {
            let path = directory.path().join(format!("{table}.sqlite"));
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        }
        Self(directory)
    }

    fn open(&self) -> Inventory {
        Inventory::open(&InventoryUrl::Xcat(self.0.path().to_owned())).unwrap()
    }

    fn told(&self, error: &dyn Error) -> String {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            write!(text, ": {source}").unwrap();
            next = source.source();
        }
        text.replace(self.0.path().to_str().unwrap(), "/etc/xcat")
    }
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

fn names(nodes: &[inventory::NodeName]) -> String {
    nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(",")
}

#[test]
fn nodes_resolve_as_lsdef_shows_them() {
    let tables = sample();
    let names = ["d1", "d2", "dh1", "n1", "n2"];
    let shown = stanzas("node", names.map(|name| (name, tables.attributes(name).unwrap())));
    assert_eq!(shown, std::fs::read_to_string(data("lsdef/nodes.stanza")).unwrap());
}

#[test]
fn networks_and_site_are_the_rows_that_lsdef_shows() {
    let tables = sample();
    for (table, key, file) in [("networks", "netname", "networks"), ("site", "key", "site")] {
        let text = std::fs::read_to_string(data(&format!("lsdef/{file}.stanza"))).unwrap();
        let written = Inventory::from_stanzas(&text).unwrap();
        let columns = ["netname", "net", "mask", "mgtifname", "gateway", "mtu", "key", "value"];
        let cells = |tables: &Inventory| {
            let rows = tables.rows(table).unwrap();
            let mut rows: Vec<_> =
                rows.iter().map(|row| columns.map(|column| row.get(column).map(str::to_owned))).collect();
            rows.sort();
            rows
        };
        assert_eq!(cells(&tables), cells(&written), "{table}");
        assert!(tables.rows(table).unwrap().iter().all(|row| row.get(key).is_some()));
    }
}

#[test]
fn what_lsdef_wrote_reads_back_to_the_same_attributes() {
    let read = |name: &str| std::fs::read_to_string(data(&format!("lsdef/{name}.stanza"))).unwrap();
    let text = [read("nodes"), read("groups").replace("xcatmn", "n1"), read("networks")].concat();
    let (tables, written) = (sample(), Inventory::from_stanzas(&text).unwrap());
    for node in ["d1", "d2", "dh1", "n2"] {
        assert_eq!(tables.attributes(node).unwrap(), written.attributes(node).unwrap(), "{node}");
    }
}

#[test]
fn nodes_are_all_sorted_and_their_groups_are_in_order() {
    let tables = sample();
    assert_eq!(names(&tables.nodes().unwrap()), "d1,d2,dh1,n1,n2,xcatmn");
    assert_eq!(tables.attribute("d1", "groups").unwrap().as_deref(), Some("docker,all"));
}

#[test]
fn single_attributes_and_columns_are_found_by_name() {
    let tables = sample();
    let value = |column| tables.value("n1", column).unwrap();
    assert_eq!(value("vm.host").as_deref(), Some("dh1:2375"));
    assert_eq!(value("noderes.xcatmaster").as_deref(), Some("10.99.0.1"), "from the group debnodes");
    assert_eq!(value("mac.mac"), None);
    let attribute = |name| tables.attribute("n1", name).unwrap();
    assert_eq!(attribute("nicips").as_deref(), Some("br0!10.97.4.1,eth1!10.98.4.1"));
    assert_eq!(attribute("nicips.eth1").as_deref(), Some("10.98.4.1"));
    assert_eq!(attribute("nicips.eth7"), None);
    assert_eq!(attribute("dockerhost"), attribute("vmhost"));
    assert_eq!(attribute("bmc"), None, "n1 is not managed by ipmi");
}

#[test]
fn a_mistyped_name_is_reported_with_a_suggestion() {
    let tables = sample();
    let told = [
        tables.value("d1", "vm.hots").unwrap_err().to_string(),
        tables.value("d1", "vn.host").unwrap_err().to_string(),
        tables.value("d1", "../vm.host").unwrap_err().to_string(),
        tables.attribute("d1", "vmhots").unwrap_err().to_string(),
        tables.attribute("d1", "vmhost.eth0").unwrap_err().to_string(),
        tables.rows("network").unwrap_err().to_string(),
    ];
    assert_eq!(
        told,
        [
            "xCAT has no column vm.hots; did you mean vm.host?",
            "xCAT has no column vn.host; did you mean vm.host?",
            "xCAT has no column ../vm.host",
            "xCAT has no node attribute vmhots; did you mean vmhost?",
            "xCAT has no node attribute vmhost.eth0; did you mean vmhost?",
            "xCAT has no table network; did you mean networks?",
        ]
    );
}

#[test]
fn inheritance_goes_by_attribute_and_in_the_order_of_the_groups() {
    let changed = Changed::new(&[
        (
            "vm",
            "INSERT INTO vm (node, cpus, memory) VALUES ('all', '4', '512');
             INSERT INTO vm (node, cpus, bootorder) VALUES ('docker', '2', 'hd');
             UPDATE vm SET cpus='' WHERE node='d1'; UPDATE vm SET memory=NULL WHERE node='d1';",
        ),
        (
            "hosts",
            "UPDATE hosts SET ip=NULL; INSERT INTO hosts (node, ip) VALUES ('docker', '|10.99.7.($1+0)|')",
        ),
    ]);
    let tables = changed.open();
    let value = |node, column| tables.value(node, column).unwrap().unwrap_or_default();
    assert_eq!(value("d1", "vm.cpus"), "2", "docker comes before all, and '' is no value");
    assert_eq!(value("d1", "vm.memory"), "512", "docker says nothing");
    assert_eq!(value("d1", "vm.bootorder"), "hd");
    assert_eq!(value("d2", "vm.cpus"), "0-1", "its own row");
    assert_eq!((value("d1", "hosts.ip"), value("d2", "hosts.ip")), ("10.99.7.1".into(), "10.99.7.2".into()));
    assert_eq!(
        changed.told(&std::io::Error::other(tables.origin_of("d1", "vm.cpus"))),
        "vm row docker in /etc/xcat/vm.sqlite"
    );
}

#[test]
fn a_row_is_hidden_by_every_value_of_disable_but_null_and_no() {
    for (value, hidden) in [
        ("NULL", false),
        ("'0'", false),
        ("'no'", false),
        ("'nO'", false),
        ("''", true),
        ("'1'", true),
        ("'yes'", true),
    ] {
        let changed = Changed::new(&[
            ("vm", &*format!("UPDATE vm SET disable={value} WHERE node='d1'")),
            ("nodelist", &*format!("UPDATE nodelist SET disable={value} WHERE node='n2'")),
            ("networks", &*format!("UPDATE networks SET disable={value} WHERE netname='net97'")),
        ]);
        let tables = changed.open();
        assert_eq!(tables.value("d1", "vm.host").unwrap().is_none(), hidden, "{value}");
        assert_eq!(tables.select("n2").is_err(), hidden, "{value}");
        assert_eq!(tables.rows("networks").unwrap().len(), if hidden { 2 } else { 3 }, "{value}");
    }
}

#[test]
fn a_value_may_be_continued_by_the_next_group() {
    let changed = Changed::new(&[(
        "postscripts",
        "INSERT INTO postscripts (node, postscripts) VALUES
           ('d1', 'b1+=NEXTRECORD'), ('docker', ',b2+=NEXTRECORD'), ('all', ',b3'), ('d2', 'x+=NEXTRECORD'), ('n1', '+=NEXTRECORD')",
    )]);
    let tables = changed.open();
    let value = |node| tables.value(node, "postscripts.postscripts").unwrap();
    assert_eq!(value("d1").as_deref(), Some("b1,b2,b3"));
    assert_eq!(value("d2").as_deref(), Some("x,b2,b3"));
    assert_eq!(value("n1").as_deref(), Some(",b3"));
}

#[test]
fn a_rule_that_can_not_be_computed_names_its_row() {
    let changed = Changed::new(&[("hosts", "UPDATE hosts SET ip='|d(\\d+)|10.0.0.($1/0)|' WHERE node='d1'")]);
    let error = changed.open().value("d1", "hosts.ip").unwrap_err();
    assert_eq!(
        changed.told(&error),
        "hosts.ip in hosts row d1 in /etc/xcat/hosts.sqlite cannot be computed; correct the value there: \
         ($1/0) in the value \"|d(\\\\d+)|10.0.0.($1/0)|\" cannot be computed for d1: division by zero"
    );
}

#[test]
fn a_name_that_no_node_can_have_names_its_row() {
    let changed = Changed::new(&[("nodelist", "INSERT INTO nodelist (node) VALUES ('a b')")]);
    let error = changed.open().nodes().unwrap_err();
    assert_eq!(
        changed.told(&error),
        "nodelist row a b in /etc/xcat/nodelist.sqlite cannot be used; rename the node: invalid node name \"a b\": \
         1 to 128 letters, digits, '.', '_' or '-', the first a letter or digit"
    );
}

#[test]
fn tables_that_are_missing_are_empty_and_broken_ones_are_named() {
    let changed = Changed::new(&[]);
    std::fs::remove_file(changed.0.path().join("mac.sqlite")).unwrap();
    std::fs::write(
        changed.0.path().join("vm.sqlite"),
        "this is no database, but long enough to be looked at",
    )
    .unwrap();
    let tables = changed.open();
    assert_eq!(tables.value("d2", "mac.mac").unwrap(), None);
    let error = tables.value("d2", "vm.host").unwrap_err();
    assert_eq!(changed.told(&error), "cannot read table /etc/xcat/vm.sqlite: file is not a database");
    let hosts = changed.0.path().join("hosts.sqlite");
    std::fs::remove_file(&hosts).unwrap();
    std::os::unix::fs::symlink("/not/mounted", &hosts).unwrap();
    let error = changed.open().value("d2", "hosts.ip").unwrap_err();
    let link =
        "it is a link to /not/mounted, which does not exist; mount its file system, or remove the link";
    assert_eq!(changed.told(&error), format!("cannot read /etc/xcat/hosts.sqlite: {link}"));
    let nowhere = Inventory::open(&InventoryUrl::Xcat("/nonexistent".into())).unwrap_err();
    assert_eq!(nowhere.to_string(), "no xCAT tables in /nonexistent: it has no nodelist.sqlite");
}

#[test]
fn reading_leaves_the_directory_as_it_is() {
    let changed = Changed::new(&[]);
    let listing = || {
        let all = std::fs::read_dir(changed.0.path()).unwrap().map(|file| {
            let file = file.unwrap();
            (file.file_name(), file.metadata().unwrap().modified().unwrap())
        });
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    };
    let before = listing();
    let tables = changed.open();
    for node in tables.nodes().unwrap() {
        tables.attributes(node.as_str()).unwrap();
    }
    assert_eq!(listing(), before);
}

#[test]
fn a_writer_that_holds_the_file_is_waited_for() {
    let changed = Changed::new(&[]);
    let writer = Connection::open(changed.0.path().join("vm.sqlite")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE; UPDATE vm SET cpus='9' WHERE node='d1'").unwrap();
    let reader = std::thread::spawn({
        let tables = changed.open();
        move || tables.value("d1", "vm.cpus").unwrap()
    });
    std::thread::sleep(std::time::Duration::from_millis(150));
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(reader.join().unwrap().as_deref(), Some("9"));
}

#[test]
fn threads_may_share_the_tables() {
    let tables = sample();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(names(&tables.select("docker").unwrap()), "d1,d2"));
        }
    });
}
