//! `xcat:///etc/xcat`, `file:PATH`, `postgres://USER@HOST/DATABASE` and `mysql://USER@HOST/DATABASE`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::database::{Database, DatabaseUrlError, engine_of};

/// Where the inventory is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InventoryUrl {
    /// A directory of xCAT's SQLite tables: `xcat:///etc/xcat`.
    Xcat(PathBuf),
    /// A stanza file: `file:/etc/xdock/cluster.stanza`, `file:///etc/xdock/cluster.stanza` or `file:cluster.stanza`.
    File(PathBuf),
    /// A database server: `postgres://USER@HOST/DATABASE` or `mysql://USER@HOST/DATABASE`.
    Database(Database),
}

/// Text that names no inventory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// None of the forms.
    #[error(
        "invalid inventory {0}: use xcat:///DIRECTORY (xCAT's SQLite tables), file:PATH (a stanza file), postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE"
    )]
    Form(String),
    /// A database's URL with a mistake in it.
    #[error(transparent)]
    Database(#[from] DatabaseUrlError),
}

impl FromStr for InventoryUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if engine_of(text).is_some() {
            return Ok(Self::Database(text.parse()?));
        }
        let wrong = || UrlError::Form(shown(text));
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
            Self::Database(database) => database.fmt(f),
        }
    }
}

/// The text as given, unless it may hold a password: a URL with a user, or a line of xCAT's cfgloc.
fn shown(text: &str) -> String {
    if !text.contains(['@', '|', '=', ';']) {
        return format!("{text:?}");
    }
    let scheme: String = text.chars().take_while(char::is_ascii_alphanumeric).take(12).collect();
    format!("\"{scheme}...\"")
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
        let message = |text: &str| text.parse::<InventoryUrl>().unwrap_err().to_string();
        for text in ["", "/etc/xcat", "file:", "file://host/x", "xcat:etc", "xcat://", "db2://x"] {
            assert_eq!(
                message(text),
                format!(
                    "invalid inventory {text:?}: use xcat:///DIRECTORY (xCAT's SQLite tables), file:PATH (a stanza file), postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE"
                )
            );
        }
        assert!(
            message("Pg:dbname=xcatdb;host=mn|xcatadm|geheim").starts_with("invalid inventory \"Pg...\": ")
        );
        assert!(message("db2://u:geheim@mn/x").starts_with("invalid inventory \"db2...\": "));
        assert!(!message("postgres://u:geheim@mn/x").contains("geheim"));
    }

    #[test]
    fn databases_are_inventories() {
        let url: InventoryUrl = "postgres://xdock@mn/xcatdb".parse().unwrap();
        assert!(matches!(url, InventoryUrl::Database(_)));
        assert_eq!(url.to_string(), "postgres://xdock@mn/xcatdb");
    }
}
