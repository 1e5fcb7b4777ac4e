//! Settings on dockerd's command line. Pure.
//!
//! Fedora's moby-engine has `--live-restore --log-driver=journald` in `/etc/sysconfig/docker`. dockerd does
//! not start if its file has such a key too (moby `daemon/config/config.go`, `findConfigurationConflicts`).

use std::collections::BTreeSet;

use super::document::Document;

/// Flags whose keys have another name (moby `cmd/dockerd/config.go`).
const OTHERWISE: [(&str, &str); 12] = [
    ("authorization-plugin", "authorization-plugins"),
    ("default-address-pool", "default-address-pools"),
    ("dns-opt", "dns-opts"),
    ("exec-opt", "exec-opts"),
    ("graph", "data-root"),
    ("host", "hosts"),
    ("insecure-registry", "insecure-registries"),
    ("label", "labels"),
    ("log-opt", "log-opts"),
    ("node-generic-resource", "node-generic-resources"),
    ("registry-mirror", "registry-mirrors"),
    ("storage-opt", "storage-opts"),
];

/// Single-letter flags.
const SHORT: [(&str, &str); 8] = [
    ("-D", "debug"),
    ("-G", "group"),
    ("-H", "hosts"),
    ("-b", "bridge"),
    ("-g", "data-root"),
    ("-l", "log-level"),
    ("-p", "pidfile"),
    ("-s", "storage-driver"),
];

/// Keys that dockerd accepts in both (moby `daemon/config/config.go`, `skipDuplicates`,
/// `skipValidateOptions`).
const BOTH: [&str; 5] = ["builder", "default-ulimits", "default-ulimit", "features", "runtimes"];

/// Keys that are in the file and on the command line, with which dockerd does not start.
pub(super) fn duplicates(document: &Document, flags: &BTreeSet<String>) -> Vec<String> {
    let both = flags.iter().filter(|key| document.has(key) && !BOTH.contains(&key.as_str()));
    both.cloned().collect()
}

/// The keys of daemon.json that these arguments set.
pub(crate) fn keys_of<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().filter_map(key).collect()
}

fn key(word: &str) -> Option<String> {
    // -H fd:// and -Hfd:// are equal
    if let Some((_, key)) = SHORT.iter().find(|(flag, _)| word.starts_with(flag)) {
        return Some((*key).to_owned());
    }
    let name = word.strip_prefix("--")?.split('=').next().filter(|name| !name.is_empty())?;
    let named = OTHERWISE.iter().find(|(flag, _)| *flag == name);
    Some(named.map_or(name, |(_, key)| *key).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_by_their_keys() {
        let line = "/usr/bin/dockerd -H fd:// -g/x --selinux-enabled --log-opt max-size=1m --mtu=1400 --log-driver=journald -D --";
        let keys = keys_of(line.split(' '));
        let wanted = ["data-root", "debug", "hosts", "log-driver", "log-opts", "mtu", "selinux-enabled"];
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn what_both_say_is_found() {
        let flags = keys_of(["-H", "fd://", "--live-restore", "--label=a", "--default-ulimit", "nofile=1:1"]);
        let file = r#"{"hosts": ["unix://"], "live-restore": true, "labels": [], "default-ulimits": {}, "mtu": 1400}"#;
        let duplicates = |text: &str| super::duplicates(&Document::parse(text).unwrap(), &flags);
        assert_eq!(duplicates(file), ["hosts", "labels", "live-restore"]);
        assert_eq!(duplicates("{}"), Vec::<String>::new());
    }
}
