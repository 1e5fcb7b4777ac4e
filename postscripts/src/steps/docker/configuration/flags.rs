//! What dockerd is told on its command line. Pure.
//!
//! Fedora's moby-engine has `--live-restore --log-driver=journald` in `/etc/sysconfig/docker`; dockerd does not start
//! where its file has such a key as well (moby `daemon/config/config.go`, `findConfigurationConflicts`).

use std::collections::BTreeSet;

/// Flags that are named otherwise than their keys (moby `cmd/dockerd/config.go`).
const OTHERWISE: [(&str, &str); 4] = [
    ("default-address-pool", "default-address-pools"),
    ("log-opt", "log-opts"),
    ("registry-mirror", "registry-mirrors"),
    ("graph", "data-root"),
];

/// The keys of daemon.json that these texts give: files of the distribution that the unit reads, and the command line of
/// a running dockerd.
pub(crate) fn given<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let words = texts.into_iter().flat_map(|text| text.lines().filter(|line| !line.trim().starts_with('#')));
    let words = words.flat_map(|line| line.split(|c: char| c.is_whitespace() || "\0\"'\\".contains(c)));
    words.filter_map(key).collect()
}

fn key(word: &str) -> Option<String> {
    // OPTIONS=--live-restore is a line of a sysconfig file
    let start = word.find("--")?;
    if start > 0 && !word.get(..start)?.ends_with('=') {
        return None;
    }
    let name = word.get(start + 2..)?.split('=').next().filter(|name| !name.is_empty())?;
    let named = OTHERWISE.iter().find(|(flag, _)| *flag == name);
    Some(named.map_or(name, |(_, key)| *key).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fedoras_file_and_a_command_line_are_read() {
        let file = "# OPTIONS=\"--bip=1.2.3.4/8\"\nOPTIONS=\"--selinux-enabled \\\n  --log-driver=journald \\\n  \
            --live-restore \\\n  --default-ulimit nofile=1024:1024\"\n";
        let running = "/usr/bin/dockerd\0-H\0fd://\0--log-opt\0max-size=1m\0--mtu=1400\0";
        let keys = given([file, running, "OPTIONS=--graph=/x"]);
        let wanted = [
            "data-root",
            "default-ulimit",
            "live-restore",
            "log-driver",
            "log-opts",
            "mtu",
            "selinux-enabled",
        ];
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), wanted);
    }
}
