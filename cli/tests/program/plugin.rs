//! xCAT's plugin in Perl, run as xcatd runs it: a request in, responses out. The stand-ins of xcatd and of xCAT's client are in
//! `tests/xcat`.

mod delivery;
mod endings;
mod help;

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use super::{Place, SMALL};

fn template(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/xcat").join(name)
}

fn stand_in(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xcat").join(name)
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

/// Perl with a program of ours, in the environment of that place.
fn perl(place: &Place, program: &Path) -> Command {
    let mut perl = Command::new("perl");
    perl.arg("-w")
        .arg(program)
        .env_clear()
        .env("PATH", format!("{}/bin:/usr/bin:/bin", place.directory.path().display()))
        .env("XDOCK_INVENTORY", format!("file:{}", place.tables().display()))
        .env("XDOCK_CONFIG", place.settings())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    perl
}

fn started(mut command: Command, request: &str) -> Child {
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{request}").unwrap();
    child
}

/// A client's command, and its words.
fn client(place: &Place, plugin: &Path, words: &[&str]) -> Command {
    let mut client = perl(place, &stand_in("client.pl"));
    client.arg(stand_in("xcatd.pl")).arg(plugin).args(words);
    client
}

/// How the client of a request ends: its status, standard output and standard error.
fn asked(place: &Place, request: &str) -> (i32, String, String) {
    ended(started(client(place, &template("docker.pm"), &[]), request).wait_with_output().unwrap())
}

fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What xcatd gets of a plugin in that file, an answer of each node, error and line for itself: how many share a message depends on
/// the moment.
fn answers_of(place: &Place, plugin: &Path, request: &str) -> Vec<Value> {
    let mut xcatd = perl(place, &stand_in("xcatd.pl"));
    xcatd.arg(plugin);
    let (code, out, err) = ended(started(xcatd, request).wait_with_output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""));
    let out = out.replace(place.directory.path().to_str().unwrap(), "DIR");
    let mut responses: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(responses.pop(), Some(json!({"serverdone": [null]})));
    responses.iter().flat_map(parts).collect()
}

fn answers(place: &Place, request: &str) -> Vec<Value> {
    answers_of(place, &template("docker.pm"), request)
}

fn parts(response: &Value) -> Vec<Value> {
    let list = |key: &str| response[key].as_array().cloned().unwrap_or_default();
    let errors = list("error").into_iter().zip(list("errorcode"));
    let errors = errors.map(|(error, code)| json!({"error": [error], "errorcode": [code]}));
    let warnings = list("warning").into_iter().map(|text| json!({"warning": [text]}));
    let nodes = list("node").into_iter().map(|node| json!({"node": [node]}));
    let lines = list("data").into_iter().map(|line| json!({"data": [line]}));
    errors.chain(warnings).chain(nodes).chain(lines).collect()
}

#[test]
fn perl_takes_the_plugins() {
    for name in ["docker.pm", "xdockhelp.pm"] {
        let output = Command::new("perl").arg("-wc").arg(template(name)).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told, format!("{} syntax OK\n", template(name).display()));
    }
}

#[test]
fn the_commands_are_those_of_container_nodes() {
    let mut xcatd = perl(&place(), &stand_in("xcatd.pl"));
    let output = xcatd.arg(template("docker.pm")).arg("handled").output().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        json!({
            "lsdocker": "nodehm:mgt=docker|ipmi|kvm", "mkdocker": "nodehm:mgt", "mkvm": "nodehm:mgt",
            "rmdocker": "nodehm:mgt", "rmvm": "nodehm:mgt", "rpower": "nodehm:mgt", "lsvm": "nodehm:mgt"
        })
    );
}

#[test]
fn each_answer_of_xdock_is_a_response() {
    let place = place();
    let unreachable = |node: &str, host: &str| {
        let error = format!(
            "Service Unavailable: cannot reach the engine of {host}: cannot connect to /nowhere/{host}.sock: No such file or \
             directory (os error 2)"
        );
        json!({"node": [{"error": [error], "errorcode": [1], "name": [node]}]})
    };
    let wrong = |text: &str| json!({"error": [text], "errorcode": [1]});
    let no_container = "nodehm.mgt of host1 is ipmi, not docker: it is not a container";
    let usage =
        "Usage: mkdocker <noderange> [image=<image_name> [command=<command>]] [dockerflag=<docker_flags>]";
    for (request, expected) in [
        (
            r#"{"command":["rpower"],"node":["host1c1","host2c1"],"arg":["state"]}"#,
            vec![unreachable("host1c1", "host1"), unreachable("host2c1", "host2")],
        ),
        (r#"{"command":["rpower"],"node":["host1c1"]}"#, vec![wrong("No option specified for rpower")]),
        (
            r#"{"command":["rpower"],"node":["host1c1"],"arg":["sideways"]}"#,
            vec![wrong("The option sideways not support for rpower")],
        ),
        (
            r#"{"command":["mkdocker"],"node":["host1c1"],"arg":["foo=bar"]}"#,
            vec![wrong("Option foo is not supported for mkdocker")],
        ),
        (
            r#"{"command":["rmvm"],"node":["host1"],"arg":"-f"}"#,
            vec![json!({"node": [{"error": [no_container], "errorcode": [1], "name": ["host1"]}]})],
        ),
        (
            r#"{"command":["lsdocker"],"node":["host1"],"arg":["-l"]}"#,
            vec![wrong(" -l is not support for host1")],
        ),
        (r#"{"command":["mkdocker"],"arg":["-h"]}"#, vec![json!({ "data": [usage] })]),
    ] {
        assert_eq!(answers(&place, request), expected, "{request}");
    }
}

#[test]
fn an_option_without_effect_is_a_warning() {
    let request = r#"{"command":["rpower"],"node":["host1c1"],"arg":["-m","nodelist.status==booted","-t","9","state"]}"#;
    let told = answers(&place(), request);
    let warning =
        "-m, -t and -r monitor the installation of an operating system; for a container they have no effect";
    assert_eq!(told[0], json!({ "warning": [warning] }));
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn no_shell_reads_the_words() {
    let place = place_with(r#"printf '{"data":["%s|%s|%s|%s|%s|%s"]}\n' "$@""#);
    let request = r#"{"command":["mkdocker"],"node":["d1"],"arg":["command=a;touch $HOME|`id`, 'ü'","x y"]}"#;
    let words = "xcatd|mkdocker|d1|--|command=a;touch $HOME|`id`, 'ü'|x y";
    assert_eq!(answers(&place, request), [json!({ "data": [words] })]);
}

#[test]
fn an_invalid_answer_is_reported() {
    let request = r#"{"command":["rpower"],"node":["d1"],"arg":["state"]}"#;
    let wrong = |text: &str| json!({"error": [text], "errorcode": [1]});
    let place = place_with("echo oops; printf 'half'; exit 3");
    assert_eq!(
        answers(&place, request),
        [
            wrong("xdock: oops\n"),
            wrong("xdock: half"),
            wrong("xdock rpower ended with status 768; is it older than its plugin?")
        ]
    );
    std::fs::remove_file(place.directory.path().join("bin/xdock")).unwrap();
    // where no xdock is installed on the machine itself
    assert_eq!(answers(&place, request), [wrong("cannot run xdock for rpower: No such file or directory")]);
}
