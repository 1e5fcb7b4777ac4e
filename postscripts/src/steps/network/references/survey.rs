//! Reads this host's active rules, the rules that are loaded at boot, and the files of services.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Command, ExecuteError};

use super::reference::{Moved, Reference, Survey};
use super::ruleset::{NewSsh, Ruleset};
use super::services::KNOWN;
use super::{iptables, nftables};

/// A packet filter with ten thousand rules needs some seconds.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Programs that print iptables' rules, for each address family. The second is needed if both generations are
/// installed.
const SAVE_IPV4: [&str; 2] = ["iptables-save", "iptables-legacy-save"];
const SAVE_IPV6: [&str; 2] = ["ip6tables-save", "ip6tables-legacy-save"];

/// Files that iptables-persistent, Red Hat's iptables-services and ufw load at boot.
const IPTABLES_FILES: [&str; 8] = [
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
    "/etc/ufw/user.rules",
    "/etc/ufw/user6.rules",
    "/etc/ufw/before*.rules",
    "/etc/ufw/after*.rules",
];

/// Finds references to moved devices. Reads nothing if no device moves.
pub(in crate::steps::network) async fn survey(root: &Path, moved: &[Moved], packet: NewSsh) -> Survey {
    let mut survey = Survey::default();
    if moved.is_empty() {
        return survey;
    }
    running(&mut survey, moved, packet).await;
    for (path, text) in texts(root, &IPTABLES_FILES, &mut survey.unread) {
        add(&mut survey, &iptables::parse(&text, &path, true, packet), moved);
    }
    services(root, &mut survey, moved);
    survey
}

fn add(survey: &mut Survey, ruleset: &Ruleset, moved: &[Moved]) {
    for reference in moved.iter().flat_map(|moved| ruleset.references(moved)) {
        if !survey.references.contains(&reference) {
            survey.references.push(reference);
        }
    }
}

/// Reads the active rules.
async fn running(survey: &mut Survey, moved: &[Moved], packet: NewSsh) {
    let (own, other) = if packet.source.is_ipv4() { (SAVE_IPV4, SAVE_IPV6) } else { (SAVE_IPV6, SAVE_IPV4) };
    let mut skip_iptables = false;
    for program in own.into_iter().chain(other) {
        let Some(text) = answer(program, &[], &mut survey.unread).await else { continue };
        skip_iptables |= text.contains("(nf_tables)");
        let place = program.replace("-legacy-save", "").replace("-save", "");
        let mut ruleset = iptables::parse(&text, &place, false, packet);
        if other.contains(&program) {
            // the management node does not use this address family
            ruleset.chains.values_mut().for_each(|chain| chain.is_entry = false);
        }
        add(survey, &ruleset, moved);
    }
    if let Some(text) = answer("nft", &["-j", "list", "ruleset"], &mut survey.unread).await {
        match nftables::parse(&text, skip_iptables, packet) {
            Ok(ruleset) => add(survey, &ruleset, moved),
            Err(error) => survey.unread.push(format!("the rules of nftables: {error}")),
        }
    }
}

/// Output of a program; `None` if it is not installed or failed.
async fn answer(program: &str, args: &[&str], unread: &mut Vec<String>) -> Option<String> {
    match Command::new(program, COMMAND_TIMEOUT).args(args).execute().await {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(ExecuteError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            unread.push(format!("the rules of {program}: {}", chain::chain(&error)));
            None
        }
    }
}

fn services(root: &Path, survey: &mut Survey, moved: &[Moved]) {
    for known in KNOWN {
        for (path, text) in texts(root, known.paths, &mut survey.unread) {
            for device in moved.iter().map(|moved| &moved.from) {
                for (number, line) in known.lines(&text, device) {
                    survey.references.push(Reference {
                        place: format!("{path}:{number}"),
                        text: line.to_owned(),
                        device: device.clone(),
                        effect: known.effect,
                    });
                }
            }
        }
    }
}

/// The files of these paths, with their content.
fn texts(root: &Path, paths: &[&str], unread: &mut Vec<String>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in paths {
        for file in files(root, path, unread) {
            all.extend(read(&file, unread).map(|text| (file.display().to_string(), text)));
        }
    }
    all
}

/// Content of a file. Bytes that are not UTF-8 cannot name a device.
fn read(path: &Path, unread: &mut Vec<String>) -> Option<String> {
    match durable::read(path) {
        Ok(bytes) => bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            unread.push(chain::chain(&error));
            None
        }
    }
}

/// The files of a path whose last part may have one `*`. Links to /dev/null, which mask a file, do not count.
#[allow(clippy::disallowed_methods, reason = "one that cannot be listed is reported")]
fn files(root: &Path, pattern: &str, unread: &mut Vec<String>) -> Vec<PathBuf> {
    let path = root.join(pattern.trim_start_matches('/'));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (Some((start, end)), Some(directory)) = (name.split_once('*'), path.parent()) else {
        return vec![path];
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        Err(error) => {
            unread.push(format!("{}: {error}", directory.display()));
            return Vec::new();
        }
    };
    let is_of = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.len() >= start.len() + end.len()
            && name.starts_with(start)
            && name.ends_with(end)
            && path.is_file()
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_of).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::network::references::Effect;

    #[test]
    fn files_of_a_directory_are_found_by_their_ends() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("etc/dnsmasq.d/sub")).unwrap();
        for name in ["b.conf", "a.conf", "a.conf.bak"] {
            fs::write(at("etc/dnsmasq.d").join(name), "").unwrap();
        }
        let mut unread = Vec::new();
        assert_eq!(
            files(root.path(), "/etc/dnsmasq.d/*.conf", &mut unread),
            [at("etc/dnsmasq.d/a.conf"), at("etc/dnsmasq.d/b.conf")]
        );
        assert_eq!(files(root.path(), "/etc/none/*", &mut unread), [] as [PathBuf; 0]);
        assert_eq!(unread, [] as [String; 0]);
    }

    #[test]
    fn services_are_reported_with_file_and_line() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("etc/dnsmasq.d")).unwrap();
        fs::create_dir_all(at("etc/radvd.conf")).unwrap();
        fs::write(at("etc/dnsmasq.d/lan"), b"# \xff\ninterface=eth0\n").unwrap();
        let moved = [Moved { from: "eth0".parse().unwrap(), to: "br0".parse().unwrap() }];
        let mut survey = Survey::default();
        services(root.path(), &mut survey, &moved);
        let place = format!("{}:2", at("etc/dnsmasq.d/lan").display());
        let radvd = at("etc/radvd.conf").display().to_string();
        assert_eq!(
            survey.lines(&moved),
            [
                format!("{place}: interface=eth0 (names eth0, not br0)"),
                format!("not searched for device names: cannot read {radvd}: not a regular file"),
            ]
        );
        assert_eq!(survey.references[0].effect, Effect::StopsApplying);
    }
}
