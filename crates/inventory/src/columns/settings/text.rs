//! Text values: names, paths, variables, Docker's JSON.

use std::net::IpAddr;

pub(super) fn restart(text: &str) -> Result<String, String> {
    let retries = text.strip_prefix("on-failure:").is_some_and(|count| count.parse::<u16>().is_ok());
    if retries || ["no", "always", "unless-stopped", "on-failure"].contains(&text) {
        return Ok(text.to_owned());
    }
    Err("restart is one of no, always, unless-stopped, on-failure, on-failure:COUNT".to_owned())
}

pub(super) fn environment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("the form is env=NAME=VALUE".to_owned()),
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, _)) if name.starts_with("xdock.") => {
            Err("labels that begin with xdock. are xdock's own".to_owned())
        }
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("the form is label=NAME=VALUE".to_owned()),
    }
}

pub(super) fn some(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a value is needed".to_owned()) } else { Ok(text.to_owned()) }
}

pub(super) fn yes(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "1" | "true" => Ok(true),
        "no" | "0" | "false" => Ok(false),
        _ => Err("yes or no is needed".to_owned()),
    }
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "an IP address is needed".to_owned())
}

pub(super) fn domain(text: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(letter) {
        return Ok(text.to_owned());
    }
    Err("a domain such as lab.test is needed".to_owned())
}

/// A container's host name: DNS labels (RFC 1123, 2.1), up to the length that sethostname(2) allows.
pub(super) fn hostname(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let known = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && known && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.len() <= 64 && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("a host name is needed: letters, digits and '-' between dots, at most 64 characters".to_owned())
}

pub(super) fn log_option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("the form is logopt=NAME=VALUE, such as logopt=max-size=10m".to_owned()),
    }
}

pub(super) fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("an absolute path is needed".to_owned()) }
}

/// Removes `CAP_` and converts to upper case, as older engines need it (moby `oci/caps/utils.go`).
pub(super) fn capability(text: &str) -> Result<String, String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        return Ok(name.to_owned());
    }
    Err("a capability such as NET_ADMIN, or ALL, is needed".to_owned())
}

pub(super) fn signal(text: &str) -> Result<String, String> {
    let upper = text.to_ascii_uppercase();
    if upper.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number)) {
        return Ok(upper);
    }
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"+-".contains(&byte);
    if name.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase()) && name.bytes().all(letter) {
        return Ok(format!("SIG{name}"));
    }
    Err("a signal such as SIGTERM, or its number, is needed".to_owned())
}

pub(super) fn json(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}{}", unquoted(text)))
}

/// Hint for the most common mistake: JSON needs double quotes, and a shell removes them.
fn unquoted(text: &str) -> &'static str {
    if text.contains('"') || !text.contains(':') {
        return "";
    }
    "; it has no double quotes, which a shell takes away: put the whole argument in single quotes, as in 'vmothersettings=docker={\"HostConfig\":{\"Init\":true}}'"
}
