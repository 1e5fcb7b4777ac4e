//! What a real dockerd said, request by request. `tests/data/ENGINE.jsonl` is the record (milliseconds, path, body as
//! it came, answer that the engine took), `ENGINE.calls` is what must be understood, one call a line.
//!
//! `BLESS=1 cargo test -p plugin --test replay` writes the second from the first anew: read the difference.

use std::path::{Path, PathBuf};

use plugin::{Call, parse};
use serde_json::Value;

#[cfg(test)]
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[cfg(test)]
fn record(engine: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(data(&format!("{engine}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[cfg(test)]
fn understood(request: &Value) -> Call {
    let (path, body) = (request["path"].as_str().unwrap(), request["body"].as_str().unwrap());
    parse(path, body.as_bytes()).unwrap_or_else(|error| panic!("{request}: {error}"))
}

#[cfg(test)]
fn replay(engine: &str) {
    let calls: String = record(engine).iter().map(|request| format!("{:?}\n", understood(request))).collect();
    let golden = data(&format!("{engine}.calls"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &calls).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    for (number, (call, expected)) in calls.lines().zip(expected.lines()).enumerate() {
        assert_eq!(call, expected, "{} line {}", golden.display(), number + 1);
    }
    assert_eq!(calls.lines().count(), expected.lines().count(), "{}", golden.display());
}

#[test]
fn every_request_of_docker_20_10_is_understood() {
    replay("docker-20.10.24");
}
