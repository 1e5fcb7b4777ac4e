//! Counting the pings that a host does not answer, from the management node, while something is done to it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::process::{Child, Command};

/// How watching failed.
#[derive(Debug, Error)]
pub enum WatchError {
    /// ping, or where it writes.
    #[error("cannot watch {address}: {operation}")]
    Start {
        /// Who is watched.
        address: Ipv4Addr,
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended before it was asked to, or does not end.
    #[error("ping {address} {how}: {said}")]
    Ended {
        /// Who was watched.
        address: Ipv4Addr,
        /// How it ended.
        how: String,
        /// Its last words.
        said: String,
    },
}

/// What came of the pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pings {
    /// How many were sent; the last one only if it was answered.
    pub sent: u32,
    /// How many of them were not answered.
    pub lost: u32,
    /// The longest time without an answer; with all answered, about the interval.
    pub longest_silence: Duration,
}

/// A `ping` that runs. Dropped, it ends.
#[derive(Debug)]
pub struct Watch {
    address: Ipv4Addr,
    child: Child,
    output: NamedTempFile,
}

const END: Duration = Duration::from_secs(20);

impl Watch {
    /// Starts to ping an address from a network namespace.
    pub(crate) fn start(namespace: &Path, address: Ipv4Addr, interval: Duration) -> Result<Self, WatchError> {
        let failed = |operation: &'static str| move |source| WatchError::Start { address, operation, source };
        let output = NamedTempFile::new().map_err(failed("make a file for what ping says"))?;
        let writer = |file: &NamedTempFile| -> io::Result<File> { file.reopen() };
        let child = Command::new("nsenter")
            .arg(format!("--net={}", namespace.display()))
            .args(ping(address, interval))
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(writer(&output).map_err(failed("open the file for what ping says"))?)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed("run nsenter"))?;
        Ok(Self { address, child, output })
    }

    /// Ends it, and counts.
    ///
    /// # Errors
    /// It had ended before, or does not end.
    pub async fn stop(mut self) -> Result<Pings, WatchError> {
        // nsenter has become ping; an interrupted one writes what it still holds
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), pid) {
            let _ = kill(pid, Signal::SIGINT);
        }
        let status = tokio::time::timeout(END, self.child.wait()).await;
        let said = std::fs::read(self.output.path()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let how = match status {
            // 1: no answer at all
            Ok(Ok(status))
                if matches!(status.code(), Some(0 | 1)) && said.contains(" packets transmitted") =>
            {
                return Ok(parse(&said));
            }
            Ok(Ok(status)) => format!("ended with {status}"),
            Ok(Err(error)) => format!("cannot be waited for: {error}"),
            Err(_) => format!("does not end within {} s", END.as_secs()),
        };
        let said = said.lines().last().unwrap_or_default().to_owned();
        Err(WatchError::Ended { address: self.address, how, said })
    }
}

/// ping(8) of iputils: -D puts the time before each line, -O reports each ping without an answer when the next is sent.
fn ping(address: Ipv4Addr, interval: Duration) -> [String; 7] {
    let interval = format!("{:.3}", interval.as_secs_f64());
    ["ping", "-n", "-D", "-O", "-i", &interval, &address.to_string()].map(str::to_owned)
}

struct Line {
    /// Since 1970.
    at: Duration,
    sequence: u32,
    answered: bool,
}

fn parse(text: &str) -> Pings {
    let lines: Vec<Line> = text.lines().filter_map(line).collect();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Pings::default() };
    let answered: BTreeSet<u32> =
        lines.iter().filter(|line| line.answered).map(|line| line.sequence).collect();
    // a ping that was in the air at the end has no line
    let sent = lines.iter().map(|line| line.sequence).max().unwrap_or_default();
    let mut silence = Duration::ZERO;
    let mut heard = first.at;
    let answers = lines.iter().filter(|line| line.answered).map(|line| line.at);
    for at in answers.chain([last.at]) {
        silence = silence.max(at.saturating_sub(heard));
        heard = at;
    }
    let lost = sent.saturating_sub(u32::try_from(answered.len()).unwrap_or(u32::MAX));
    Pings { sent, lost, longest_silence: silence }
}

/// `[1763835000.123456] 64 bytes from 10.99.0.11: icmp_seq=1 ttl=64 time=0.03 ms`, `[...] no answer yet for icmp_seq=2` or
/// `[...] From 10.99.0.1 icmp_seq=3 Destination Host Unreachable`.
fn line(text: &str) -> Option<Line> {
    let (at, rest) = text.strip_prefix('[')?.split_once("] ")?;
    let at = Duration::try_from_secs_f64(at.parse().ok()?).ok()?;
    let digits = rest.split_once("icmp_seq=")?.1;
    let digits = digits.split(|c: char| !c.is_ascii_digit()).next()?;
    let answered = rest.contains(" bytes from ") && rest.contains(" time=");
    Some(Line { at, sequence: digits.parse().ok()?, answered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_pings_and_the_silence_are_counted() {
        let text = "PING 10.99.0.11 (10.99.0.11) 56(84) bytes of data.\n\
            [1763835000.000000] 64 bytes from 10.99.0.11: icmp_seq=1 ttl=64 time=0.031 ms\n\
            [1763835000.100000] 64 bytes from 10.99.0.11: icmp_seq=2 ttl=64 time=0.031 ms\n\
            [1763835000.300000] no answer yet for icmp_seq=3\n\
            [1763835000.400000] no answer yet for icmp_seq=4\n\
            [1763835000.450000] 64 bytes from 10.99.0.11: icmp_seq=5 ttl=64 time=50.0 ms\n\
            [1763835000.451000] 64 bytes from 10.99.0.11: icmp_seq=4 ttl=64 time=151 ms\n\
            [1763835000.500000] 64 bytes from 10.99.0.11: icmp_seq=6 ttl=64 time=0.031 ms\n\
            [1763835000.500100] 64 bytes from 10.99.0.11: icmp_seq=6 ttl=64 time=0.131 ms (DUP!)\n\n\
            --- 10.99.0.11 ping statistics ---\n\
            7 packets transmitted, 5 received, +1 duplicates, 28.5714% packet loss, time 602ms\n";
        let pings = parse(text);
        assert_eq!((pings.sent, pings.lost), (6, 1), "a late answer is one; the seventh was in the air");
        assert_eq!(pings.longest_silence.as_millis(), 350);
    }

    #[test]
    fn silence_at_the_begin_and_at_the_end_counts() {
        let line = |at: u32, what: &str| format!("[17638350{at:02}.000000] {what}\n");
        let unreachable = "From 10.99.0.1 icmp_seq=1 Destination Host Unreachable";
        let answer = "64 bytes from 10.99.0.11: icmp_seq=2 ttl=64 time=0.1 ms";
        let text = line(0, unreachable) + &line(3, answer) + &line(9, "no answer yet for icmp_seq=3");
        let pings = parse(&text);
        assert_eq!(pings, Pings { sent: 3, lost: 2, longest_silence: Duration::from_secs(6) });
        let pings = parse(&(line(0, unreachable) + &line(3, "no answer yet for icmp_seq=2")));
        assert_eq!(pings, Pings { sent: 2, lost: 2, longest_silence: Duration::from_secs(3) });
        assert_eq!(parse("PING\n"), Pings::default());
    }

    #[test]
    fn the_interval_is_in_seconds() {
        let words = ping(Ipv4Addr::new(10, 99, 0, 11), Duration::from_millis(100)).join(" ");
        assert_eq!(words, "ping -n -D -O -i 0.100 10.99.0.11");
    }
}
