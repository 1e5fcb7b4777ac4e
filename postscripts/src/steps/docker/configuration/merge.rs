//! Merges xdock's settings into the administrator's: set, kept, or in conflict. Pure.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

use super::document::{Document, spaced};
use super::pools::touched;

/// A key with a value that xdock cannot use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    key: String,
    theirs: Value,
    ours: Value,
    /// The cluster network that overlaps the current value.
    touched: Option<IpNet>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, theirs, ours, touched } = self;
        write!(f, "{key} is {}", spaced(theirs))?;
        if let Some(network) = touched {
            write!(f, ", which overlaps the cluster's {network}")?;
        }
        write!(f, ", but must be {}; remove the key, or use override={key}", spaced(ours))
    }
}

/// Further input of the merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    /// The cluster's networks.
    pub(super) cluster: &'a [IpNet],
    /// Keys whose current value may be replaced.
    pub(super) overrides: &'a [String],
    /// Keys on dockerd's command line. dockerd does not start if the file has them too (moby
    /// `daemon/config/config.go`, `findConfigurationConflicts`).
    pub(super) flags: &'a BTreeSet<String>,
}

/// The administrator's document with xdock's settings, and the changed keys.
pub(super) fn merge(
    theirs: &Document,
    ours: &Document,
    terms: Terms<'_>,
) -> Result<(Document, BTreeSet<String>), Vec<Conflict>> {
    let (mut merged, mut changed, mut conflicts) = (theirs.clone(), BTreeSet::new(), Vec::new());
    for (key, wanted) in ours.iter() {
        let Some(wanted) = wanted else { continue };
        match verdict(key, &wanted, theirs, terms) {
            Verdict::Keep => {}
            Verdict::Set(value) => {
                merged.set(key, &value);
                changed.insert(key.to_owned());
            }
            Verdict::Conflict(touched, present) => {
                conflicts.push(Conflict { key: key.to_owned(), theirs: present, ours: wanted, touched });
            }
        }
    }
    if conflicts.is_empty() { Ok((merged, changed)) } else { Err(conflicts) }
}

enum Verdict {
    Keep,
    Set(Value),
    Conflict(Option<IpNet>, Value),
}

fn verdict(key: &str, ours: &Value, theirs: &Document, terms: Terms<'_>) -> Verdict {
    if terms.flags.contains(key) || is_administrators(key, theirs, terms) {
        return Verdict::Keep;
    }
    let Some(present) = theirs.get(key) else { return Verdict::Set(ours.clone()) };
    if present == *ours {
        return Verdict::Keep;
    }
    if terms.overrides.iter().any(|name| name == key) {
        return Verdict::Set(ours.clone());
    }
    match key {
        "bip" | "default-address-pools" => match foreign_network(&present, terms.cluster) {
            Ok(None) => Verdict::Keep,
            Ok(touched) => Verdict::Conflict(touched, present),
            Err(()) => Verdict::Conflict(None, present),
        },
        "registry-mirrors" => union(&present, ours).map_or(Verdict::Conflict(None, present), |all| all),
        // a smaller one works too
        "mtu" if present.as_u64() <= ours.as_u64() => Verdict::Keep,
        _ => Verdict::Conflict(None, present),
    }
}

/// Log settings are left to the administrator if the file has any of them. So is docker0 if its address is
/// not Docker's default, or only a part of it is used.
fn is_administrators(key: &str, theirs: &Document, terms: Terms<'_>) -> bool {
    let has_any = |names: &[&str]| names.iter().any(|name| theirs.has(name) || terms.flags.contains(*name));
    match key {
        "log-driver" | "log-opts" => has_any(&["log-driver", "log-opts"]),
        "bip" => has_any(&["bridge", "fixed-cidr"]),
        _ => false,
    }
}

/// The cluster network that a value of `bip` or `default-address-pools` overlaps.
fn foreign_network(value: &Value, cluster: &[IpNet]) -> Result<Option<IpNet>, ()> {
    let bases: Vec<&Value> = match value {
        Value::Array(pools) => pools.iter().filter_map(|pool| pool.get("base")).collect(),
        single => vec![single],
    };
    for base in bases {
        let net: IpNet = base.as_str().ok_or(())?.parse().map_err(drop)?;
        let found = match net {
            IpNet::V4(net) => touched(Ipv4Net::trunc(&net), cluster),
            IpNet::V6(_) => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Lists: the administrator's entries, then xdock's missing ones.
fn union(theirs: &Value, ours: &Value) -> Option<Verdict> {
    let (theirs, ours) = (theirs.as_array()?, ours.as_array()?);
    let new: Vec<Value> = ours.iter().filter(|item| !theirs.contains(item)).cloned().collect();
    if new.is_empty() {
        return Some(Verdict::Keep);
    }
    Some(Verdict::Set(Value::Array(theirs.iter().cloned().chain(new).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"{"live-restore": true, "log-driver": "json-file", "log-opts": {"max-size": "10m"},
        "bip": "172.17.0.1/16", "default-address-pools": [{"base": "172.18.0.0/16", "size": 24}],
        "mtu": 1400, "registry-mirrors": ["https://mn:5000"], "data-root": "/srv/docker"}"#;

    fn merged(theirs: &str, overrides: &[&str], flags: &[&str]) -> Result<(Document, String), String> {
        let parse = |text| Document::parse(text).unwrap();
        let cluster: Vec<IpNet> = vec!["10.99.0.0/16".parse().unwrap(), "172.20.0.0/16".parse().unwrap()];
        let overrides: Vec<String> = overrides.iter().map(|key| (*key).to_owned()).collect();
        let flags = flags.iter().map(|key| (*key).to_owned()).collect();
        let terms = Terms { cluster: &cluster, overrides: &overrides, flags: &flags };
        let (document, changed) = merge(&parse(theirs), &parse(OURS), terms)
            .map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        Ok((document, changed.into_iter().collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn an_empty_file_gets_all_and_a_second_merge_changes_nothing() {
        let (document, changed) = merged("", &[], &[]).unwrap();
        let all = "bip data-root default-address-pools live-restore log-driver log-opts mtu registry-mirrors";
        assert_eq!(changed, all);
        let text = document.text();
        assert_eq!(merged(&text, &[], &[]).unwrap(), (document, String::new()));
    }

    #[test]
    fn foreign_keys_and_what_does_no_harm_stay() {
        let theirs = r#"{"debug": true, "log-opts": {"max-file": "9"}, "bridge": "none", "mtu": 1300,
            "registry-mirrors": ["https://other"], "data-root": "/srv/docker",
            "default-address-pools": [{"base": "192.168.64.0/18", "size": 26}]}"#;
        let (document, changed) = merged(theirs, &[], &[]).unwrap();
        assert_eq!(changed, "live-restore registry-mirrors");
        assert_eq!(document.get("debug"), Some(true.into()));
        assert_eq!(
            document.get("registry-mirrors").unwrap().to_string(),
            r#"["https://other","https://mn:5000"]"#
        );
    }

    #[test]
    fn conflicts_name_key_both_values_and_the_way_out() {
        let theirs = r#"{"live-restore": false, "bip": "172.20.0.1/24", "mtu": 9000, "data-root": "/other",
            "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]}"#;
        let wanted = "live-restore is false, but must be true; remove the key, or use override=live-restore\n\
            bip is \"172.20.0.1/24\", which overlaps the cluster's 172.20.0.0/16, but must be \"172.17.0.1/16\"; remove the key, or use override=bip\n\
            default-address-pools is [{\"base\": \"10.0.0.0/8\", \"size\": 24}], which overlaps the cluster's 10.99.0.0/16, but must be [{\"base\": \"172.18.0.0/16\", \"size\": 24}]; remove the key, or use override=default-address-pools\n\
            mtu is 9000, but must be 1400; remove the key, or use override=mtu\n\
            data-root is \"/other\", but must be \"/srv/docker\"; remove the key, or use override=data-root";
        assert_eq!(merged(theirs, &[], &[]).unwrap_err(), wanted);
        let all = ["live-restore", "bip", "mtu", "data-root", "default-address-pools"];
        let (document, _) = merged(theirs, &all, &[]).unwrap();
        assert_eq!(document.get("bip"), Some("172.17.0.1/16".into()));
    }

    #[test]
    fn keys_of_the_command_line_are_not_repeated() {
        let (_, changed) = merged("", &[], &["live-restore", "log-driver", "fixed-cidr"]).unwrap();
        assert_eq!(changed, "data-root default-address-pools mtu registry-mirrors");
    }
}
