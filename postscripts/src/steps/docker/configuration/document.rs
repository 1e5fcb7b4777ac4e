//! `/etc/docker/daemon.json` with the order of its keys and the text of each value.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Keys and the text of their values, in the file's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::steps::docker) struct Document(Vec<(String, String)>);

impl Document {
    /// Parses a file. An empty file has no keys, as for dockerd (moby `daemon/config/config.go`).
    pub(in crate::steps::docker) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text)
    }

    /// Value of a key.
    pub(in crate::steps::docker) fn get(&self, key: &str) -> Option<Value> {
        let (_, text) = self.0.iter().find(|(name, _)| name == key)?;
        serde_json::from_str(text).ok()
    }

    /// Whether a key exists.
    pub(in crate::steps::docker) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// Sets a key, at its position or at the end.
    pub(in crate::steps::docker) fn set(&mut self, key: &str, value: &Value) {
        let text = spaced(value);
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = text,
            None => self.0.push((key.to_owned(), text)),
        }
    }

    /// All keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<Value>)> {
        self.0.iter().map(|(key, _)| (key.as_str(), self.get(key)))
    }

    /// The file, one key per line.
    pub(in crate::steps::docker) fn text(&self) -> String {
        let lines: Vec<String> =
            self.0.iter().map(|(key, value)| format!("  {}: {value}", Value::from(key.as_str()))).collect();
        if lines.is_empty() { "{}\n".to_owned() } else { format!("{{\n{}\n}}\n", lines.join(",\n")) }
    }
}

/// Short values as in Docker's documentation: on one line, with blanks.
pub(super) fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), spaced(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut document = Document::default();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if document.has(&key) {
                        return Err(A::Error::custom(format_args!("the key {key:?} occurs twice")));
                    }
                    document.0.push((key, value.get().to_owned()));
                }
                Ok(document)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn foreign_keys_stay_as_they_were_written() {
        let text = "{\n    \"zeta\": {\"b\":1,   \"a\": [\n1]},\n\"debug\":true}";
        let mut document = Document::parse(text).unwrap();
        document.set("live-restore", &json!(true));
        document.set("debug", &json!(false));
        document.set("log-opts", &json!({"max-file": "3"}));
        let wanted = "{\n  \"zeta\": {\"b\":1,   \"a\": [\n1]},\n  \"debug\": false,\n  \"live-restore\": true,\n  \
             \"log-opts\": {\"max-file\": \"3\"}\n}\n";
        assert_eq!(document.text(), wanted);
        assert_eq!(Document::parse(wanted).unwrap(), document);
    }

    #[test]
    fn what_is_wrong_has_a_line() {
        let error = |text: &str| Document::parse(text).unwrap_err().to_string();
        assert_eq!(error("{\n  \"a\": 1\n  \"b\": 2\n}"), "expected `,` or `}` at line 3 column 3");
        assert_eq!(error("[]"), "invalid type: sequence, expected an object at line 1 column 0");
        assert_eq!(error("{\"a\":1,\n\"a\":2}"), "the key \"a\" occurs twice at line 2 column 6");
        assert_eq!(Document::parse(" \n").unwrap(), Document::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[{}\\[\\]\",:a-z0-9 \n\\\\]{0,40}") {
            if let Ok(document) = Document::parse(&text) {
                prop_assert_eq!(Document::parse(&document.text()).unwrap(), document);
            }
        }
    }
}
