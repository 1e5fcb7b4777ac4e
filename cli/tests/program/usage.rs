//! The command line itself.

use std::io::Read as _;
use std::process::{Command, Stdio};

use super::{Place, SMALL};

#[test]
fn a_wrong_word_is_usage() {
    let place = Place::with(SMALL);
    for words in
        [&["fly"][..], &["power", "host1c1", "sideways"], &["nodes"], &["-q", "-v", "check"], &["mk"]]
    {
        let output = place.run(words);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{words:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("--help"), "{words:?}");
    }
}

#[test]
fn help_teaches_by_example() {
    let place = Place::with(SMALL);
    for command in [
        "nodes", "def", "undef", "check", "plan", "sync", "mk", "rm", "power", "ls", "logs", "cons", "exec",
        "init",
    ] {
        let said = place.say(&[command, "--help"]);
        assert!(said.contains(&format!("\n  xdock {command}")), "{said}");
        assert!(said.ends_with("= 0\n"), "{said}");
    }
    assert!(place.say(&["--version"]).starts_with("xdock 0."));
}

#[test]
fn wrong_settings_are_reported_with_their_file() {
    let place = Place::with(SMALL);
    std::fs::write(place.settings(), "[engines]\nhost1 = \"docker.sock\"\n").unwrap();
    assert_eq!(
        place.say(&["nodes", "all"]),
        "! Error: DIR/xdock.toml: [engines] host1: invalid engine URL \"docker.sock\": unix:///PATH, ssh://HOST or \
         tcp://HOST:PORT is needed\n= 2\n"
    );
    std::fs::remove_file(place.settings()).unwrap();
    assert_eq!(place.say(&["nodes", "all"]), "! Error: settings file DIR/xdock.toml does not exist\n= 2\n");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let nodes: String = (0..5000).map(|n| format!("n{n}:\n    objtype=node\n    groups=many\n")).collect();
    let place = Place::with(&format!("# <xCAT data object stanza file>\n{nodes}"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_xdock"))
        .arg("--inventory")
        .arg(format!("file:{}", place.tables().display()))
        .args(["nodes", "many"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 3];
    program.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let mut told = String::new();
    program.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((program.wait().unwrap().code(), told.as_str(), &first), (Some(0), "", b"n0\n"));
}
