//! Time of a host's clock, as in its logs.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970 on a host's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostTime(Duration);

impl HostTime {
    /// Our time, for a host whose time is unknown.
    pub(super) fn of(time: SystemTime) -> Self {
        Self(since_1970(time))
    }

    /// This time minus `by`.
    pub(crate) fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// The next time that the engine distinguishes.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + Duration::from_nanos(1))
    }

    /// Parses Docker's format: `2026-11-22T13:36:31.123456789Z`, or with an offset instead of Z (RFC 3339).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let [year, month, day] = numbers(date, '-')?;
        let zone = rest.find(['Z', '+', '-'])?;
        let (time, zone) = rest.split_at_checked(zone)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [hour, minute, second] = numbers(time, ':')?;
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
        let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        Some(Self(Duration::new(u64::try_from(seconds).ok()?, nanos)))
    }
}

/// Format of the engine's `since` and `until` (moby api/types/time, `ParseTimestamps`).
impl fmt::Display for HostTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// Difference between a host's clock and ours, measured by one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Difference {
    host: HostTime,
    ours: Duration,
    /// Maximum error.
    pub(crate) doubt: Duration,
}

impl Difference {
    /// Computed from the host's time and our times of request and answer.
    pub(super) fn of(host: HostTime, asked: SystemTime, answered: SystemTime) -> Self {
        let (asked, answered) = (since_1970(asked), since_1970(answered));
        let doubt = answered.saturating_sub(asked) / 2;
        Self { host, ours: asked + doubt, doubt }
    }

    /// Converts our time to the host's clock.
    pub(crate) fn there(&self, ours: SystemTime) -> HostTime {
        let ours = since_1970(ours);
        HostTime((self.host.0 + ours).saturating_sub(self.ours))
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

/// Offset from UTC in seconds.
fn offset(zone: &str) -> Option<i64> {
    let Some(digits) = zone.strip_prefix(['+', '-']) else { return (zone == "Z").then_some(0) };
    let (hours, minutes) = digits.split_once(':')?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

/// Days since 1970-01-01 in the Gregorian calendar. Years start in March, so that the leap day is last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_times_are_read() {
        let read = |text: &str| HostTime::parse(text).map(|time| time.to_string());
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", "0.000000000"),
            ("2026-11-22T13:36:31.123456789Z", "1795354591.123456789"),
            ("2024-02-29T23:59:59.5+00:00", "1709251199.500000000"),
            ("2024-02-29T23:59:59+01:00", "1709247599.000000000"),
            ("2000-03-01T00:00:00-05:30", "951888600.000000000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        // what Docker writes where there is no time
        assert_eq!(read("0001-01-01T00:00:00Z"), None);
        assert_eq!(read("today"), None);
    }

    #[test]
    fn our_time_is_told_by_the_host_s_clock() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let host = HostTime(Duration::from_secs(1000));
        let difference = Difference::of(host, at(498), at(502));
        assert_eq!(
            (difference.there(at(510)), difference.doubt),
            (HostTime(Duration::from_secs(1010)), Duration::from_secs(2))
        );
        assert_eq!(difference.there(at(510)).before(Duration::from_secs(2000)), HostTime(Duration::ZERO));
    }
}
