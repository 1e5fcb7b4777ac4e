//! The names of a lab and of what is in it. Everything a lab makes outside its directory (namespaces, machines,
//! cgroups) is named from these two only, so that `down` finds it again without any record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Of a lab.
    #[error("invalid lab name {0:?}: 1 to 20 lower-case letters, digits or '-', the first a letter")]
    Lab(String),
    /// Of a machine of a lab.
    #[error("invalid host name {0:?}: mn, or host1, host2 .. host200")]
    Member(String),
}

/// The name of a lab. It is part of the names of machines (at most 64 bytes) and namespaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabName(Box<str>);

impl LabName {
    /// What every name that this lab makes on the machine begins with.
    pub fn prefix(&self) -> String {
        format!("xdock-{self}")
    }

    /// The name of the namespace and of the machine of one member, or of the fabric.
    pub fn of(&self, part: impl fmt::Display) -> String {
        format!("xdock-{self}-{part}")
    }

    /// Whether this lab made the namespace of that name: another lab's name may begin with this one's.
    pub fn owns(&self, namespace: &str) -> bool {
        let part = namespace.strip_prefix("xdock-").and_then(|rest| rest.strip_prefix(&*self.0));
        let part = part.and_then(|rest| rest.strip_prefix('-'));
        part.is_some_and(|part| part == "fabric" || part == "router" || part.parse::<Member>().is_ok())
    }
}

impl FromStr for LabName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let valid = (1..=20).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if valid { Ok(Self(text.into())) } else { Err(NameError::Lab(text.to_owned())) }
    }
}

impl TryFrom<String> for LabName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<LabName> for String {
    fn from(name: LabName) -> String {
        name.0.into()
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The most hosts a lab has: their last address byte is 10 + number.
pub const MOST_HOSTS: u8 = 200;

/// One machine of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Member {
    /// The management node.
    Mn,
    /// A host, counted from 1.
    Host(u8),
}

impl Member {
    /// The number that addresses are made of; the management node has 0.
    pub fn number(self) -> u8 {
        match self {
            Self::Mn => 0,
            Self::Host(number) => number,
        }
    }
}

impl FromStr for Member {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let invalid = || NameError::Member(text.to_owned());
        if text == "mn" {
            return Ok(Self::Mn);
        }
        let digits = text.strip_prefix("host").ok_or_else(invalid)?;
        let number = digits.parse::<u8>().map_err(|_| invalid())?;
        // `host01` and `host+1` parse as numbers and are other names
        let same = number.to_string() == digits && (1..=MOST_HOSTS).contains(&number);
        if same { Ok(Self::Host(number)) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Member {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Member> for String {
    fn from(member: Member) -> String {
        member.to_string()
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mn => f.pad("mn"),
            Self::Host(number) => f.pad(&format!("host{number}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_mn_and_counted_hosts() {
        assert_eq!("mn".parse(), Ok(Member::Mn));
        assert_eq!("host12".parse(), Ok(Member::Host(12)));
        for bad in ["host0", "host01", "host201", "host", "Host1", "host+1", ""] {
            assert_eq!(bad.parse::<Member>(), Err(NameError::Member(bad.to_owned())));
        }
        assert_eq!(
            "host0".parse::<Member>().unwrap_err().to_string(),
            "invalid host name \"host0\": mn, or host1, host2 .. host200"
        );
    }

    #[test]
    fn a_lab_owns_its_own_namespaces_only() {
        let lab: LabName = "lab".parse().unwrap();
        assert!(lab.owns("xdock-lab-host3") && lab.owns("xdock-lab-fabric") && lab.owns("xdock-lab-mn"));
        for other in ["xdock-lab-b-mn", "xdock-lab2-mn", "xdock-lab", "lab-mn", "xdock-lab-host3x"] {
            assert!(!lab.owns(other), "{other}");
        }
    }

    #[test]
    fn lab_names_are_short_and_plain() {
        assert_eq!("a/b".parse::<LabName>().unwrap_err(), NameError::Lab("a/b".into()));
        assert!("x".repeat(21).parse::<LabName>().is_err());
        assert!("labc-2".parse::<LabName>().is_ok());
    }
}
