//! What happens to each setting of a foreign keyfile when ours replaces it. systemd-networkd and
//! NetworkManager share it. Pure.

use super::dialect::{DroppedSetting, ParsedSettings, RefusedSetting};
use super::ini::Setting;
use super::nic::Nic;

/// What happens to a setting.
pub(super) enum Takeover {
    /// Our files generate it, from the tables or the current state.
    Generated,
    /// It belongs to the interface itself.
    Keep,
    /// It moves to the device with the addresses.
    Move,
    /// It is reported.
    Drop,
    /// The network would change without it. Advice to the administrator.
    Refuse(&'static str),
}

/// How a manager's syntax writes a setting.
pub(super) struct Writing {
    /// As a line in the file of the device with the addresses.
    pub(super) moved: fn(&Setting<'_>) -> String,
    /// In a message.
    pub(super) named: fn(&Setting<'_>) -> String,
}

/// Adds the settings of one section.
pub(super) fn add(
    parsed: &mut ParsedSettings,
    group: &[Setting<'_>],
    (nic, writing): (&Nic, &Writing),
    takeover: impl Fn(&Setting<'_>) -> Takeover,
) {
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    for setting in group {
        match takeover(setting) {
            Takeover::Generated => {}
            Takeover::Keep => kept.push(line(setting)),
            Takeover::Move => moved.push((writing.moved)(setting)),
            Takeover::Drop => parsed.dropped.push(lost(setting, writing)),
            Takeover::Refuse(advice) => parsed.refused.push(RefusedSetting {
                file: setting.file.to_owned(),
                line: setting.line,
                setting: (writing.named)(setting),
                interface: nic.name.clone(),
                advice,
            }),
        }
    }
    let section = group.first().map(|first| first.section).unwrap_or_default();
    parsed.kept.extend(headed(section, kept));
    parsed.moved.extend(headed(section, moved));
}

/// The setting, for the report that it is not taken over.
pub(super) fn lost(setting: &Setting<'_>, writing: &Writing) -> DroppedSetting {
    DroppedSetting { file: setting.file.to_owned(), line: setting.line, setting: (writing.named)(setting) }
}

/// `KEY=VALUE`
pub(super) fn line(setting: &Setting<'_>) -> String {
    format!("{}={}", setting.key, setting.value)
}

/// Lines below the header of their section; empty without lines.
pub(super) fn headed(section: &str, lines: Vec<String>) -> impl Iterator<Item = String> {
    let head = (!lines.is_empty()).then(|| format!("[{section}]"));
    head.into_iter().chain(lines)
}
