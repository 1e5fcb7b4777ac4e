//! The stanza file: what it says, what is wrong with it, and how it is changed.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use inventory::stanza::{self, StanzaFile};
use inventory::{Inventory, InventoryUrl};
use proptest::prelude::*;

fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        write!(text, ": {source}").unwrap();
        next = source.source();
    }
    text
}

fn refused(text: &str) -> String {
    told(&Inventory::from_stanzas(text).unwrap_err())
}

const CLUSTER: &str = "\
# <xCAT data object stanza file>

# the host
host1:
    objtype=node
    ip=10.99.0.11

host1c1:
    objtype=node
    # its address is printed on a label
    ip=10.99.1.1
    groups=docker,all
    dockerhost=host1
    nicips.eth1=10.98.1.1|fd00:98::1
    nicips.eth2=10.97.1.1
    nicnetworks.eth1=net98

docker:
    objtype=group
    mgt=docker
    vmcpus=2

mynet0:
    objtype=network
    net=10.99.0.0,fd00:99::
    mask=255.255.0.0,64
    gateway=10.99.0.1,fd00:99::1
    mtu=1400
";

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new(text: &str) -> Self {
        let scratch = Self(tempfile::tempdir().unwrap());
        fs::write(scratch.path(), text).unwrap();
        scratch
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("cluster.stanza")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn define(&self, names: &[&str], attrs: &[&str]) -> Result<(), String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let attrs: Vec<(String, String)> = attrs
            .iter()
            .map(|attr| attr.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.told(StanzaFile::new(&self.path()).define(&names, &attrs))
    }

    fn undefine(&self, names: &[&str]) -> Result<(), String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.told(StanzaFile::new(&self.path()).undefine(&names))
    }

    fn told(&self, result: Result<(), stanza::StanzaError>) -> Result<(), String> {
        let path = self.path();
        result.map_err(|error| told(&error).replace(path.to_str().unwrap(), "FILE"))
    }
}

#[test]
fn objects_become_the_rows_of_their_tables() {
    let tables = Inventory::from_stanzas(CLUSTER).unwrap();
    let value = |column| tables.value("host1c1", column).unwrap().unwrap_or_default();
    assert_eq!(value("vm.host"), "host1");
    assert_eq!(value("vm.cpus"), "2", "from the group");
    assert_eq!(value("nics.nicips"), "eth1!10.98.1.1|fd00:98::1,eth2!10.97.1.1");
    assert_eq!(tables.origin("vm", "host1c1"), "host1c1 in the stanza text line 8");
    let networks = tables.rows("networks").unwrap();
    let cells: Vec<_> = networks
        .iter()
        .map(|row| ["netname", "net", "mask", "gateway", "mtu"].map(|column| row.get(column).unwrap()))
        .collect();
    assert_eq!(
        cells,
        [
            ["mynet0", "10.99.0.0", "255.255.0.0", "10.99.0.1", "1400"],
            ["mynet0", "fd00:99::", "64", "fd00:99::1", "1400"]
        ]
    );
}

#[test]
fn members_of_a_group_are_in_it_after_their_own_groups() {
    let text = "a:\n  objtype=node\n  groups=x\nb:\n  objtype=node\ng:\n  objtype=group\n  members=a,b\n  vmcpus=3\n\
                x:\n  objtype=group\n  vmcpus=1\n";
    let tables = Inventory::from_stanzas(text).unwrap();
    assert_eq!(tables.attribute("a", "groups").unwrap().as_deref(), Some("x,g"));
    assert_eq!(tables.value("a", "vm.cpus").unwrap().as_deref(), Some("1"));
    assert_eq!(tables.value("b", "vm.cpus").unwrap().as_deref(), Some("3"));
}

/// `lsdef -a -z` of a fresh xCAT has rows of `notification` and `monitoring`; others have them of what they use.
#[test]
fn types_of_xcat_that_no_container_depends_on_are_passed_over() {
    let all = "\
# <xCAT data object stanza file>

automigration.pm:
    objtype=notification
    comments=Default
    tableops=a,d,u
    tables=ppc,zvm

xcatmon:
    objtype=monitoring
    nodestatmon=Y

a:
    objtype=node
    ip=10.99.1.1

r1:
    objtype=rack
    height=42

r1:
    objtype=zone
    sshkeydir=/etc/xcat/sshkeys/r1/.ssh
    what.ever=may be there, of=any xCAT

p1:
    objtype=pdu
    outlet=12
";
    let tables = Inventory::from_stanzas(all).unwrap();
    let nodes: Vec<String> = tables.nodes().unwrap().into_iter().map(String::from).collect();
    assert_eq!(nodes, ["a"]);
    assert_eq!(tables.attribute("a", "ip").unwrap().as_deref(), Some("10.99.1.1"));
    // twice the same, and an unknown type, are errors as before
    let twice = all.replace("objtype=zone", "objtype=rack");
    assert_eq!(refused(&twice), "line 21: rack r1 is already defined in line 17; merge the two");
    let unknown = all.replace("objtype=zone", "objtype=racks");
    assert_eq!(
        refused(&unknown),
        "line 22: objtype=racks is not one of node, group, network, site, osimage, route, policy"
    );
}

#[test]
fn errors_are_reported_with_their_line() {
    for (text, message) in [
        ("d1:\n  ip=1\n", "line 1: d1 has no objtype; add a line such as `    objtype=node`"),
        (
            "d1:\n  objtype=nod\n",
            "line 2: objtype=nod is not one of node, group, network, site, osimage, route, policy",
        ),
        ("  ip=1\n", "line 1: \"ip=1\" is an attribute before any object: `NAME:` comes first"),
        ("d1:\n  objtype\n", "line 2: \"objtype\" is not `ATTRIBUTE=VALUE`"),
        ("d1:\nip=1\n", "line 2: \"ip=1\" is not indented: attributes begin with blanks"),
        ("d1\n", "line 1: \"d1\" is neither `NAME:` nor an indented `ATTRIBUTE=VALUE`"),
        (
            "d1:\n  objtype=node\n  vmhots=x\n",
            "line 3: vmhots is not an attribute of a node; did you mean vmhost?",
        ),
        (
            "d1:\n  objtype=node\n  vmhost.eth0=x\n",
            "line 3: vmhost.eth0 is not an attribute of a node; did you mean vmhost?",
        ),
        (
            "n:\n  objtype=network\n  mtuu=1\n",
            "line 3: mtuu is not an attribute of a network; did you mean mtu?",
        ),
        (
            "d1:\n  objtype=node\nd1:\n  objtype=node\n",
            "line 3: node d1 is already defined in line 1; merge the two",
        ),
        (
            "d1:\n  objtype=node\n  vmhost=a\n  dockerhost=b\n",
            "line 4: dockerhost=b of d1 contradicts line 3 (vmhost=a); keep one of them",
        ),
        (
            "d1:\n  objtype=node\n  ip=1\n  ip=2\n",
            "line 4: ip=2 of d1 contradicts line 3 (ip=1); keep one of them",
        ),
        (
            "d1:\n  objtype=node\n  nicips.eth1=1,2\n",
            "line 3: nicips.eth1=1,2 of d1: several values of one NIC are separated by `|`",
        ),
        (
            "n:\n  objtype=network\n  net=10.0.0.0,fd00::\n  mask=255.0.0.0\n",
            "line 4: mask=255.0.0.0 of n: net has 2 entries, mask must have as many",
        ),
        ("g:\n  objtype=group\n  members=x\n", "line 3: members=x of g: x is not a node in this file"),
        (
            "g:\n  objtype=group\n  status=x\n",
            "line 3: status=x of g: only nodes have this attribute, not groups",
        ),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
}

#[test]
fn two_names_of_one_column_that_agree_are_taken() {
    let text = "d1:\n  objtype=node\n  vmhost=a\n  dockerhost=a\n  vmothersettings=x\n";
    let tables = Inventory::from_stanzas(text).unwrap();
    assert_eq!(tables.attribute("d1", "vmhost").unwrap().as_deref(), Some("a"));
    assert_eq!(tables.attribute("d1", "vmothersetting").unwrap().as_deref(), Some("x"));
}

#[test]
fn a_file_that_is_wrong_or_missing_is_named() {
    let scratch = Scratch::new("d1:\n");
    let open = |path: PathBuf| told(&Inventory::open(&InventoryUrl::File(path)).unwrap_err());
    let path = scratch.path();
    assert_eq!(
        open(path.clone()),
        format!("{}: line 1: d1 has no objtype; add a line such as `    objtype=node`", path.display())
    );
    let message = open("/nonexistent/x".into());
    assert_eq!(message, "cannot read /nonexistent/x: No such file or directory (os error 2)");
}

#[test]
fn a_file_that_cannot_be_read_is_not_replaced_by_a_new_one() {
    let scratch = Scratch::new(CLUSTER);
    let path = scratch.path();
    let define = || scratch.define(&["a"], &["ip=10.0.0.1"]).unwrap_err();
    fs::write(&path, [CLUSTER.as_bytes(), b"# f\xfcr\n"].concat()).unwrap();
    let at = CLUSTER.len() + 3;
    assert_eq!(define(), format!("cannot read FILE: invalid utf-8 sequence of 1 bytes from index {at}"));
    assert_eq!(fs::read(&path).unwrap().len(), CLUSTER.len() + 6);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/not/mounted", &path).unwrap();
    let link =
        "it is a link to /not/mounted, which does not exist; mount its file system, or remove the link";
    assert_eq!(define(), format!("cannot read FILE: {link}"));
    assert_eq!(fs::read_link(&path).unwrap(), PathBuf::from("/not/mounted"));
}

#[test]
fn define_changes_its_lines_and_no_other() {
    let scratch = Scratch::new(CLUSTER);
    scratch
        .define(
            &["host1c1"],
            &["ip=10.99.1.9", "vmhost=host2", "groups=", "nicips.eth2=", "mac=02:00:00:00:00:01"],
        )
        .unwrap();
    let expected = CLUSTER
        .replace(
            "ip=10.99.1.1\n    groups=docker,all\n    dockerhost=host1\n",
            "ip=10.99.1.9\n    vmhost=host2\n",
        )
        .replace("    nicips.eth2=10.97.1.1\n", "")
        .replace("eth1=net98\n", "eth1=net98\n    mac=02:00:00:00:00:01\n");
    assert_eq!(scratch.text(), expected);
    assert_eq!(fs::metadata(scratch.path()).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn define_creates_objects_at_the_end_and_the_file() {
    let scratch = Scratch::new("");
    fs::remove_dir_all(scratch.0.path()).unwrap();
    scratch.define(&["a", "b", "a"], &["ip=10.0.0.1", "mgt="]).unwrap();
    scratch.define(&["g"], &["objtype=group", "mgt=docker"]).unwrap();
    assert_eq!(
        scratch.text(),
        "# <xCAT data object stanza file>\n\na:\n    objtype=node\n    ip=10.0.0.1\n\nb:\n    objtype=node\n    \
         ip=10.0.0.1\n\ng:\n    objtype=group\n    mgt=docker\n"
    );
}

#[test]
fn the_whole_column_replaces_its_nics() {
    let scratch = Scratch::new(CLUSTER);
    scratch.define(&["host1c1"], &["nicips=eth5!10.1.1.1"]).unwrap();
    let expected = CLUSTER
        .replace("nicips.eth1=10.98.1.1|fd00:98::1\n    nicips.eth2=10.97.1.1\n", "nicips=eth5!10.1.1.1\n");
    assert_eq!(scratch.text(), expected);
}

#[test]
fn undefine_takes_objects_out_and_keeps_the_rest() {
    let scratch = Scratch::new(CLUSTER);
    scratch.undefine(&["docker", "host1c1"]).unwrap();
    let (start, _) = CLUSTER.split_once("host1c1:").unwrap();
    let (_, end) = CLUSTER.split_once("mynet0:").unwrap();
    assert_eq!(scratch.text(), format!("{start}mynet0:{end}"));
}

#[test]
fn a_definition_never_means_an_object_that_is_not_read() {
    let rack = "r1:\n    objtype=rack\n    height=42\n";
    let scratch = Scratch::new(rack);
    scratch.define(&["r1"], &["mgt=docker"]).unwrap();
    assert!(scratch.text().starts_with(rack), "{}", scratch.text());
    assert!(scratch.text().contains("r1:\n    objtype=node\n    mgt=docker\n"), "{}", scratch.text());
    scratch.undefine(&["r1"]).unwrap();
    assert_eq!(scratch.text().trim(), rack.trim());
    assert_eq!(scratch.undefine(&["r1"]).unwrap_err(), "not defined in the stanza file: r1");
    assert_eq!(
        scratch.define(&["r2"], &["objtype=rack"]).unwrap_err(),
        "objtype=rack is not one of node, group, network, site, osimage, route, policy"
    );
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    let scratch = Scratch::new(CLUSTER);
    for (result, message) in [
        (scratch.define(&["x"], &["vmcpu=1"]), "vmcpu is not an attribute of a node; did you mean vmcpus?"),
        (
            scratch.define(&["a b"], &["ip=1"]),
            "\"a b\" cannot be the name of an object: it is empty or contains a blank, '=' or '#'",
        ),
        (
            scratch.define(&["x"], &["objtype=nix"]),
            "objtype=nix is not one of node, group, network, site, osimage, route, policy",
        ),
        (
            scratch.define(&["x"], &["vmhost=a", "dockerhost=b"]),
            "dockerhost=b of the command: vmhost=a sets the same column to another value",
        ),
        (
            scratch.define(&["x"], &["ip=1\n    mac=2"]),
            "ip=1\\n    mac=2 of the command: a value is one line without blanks around it",
        ),
        (scratch.undefine(&["host1", "no", "none"]), "not defined in the stanza file: no,none"),
    ] {
        assert_eq!(result.unwrap_err(), message);
        assert_eq!(scratch.text(), CLUSTER);
    }
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let scratch = Scratch::new(CLUSTER);
    let path = scratch.path();
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let file = StanzaFile::new(&path);
            std::thread::spawn(move || {
                for i in 0..5 {
                    let names = [format!("w{n}x{i}")];
                    file.define(&names, &[("ip".into(), format!("10.0.{n}.{i}"))]).unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let tables = Inventory::open(&InventoryUrl::File(path)).unwrap();
    assert_eq!(tables.select("/w.*").unwrap().len(), 40);
}

fn attrs() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![Just("ip"), Just("vmhost"), Just("mac"), Just("nicips.eth1"), Just("provmethod")];
    let value =
        prop_oneof![Just(String::new()), "[!-~]([ -~]{0,8}[!-~])?".prop_map(|text| text.replace(',', ";"))];
    prop::collection::btree_map(name.prop_map(str::to_owned), value, 1..4)
        .prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "([a-d:=# \\n]|objtype=node|    ip=|g1:|members=){0,40}") {
        let _ = Inventory::from_stanzas(&text);
    }

    #[test]
    fn a_text_that_reads_is_written_as_it_was(text in "(([a-d]{1,3}):\\n    objtype=node\\n(    (ip|mac)=[a-z]{1,3}\\n|# [a-z]\\n|\\n){0,3}){0,3}") {
        if let Ok(document) = stanza::parse(&text) {
            prop_assert_eq!(document.to_text(), text);
        }
    }

    #[test]
    fn what_is_defined_is_read_back(first in attrs(), second in attrs(), names in prop::collection::vec("[a-c]", 1..3)) {
        let document = stanza::parse(CLUSTER).unwrap().define(&names, &first).unwrap().define(&names, &second).unwrap();
        let tables = Inventory::from_stanzas(&document.to_text()).unwrap();
        let defined = first.iter().filter(|(name, _)| !second.iter().any(|(other, _)| other == name)).chain(&second);
        for (name, value) in defined {
            let object = document.objects().iter().find(|object| object.name == names[0]).unwrap();
            prop_assert_eq!(object.get(name).unwrap_or_default(), value);
        }
        prop_assert!(document.to_text().starts_with(CLUSTER));
        for node in tables.nodes().unwrap() {
            prop_assert!(document.objects().iter().any(|object| object.name == node.as_str()));
        }
        let gone = document.undefine(&names).unwrap();
        prop_assert_eq!(gone.to_text(), CLUSTER);
    }
}
