//! `nodes`, `check`, `plan`: what only reads.

use std::process::Command;

use super::{Place, SMALL};

#[test]
fn a_noderange_is_a_line_a_node() {
    let place = Place::with(SMALL);
    assert_eq!(place.say(&["nodes", "docker,-host1c2"]), "host1c1\nhost2c1\n= 0\n");
    assert_eq!(
        place.say(&["--json", "nodes", "host[1-2]"]),
        "{\"node\":\"host1\"}\n{\"node\":\"host2\"}\n= 0\n"
    );
}

#[test]
fn an_unknown_member_is_reported_as_by_xcat_and_nothing_is_printed() {
    assert_eq!(
        Place::with(SMALL).say(&["nodes", "host1,x,docker,y"]),
        "! Error: Invalid nodes and/or groups in noderange: x,y\n= 2\n"
    );
}

#[test]
fn attributes_are_shown_as_xcat_resolves_them() {
    let place = Place::with(SMALL);
    assert_eq!(
        place.say(&["nodes", "host1c1", "-i", "ip,dockerhost,vm.host,mac"]),
        "host1c1: ip: 10.99.1.1\nhost1c1: dockerhost: host1\nhost1c1: vm.host: host1\nhost1c1: mac: \n= 0\n"
    );
    assert_eq!(
        place.say(&["nodes", "host1c1", "-i", "ip,mac", "--json"]),
        "{\"ip\":\"10.99.1.1\",\"mac\":null,\"node\":\"host1c1\"}\n= 0\n"
    );
    assert_eq!(
        place.say(&["nodes", "host1c1", "-i", "vmhosts"]),
        "! Error: xCAT has no node attribute vmhosts; did you mean vmhost?\n= 2\n"
    );
}

#[test]
fn a_number_is_named_by_the_environment() {
    let place = Place::with(&SMALL.replace("host2c1", "node7"));
    assert_eq!(place.say(&["nodes", "7"]), "node7\n= 0\n");
}

#[test]
fn valid_tables_are_reported() {
    assert_eq!(
        Place::with(SMALL).say(&["check"]),
        "! 5 nodes in file:DIR/cluster.stanza: 0 errors, 0 warnings\n= 0\n"
    );
    assert_eq!(
        Place::with(SMALL).say(&["check", "--json"]),
        "{\"errors\":0,\"nodes\":5,\"tables\":\"file:DIR/cluster.stanza\",\"warnings\":0}\n= 0\n"
    );
}

#[test]
fn an_address_of_two_nodes_is_found_by_check_and_stops_mk_of_both() {
    let place = Place::with(&SMALL.replace("10.99.2.1", "10.99.1.1"));
    let told =
        "10.99.1.1 is the address of host1c1 and host2c1: change hosts.ip of host1c1 or hosts.ip of host2c1";
    let said = place.say(&["check"]);
    assert!(said.contains(told), "{said}");
    assert!(said.ends_with("! 5 nodes in file:DIR/cluster.stanza: 1 error, 0 warnings\n= 1\n"), "{said}");
    assert_eq!(
        place.say(&["mk", "host1c1,host2c1"]),
        format!(
            "! host1c1: Error: {told}\n! host2c1: Error: {told}\n\
             ! Error: nothing was done: the tables have invalid values for 2 nodes\n\
             ! hint: run \"xdock check\" to check all tables\n= 2\n"
        )
    );
}

#[test]
fn a_plan_is_shown_for_a_person_and_for_a_program() {
    let place = Place::with(SMALL);
    assert_eq!(
        place.say(&["plan", "host1"]),
        "host1\n  bridge mynet0 over the interface that has 10.99.0.11\n    address  10.99.0.11/16\n    \
         network  mynet0 10.99.0.0/16\n= 0\n"
    );
    let said = place.say(&["plan", "host1", "--json"]);
    assert!(
        said.starts_with("{\"host\":\"host1\",\"devices\":[{\"name\":\"mynet0\",\"kind\":\"bridge\""),
        "{said}"
    );
    assert_eq!(place.say(&["plan", "host9"]), "! Error: no such node: host9\n= 2\n");
}

#[test]
fn tables_that_are_not_there_are_named() {
    assert_eq!(
        Place::with("").say(&["nodes", "all"]),
        "! Error: cannot read DIR/cluster.stanza: No such file or directory (os error 2)\n= 2\n"
    );
    assert_eq!(
        Place::with("").say(&["--inventory", "xcat:///DIR/none", "nodes", "all"]),
        "! Error: no xCAT tables in /DIR/none: it has no nodelist.sqlite\n= 2\n"
    );
    assert_eq!(
        Place::with("").say(&["--inventory", "db2://x", "nodes", "all"]),
        "! Error: invalid inventory \"db2://x\": use xcat:///DIRECTORY (xCAT's SQLite tables), file:PATH (a stanza file), \
         postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE\n= 2\n"
    );
    assert_eq!(
        Place::with("").say(&["--inventory", "mysql://x", "nodes", "all"]),
        "! Error: invalid database URL: no database; the form is mysql://USER@HOST[:PORT]/DATABASE\n= 2\n"
    );
}

#[test]
fn init_reports_the_database_that_xcat_uses() {
    let place = Place::with("");
    let at = |name: &str| place.directory.path().join(name);
    for below in ["from", "install/postscripts"] {
        std::fs::create_dir_all(at(below)).unwrap();
    }
    for program in ["from/netd", "from/xdockhost"] {
        std::fs::write(at(program), program).unwrap();
    }
    std::fs::write(place.settings(), format!("installdir = \"{}\"\n", at("install").display())).unwrap();
    let init = |cfgloc: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_xdock"))
            .env_clear()
            .env("XDOCK_CONFIG", place.settings())
            .env("XCATROOT", at("none"))
            .env("XCATCFG", cfgloc)
            .args(["init", "--no-knock", "--from"])
            .arg(at("from"))
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        init("Pg:dbname=xcatdb;host=mn|xcatadm|geheim"),
        "xdock reads the tables in postgres://xcatadm@mn/xcatdb\n"
    );
    let refused = init("DB2:xcatdb|xcatdb|geheim");
    assert!(refused.starts_with("xdock cannot read the tables: XCATCFG names a DB2 database, "), "{refused}");
    assert!(!refused.contains("geheim"), "{refused}");
    assert_eq!(init("SQLite:/etc/xcat"), "");
}
