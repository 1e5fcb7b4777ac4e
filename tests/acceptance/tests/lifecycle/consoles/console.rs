//! A console whose output goes to files on the management node, and what is read out of them.

use std::time::{Duration, Instant};

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

/// Longer than anything that is waited for takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `xdock cons` in the background of the management node.
pub(super) struct Console<'a> {
    cluster: &'a Cluster,
    name: String,
    pid: String,
}

impl<'a> Console<'a> {
    /// Opens it with these words, and nothing to type.
    pub(super) async fn open(cluster: &'a Cluster, name: &str, words: &str) -> Result<Self, Failure> {
        let line =
            format!("setsid xdock cons {words} </dev/null >/tmp/{name}.out 2>/tmp/{name}.err & echo $!");
        let pid = cluster.sh("mn", &line).await?;
        Ok(Self { cluster, name: name.to_owned(), pid })
    }

    /// What it wrote.
    pub(super) async fn output(&self) -> Result<String, Failure> {
        self.cluster.sh("mn", &format!("cat /tmp/{}.out", self.name)).await
    }

    /// Waits until it has said that.
    pub(super) async fn says(&self, text: &str) -> Result<(), Failure> {
        eventually(self.cluster, "mn", &format!("cat /tmp/{}.err 2>/dev/null || true", self.name), |said| {
            said.contains(text)
        })
        .await
        .map(drop)
    }

    /// Waits until it has written as many more bytes.
    pub(super) async fn goes_on(&self) -> Result<(), Failure> {
        // the shell behind it may not have made the file yet
        let size = format!("stat -c %s /tmp/{}.out 2>/dev/null || echo 0", self.name);
        let before: u64 = self.cluster.sh("mn", &size).await?.parse()?;
        let more = |now: &str| now.parse::<u64>().is_ok_and(|now| now > before + 2000);
        eventually(self.cluster, "mn", &size, more).await.map(drop)
    }

    /// Ends it and waits for its end.
    pub(super) async fn close(&self, signal: &str) -> Result<(), Failure> {
        let Self { cluster, pid, .. } = self;
        cluster.sh("mn", &format!("kill -{signal} {pid}")).await?;
        let gone = format!("kill -0 {pid} 2>/dev/null && echo there || echo gone");
        eventually(cluster, "mn", &gone, |said| said == "gone").await.map(drop)
    }
}

/// Runs a line until it says what it should.
pub(super) async fn eventually(
    cluster: &Cluster,
    host: &str,
    line: &str,
    fits: impl Fn(&str) -> bool,
) -> Result<String, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = cluster.sh(host, line).await?;
        if fits(&said) {
            return Ok(said);
        }
        if Instant::now() > deadline {
            return Err(format!("{line} on {host} still says: {said}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The counter's lines are whole, none is missing and none is there twice: the first and the last number of each run. A line that
/// was cut at the very end, or at the very beginning, is left out.
pub(super) fn runs(output: &str) -> Result<Vec<(u64, u64)>, Failure> {
    let mut runs: Vec<(&str, u64, u64)> = Vec::new();
    let whole = output.rfind('\n').map_or("", |end| &output[..end]);
    let mut strange = Vec::new();
    for line in whole.lines() {
        let words: Vec<&str> = line.trim_end_matches('\r').split(' ').collect();
        let ["run", run, "line", number] = words[..] else {
            strange.push(line);
            continue;
        };
        let number: u64 = number.parse()?;
        match runs.last_mut() {
            Some((last, _, end)) if *last == run => {
                same(&format!("line after {end} of run {run}"), &number, &(*end + 1))?;
                *end = number;
            }
            _ => runs.push((run, number, number)),
        }
    }
    let cut: Vec<&str> = whole.lines().take(1).filter(|first| strange.contains(first)).collect();
    same("strange lines", &strange, &cut)?;
    Ok(runs.into_iter().map(|(_, first, last)| (first, last)).collect())
}
