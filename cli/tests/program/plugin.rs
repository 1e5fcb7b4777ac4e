//! xCAT's plugin in Perl, run as xcatd runs it: requests in, responses out.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Place, SMALL};

const HANDLED: &str = "{\"lsdocker\":\"nodehm:mgt=docker|ipmi|kvm\",\"mkdocker\":\"nodehm:mgt\",\"mkvm\":\"nodehm:mgt\",\
    \"rmdocker\":\"nodehm:mgt\",\"rmvm\":\"nodehm:mgt\",\"rpower\":\"nodehm:mgt\",\"lsvm\":\"nodehm:mgt\"}";

fn plugin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/xcat/docker.pm")
}

/// What the plugin answers to requests, with that `xdock`; the first line, which is what it handles, is looked at here.
fn answers(place: &Place, requests: &[&str]) -> Vec<String> {
    let mut perl = Command::new("perl")
        .arg("-w")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xcat/xcatd.pl"))
        .arg(plugin())
        .env_clear()
        .env("PATH", format!("{}/bin:/usr/bin:/bin", place.directory.path().display()))
        .env("XDOCK_INVENTORY", format!("file:{}", place.tables().display()))
        .env("XDOCK_CONFIG", place.settings())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    perl.stdin.take().unwrap().write_all((requests.join("\n") + "\n").as_bytes()).unwrap();
    let output = perl.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines().map(|line| line.replace(place.directory.path().to_str().unwrap(), "DIR"));
    let handled: serde_json::Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(handled, serde_json::from_str::<serde_json::Value>(HANDLED).unwrap());
    lines.collect()
}

/// A place with `bin/xdock`, which is ours.
fn place() -> Place {
    let place = Place::with(SMALL);
    std::fs::create_dir(place.directory.path().join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_xdock"), place.directory.path().join("bin/xdock")).unwrap();
    std::fs::write(place.settings(), "[engines]\ndefault = \"unix:///nowhere/{host}.sock\"\n").unwrap();
    place
}

/// A place whose `bin/xdock` is a shell script.
fn place_with(script: &str) -> Place {
    let place = place();
    let xdock = place.directory.path().join("bin/xdock");
    std::fs::remove_file(&xdock).unwrap();
    std::fs::write(&xdock, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&xdock, std::fs::Permissions::from_mode(0o755)).unwrap();
    place
}

#[test]
fn perl_takes_the_plugin() {
    let output = Command::new("perl").arg("-wc").arg(plugin()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, format!("{} syntax OK\n", plugin().display()));
}

#[test]
fn each_answer_of_xdock_is_a_response() {
    let unreachable = |node: &str, host: &str| {
        format!(
            "{{\"node\":[{{\"error\":[\"Service Unavailable: cannot reach the engine of {host}: cannot connect to \
             /nowhere/{host}.sock: No such file or directory (os error 2)\"],\"errorcode\":[1],\"name\":[\"{node}\"]}}]}}"
        )
    };
    assert_eq!(
        answers(
            &place(),
            &[
                r#"{"command":["rpower"],"node":["host1c1","host2c1"],"arg":["state"]}"#,
                r#"{"command":["rpower"],"node":["host1c1"]}"#,
                r#"{"command":["rpower"],"node":["host1c1"],"arg":["sideways"]}"#,
                r#"{"command":["mkdocker"],"node":["host1c1"],"arg":["foo=bar"]}"#,
                r#"{"command":["rmvm"],"node":["host1"],"arg":"-f"}"#,
                r#"{"command":["lsdocker"],"node":["host1"],"arg":["-l"]}"#,
                r#"{"command":["mkdocker"],"arg":["-h"]}"#,
            ]
        ),
        [
            unreachable("host1c1", "host1"),
            unreachable("host2c1", "host2"),
            r#"{"error":["No option specified for rpower"],"errorcode":[1]}"#.to_owned(),
            r#"{"error":["The option sideways not support for rpower"],"errorcode":[1]}"#.to_owned(),
            r#"{"error":["Option foo is not supported for mkdocker"],"errorcode":[1]}"#.to_owned(),
            r#"{"node":[{"error":["nodehm.mgt of host1 is ipmi, not docker: it is no container"],"errorcode":[1],"name":["host1"]}]}"#.to_owned(),
            r#"{"error":[" -l is not support for host1"],"errorcode":[1]}"#.to_owned(),
            r#"{"data":["Usage: mkdocker <noderange> [image=<image_name> [command=<command>]] [dockerflag=<docker_flags>]"]}"#.to_owned(),
        ]
    );
}

#[test]
fn no_shell_reads_the_words() {
    let place = place_with(r#"printf '{"data":["%s|%s|%s|%s|%s|%s"]}\n' "$@""#);
    let request = r#"{"command":["mkdocker"],"node":["d1"],"arg":["command=a;touch $HOME|`id`, 'ü'","x y"]}"#;
    assert_eq!(
        answers(&place, &[request]),
        [r#"{"data":["xcatd|mkdocker|d1|--|command=a;touch $HOME|`id`, 'ü'|x y"]}"#]
    );
}

#[test]
fn what_is_no_answer_is_told() {
    let request = r#"{"command":["rpower"],"node":["d1"],"arg":["state"]}"#;
    let place = place_with("echo oops; exit 3");
    assert_eq!(
        answers(&place, &[request]),
        [
            r#"{"error":["xdock: oops\n"],"errorcode":[1]}"#,
            r#"{"error":["xdock rpower ended with status 768; is it older than its plugin?"],"errorcode":[1]}"#
        ]
    );
    std::fs::remove_file(place.directory.path().join("bin/xdock")).unwrap();
    // where no xdock is installed on the machine itself
    let told = answers(&place, &[request]);
    assert_eq!(
        told,
        [r#"{"error":["cannot run xdock for rpower: No such file or directory"],"errorcode":[1]}"#]
    );
}
