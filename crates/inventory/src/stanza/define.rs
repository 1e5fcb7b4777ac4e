//! Changes of a [`Document`]. All other lines stay unchanged.

use std::collections::{HashMap, HashSet};

use super::parse::{is_object_name, unknown_attribute};
use super::{Document, Kind, Object, StanzaError, parse};
use crate::attributes;

type Attrs = [(String, String)];

impl Document {
    /// The document with `attrs` set on each of `names`.
    ///
    /// # Errors
    /// An unknown attribute or type, or an invalid name.
    pub fn define(&self, names: &[String], attrs: &Attrs) -> Result<Self, StanzaError> {
        let kind = asked_kind(attrs)?;
        let attrs: Vec<_> = attrs.iter().filter(|(name, _)| name != "objtype").cloned().collect();
        let mut changed = HashMap::new();
        let mut added = Vec::new();
        let mut seen = HashSet::new();
        for name in names.iter().filter(|name| seen.insert(name.as_str())) {
            let object = self.find(name, kind);
            let kind = object.map_or(kind.unwrap_or(Kind::Node), |object| object.kind);
            all_known(kind, &attrs)?;
            no_contradiction(kind, &attrs)?;
            match object {
                Some(object) => drop(changed.insert(object.line, self.changed(object, &attrs))),
                None => added.extend(new_object(name, kind, &attrs)?),
            }
        }
        parse(&self.with(&changed, &added))
    }

    /// The document without objects of those names.
    ///
    /// # Errors
    /// Names all that are not defined.
    pub fn undefine(&self, names: &[String]) -> Result<Self, StanzaError> {
        let unknown: Vec<String> =
            names.iter().filter(|name| self.find(name, None).is_none()).cloned().collect();
        if !unknown.is_empty() {
            return Err(StanzaError::Unknown { names: unknown });
        }
        let gone = names.iter().filter_map(|name| self.find(name, None));
        let gone = gone.map(|object| (object.line, Vec::new())).collect();
        parse(&self.with(&gone, &[]))
    }

    /// Finds an object by name. Of several types, the node has priority. Types that xdock does not read are never selected.
    fn find(&self, name: &str, kind: Option<Kind>) -> Option<&Object> {
        let mut found = self.objects.iter().filter(|object| object.name == name && object.kind.is_read());
        match kind {
            Some(kind) => found.find(|object| object.kind == kind),
            None => found.min_by_key(|object| object.kind),
        }
    }

    /// The lines of an object after the change.
    fn changed(&self, object: &Object, attrs: &Attrs) -> Vec<String> {
        let mut pending: Vec<(&str, &str)> = attrs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut lines = Vec::new();
        for (number, line) in self.lines_of(object) {
            let attr = object.attrs.iter().find(|attr| attr.line == number);
            let new =
                attr.and_then(|attr| attrs.iter().find(|(name, _)| same(name, &attr.name, object.kind)));
            match new {
                None => lines.push(line.to_owned()),
                Some((name, value)) => {
                    let first = pending.iter().any(|(waiting, _)| waiting == name);
                    pending.retain(|(waiting, _)| waiting != name);
                    lines.extend(attr_line(name, value).filter(|_| first));
                }
            }
        }
        lines.extend(pending.iter().filter_map(|(name, value)| attr_line(name, value)));
        lines
    }

    fn lines_of(&self, object: &Object) -> impl Iterator<Item = (u32, &str)> {
        (object.line..).zip(self.span(object.line, object.last + 1))
    }

    /// Replaces the lines of objects. Removing an object also removes its blank line.
    fn with(&self, changed: &HashMap<u32, Vec<String>>, added: &[String]) -> String {
        let mut lines: Vec<&str> = Vec::new();
        let mut next = 1;
        for object in self.objects.iter().filter(|object| changed.contains_key(&object.line)) {
            lines.extend(self.span(next, object.line));
            next = object.last + 1;
            let new = changed.get(&object.line).map(Vec::as_slice).unwrap_or_default();
            lines.extend(new.iter().map(String::as_str));
            if new.is_empty() {
                match self.span(next, next + 1).next() {
                    Some(line) => next += u32::from(line.trim().is_empty()),
                    None => drop(lines.pop_if(|line| line.trim().is_empty())),
                }
            }
        }
        lines.extend(self.span(next, u32::MAX));
        lines.extend(added.iter().map(String::as_str));
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// The lines from number `first` up to but without number `end`.
    fn span(&self, first: u32, end: u32) -> impl Iterator<Item = &str> {
        let count = usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX);
        let skip = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
        self.lines.iter().skip(skip).take(count).map(String::as_str)
    }
}

fn asked_kind(attrs: &Attrs) -> Result<Option<Kind>, StanzaError> {
    let Some((_, text)) = attrs.iter().find(|(name, _)| name == "objtype") else { return Ok(None) };
    match text.parse::<Kind>() {
        Ok(kind) if kind.is_read() => Ok(Some(kind)),
        _ => Err(StanzaError::Type { line: 0, kind: text.clone() }),
    }
}

fn all_known(kind: Kind, attrs: &Attrs) -> Result<(), StanzaError> {
    match attrs.iter().find(|(name, _)| !kind.has(name)) {
        Some((name, _)) => Err(unknown_attribute(kind, name, 0)),
        None => attrs.iter().try_for_each(|(name, value)| one_line(name, value)),
    }
}

/// Error: two attributes of the command set one column to different values.
fn no_contradiction(kind: Kind, attrs: &Attrs) -> Result<(), StanzaError> {
    for (at, (name, value)) in attrs.iter().enumerate() {
        let clashes = |(other, text): &&(String, String)| same(other, name, kind) && text != value;
        if let Some((other, text)) = attrs.iter().take(at).find(clashes) {
            let what = format!("{other}={text} sets the same column to another value");
            return Err(of_command(name, value, what));
        }
    }
    Ok(())
}

fn of_command(name: &str, value: &str, what: String) -> StanzaError {
    let attribute = format!("{name}={}", value.escape_debug());
    StanzaError::Value { line: 0, attribute, object: "the command".to_owned(), what }
}

/// Refuses a value that would be read back differently.
fn one_line(name: &str, value: &str) -> Result<(), StanzaError> {
    if value.contains(['\n', '\r']) || value.trim() != value {
        return Err(of_command(name, value, "a value is one line without blanks around it".to_owned()));
    }
    Ok(())
}

fn new_object(name: &str, kind: Kind, attrs: &Attrs) -> Result<Vec<String>, StanzaError> {
    if !is_object_name(name) {
        return Err(StanzaError::Name { name: name.to_owned() });
    }
    if kind == Kind::Node {
        name.parse::<crate::NodeName>()?;
    }
    let mut lines = vec![String::new(), format!("{name}:"), format!("    objtype={kind}")];
    lines.extend(attrs.iter().filter_map(|(name, value)| attr_line(name, value)));
    Ok(lines)
}

fn attr_line(name: &str, value: &str) -> Option<String> {
    (!value.is_empty()).then(|| format!("    {name}={value}"))
}

/// Whether two names are of one column: `vmhost` and `dockerhost`. The whole column replaces its NICs' entries.
fn same(new: &str, old: &str, kind: Kind) -> bool {
    if new == old {
        return true;
    }
    if !matches!(kind, Kind::Node | Kind::Group) {
        return false;
    }
    match (new.split_once('.'), old.split_once('.')) {
        (None, Some((base, _))) => new == base,
        (None, None) => {
            let column = |name| attributes::named(name).next().map(|found| (found.table, found.column));
            column(new).is_some() && column(new) == column(old)
        }
        _ => false,
    }
}
