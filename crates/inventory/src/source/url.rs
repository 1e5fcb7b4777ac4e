//! `xcat:///etc/xcat` and `file:PATH`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where the inventory is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InventoryUrl {
    /// A directory of xCAT's SQLite tables: `xcat:///etc/xcat`.
    Xcat(PathBuf),
    /// A stanza file: `file:/etc/xdock/cluster.stanza`, `file:///etc/xdock/cluster.stanza` or `file:cluster.stanza`.
    File(PathBuf),
}

/// Text that names no inventory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "invalid inventory {0:?}: xcat:///DIRECTORY (xCAT's SQLite tables) or file:PATH (a stanza file) is needed"
)]
pub struct UrlError(String);

impl FromStr for InventoryUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(text.to_owned());
        let (scheme, rest) = text.split_once(':').ok_or_else(wrong)?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        // `file://host/path` would name a file of another machine
        if path.is_empty() || (rest.starts_with("//") && !path.starts_with('/')) || path.contains('\0') {
            return Err(wrong());
        }
        match scheme {
            "xcat" if path.starts_with('/') => Ok(Self::Xcat(path.into())),
            "file" => Ok(Self::File(path.into())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for InventoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xcat(path) => write!(f, "xcat://{}", path.display()),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_and_printed() {
        for (text, url, printed) in [
            ("xcat:///etc/xcat", InventoryUrl::Xcat("/etc/xcat".into()), "xcat:///etc/xcat"),
            ("xcat:/etc/xcat", InventoryUrl::Xcat("/etc/xcat".into()), "xcat:///etc/xcat"),
            ("file:a.stanza", InventoryUrl::File("a.stanza".into()), "file:a.stanza"),
            ("file:///etc/a", InventoryUrl::File("/etc/a".into()), "file:/etc/a"),
        ] {
            let parsed: InventoryUrl = text.parse().unwrap();
            assert_eq!((&parsed, parsed.to_string().as_str()), (&url, printed));
            assert_eq!(printed.parse(), Ok(url));
        }
    }

    #[test]
    fn other_text_is_refused_with_the_forms_there_are() {
        for text in ["", "/etc/xcat", "file:", "file://host/x", "xcat:etc", "xcat://", "mysql://x"] {
            assert_eq!(
                text.parse::<InventoryUrl>().unwrap_err().to_string(),
                format!(
                    "invalid inventory {text:?}: xcat:///DIRECTORY (xCAT's SQLite tables) or file:PATH (a stanza file) is needed"
                )
            );
        }
    }
}
