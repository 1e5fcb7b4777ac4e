//! The distribution: `/etc/os-release`, parsed (os-release(5)). Pure.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The parts of os-release that select packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `ID`, for example `debian`.
    pub id: String,
    /// First number of `VERSION_ID`; `None` in a rolling release such as Debian testing.
    pub major: Option<u32>,
    /// Its package family.
    pub family: Family,
    version: String,
}

/// Distributions with the same package names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Debian.
    Debian,
    /// Ubuntu, which has its own engine packages.
    Ubuntu,
    /// Fedora.
    Fedora,
    /// RHEL and rebuilds: they have no Docker packages.
    RedHat,
    /// Amazon Linux.
    Amazon,
    /// SLES and openSUSE.
    Suse,
}

/// An unknown distribution.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("distribution {0:?} is not supported; name the packages to install: packages=NAME:NAME")]
pub struct UnknownRelease(pub String);

/// `ID` and words of `ID_LIKE`.
const FAMILIES: [(&str, Family); 15] = [
    ("debian", Family::Debian),
    ("ubuntu", Family::Ubuntu),
    ("fedora", Family::Fedora),
    ("rhel", Family::RedHat),
    ("centos", Family::RedHat),
    ("rocky", Family::RedHat),
    ("almalinux", Family::RedHat),
    ("ol", Family::RedHat),
    ("amzn", Family::Amazon),
    ("sles", Family::Suse),
    ("sled", Family::Suse),
    ("suse", Family::Suse),
    ("opensuse", Family::Suse),
    ("opensuse-leap", Family::Suse),
    ("opensuse-tumbleweed", Family::Suse),
];

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        let value = |name| value(text, name).unwrap_or_default();
        let (id, version) = (value("ID"), value("VERSION_ID"));
        let like = value("ID_LIKE");
        // os-release(5): ID_LIKE lists the closest first
        let mut names = std::iter::once(id.as_str()).chain(like.split_whitespace());
        let family = names.find_map(family).ok_or_else(|| UnknownRelease(id.clone()))?;
        let major = version.split('.').next().and_then(|major| major.parse().ok());
        Ok(Self { id, major, family, version })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version.as_str() {
            "" => f.write_str(&self.id),
            version => write!(f, "{} {version}", self.id),
        }
    }
}

fn family(name: &str) -> Option<Family> {
    FAMILIES.iter().find(|(known, _)| *known == name).map(|(_, family)| *family)
}

/// The last assignment of a name, without quotes. The file has shell assignments, of which distributions use
/// only plain, '...' and "...".
fn value(text: &str, name: &str) -> Option<String> {
    let assigned = |line: &str| {
        let value = line.trim().strip_prefix(name)?.strip_prefix('=')?;
        Some(unquoted(value.trim_end()))
    };
    text.lines().filter_map(assigned).next_back()
}

fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let mut plain = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_comments_are_the_shells() {
        let text = "# ID=other\nID='debian'\nVERSION_ID=\"12\"\nPRETTY_NAME=\"a \\\"b\\\"\"\n";
        let release: Release = text.parse().unwrap();
        assert_eq!(
            (release.id.as_str(), release.major, release.family),
            ("debian", Some(12), Family::Debian)
        );
        assert_eq!(release.to_string(), "debian 12");
        assert_eq!(value(text, "PRETTY_NAME").unwrap(), "a \"b\"");
    }

    #[test]
    fn an_unknown_one_is_like_its_kin_or_refused_by_name() {
        let release: Release =
            "ID=linuxmint\nVERSION_ID=\"22\"\nID_LIKE=\"ubuntu debian\"\n".parse().unwrap();
        assert_eq!(release.family, Family::Ubuntu);
        assert_eq!(
            "ID=arch\n".parse::<Release>().unwrap_err().to_string(),
            "distribution \"arch\" is not supported; name the packages to install: packages=NAME:NAME"
        );
        let nameless = "distribution \"\" is not supported; name the packages to install: packages=NAME:NAME";
        assert_eq!("".parse::<Release>().unwrap_err().to_string(), nameless);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(ID|ID_LIKE|VERSION_ID|[A-Z]{1,3})?[=\"'\\\\ a-z0-9\n]{0,60}") {
            let _ = text.parse::<Release>();
        }
    }
}
