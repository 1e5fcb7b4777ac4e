//! `vm.cpus` and `vm.memory`, parsed without floating point.

use std::str::FromStr;

use crate::container::Cpus;

const NANO: u64 = 1_000_000_000;
const MIB: u128 = 1 << 20;

/// Docker's minimum (moby `daemon/daemon_unix.go`: `linuxMinMemory`, and 0.01 CPU).
const LEAST_MEMORY: u64 = 6 << 20;
const LEAST_CPU: u64 = NANO / 100;

impl FromStr for Cpus {
    type Err = String;

    /// A decimal number is a number of CPUs. A value with `-` or `,` is a set of CPU numbers.
    fn from_str(text: &str) -> Result<Self, String> {
        let amount = decimal(text).filter(|amount| *amount >= LEAST_CPU).map(Self::Amount);
        let set = || is_set(text).then(|| Self::Set(text.to_owned()));
        amount.or_else(set).ok_or_else(|| {
            "a number of CPUs (2, 0.5; at least 0.01) or a set of CPU numbers (0-1, 0,2) is needed".to_owned()
        })
    }
}

/// `vm.memory` in bytes: a plain number means MiB, as xCAT's megabytes; or a number with k, m, g or t.
///
/// # Errors
/// The rule that `text` breaks.
pub fn memory(text: &str) -> Result<u64, String> {
    bytes(text).filter(|bytes| *bytes >= LEAST_MEMORY).ok_or_else(|| {
        "an amount of memory such as 512 (MiB), 512m or 1.5g is needed, at least 6m".to_owned()
    })
}

/// An amount of memory of any size, in bytes.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit: u128 = match unit.to_ascii_lowercase().as_str() {
        "" | "m" | "mb" | "mib" => MIB,
        "k" | "kb" | "kib" => MIB >> 10,
        "g" | "gb" | "gib" => MIB << 10,
        "t" | "tb" | "tib" => MIB << 20,
        _ => return None,
    };
    u64::try_from(u128::from(decimal(number)?) * unit / u128::from(NANO)).ok()
}

/// A number with up to nine decimal places, in units of 1e-9.
fn decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(NANO)?.checked_add(fraction)
}

/// The kernel's list form (`Documentation/admin-guide/cgroup-v2.rst`, cpuset.cpus): numbers and ranges.
fn is_set(text: &str) -> bool {
    text.split(',').all(|part| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        matches!((cpu(low), cpu(high)), (Some(low), Some(high)) if low <= high)
    })
}

fn cpu(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_amount_of_cpus_and_a_list_is_a_set() {
        assert_eq!("2".parse(), Ok(Cpus::Amount(2 * NANO)));
        assert_eq!("0.5".parse(), Ok(Cpus::Amount(NANO / 2)));
        assert_eq!("0-1".parse(), Ok(Cpus::Set("0-1".to_owned())));
        assert_eq!("0,2".parse(), Ok(Cpus::Set("0,2".to_owned())));
        for wrong in
            ["", "x", "-1", "1-", "3-1", "1.0000000001", "0.001", ".5", "1e3", "0,,2", "+1", "99999999999"]
        {
            let rule =
                "a number of CPUs (2, 0.5; at least 0.01) or a set of CPU numbers (0-1, 0,2) is needed";
            assert_eq!(wrong.parse::<Cpus>(), Err(rule.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn a_plain_amount_of_memory_is_in_mebibytes() {
        for (text, bytes) in [
            ("64", 64 << 20),
            ("64m", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.5g", 1536 << 20),
            ("6144k", 6 << 20),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "5", "1x", "-1", "64 m", "g", "9999999999t", "6.m", "é"] {
            let rule = "an amount of memory such as 512 (MiB), 512m or 1.5g is needed, at least 6m";
            assert_eq!(memory(wrong), Err(rule.to_owned()), "{wrong}");
        }
    }
}
