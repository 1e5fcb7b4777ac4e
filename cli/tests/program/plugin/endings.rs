//! A client that is interrupted or killed, or an xcatd that is, leaves no xdock behind.

use std::time::{Duration, Instant};

use super::*;

const REQUEST: &str = r#"{"command":["rpower"],"node":["c1"],"arg":["state"]}"#;

/// Notes its process number, says a line, and goes on for ten minutes.
const LONG: &str = r#"echo $$ > "$XDOCK_CONFIG.pid"; echo '{"data":["begun"]}'; exec sleep 600"#;

/// Says more than all buffers on the way hold, and ends.
const MUCH: &str = r#"echo $$ > "$XDOCK_CONFIG.pid"; exec awk 'BEGIN { for (i = 0; i < 50000; i++) print "{\"data\":[\"c1: a line of some log, which is long\"]}" }'"#;

/// Waits until it is so; a minute is a failure.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The process number of `bin/xdock`.
fn xdock(place: &Place) -> i32 {
    let path = format!("{}.pid", place.settings().display());
    let mut pid = None;
    until("xdock begins", || {
        pid = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        pid.is_some()
    });
    pid.unwrap()
}

fn lives(pid: i32) -> bool {
    // a zombie has ended
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The process whose parent it is.
fn child_of(pid: u32) -> i32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let mut child = None;
    until("a child begins", || {
        child =
            std::fs::read_to_string(&path).unwrap().split_whitespace().next().map(|pid| pid.parse().unwrap());
        child.is_some()
    });
    child.unwrap()
}

fn kill(signal: &str, pid: i32) {
    let pid = pid.to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
}

#[test]
fn an_interrupted_client_ends_xdock() {
    for signal in ["INT", "TERM"] {
        let place = place_with(LONG);
        let mut client = started(client(&place, &template("docker.pm"), &[]), REQUEST);
        let xdock = xdock(&place);
        kill(signal, i32::try_from(client.id()).unwrap());
        until("xdock ends", || !lives(xdock));
        assert!(client.wait().unwrap().success());
    }
}

/// xcatd lets a plugin finish whose client has gone without a word; its answers go nowhere.
#[test]
fn a_killed_client_leaves_nothing_that_waits() {
    let place = place_with(MUCH);
    let mut client = started(client(&place, &template("docker.pm"), &["60"]), REQUEST);
    let (xcatd, xdock) = (child_of(client.id()), xdock(&place));
    client.kill().unwrap();
    client.wait().unwrap();
    until("xdock ends", || !lives(xdock));
    until("xcatd's process ends", || !lives(xcatd));
}

#[test]
fn a_killed_xcatd_ends_plugin_and_xdock() {
    for script in [LONG, MUCH] {
        let place = place_with(script);
        let mut client = started(client(&place, &template("docker.pm"), &["60"]), REQUEST);
        let xcatd = child_of(client.id());
        let plugin = child_of(u32::try_from(xcatd).unwrap());
        let xdock = xdock(&place);
        kill("KILL", xcatd);
        until("xdock ends", || !lives(xdock));
        until("the plugin ends", || !lives(plugin));
        client.kill().unwrap();
        client.wait().unwrap();
    }
}

/// An older xcatd tells only the plugin, not what it runs.
#[test]
fn a_terminated_plugin_ends_xdock() {
    for signal in ["INT", "TERM"] {
        let place = place_with(LONG);
        let mut client = started(client(&place, &template("docker.pm"), &[]), REQUEST);
        let plugin = child_of(u32::try_from(child_of(client.id())).unwrap());
        let xdock = xdock(&place);
        kill(signal, plugin);
        until("xdock ends", || !lives(xdock));
        // xcatd then ends the command
        client.wait().unwrap();
    }
}
