//! A reference to a device, and the effect of the change on it.

use std::fmt;

use inventory::IfName;

/// A device whose packets the host will receive through another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The device that has the address now.
    pub from: IfName,
    /// The bridge, bond or VLAN that will have it.
    pub to: IfName,
}

/// Effect of the change on a line that names the old device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The firewall accepts new ssh connections because of it, and drops them without it.
    CutsSshAccess,
    /// It no longer applies to the host's packets.
    StopsApplying,
    /// It still applies to the device, which becomes a port.
    StaysOnPort,
}

/// A line or rule that names a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Origin: `/etc/dnsmasq.conf:3` or `iptables`.
    pub place: String,
    /// The line or rule.
    pub text: String,
    /// The named device.
    pub device: IfName,
    /// Effect of the change.
    pub effect: Effect,
}

/// All references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The references.
    pub references: Vec<Reference>,
    /// What could not be read, with the cause.
    pub unread: Vec<String>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl Survey {
    /// The rules without which new ssh connections are dropped.
    pub fn cuts(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(|reference| reference.effect == Effect::CutsSshAccess)
    }

    /// The rules of [`Survey::cuts`] for a message; all rules if none of them is certainly the cause.
    pub fn suspects(&self) -> String {
        let cuts: Vec<String> = self.cuts().map(ToString::to_string).collect();
        let all = || self.references.iter().map(ToString::to_string).collect();
        (if cuts.is_empty() { all() } else { cuts }).join("; ")
    }

    /// One line per reference, for `--dry-run` and the log.
    pub fn lines(&self, moved: &[Moved]) -> Vec<String> {
        let target =
            |device: &IfName| moved.iter().find(|moved| moved.from == *device).map(|moved| &moved.to);
        let line = |reference: &Reference| {
            let to = target(&reference.device).unwrap_or(&reference.device);
            let device = &reference.device;
            let what = match reference.effect {
                Effect::CutsSshAccess => format!("accepts ssh on {device} only; nothing accepts it on {to}"),
                Effect::StopsApplying => format!("names {device}, not {to}"),
                Effect::StaysOnPort => format!("names {device}, which becomes a port"),
            };
            format!("{reference} ({what})")
        };
        let unread = self.unread.iter().map(|why| format!("not searched for device names: {why}"));
        self.references.iter().map(line).chain(unread).collect()
    }
}
