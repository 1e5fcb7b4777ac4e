//! xCAT's commands without an engine: grammars, messages and statuses of xcat-contract.md, and those of its defects that need
//! none. What engines answer is in the acceptance tests.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Place, SMALL};

/// What a command says, as [`Place::say`]; this machine is called MN.
fn say(place: &Place, name: &str, words: &[&str]) -> String {
    let link = place.directory.path().join(name);
    // a second call finds it
    let _ = symlink(env!("CARGO_BIN_EXE_xdock"), &link);
    let output = Command::new(&link)
        .env_clear()
        .env("XDOCK_INVENTORY", format!("file:{}", place.tables().display()))
        .env("XDOCK_CONFIG", place.settings())
        .args(words)
        .output()
        .unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        said.push_str(&format!("! {line}\n"));
    }
    said.push_str(&format!("= {}\n", output.status.code().unwrap()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let machine = format!("[{}]", host.trim().split('.').next().unwrap());
    said.replace(&machine, "[MN]").replace(place.directory.path().to_str().unwrap(), "DIR")
}

fn engines(place: &Place, text: &str) {
    std::fs::write(place.settings(), format!("timeout = 1\n[engines]\n{text}\n")).unwrap();
}

#[test]
fn errors_of_the_command_line_are_those_of_the_contract() {
    let place = Place::with(SMALL);
    for (name, words, told) in [
        ("mkdocker", &["host1c1", "command=/bin/sh"][..], "Error: [MN]: Must set 'image' if use 'command'"),
        ("mkdocker", &["host1c1", "foo=bar"], "Error: [MN]: Option foo is not supported for mkdocker"),
        ("mkdocker", &["host1c1", "image"], "Error: [MN]: Must set value for image"),
        ("mkvm", &["host1c1", "foo=bar"], "Error: [MN]: Option foo is not supported for mkvm"),
        ("rpower", &["host1c1"], "Error: [MN]: No option specified for rpower"),
        ("rpower", &["host1c1", "on", "off"], "Error: [MN]: Only one option is supportted at the same time"),
        ("rpower", &["host1c1", "fly"], "Error: [MN]: The option fly not support for rpower"),
        ("rmdocker", &["host1c1", "-x"], "Error: [MN]: Option -x is not supported for rmdocker"),
        ("lsdocker", &["host1", "-l"], "Error: [MN]:  -l is not support for host1"),
        ("rpower", &["a,host1c1,b", "on"], "Error: Invalid nodes and/or groups in noderange: a,b"),
    ] {
        assert_eq!(say(&place, name, words), format!("! {told}\n= 1\n"), "{name} {words:?}");
    }
}

#[test]
fn help_and_version_need_no_node() {
    let place = Place::with(SMALL);
    assert_eq!(
        say(&place, "mkdocker", &["-h"]),
        "Usage: mkdocker <noderange> [image=<image_name> [command=<command>]] [dockerflag=<docker_flags>]\n= 0\n"
    );
    assert_eq!(
        say(&place, "lsdocker", &["host1c1", "--help"]),
        "Usage: lsdocker <noderange>\n       lsdocker <noderange> [-l|--logs]\n= 0\n"
    );
    assert!(say(&place, "rpower", &["-v"]).starts_with("xdock 0."));
    assert_eq!(
        say(&place, "rmdocker", &[]),
        "! Error: no noderange is given\n! Usage: rmdocker <noderage>\n!        rmdocker <noderange> [-f|--force]\n= 1\n"
    );
    assert_eq!(say(&place, "rpower", &["host3-host1", "state"]), "= 0\n");
}

#[test]
fn incomplete_rows_are_reported_as_in_the_contract_and_others_continue() {
    let text = SMALL
        .replacen("    vmhost=host1\n", "", 1)
        .replace("10.99.1.2\n    vmhost=host1\n    provmethod=busybox\n", "10.99.1.2\n    vmhost=host1\n")
        .replace("ip=10.99.2.1", "ip=10.50.2.1");
    let place = Place::with(&text);
    assert_eq!(
        say(&place, "mkdocker", &["docker"]),
        "! Error: [MN]: Docker host not set correct for host1c1\n! Error: [MN]: Image not set correct for host1c2\n\
         ! Error: [MN]: Network not set correct for host2c1\n= 1\n"
    );
    engines(&place, "host1 = \"unix:///nowhere/a\"\nhost2 = \"unix:///nowhere/b\"");
    let said = say(&place, "rpower", &["docker,host1", "state"]);
    // what the original says of a host that is down, and why it is so
    let unavailable = |node: &str, host: &str, socket: &str| {
        format!(
            "! {node}: [MN]: Error: Service Unavailable: cannot reach the engine of {host}: cannot connect to \
             /nowhere/{socket}: No such file or directory (os error 2)\n"
        )
    };
    assert_eq!(
        said,
        format!(
            "! Error: [MN]: Docker host not set correct for host1c1\n\
             ! host1: [MN]: Error: nodehm.mgt of host1 is ipmi, not docker: it is not a container\n{}{}= 1\n",
            unavailable("host1c2", "host1", "a"),
            unavailable("host2c1", "host2", "b")
        )
    );
}

#[test]
fn rows_that_contradict_each_other_stop_mkdocker_before_it_begins() {
    let place = Place::with(&SMALL.replace("10.99.2.1", "10.99.1.1"));
    let told =
        "10.99.1.1 is the address of host1c1 and host2c1: change hosts.ip of host1c1 or hosts.ip of host2c1";
    assert_eq!(
        say(&place, "mkdocker", &["host1c1"]),
        format!(
            "! host1c1: [MN]: Error: {told}\n\
             ! Error: [MN]: nothing was done: the tables have invalid values for 1 node\n= 1\n"
        )
    );
}

#[test]
fn defect_1_tls_says_why_and_plaintext_is_never_spoken() {
    // the original took whatever went wrong with TLS for `Service Unavailable`, and said no more
    let place = Place::with(SMALL);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    engines(&place, &format!("default = \"tcp://localhost:{}\"", listener.local_addr().unwrap().port()));
    let said = say(&place, "rpower", &["host2c1", "state"]);
    assert!(
        said.starts_with("! host2c1: [MN]: Error: Service Unavailable: cannot reach the engine of host2: "),
        "{said}"
    );
    assert!(said.contains("/ca.pem") && said.ends_with("= 1\n"), "{said}");
    listener.set_nonblocking(true).unwrap();
    if let Ok((mut stream, _)) = listener.accept() {
        let mut first = [0; 1];
        assert_eq!(std::io::Read::read(&mut stream, &mut first).unwrap(), 0, "it said {first:?}");
    }
}

#[test]
fn defects_5_and_10_mkdocker_leaves_the_tables_as_they_are() {
    // the original wrote provmethod and othersettings before it asked any engine: a failure lost what was there, and success
    // the osimage
    let place = Place::with(SMALL);
    engines(&place, "default = \"unix:///nowhere\"");
    let before = place.text();
    let said =
        say(&place, "mkdocker", &["host1c1", "image=other", "command=a,b", "dockerflag={\"Tty\":true}"]);
    assert!(said.ends_with("= 1\n"), "{said}");
    assert_eq!(place.text(), before);
}

#[test]
fn defect_9_one_silent_host_costs_the_timeout_and_no_more() {
    // the original waited 134 s for a host that drops packets, and told the others' answers only then
    let place = Place::with(SMALL);
    let silent = place.directory.path().join("silent.sock");
    let _listener = UnixListener::bind(&silent).unwrap();
    engines(&place, &format!("host1 = \"unix://{}\"\nhost2 = \"unix:///nowhere\"", silent.display()));
    let began = Instant::now();
    let said = say(&place, "rpower", &["host1c1,host2c1", "state"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(
        said.starts_with(
            "! host1c1: [MN]: Error: Service Unavailable: the engine of host1 did not answer within 1 s\n\
             ! host2c1: [MN]: Error: Service Unavailable: cannot reach the engine of host2"
        ),
        "{said}"
    );
}

#[test]
fn rcons_is_of_one_node() {
    let place = Place::with(SMALL);
    assert_eq!(
        say(&place, "rcons", &["docker", "-f"]),
        "! Error: [MN]: a console is of one node: docker is 3\n= 1\n"
    );
}
