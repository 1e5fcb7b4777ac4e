//! Reads the fields of a JSON object one by one, so that errors name the field and its value.
//!
//! Go writes a nil map, slice or pointer as `null` and an absent address as `""`: both count as absent.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::error::CallError;

/// Maximum length of request text in an error, in characters.
const MAX_SHOWN: usize = 120;

/// A JSON object of a request, with its path in the request.
pub(crate) struct Fields<'a> {
    call: &'static str,
    path: String,
    object: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The request itself.
    pub(crate) fn root(call: &'static str, value: &'a Value) -> Result<Self, CallError> {
        let fields = Self { call, path: String::new(), object: None };
        match value {
            Value::Object(object) => Ok(Self { object: Some(object), ..fields }),
            other => Err(fields.refuse("the request", Some(other), "a JSON object is needed")),
        }
    }

    /// A nested object; absent or null: an object without fields.
    pub(crate) fn object(&self, name: &str) -> Result<Self, CallError> {
        let path = format!("{}{name}.", self.path);
        match self.get(name) {
            None => Ok(Self { call: self.call, path, object: None }),
            Some(Value::Object(object)) => Ok(Self { call: self.call, path, object: Some(object) }),
            Some(other) => Err(self.refuse(name, Some(other), "a JSON object is needed")),
        }
    }

    /// An array of objects; absent or null: empty.
    pub(crate) fn objects(&self, name: &str) -> Result<Vec<Self>, CallError> {
        let items: &[Value] = match self.get(name) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.refuse(name, Some(other), "a JSON array is needed")),
        };
        items.iter().enumerate().map(|(index, item)| self.element(name, index, item)).collect()
    }

    fn element(&self, name: &str, index: usize, item: &'a Value) -> Result<Self, CallError> {
        let place = format!("{name}[{index}]");
        match item.as_object() {
            Some(object) => {
                Ok(Self { call: self.call, path: format!("{}{place}.", self.path), object: Some(object) })
            }
            None => Err(self.refuse(&place, Some(item), "a JSON object is needed")),
        }
    }

    /// A string; absent: empty.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, CallError> {
        match self.get(name) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.refuse(name, Some(other), "text is needed")),
        }
    }

    /// A value in string form; empty or absent: `None`.
    pub(crate) fn parsed<T>(&self, name: &str) -> Result<Option<T>, CallError>
    where
        T: FromStr<Err: Display>,
    {
        self.parsed_with(name, str::parse)
    }

    /// Like `parsed`, with another parser.
    pub(crate) fn parsed_with<T, E: Display>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, CallError> {
        match self.text(name)? {
            "" => Ok(None),
            text => {
                read(text).map(Some).map_err(|error| self.refuse(name, self.get(name), &error.to_string()))
            }
        }
    }

    /// An address with a prefix length; empty or absent: `None`.
    pub(crate) fn net(&self, name: &str) -> Result<Option<IpNet>, CallError> {
        let rule = "an address with its prefix length such as 10.1.0.0/16 is needed";
        self.parsed_with(name, |text| text.parse().map_err(|_| rule))
    }

    /// An address; empty or absent: `None`.
    pub(crate) fn address(&self, name: &str) -> Result<Option<IpAddr>, CallError> {
        self.parsed_with(name, |text| text.parse().map_err(|_| "an IP address such as 10.1.0.5 is needed"))
    }

    /// The value of a required field.
    pub(crate) fn present<T>(&self, name: &str, value: Option<T>) -> Result<T, CallError> {
        value.ok_or_else(|| self.refuse(name, self.get(name), "it is required"))
    }

    /// A required value in string form.
    pub(crate) fn required<T>(&self, name: &str) -> Result<T, CallError>
    where
        T: FromStr<Err: Display>,
    {
        self.parsed(name).and_then(|value| self.present(name, value))
    }

    /// A boolean; absent: false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, CallError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.refuse(name, Some(other), "true or false is needed")),
        }
    }

    /// A required natural number.
    pub(crate) fn number(&self, name: &str) -> Result<u64, CallError> {
        let number = self.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| self.refuse(name, self.get(name), "a number is needed"))
    }

    /// All fields; each must be a string.
    pub(crate) fn texts(&self) -> Result<BTreeMap<String, String>, CallError> {
        self.names().map(|name| Ok((name.clone(), self.text(name)?.to_owned()))).collect()
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a String> {
        self.object.into_iter().flat_map(Map::keys)
    }

    /// The error for one field of this object.
    pub(crate) fn refuse(&self, name: &str, value: Option<&Value>, rule: &str) -> CallError {
        CallError::Value {
            call: self.call,
            field: shortened(&format!("{}{name}", self.path)),
            value: value.map_or_else(|| "absent".to_owned(), |value| shortened(&value.to_string())),
            rule: rule.to_owned(),
        }
    }

    /// A field's value; absent or null: `None`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object?.get(name).filter(|value| !value.is_null())
    }
}

/// Limits text of a request to a length that an error may contain.
pub(crate) fn shortened(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_SHOWN).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    start
}
