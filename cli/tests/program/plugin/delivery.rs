//! No answer gets lost between the plugin and the client, however many there are, and each goes where it belongs.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};

use super::*;

const REQUEST: &str = r#"{"command":["rpower"],"node":["c1"],"arg":["state"]}"#;

/// `bin/xdock` that answers for so many nodes; each `failing`th fails.
fn nodes(count: usize, failing: usize) -> Place {
    place_with(&format!(
        r#"exec awk 'BEGIN {{ for (i = 1; i <= {count}; i++) if (i % {failing}) print "{{\"node\":[{{\"name\":[\"c" i "\"],\"data\":[\"created\"]}}]}}"; else print "{{\"node\":[{{\"name\":[\"c" i "\"],\"error\":[\"boom\"],\"errorcode\":[1]}}]}}"; exit {} }}'"#,
        i32::from(failing <= count)
    ))
}

/// What the client prints for these nodes.
fn printed(count: usize, failing: usize) -> (i32, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    for node in 1..=count {
        match node % failing {
            0 => writeln!(err, "c{node}: [mn]: Error: boom").unwrap(),
            _ => writeln!(out, "c{node}: created").unwrap(),
        }
    }
    (i32::from(failing <= count), out, err)
}

/// `bin/xdock` that answers with so many lines of a log.
fn lines(count: usize) -> Place {
    place_with(&format!(
        r#"exec awk 'BEGIN {{ for (i = 1; i <= {count}; i++) printf "{{\"data\":[\"c1: %d %s\"]}}\n", i, "{}" }}'"#,
        "x".repeat(120)
    ))
}

fn printed_lines(count: usize) -> String {
    (1..=count).map(|line| format!("c1: {line} {}\n", "x".repeat(120))).collect()
}

/// How the client ends whose xcatd is busy at first.
fn asked_while_busy(place: &Place, plugin: &Path, seconds: &str, request: &str) -> (i32, String, String) {
    let client = started(client(place, plugin, &["0", seconds]), request);
    ended(client.wait_with_output().unwrap())
}

/// Else the tests here would show nothing.
#[test]
fn the_stand_in_of_xcatd_drops_answers_of_a_burst() {
    let request = r#"{"command":["burst"],"arg":["100"]}"#;
    // its end interrupts the stand-in
    let told = asked_while_busy(&place(), &stand_in("burst.pm"), "60", request);
    assert_eq!(told, (0, "c1: created\n".to_owned(), String::new()));
}

#[test]
fn a_busy_xcatd_gets_every_answer() {
    for count in [1, 2, 4, 100, 1000] {
        let told = asked_while_busy(&nodes(count, count), &template("docker.pm"), "0.3", REQUEST);
        assert_eq!(told, printed(count, count));
    }
}

#[test]
fn ten_thousand_nodes_arrive_in_order() {
    let (code, out, err) = asked(&nodes(10_000, 20_000), REQUEST);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out == printed(10_000, 20_000).1, "{} lines", out.lines().count());
}

#[test]
fn failures_among_ten_thousand_nodes_are_on_standard_error_and_in_the_status() {
    let told = asked(&nodes(10_000, 7), REQUEST);
    let (code, out, err) = printed(10_000, 7);
    assert_eq!(told.0, code);
    assert!(
        told.1 == out && told.2 == err,
        "{} and {} lines",
        told.1.lines().count(),
        told.2.lines().count()
    );
}

#[test]
fn a_last_failure_is_never_lost() {
    for _ in 0..20 {
        assert_eq!(asked(&nodes(100, 100), REQUEST), printed(100, 100));
    }
}

#[test]
fn twenty_thousand_lines_of_a_log_arrive_in_order() {
    let (code, out, err) = asked(&lines(20_000), REQUEST);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out == printed_lines(20_000), "{} lines", out.lines().count());
}

/// xcatd cannot write to such a client, and reads nothing of the plugin meanwhile.
#[test]
fn a_slow_client_gets_everything() {
    let place = lines(5_000);
    let slow = started(client(&place, &template("docker.pm"), &["0.1"]), REQUEST);
    let (code, out, err) = ended(slow.wait_with_output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out == printed_lines(5_000), "{} lines", out.lines().count());
}

#[test]
fn answers_of_all_kinds_keep_their_order() {
    let place = place_with(
        r#"cat <<'END'
{"warning":["first"]}
{"node":[{"name":["c1"],"error":["one"],"errorcode":[1]}]}
{"node":[{"name":["c2"],"data":["two"]}]}
{"error":["three"],"errorcode":[1]}
{"data":["four"]}
{"node":[{"name":["c5"],"data":["five"]}]}
{"warning":["six"]}
{"data":["seven"]}
END
exit 1"#,
    );
    assert_eq!(
        asked(&place, REQUEST),
        (
            1,
            "c2: two\nfour\nc5: five\nseven\n".to_owned(),
            "Warning: [mn]: first\nc1: [mn]: Error: one\nError: [mn]: three\nWarning: [mn]: six\n".to_owned()
        )
    );
}

#[test]
fn a_first_answer_does_not_wait_for_the_last() {
    let place = place_with(
        r#"echo '{"data":["first"]}'; read release < "$XDOCK_CONFIG.fifo"; echo '{"data":["last"]}'"#,
    );
    let fifo = format!("{}.fifo", place.settings().display());
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut running = started(client(&place, &template("docker.pm"), &[]), REQUEST);
    let mut told = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "first");
    std::fs::OpenOptions::new().write(true).open(&fifo).unwrap().write_all(b"go\n").unwrap();
    assert_eq!(told.next().unwrap().unwrap(), "last");
    assert!(running.wait().unwrap().success());
}

/// XCATBYPASS: the client itself runs the plugin.
#[test]
fn without_xcatd_nothing_is_awaited() {
    let place = lines(20_000);
    let program = format!(
        "require '{}'; $| = 1; xCAT_plugin::docker::process_request({{ command => ['rpower'] }}, sub {{ print \"$_\\n\" for @{{ $_[0]{{data}} }} }})",
        template("docker.pm").display()
    );
    let mut perl = perl(&place, Path::new("-e"));
    let (code, out, err) = ended(perl.arg(program).output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out == printed_lines(20_000), "{} lines", out.lines().count());
}

#[test]
fn xdock_answers_through_the_plugin_for_ten_thousand_nodes() {
    let mut text = String::from("# <xCAT data object stanza file>\n");
    text.push_str("mynet0:\n    objtype=network\n    net=10.99.0.0\n    mask=255.255.0.0\n");
    let names: Vec<String> = (0..10_000).map(|node| format!("c{node}")).collect();
    for (node, name) in names.iter().enumerate() {
        let (host, third, fourth) = (node % 20, node / 250 + 1, node % 250 + 1);
        writeln!(
            text,
            "{name}:\n    objtype=node\n    mgt=docker\n    ip=10.99.{third}.{fourth}\n    vmhost=host{host}"
        )
        .unwrap();
    }
    let place = place();
    std::fs::write(place.tables(), text).unwrap();
    let request = json!({"command": ["rpower"], "node": names, "arg": ["state"]}).to_string();
    let (code, out, err) = asked(&place, &request);
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 10_000));
    assert!(
        err.starts_with("c0: [mn]: Error: Service Unavailable: cannot reach the engine of host0"),
        "{err:.200}"
    );
    assert!(err.lines().last().unwrap().starts_with("c9999: "));
}
