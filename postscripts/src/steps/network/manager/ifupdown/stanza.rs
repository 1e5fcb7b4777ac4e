//! The stanzas of interfaces(5), and which of them apply to an interface: by its name, by a logical name in
//! `auto` or `allow-` lines, also by a pattern, and by inheritance. Pure.

use super::super::glob;
use super::super::nic::Nic;
use super::interfaces::{lists_devices, numbered};

/// An `iface` stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stanza<'a> {
    pub(super) name: &'a str,
    pub(super) family: &'a str,
    pub(super) method: &'a str,
    pub(super) inherits: Option<&'a str>,
    pub(super) options: Vec<Opt<'a>>,
}

/// A line of a stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opt<'a> {
    pub(super) words: Vec<&'a str>,
    /// Its line number, from 1.
    pub(super) line: usize,
}

/// All stanzas of a file.
pub(super) fn stanzas(text: &str) -> Vec<Stanza<'_>> {
    let mut found: Vec<Stanza<'_>> = Vec::new();
    let mut inside = false;
    for (line, words) in numbered(text) {
        match words.as_slice() {
            [] => {}
            ["iface", name, "inherits", other] => {
                inside = true;
                found.push(Stanza {
                    name,
                    family: "",
                    method: "",
                    inherits: Some(other),
                    options: Vec::new(),
                });
            }
            ["iface", name, family, method, rest @ ..] => {
                inside = true;
                let inherits = rest.iter().position(|word| *word == "inherits");
                let inherits = inherits.and_then(|at| rest.get(at + 1)).copied();
                found.push(Stanza { name, family, method, inherits, options: Vec::new() });
            }
            [word, ..] if begins_other(word) => inside = false,
            _ => {
                let last = found.last_mut().filter(|_| inside);
                last.into_iter().for_each(|stanza| stanza.options.push(Opt { words: words.clone(), line }));
            }
        }
    }
    found
}

fn begins_other(word: &str) -> bool {
    matches!(word, "iface" | "mapping" | "source" | "source-directory" | "rename" | "template")
        || lists_devices(word)
}

/// A word of `auto` and `allow-` lines: `[VARIABLE]/VALUE[/OPTIONS][=LOGICAL]` or `NAME[=LOGICAL]`.
pub(super) struct Selection<'a> {
    physical: &'a str,
    pub(super) logical: Option<&'a str>,
}

impl<'a> Selection<'a> {
    pub(super) fn parse(word: &'a str) -> Self {
        match word.split_once('=') {
            Some((physical, logical)) => Self { physical, logical: Some(logical) },
            None => Self { physical: word, logical: None },
        }
    }

    pub(super) fn is_pattern(&self) -> bool {
        self.physical.contains('/') && !self.physical.starts_with("/dev/")
    }

    /// Whether it selects an interface. The number at the end of a pattern is ignored: an additional
    /// interface is only refused or reported, a missed one would be lost.
    pub(super) fn has(&self, nic: &Nic) -> bool {
        if !self.is_pattern() {
            return self.physical == nic.name.as_str();
        }
        let mut parts = self.physical.split('/');
        let (variable, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match variable {
            "" => glob::matches(value, nic.name.as_str()),
            "mac" | "address" => {
                let mac = nic.mac.map(|mac| mac.to_string());
                mac.is_some_and(|mac| glob::matches(&value.to_ascii_lowercase(), &mac))
            }
            _ => false,
        }
    }
}

/// The words of all `auto` and `allow-` lines.
pub(super) fn selections(text: &str) -> Vec<Selection<'_>> {
    let words = numbered(text).map(|(_, words)| match words.as_slice() {
        [keyword, words @ ..] if lists_devices(keyword) => words.to_vec(),
        _ => Vec::new(),
    });
    words.flatten().map(Selection::parse).collect()
}

/// The names of the stanzas that apply to an interface.
pub(super) fn names<'a>(texts: &[&'a str], nic: &'a Nic) -> Vec<&'a str> {
    let selected = texts.iter().flat_map(|text| selections(text)).filter(|selection| selection.has(nic));
    let mut names: Vec<&str> = vec![nic.name.as_str()];
    names.extend(selected.filter_map(|selection| selection.logical));
    names
}

/// The text without patterns that give our devices a stanza. The other interfaces that they select are named
/// one by one.
pub(super) fn without_patterns(text: &str, devices: &[Nic], all: &[&Nic]) -> String {
    let is_ours = |nic: &Nic| devices.iter().any(|device| device.name == nic.name);
    let mut result = String::with_capacity(text.len());
    for raw in text.split_inclusive('\n') {
        let words: Vec<&str> = raw.split_whitespace().collect();
        let is_list = words.first().is_some_and(|word| lists_devices(word));
        let taken = |word: &&str| {
            let selection = Selection::parse(word);
            selection.is_pattern()
                && selection.logical.is_some()
                && devices.iter().any(|nic| selection.has(nic))
        };
        if !is_list || !words.iter().any(taken) {
            result.push_str(raw);
            continue;
        }
        let named = |word: &str| -> Vec<String> {
            let selection = Selection::parse(word);
            let others = all.iter().filter(|nic| selection.has(nic) && !is_ours(nic));
            others.map(|nic| format!("{}={}", nic.name, selection.logical.unwrap_or_default())).collect()
        };
        let words =
            words.iter().flat_map(|word| if taken(word) { named(word) } else { vec![(*word).to_owned()] });
        let words: Vec<String> = words.collect();
        result.push_str(&format!("{}{raw}", super::interfaces::MARK));
        if words.len() > 1 {
            result.push_str(&format!("{}\n", words.join(" ")));
        }
    }
    result
}

/// A foreign bridge or bond that takes one of the devices at each boot: the line and the device.
pub(super) fn taker<'a>(text: &'a str, devices: &'a [Nic]) -> Option<(Opt<'a>, &'a Nic)> {
    let is_ours = |name: &str| devices.iter().any(|device| device.name.as_str() == name);
    let foreign = stanzas(text).into_iter().filter(|stanza| !is_ours(stanza.name));
    let options = foreign.flat_map(|stanza| stanza.options);
    options.filter_map(|option| Some((option.clone(), taken(&option, devices)?))).next()
}

fn taken<'a>(option: &Opt<'_>, devices: &'a [Nic]) -> Option<&'a Nic> {
    let [keyword, words @ ..] = option.words.as_slice() else { return None };
    if !matches!(
        keyword.replace('_', "-").as_str(),
        "bridge-ports" | "bond-slaves" | "slaves" | "ovs-ports" | "ovs-bonds"
    ) {
        return None;
    }
    let mut is_regex = false;
    for word in words {
        match *word {
            "regex" => is_regex = true,
            "noregex" => is_regex = false,
            word => {
                let has = |nic: &&Nic| match is_regex {
                    true => is_like(word, nic.name.as_str()),
                    false => word == nic.name.as_str() || word == "all" && nic.kind.is_empty(),
                };
                if let Some(nic) = devices.iter().find(has) {
                    return Some(nic);
                }
            }
        }
    }
    None
}

/// Matches a regular expression of bridge_ports: usually a name with `.*`, `.+` or `[0-9]`.
fn is_like(regex: &str, name: &str) -> bool {
    let pattern = regex.trim_start_matches('^').trim_end_matches('$').replace(".*", "*").replace(".+", "?*");
    glob::matches(&pattern.replace("]+", "]*").replace('.', "?"), name)
}
