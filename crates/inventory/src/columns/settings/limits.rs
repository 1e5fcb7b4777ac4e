//! Amounts of memory and time, and resource limits.

use std::str::FromStr;

use crate::columns::amount::bytes;
use crate::container::{Device, Gpus, Swap, Ulimit};

/// `RLIMIT_*` of setrlimit(2) as Docker names them (go-units `ulimit.go`).
const LIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

const AMOUNT: &str = "an amount of memory such as 64 (MiB), 64m or 1g is needed";

pub(super) fn amount(text: &str) -> Result<u64, String> {
    bytes(text).ok_or_else(|| AMOUNT.to_owned())
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "a number of at least 1 is needed".to_owned())
}

/// Relative weight of a cgroup (cgroups(7), `cpu.shares`).
pub(super) fn shares(text: &str) -> Result<u32, String> {
    let shares = text.parse().ok().filter(|shares| (2..=262_144).contains(shares));
    shares.ok_or_else(|| "a weight from 2 to 262144 is needed; the default is 1024".to_owned())
}

/// proc(5), `oom_score_adj`.
pub(super) fn oom_score(text: &str) -> Result<i16, String> {
    let score = text.parse().ok().filter(|score| (-1000..=1000).contains(score));
    score.ok_or_else(|| "a number from -1000 to 1000 is needed".to_owned())
}

pub(super) fn seconds(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "a number of seconds is needed".to_owned())
}

/// `1m30s`, `500ms`, or a plain number of seconds: nanoseconds.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    let rule = || "a duration such as 30s, 500ms or 1m30s is needed".to_owned();
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|letter: char| letter.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let unit: u64 = match unit {
            "ms" => 1_000_000,
            "s" | "" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(rule()),
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(rule)?;
        rest = behind;
    }
    // Docker's minimum is a millisecond (moby `daemon/container.go`)
    if total < 1_000_000 { Err(rule()) } else { Ok(total) }
}

impl FromStr for Swap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unlimited" => Ok(Self::Unlimited),
            text => bytes(text).map(Self::Bytes).ok_or_else(|| format!("{AMOUNT}, or unlimited")),
        }
    }
}

impl FromStr for Ulimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "the form is ulimit=NAME=SOFT[:HARD], a number or unlimited each".to_owned();
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        if !LIMITS.contains(&name) {
            return Err(format!(
                "{name:?} is not a limit of setrlimit(2) such as nofile, nproc, core, memlock"
            ));
        }
        let limit = |text: &str| match text {
            "unlimited" | "-1" => Ok(None),
            text => text.parse::<u32>().map(Some).map_err(|_| form()),
        };
        let (soft, hard) = value.split_once(':').unwrap_or((value, value));
        let (soft, hard) = (limit(soft)?, limit(hard)?);
        if hard.is_some_and(|hard| soft.is_none_or(|soft| soft > hard)) {
            return Err("the soft limit is above the hard one".to_owned());
        }
        Ok(Self { name: name.to_owned(), soft, hard })
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "the form is device=/dev/NAME[:/dev/NAME][:rwm]".to_owned();
        let parts: Vec<&str> = text.split(':').collect();
        let (host, container, permissions) = match parts.as_slice() {
            [host] => (*host, *host, "rwm"),
            [host, other] if other.starts_with('/') => (*host, *other, "rwm"),
            [host, permissions] => (*host, *host, *permissions),
            [host, container, permissions] => (*host, *container, *permissions),
            _ => return Err(form()),
        };
        let known = !permissions.is_empty() && permissions.chars().all(|letter| "rwm".contains(letter));
        if !host.starts_with('/') || !container.starts_with('/') || !known {
            return Err(form());
        }
        let own = str::to_owned;
        Ok(Self { host: own(host), container: own(container), permissions: own(permissions) })
    }
}

impl FromStr for Gpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "the form is gpus=all, gpus=NUMBER or gpus=\"device=ID,ID\"".to_owned();
        if text == "all" {
            return Ok(Self::All);
        }
        match text.strip_prefix("device=") {
            Some(devices) if devices.split(',').all(|device| !device.is_empty()) => {
                Ok(Self::Devices(devices.split(',').map(str::to_owned).collect()))
            }
            Some(_) => Err(form()),
            None => count(text).map(Self::Count).map_err(|_| form()),
        }
    }
}
