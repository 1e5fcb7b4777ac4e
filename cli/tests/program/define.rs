//! `def` and `undef`.

use super::{Place, SMALL};

#[test]
fn nodes_are_created_with_the_names_of_a_noderange() {
    let place = Place::with("");
    let said = place.say(&["def", "c[1-2]", "groups=docker", "mgt=docker", r"ip=|c(\d+)|10.99.1.($1)|"]);
    assert_eq!(said, "c1: success\nc2: success\n= 0\n");
    assert_eq!(place.say(&["nodes", "docker", "-i", "ip"]), "c1: ip: 10.99.1.1\nc2: ip: 10.99.1.2\n= 0\n");
}

#[test]
fn existing_nodes_are_changed_by_any_noderange() {
    let place = Place::with(SMALL);
    assert_eq!(
        place.say(&["def", "docker@vm.host==host1", "vmcpus=2"]),
        "host1c1: success\nhost1c2: success\n= 0\n"
    );
    assert_eq!(place.text(), {
        let with = |text: &str| format!("{text}    vmcpus=2\n");
        let text =
            SMALL.replace("    provmethod=busybox!sleep,inf\n", &with("    provmethod=busybox!sleep,inf\n"));
        let at = text.find("    provmethod=busybox\n").unwrap();
        text[..at].to_owned()
            + &text[at..].replacen("    provmethod=busybox\n", &with("    provmethod=busybox\n"), 1)
    });
    assert_eq!(place.say(&["def", "host1c[1-2]", "vmcpus="]), "host1c1: success\nhost1c2: success\n= 0\n");
    assert_eq!(place.text(), SMALL);
}

#[test]
fn a_wrong_attribute_changes_nothing() {
    let place = Place::with(SMALL);
    assert_eq!(
        place.say(&["def", "host1c1", "vmhostt=host2"]),
        "! Error: vmhostt is not an attribute of a node; did you mean vmhost?\n= 2\n"
    );
    assert_eq!(place.text(), SMALL);
    let said = place.say(&["def", "host1c1", "vmhost"]);
    assert!(said.contains("the form is ATTR=VALUE"), "{said}");
    assert!(said.ends_with("= 2\n"), "{said}");
}

#[test]
fn nodes_are_undefined() {
    let place = Place::with(SMALL);
    assert_eq!(place.say(&["undef", "host1c[1-2]"]), "host1c1: success\nhost1c2: success\n= 0\n");
    assert_eq!(place.say(&["nodes", "docker"]), "host2c1\n= 0\n");
    assert_eq!(
        place.say(&["undef", "host1c1"]),
        "! Error: Invalid nodes and/or groups in noderange: host1c1\n= 2\n"
    );
}

#[test]
fn xcats_own_tables_are_left_to_chdef() {
    let place = Place::with(SMALL);
    assert_eq!(
        place.say(&["--inventory", "xcat:///etc/xcat", "def", "d1", "ip=10.99.1.9"]),
        "! Error: xcat:///etc/xcat are xCAT's tables, which xdock does not write: use chdef or mkdef\n= 2\n"
    );
}
