//! Output of a run: a summary line per step on standard output, errors on standard error in xCAT's format,
//! and both in xCAT's log on the node (xcat-core `xCATlib.sh`, `msgutil_r`: `DATE [LEVEL]: TAG: TEXT`).

use std::error::Error;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::syslog::{self, Level};

/// xCAT's postscript log on a node.
pub const PATH: &str = "/var/log/xcat/xcat.log";

/// Output of a run.
///
/// Errors are ignored: a lost terminal, a closed pipe or a full disk must not end a run during a network
/// change.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    tag: String,
    master: Option<IpAddr>,
}

impl Log {
    /// Appends to the file under xCAT's tag (`LOGLABEL`, for example `xcat.updatenode.postscript`).
    pub fn new(path: &Path, label: Option<&str>) -> Self {
        Self { path: path.to_owned(), tag: label.unwrap_or("xcat").to_owned(), master: None }
    }

    /// Sends lines to the management node's syslog too.
    #[must_use]
    pub fn to(self, master: Option<IpAddr>) -> Self {
        Self { master, ..self }
    }

    /// The summary of a step.
    pub fn summary(&self, step: &str, text: impl Display) {
        let line = format!("xdock: {step}: {text}");
        say(&line);
        self.append(Level::Info, &line);
    }

    /// A line for the log only.
    pub fn note(&self, step: &str, text: impl Display) {
        self.append(Level::Info, &format!("xdock: {step}: {text}"));
    }

    /// A failed step, with all causes.
    pub fn failure(&self, step: &str, error: &dyn Error) {
        let text = format!("xdock: {step}: {}", chain::chain(error));
        let _ = writeln!(io::stderr(), "[E]:Error: {text}");
        self.append(Level::Error, &text);
    }

    fn append(&self, level: Level, text: &str) {
        syslog::send(self.master, level, &self.tag, text);
        let line = format!("{} [{}]: {}: {text}\n", date(SystemTime::now()), level.word(), self.tag);
        if let Some(directory) = self.path.parent() {
            let _ = std::fs::create_dir_all(directory);
        }
        let file = OpenOptions::new().append(true).create(true).open(&self.path);
        // one write per line, because several postscripts may append at once
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// Prints a line on standard output. A closed pipe is not an error.
pub fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// A time as `date` prints it in the C locale, in UTC: `Sun Nov 22 13:46:42 UTC 2026`.
pub fn date(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = Civil::at(time);
    let day = DAYS.iter().cycle().nth((at.days % 7) as usize).copied().unwrap_or_default();
    let month = MONTHS.get(at.month as usize - 1).copied().unwrap_or_default();
    format!("{day} {month} {:>2} {:02}:{:02}:{:02} UTC {}", at.day, at.hour, at.minute, at.second, at.year)
}

/// A time for backup names, in UTC: `20261122-134642`.
pub fn stamp(time: SystemTime) -> String {
    let at = Civil::at(time);
    format!("{}{:02}{:02}-{:02}{:02}{:02}", at.year, at.month, at.day, at.hour, at.minute, at.second)
}

/// Date and time in the Gregorian calendar, UTC.
struct Civil {
    /// Days since 1970-01-01, a Thursday.
    days: u64,
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn at(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let days = seconds / 86_400;
        // years start in March, so that the leap day is the last day; an era of 400 years has 146,097 days
        // (Hinnant, "chrono-compatible low-level date algorithms", civil_from_days)
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            days,
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn dates_are_those_of_date() {
        // date -u -d @N
        assert_eq!(date(at(0)), "Thu Jan  1 00:00:00 UTC 1970");
        assert_eq!(date(at(951_782_399)), "Mon Feb 28 23:59:59 UTC 2000");
        assert_eq!(date(at(951_782_400)), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(date(at(1_795_355_202)), "Sun Nov 22 13:46:42 UTC 2026");
        assert_eq!(stamp(at(1_795_355_202)), "20261122-134642");
        assert_eq!(stamp(at(4_107_542_400)), "21000301-000000");
    }

    #[test]
    fn the_log_is_xcats_form() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("xcat/xcat.log");
        let log = Log::new(&path, Some("xcat.updatenode.postscript"));
        log.note("network", "nothing to do");
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, rest) = text.split_once(" UTC ").unwrap();
        let (_, rest) = rest.split_once(' ').unwrap();
        assert_eq!(rest, "[info]: xcat.updatenode.postscript: xdock: network: nothing to do\n");
    }
}
