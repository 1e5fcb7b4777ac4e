//! Device names in packet filters and in files.

use inventory::IfName;

/// A device name, or its prefix if it ends with a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    prefix: bool,
}

impl Pattern {
    /// Parses nftables' syntax: `eth*` (nft(8), "String types").
    pub(super) fn nft(text: &str) -> Self {
        Self::with(text, '*')
    }

    /// Parses iptables' syntax: `eth+` (iptables(8), `--in-interface`).
    pub(super) fn iptables(text: &str) -> Self {
        Self::with(text, '+')
    }

    fn with(text: &str, wildcard: char) -> Self {
        match text.strip_suffix(wildcard) {
            Some(start) => Self { text: start.to_owned(), prefix: true },
            None => Self { text: text.to_owned(), prefix: false },
        }
    }

    pub(super) fn matches(&self, device: &IfName) -> bool {
        let device = device.as_str();
        if self.prefix { device.starts_with(&self.text) } else { device == self.text }
    }
}

/// Match of a rule on the incoming or outgoing device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceTest {
    pub(super) patterns: Vec<Pattern>,
    pub(super) negated: bool,
}

impl DeviceTest {
    pub(super) fn passes(&self, device: &IfName) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(device)) != self.negated
    }
}

/// Whether a text contains the device's name as a word. `eth0` is in `dev eth0`, `@eth0:` and
/// `sys-subsystem-net-devices-eth0.device`, but not in `veth0`, `eth01`, `eth0.100` or `eth0-lan`.
pub(super) fn names(text: &str, device: &IfName) -> bool {
    let name = device.as_str();
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + name.len()..).unwrap_or_default();
        starts_word(before) && ends_word(after)
    })
}

fn starts_word(before: &str) -> bool {
    if before.ends_with("net-devices-") {
        return true;
    }
    let joins = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    // an option followed by its value: `-ieth0`
    let option =
        before.rsplit(|c: char| c.is_whitespace() || "=\"'".contains(c)).next().is_some_and(|word| {
            let mut letters = word.chars();
            letters.next() == Some('-')
                && letters.next().is_some_and(char::is_alphabetic)
                && letters.next().is_none()
        });
    option || !before.ends_with(joins)
}

fn ends_word(after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        Some('.') => !next.next().is_some_and(|c| c.is_ascii_digit()),
        Some('-') => !next.next().is_some_and(|c| c.is_ascii_alphanumeric()),
        Some(c) => !(c.is_ascii_alphanumeric() || c == '_'),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_its_whole_name_only() {
        let eth0: IfName = "eth0".parse().unwrap();
        for named in [
            "tc qdisc add dev eth0 root fq",
            "DAEMON_ARGS=-Ieth0",
            "INTERFACESv4=\"eth0\"",
            "BindsTo=sys-subsystem-net-devices-eth0.device",
            "fe80::1%eth0",
            "range eth0:1",
            "eth0.",
        ] {
            assert!(names(named, &eth0), "{named}");
        }
        for other in ["veth0", "eth01", "eth0.100", "my-eth0", "eth0-lan", "eth0_x", "/run/eth0x"] {
            assert!(!names(other, &eth0), "{other}");
        }
    }

    #[test]
    fn patterns_are_those_of_each_filter() {
        let eth0: IfName = "eth0".parse().unwrap();
        assert!(Pattern::iptables("eth+").matches(&eth0) && Pattern::nft("et*").matches(&eth0));
        assert!(!Pattern::iptables("eth*").matches(&eth0) && !Pattern::nft("eth").matches(&eth0));
        assert!(Pattern::iptables("+").matches(&eth0));
    }
}
