//! Whether the management node can open ssh connections: the result before a change, and what must still work
//! after it.

use super::knock::{Knock, Knocked};
use super::references::{Moved, Survey};

/// Result of the test before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshAccess {
    /// A new connection was accepted. It must be accepted after the change too.
    Proven(Knock),
    /// No test was possible, or it failed; the cause.
    Unproven(String),
    /// The administrator disabled the test (`firewall=ignore`).
    Ignored,
}

/// The firewall would cut off the management node, and the change cannot be tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The device that the rules name, and the device that receives its packets.
    pub moved: String,
    /// The rules.
    pub rules: String,
    /// Why no test is possible.
    pub why: String,
}

impl SshAccess {
    /// Tests the current network. One retry, because a busy management node may be slow once.
    pub async fn before(knock: Knock, ignore: bool) -> Self {
        if ignore {
            return Self::Ignored;
        }
        let knocked = match knock.knock().await {
            Knocked::In => Knocked::In,
            _ => knock.knock().await,
        };
        match knocked {
            Knocked::In => Self::Proven(knock),
            Knocked::Out(why) | Knocked::NoHelper(why) => Self::Unproven(why),
        }
    }

    /// The test to repeat after the change.
    pub fn knock(&self) -> Option<Knock> {
        match self {
            Self::Proven(knock) => Some(*knock),
            Self::Unproven(_) | Self::Ignored => None,
        }
    }

    /// Why the change must not begin: rules would cut off ssh, and no test is possible.
    pub fn refusal(&self, survey: &Survey, moved: &[Moved]) -> Option<Refusal> {
        let Self::Unproven(why) = self else { return None };
        let first = survey.cuts().next()?;
        let to = moved.iter().find(|moved| moved.from == first.device).map(|moved| &moved.to)?;
        let moved = format!("{}, whose address moves to {to}", first.device);
        Some(Refusal { moved, rules: survey.suspects(), why: why.clone() })
    }

    /// Remark in the summary of a change.
    pub fn note(&self) -> Option<&'static str> {
        match self {
            Self::Proven(_) => None,
            Self::Unproven(_) => Some("new ssh connections from the management node were not tested"),
            Self::Ignored => Some("new ssh connections were not tested, because of firewall=ignore"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::references::{Effect, Reference};
    use super::*;

    fn survey(effect: Effect) -> (Survey, [Moved; 1]) {
        let device: inventory::IfName = "eth0".parse().unwrap();
        let text = "-A INPUT -i eth0 -j ACCEPT".to_owned();
        let reference = Reference { place: "iptables".to_owned(), text, device: device.clone(), effect };
        let moved = [Moved { from: device, to: "mynet0".parse().unwrap() }];
        (Survey { references: vec![reference], unread: Vec::new() }, moved)
    }

    #[test]
    fn only_rules_that_cut_an_untested_way_in_refuse_the_change() {
        let unproven = SshAccess::Unproven("no helper".to_owned());
        let proven = SshAccess::Proven(Knock::new("10.99.0.1".parse().unwrap(), None));
        let (cut, moved) = survey(Effect::CutsSshAccess);
        let refusal = Refusal {
            moved: "eth0, whose address moves to mynet0".to_owned(),
            rules: "iptables: -A INPUT -i eth0 -j ACCEPT".to_owned(),
            why: "no helper".to_owned(),
        };
        assert_eq!(unproven.refusal(&cut, &moved), Some(refusal));
        assert_eq!(proven.refusal(&cut, &moved), None);
        assert_eq!(SshAccess::Ignored.refusal(&cut, &moved), None);
        let (other, moved) = survey(Effect::StopsApplying);
        assert_eq!(unproven.refusal(&other, &moved), None);
    }
}
