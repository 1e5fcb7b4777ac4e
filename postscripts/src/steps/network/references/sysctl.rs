//! Settings of sysctl.d(5) for one device.

use inventory::IfName;

/// Directories of systemd-sysctl(8) and procps' sysctl(8).
pub(super) const PATHS: [&str; 5] = [
    "/etc/sysctl.conf",
    "/etc/sysctl.d/*.conf",
    "/run/sysctl.d/*.conf",
    "/usr/local/lib/sysctl.d/*.conf",
    "/usr/lib/sysctl.d/*.conf",
];

/// Whether the line has a setting of the device: `net.ipv4.conf.eth0.rp_filter = 1`.
pub(super) fn names(line: &str, device: &IfName) -> bool {
    let line = line.trim().trim_start_matches('-');
    if line.starts_with(['#', ';']) {
        return false;
    }
    let Some((key, _)) = line.split_once('=') else { return false };
    let key = parts(key.trim());
    let parts: Vec<&str> = key.iter().map(String::as_str).collect();
    matches!(parts.as_slice(), ["net", _, "conf" | "neigh", name, ..] if matches(name, device.as_str()))
}

/// If the first separator is a slash, dots belong to names: `net/ipv4/conf/eth0.100/rp_filter`. Otherwise
/// slashes stand for dots: `net.ipv4.conf.eth0/100.rp_filter`.
fn parts(key: &str) -> Vec<String> {
    let first = key.find(['.', '/']).and_then(|at| key.get(at..)).and_then(|rest| rest.chars().next());
    match first {
        Some('/') => key.split('/').map(str::to_owned).collect(),
        _ => key.split('.').map(|part| part.replace('/', ".")).collect(),
    }
}

/// Matches a name, or a pattern with one `*` that does not match every device.
fn matches(pattern: &str, device: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == device,
        Some(("", "")) => false,
        Some((start, end)) => {
            device.len() >= start.len() + end.len() && device.starts_with(start) && device.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_the_device_is_found_in_both_spellings() {
        let eth0: IfName = "eth0".parse().unwrap();
        let vlan: IfName = "eth0.100".parse().unwrap();
        for line in [
            "net.ipv4.conf.eth0.rp_filter = 1",
            "-net.ipv6.conf.eth0.accept_ra=0",
            "net/ipv4/conf/eth0/arp_ignore=1",
            "net.ipv4.neigh.eth*.gc_stale_time=60",
        ] {
            assert!(names(line, &eth0), "{line}");
        }
        for line in [
            "# net.ipv4.conf.eth0.rp_filter = 1",
            "net.ipv4.conf.eth01.rp_filter = 1",
            "net.ipv4.conf.all.rp_filter = 1",
            "net.ipv4.conf.*.rp_filter = 1",
            "net.ipv4.conf.eth0/100.rp_filter = 1",
            "kernel.hostname = eth0",
        ] {
            assert!(!names(line, &eth0), "{line}");
        }
        assert!(names("net.ipv4.conf.eth0/100.rp_filter = 1", &vlan));
        assert!(names("net/ipv4/conf/eth0.100/rp_filter = 1", &vlan));
    }
}
