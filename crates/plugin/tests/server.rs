//! What the server promises beside the protocol: deadlines, bounds, and an end that loses nothing.

#[cfg(test)]
mod served;

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plugin::{Limits, Reply, dispatch, listener, serve};
use serde_json::json;
use served::{Served, answer, post};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Waits until the other side closes; says what came before.
fn rest(stream: &mut UnixStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // a reset is an end too
    let _ = stream.read_to_end(&mut rest);
    rest
}

#[test]
fn a_panic_in_a_handler_is_an_answer_and_the_connection_stays_open() {
    let served = Served::start(Limits::default());
    let mut stream = served.connect();
    let text = "/Test.Panic: this call failed because of a bug in the plugin, see its log";
    assert_eq!(post(&mut stream, "/Test.Panic", b""), (500, json!({ "Err": text })));
    assert_eq!(post(&mut stream, "/Plugin.Activate", b""), (200, json!({})));
}

#[test]
fn a_daemons_own_calls_stand_beside_dockers() {
    let served = Served::start(Limits::default());
    assert_eq!(served.post("/Test.Own", b"anything"), (200, json!({ "own": "/Test.Own" })));
}

#[test]
fn a_handler_that_hangs_is_answered_for() {
    let served = Served::start(Limits { answer: millis(200), receive: millis(300), ..Limits::default() });
    let text = "/Test.Hang: no answer within 200ms, see the plugin's log";
    assert_eq!(served.post("/Test.Hang", b""), (504, json!({ "Err": text })));
    served.still_answers();
}

#[test]
fn a_handler_ends_its_work_when_its_client_disconnects() {
    let served = Served::start(Limits::default());
    let mut stream = served.connect();
    stream.write_all(b"POST /Test.Slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    std::thread::sleep(millis(100));
    drop(stream);
    std::thread::sleep(millis(700));
    assert_eq!(served.calls(), 1);
}

#[test]
fn a_body_that_does_not_come_is_answered_and_the_connection_closed() {
    let served = Served::start(Limits { receive: millis(200), ..Limits::default() });
    let mut stream = served.connect();
    stream.write_all(b"POST /Plugin.Activate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let text = "the request body was not complete within 200ms";
    assert_eq!(answer(&mut stream), (408, json!({ "Err": text })));
    assert_eq!(rest(&mut stream), b"");
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let served = Served::start(Limits { idle: millis(200), ..Limits::default() });
    let mut stream = served.connect();
    stream.write_all(b"POST /Plugin.Activate HTTP/1.1\r\nHos").unwrap();
    let start = Instant::now();
    rest(&mut stream);
    assert!(start.elapsed() < millis(5000));
    served.still_answers();
}

#[test]
fn a_head_without_end_is_refused() {
    let served = Served::start(Limits::default());
    let mut stream = served.connect();
    let _ = stream.write_all(format!("POST /{} HTTP/1.1\r\n", "x".repeat(1 << 20)).as_bytes());
    rest(&mut stream);
    served.still_answers();
}

#[test]
fn noise_instead_of_http_ends_the_connection() {
    let served = Served::start(Limits::default());
    let mut stream = served.connect();
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n").unwrap();
    rest(&mut stream);
    served.still_answers();
}

#[test]
fn a_body_in_chunks_is_read() {
    let served = Served::start(Limits::default());
    let mut stream = served.connect();
    let head = "POST /IpamDriver.ReleasePool HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    write!(stream, "{head}5\r\n{{\"Poo\r\n9\r\nlID\":\"p\"}}\r\n0\r\n\r\n").unwrap();
    assert_eq!(answer(&mut stream), (200, json!({})));
}

#[test]
fn idle_and_stuck_connections_make_room() {
    let served = Served::start(Limits { connections: 4, receive: millis(300), ..Limits::default() });
    let mut idle: Vec<UnixStream> = (0..2).map(|_| served.connect()).collect();
    for stream in &mut idle {
        assert_eq!(post(stream, "/Plugin.Activate", b""), (200, json!({})));
    }
    let mut stuck: Vec<UnixStream> = (0..2).map(|_| served.connect()).collect();
    for stream in &mut stuck {
        stream.write_all(b"POST /Pl").unwrap();
    }
    for _ in 0..8 {
        served.still_answers();
    }
}

#[test]
fn thirty_clients_at_once_are_served() {
    let served = Served::start(Limits::default());
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                let mut stream = served.connect();
                for _ in 0..20 {
                    let body = br#"{"PoolID":"p"}"#;
                    assert_eq!(post(&mut stream, "/IpamDriver.ReleasePool", body), (200, json!({})));
                }
            });
        }
    });
    assert_eq!(served.calls(), 600);
}

#[test]
fn the_end_answers_what_was_asked_and_removes_the_socket() {
    let mut served = Served::start(Limits::default());
    let mut idle = served.connect();
    assert_eq!(post(&mut idle, "/Plugin.Activate", b""), (200, json!({})));
    let mut busy = served.connect();
    busy.write_all(b"POST /Test.Slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    std::thread::sleep(millis(100));
    let start = Instant::now();
    served.stop();
    assert!(start.elapsed() < millis(3000), "an idle client does not hold the end up");
    assert_eq!(answer(&mut busy), (200, json!({ "own": "/Test.Slow" })));
    assert_eq!(rest(&mut idle), b"");
    assert!(!served.socket().exists());
}

/// Set in the process that plays the daemon: this test program again.
const DAEMON: &str = "XDOCK_TEST_DAEMON";

#[test]
fn a_passed_socket_is_served_and_calls_wait_in_it_over_a_restart() {
    if std::env::var_os(DAEMON).is_some() {
        return daemon();
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("netd.sock");
    let socket = UnixListener::bind(&path).unwrap();
    // nobody serves yet: the call waits, as it does while dockerd boots before netd
    let mut early = UnixStream::connect(&path).unwrap();
    early.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    for _ in 0..2 {
        let mut daemon = start_as_systemd_does(socket.try_clone().unwrap().into());
        assert_eq!(post(&mut early, "/Plugin.Activate", b""), (200, json!({})));
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert!(path.exists(), "the file is systemd's");
        early = UnixStream::connect(&path).unwrap();
    }
}

#[cfg(test)]
fn daemon() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (listener, _) = listener(Path::new("/nonexistent/never-bound.sock")).unwrap();
    let handler = |path: String, body: bytes::Bytes| async move {
        dispatch(&path, &body, |_| async { Ok(Reply::Empty) }).await
    };
    runtime.block_on(serve(listener, Limits::default(), handler, std::future::pending())).unwrap();
}

/// `LISTEN_PID` must be the daemon's own number (sd_listen_fds(3)), which the shell knows before it becomes it.
#[cfg(test)]
fn start_as_systemd_does(socket: OwnedFd) -> Child {
    Command::new("sh")
        .args(["-c", "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --exact a_passed_socket_is_served_and_calls_wait_in_it_over_a_restart"])
        .arg(std::env::current_exe().unwrap())
        .env(DAEMON, "1")
        .stdin(socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
