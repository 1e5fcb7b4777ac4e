//! The last log lines of a service that did not start, for the step's message.

use std::fmt;
use std::time::Duration;

use process::Command;

use super::packages::ENGINE;

const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of lines in the message.
const MAX_LINES: usize = 3;
/// Words of an error line.
const ERRORS: [&str; 6] = ["level=fatal", "level=error", "failed", "unable", "cannot", "unknown"];

/// The last lines of a service, errors first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal(Box<[String]>);

impl Journal {
    /// The engine's log.
    pub(super) async fn of_engine() -> Self {
        let words = ["-u", ENGINE, "-n", "20", "--no-pager", "-o", "cat"];
        let asked = Command::new("journalctl", QUERY_TIMEOUT).args(words).execute().await;
        // without the log, the message has the command
        Self::of(&asked.map(|output| output.text()).unwrap_or_default())
    }

    fn of(text: &str) -> Self {
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_of_systemd(line)) {
            // a service that is restarted repeatedly repeats its messages
            if !lines.iter().any(|known| message(known) == message(line)) {
                lines.push(line);
            }
        }
        let is_error = |line: &&str| ERRORS.iter().any(|word| line.contains(word));
        let errors: Vec<&str> = lines.iter().copied().filter(is_error).collect();
        let chosen = if errors.is_empty() { lines } else { errors };
        let last = chosen.len().saturating_sub(MAX_LINES);
        Self(chosen.iter().skip(last).map(|line| message(line).to_owned()).collect())
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [] => f.write_str("see journalctl -u docker"),
            lines => write!(f, "journalctl -u docker: {}", lines.join("; ")),
        }
    }
}

/// Whether the line is systemd's own, which only reports the failure.
fn is_of_systemd(line: &str) -> bool {
    ["docker.service: ", "Failed to start ", "Starting ", "Stopping ", "Stopped "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// The message of `time="..." level=error msg="MESSAGE"` (logrus), or the whole line.
fn message(line: &str) -> &str {
    let rest = line.split_once(" msg=\"").filter(|_| line.starts_with("time=")).map(|(_, rest)| rest);
    rest.map_or(line, |rest| rest.rfind('"').and_then(|end| rest.get(..end)).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_reported_once_and_without_their_frame() {
        let text = "docker.service: Scheduled restart job, restart counter is at 3.\nStarting docker.service - Docker Application Container Engine...\n\
            time=\"2026-11-29T10:00:00Z\" level=info msg=\"Starting up\"\n\
            unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives are specified both as a flag and in the configuration file: hosts\n\
            docker.service: Main process exited, code=exited, status=1/FAILURE\n\
            unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives are specified both as a flag and in the configuration file: hosts\n\
            Failed to start docker.service - Docker Application Container Engine.\n";
        let wanted = "journalctl -u docker: unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives are specified both as a flag and in the configuration file: hosts";
        assert_eq!(Journal::of(text).to_string(), wanted);
        let text = "time=\"x\" level=info msg=\"Starting up\"\ntime=\"x\" level=error msg=\"no \\\"space\\\" left\"\n";
        assert_eq!(Journal::of(text).to_string(), "journalctl -u docker: no \\\"space\\\" left");
    }

    #[test]
    fn without_errors_the_last_lines_are_reported() {
        assert_eq!(Journal::of("a\nb\nc\nd\n").to_string(), "journalctl -u docker: b; c; d");
        assert_eq!(Journal::of("").to_string(), "see journalctl -u docker");
        assert_eq!(Journal::of("docker.service: Failed with result 'exit-code'.\n"), Journal::default());
    }
}
