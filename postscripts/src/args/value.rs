//! Syntax of values. Rejects text that a shell, a package manager or a file would interpret.

use super::UsageError;

/// yes or no.
pub(super) fn yes_or_no(value: &str) -> Result<bool, UsageError> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(UsageError::Value { key: "unsigned", value: value.to_owned(), wanted: "yes or no" }),
    }
}

/// Whether the test of new ssh connections is disabled.
pub(super) fn firewall(value: &str) -> Result<bool, UsageError> {
    match value {
        "ignore" => Ok(true),
        "check" => Ok(false),
        _ => Err(UsageError::Value { key: "firewall", value: value.to_owned(), wanted: "check or ignore" }),
    }
}

/// Default probe timeout in seconds: a switch port may need seconds after an MTU change, and 30 s with
/// spanning tree.
pub(super) const CONFIRM: u64 = 30;

/// Seconds.
pub(super) fn confirm(value: &str) -> Result<u64, UsageError> {
    let seconds = value.parse().ok().filter(|seconds| (1..=600).contains(seconds));
    seconds.ok_or(UsageError::Value { key: "confirm", value: value.to_owned(), wanted: "seconds, 1 to 600" })
}

/// Package names as in Debian policy 5.6.7 and RPM, which excludes options of the package managers.
pub(super) fn packages(value: &str) -> Result<Vec<String>, UsageError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-._".contains(&b);
    let valid = |name: &str| name.bytes().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    list("packages", value, valid, "names of packages, joined by :")
}

/// Keys of daemon.json.
pub(super) fn overrides(value: &str) -> Result<Vec<String>, UsageError> {
    let valid = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    list("override", value, valid, "keys of daemon.json, joined by :")
}

fn list(
    key: &'static str,
    value: &str,
    valid: impl Fn(&str) -> bool,
    wanted: &'static str,
) -> Result<Vec<String>, UsageError> {
    let names: Vec<String> = value.split(':').map(str::to_owned).collect();
    if names.iter().all(|name| valid(name)) {
        return Ok(names);
    }
    Err(UsageError::Value { key, value: value.to_owned(), wanted })
}

/// A registry as in image names (reference.go of distribution/reference: domain and port).
pub(super) fn registry(value: &str) -> Result<String, UsageError> {
    let (host, port) = value.rsplit_once(':').unwrap_or((value, "443"));
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_good = match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
            host.bytes().all(plain) && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        }
    };
    if host_is_good && port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(value.to_owned());
    }
    Err(UsageError::Value { key: "registry", value: value.to_owned(), wanted: "HOST or HOST:PORT" })
}

/// A directory that needs no quoting.
pub(super) fn data_root(value: &str) -> Result<String, UsageError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    let mut parts = value.split('/').skip(1);
    let absolute = value.starts_with('/') && parts.all(|part| !["", ".", ".."].contains(&part));
    if absolute && value.chars().all(plain) {
        return Ok(value.to_owned());
    }
    let wanted = "an absolute path of letters, digits and /._-+@";
    Err(UsageError::Value { key: "data-root", value: value.to_owned(), wanted })
}
