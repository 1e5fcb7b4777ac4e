//! What becomes of each setting of somebody else's key file when ours takes its place. The grammars of systemd-networkd and
//! NetworkManager share it. Pure.

use super::dialect::{Lost, Refused, Said};
use super::ini::Setting;
use super::nic::Nic;

/// What becomes of a setting.
pub(super) enum Fate {
    /// Our files have it, from the tables or from what is there.
    Ours,
    /// It is the interface's own.
    Kept,
    /// It goes to the device that has the addresses.
    Moved,
    /// It is reported.
    Lost,
    /// Without it the network would be another. What the administrator can do.
    Refused(&'static str),
}

/// How a grammar writes a setting.
pub(super) struct Writing {
    /// As a line of the file of the device that has the addresses.
    pub(super) moved: fn(&Setting<'_>) -> String,
    /// In a message.
    pub(super) named: fn(&Setting<'_>) -> String,
}

/// Adds the settings of one section.
pub(super) fn add(
    said: &mut Said,
    group: &[Setting<'_>],
    (nic, writing): (&Nic, &Writing),
    fate: impl Fn(&Setting<'_>) -> Fate,
) {
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    for setting in group {
        match fate(setting) {
            Fate::Ours => {}
            Fate::Kept => kept.push(line(setting)),
            Fate::Moved => moved.push((writing.moved)(setting)),
            Fate::Lost => said.lost.push(lost(setting, writing)),
            Fate::Refused(advice) => said.refused.push(Refused {
                file: setting.file.to_owned(),
                line: setting.line,
                setting: (writing.named)(setting),
                interface: nic.name.clone(),
                advice,
            }),
        }
    }
    let section = group.first().map(|first| first.section).unwrap_or_default();
    said.kept.extend(headed(section, kept));
    said.moved.extend(headed(section, moved));
}

/// The setting, for a message that it is not taken over.
pub(super) fn lost(setting: &Setting<'_>, writing: &Writing) -> Lost {
    Lost { file: setting.file.to_owned(), line: setting.line, setting: (writing.named)(setting) }
}

/// `KEY=VALUE`
pub(super) fn line(setting: &Setting<'_>) -> String {
    format!("{}={}", setting.key, setting.value)
}

/// Lines under the head of their section; none where there are no lines.
pub(super) fn headed(section: &str, lines: Vec<String>) -> impl Iterator<Item = String> {
    let head = (!lines.is_empty()).then(|| format!("[{section}]"));
    head.into_iter().chain(lines)
}
