//! A server on a socket of its own, and a client that says exactly the bytes it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use plugin::{Answer, Limits, Reply, dispatch, listener, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A server whose domain says yes to everything, and counts; its own paths are `/Test.*`.
pub(crate) struct Served {
    dir: TempDir,
    calls: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (listener, _) = listener(&dir.path().join("p.sock")).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let handler = move |path: String, body| handle(path, body, Arc::clone(&counter));
            let shutdown = async { drop(stopped.await) };
            runtime.unwrap().block_on(serve(listener, limits, handler, shutdown)).unwrap();
        });
        Self { dir, calls, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("p.sock")
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// How many calls reached the domain.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// One request on a connection of its own.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> (u16, Value) {
        post(&mut self.connect(), path, body)
    }

    pub(crate) fn still_answers(&self) {
        let before = self.calls();
        assert_eq!(self.post("/Plugin.Activate", b""), (200, json!({})));
        assert_eq!(self.calls(), before + 1);
    }

    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn handle(path: String, body: bytes::Bytes, calls: Arc<AtomicUsize>) -> Answer {
    match path.as_str() {
        "/Test.Panic" => panic!("a defect"),
        "/Test.Hang" => std::future::pending().await,
        "/Test.Slow" => tokio::time::sleep(Duration::from_millis(500)).await,
        _ => {}
    }
    if path.starts_with("/Test.") {
        calls.fetch_add(1, Ordering::SeqCst);
        return Answer::json(200, &json!({ "own": path }));
    }
    dispatch(&path, &body, |_| async {
        calls.fetch_add(1, Ordering::SeqCst);
        Ok(Reply::Empty)
    })
    .await
}

/// A request as dockerd sends it, without a Content-Type.
pub(crate) fn post(stream: &mut UnixStream, path: &str, body: &[u8]) -> (u16, Value) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: plugin.moby.localhost\r\n\
         Accept: application/vnd.docker.plugins.v1.2+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    answer(stream)
}

/// Reads one answer; its type must be right.
pub(crate) fn answer(stream: &mut UnixStream) -> (u16, Value) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "closed without an answer");
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    assert!(head.contains(&"content-type: application/vnd.docker.plugins.v1.2+json".to_owned()), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}
