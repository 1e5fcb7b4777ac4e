//! tmux on the management node: a terminal that can be looked at. Programs of this machine are copied there with their
//! libraries: the lab's management node is the same Debian.

use std::path::Path;
use std::time::Duration;

use acceptance::{Cluster, Failure};

use super::console::eventually;

/// A terminal of 90 columns and 20 rows, with a shell in it.
pub(super) struct Tmux<'a>(&'a Cluster);

impl<'a> Tmux<'a> {
    /// A new one; the last one is gone.
    pub(super) async fn open(cluster: &'a Cluster) -> Result<Self, Failure> {
        install(cluster, "/usr/bin/tmux").await?;
        let line = "tmux kill-server 2>/dev/null; while pgrep tmux >/dev/null; do sleep 0.1; done; rm -f /tmp/stty; \
            tmux -f /dev/null new-session -d -x 90 -y 20 'PS1=%% exec bash --norc'; sleep 0.2; tmux send-keys 'stty -a >/tmp/stty' Enter";
        cluster.sh("mn", line).await?;
        eventually(cluster, "mn", "cat /tmp/stty 2>/dev/null || true", |said| said.contains("isig")).await?;
        Ok(Self(cluster))
    }

    /// Types keys as tmux names them, each a word: `Enter`, `C-]`; anything else is typed as it is.
    pub(super) async fn keys(&self, keys: &[&str]) -> Result<(), Failure> {
        let words: Vec<&str> = ["tmux", "send-keys"].iter().chain(keys).copied().collect();
        Ok(self.0.lab.exec("mn", &words, Duration::from_secs(30)).await.map(drop)?)
    }

    /// Gives it another size.
    pub(super) async fn resize(&self, columns: u16, rows: u16) -> Result<(), Failure> {
        self.0.sh("mn", &format!("tmux resize-window -x {columns} -y {rows}")).await.map(drop)
    }

    /// Waits until a line of it is that.
    pub(super) async fn shows(&self, line: &str) -> Result<(), Failure> {
        self.has(|found| found.trim_end() == line).await
    }

    /// Waits until a line of it begins so.
    pub(super) async fn shows_what_begins(&self, beginning: &str) -> Result<(), Failure> {
        self.has(|found| found.starts_with(beginning)).await
    }

    async fn has(&self, line: impl Fn(&str) -> bool) -> Result<(), Failure> {
        let is = |text: &str| text.lines().any(&line);
        eventually(self.0, "mn", "tmux capture-pane -p -S -", is).await.map(drop)
    }

    /// The terminal must be as it was when it was opened, and its shell must answer.
    pub(super) async fn is_as_it_was(&self) -> Result<(), Failure> {
        let compare = "rm -f /tmp/same; stty -a | sed 's/rows.*columns [0-9]*;//' >/tmp/now; \
            sed 's/rows.*columns [0-9]*;//' /tmp/stty | cmp - /tmp/now && touch /tmp/same";
        self.keys(&[compare, "Enter"]).await?;
        eventually(self.0, "mn", "ls /tmp/same 2>/dev/null || true", |said| said == "/tmp/same")
            .await
            .map(drop)
    }
}

/// Copies a program of this machine and the libraries that the management node does not have.
pub(super) async fn install(cluster: &Cluster, program: &str) -> Result<(), Failure> {
    if !Path::new(program).is_file() {
        return Err(format!("{program} is not on this machine: tests/prepare installs it").into());
    }
    let ldd = process::Command::new("ldd", Duration::from_secs(30)).args([program]).execute().await?.text();
    let libraries = ldd.lines().filter_map(|line| line.split_once("=> ")?.1.split(' ').next());
    for path in libraries.chain([program]).filter(|path| path.starts_with('/')) {
        let there = cluster.sh("mn", &format!("test -e {path} && echo there || true")).await?;
        if there.is_empty() {
            cluster.lab.put("mn", &std::fs::canonicalize(path)?, path).await?;
        }
    }
    Ok(())
}
