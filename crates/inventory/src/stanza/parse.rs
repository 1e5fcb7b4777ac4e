//! Parses text to a [`Document`].

use std::collections::HashMap;

use super::{Attr, Document, Kind, Object, StanzaError};

/// What a line is.
enum Line<'a> {
    Nothing,
    Name(&'a str),
    Attr(&'a str, &'a str),
}

/// An object whose type may still come.
struct Draft {
    name: String,
    line: u32,
    last: u32,
    kind: Option<Kind>,
    attrs: Vec<Attr>,
}

pub(super) fn document(text: &str) -> Result<Document, StanzaError> {
    // some editors begin a file with a byte order mark
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut drafts: Vec<Draft> = Vec::new();
    for (number, text) in (1..).zip(&lines) {
        match line(number, text)? {
            Line::Nothing => {}
            Line::Name(name) => drafts.push(Draft::new(name, number)),
            Line::Attr(name, value) => match drafts.last_mut() {
                Some(draft) => draft.add(name, value, number)?,
                None => {
                    return Err(wrong(number, text, "an attribute before any object: `NAME:` comes first"));
                }
            },
        }
    }
    let objects = drafts.into_iter().map(Draft::finish).collect::<Result<Vec<_>, _>>()?;
    no_object_twice(&objects)?;
    Ok(Document { lines, objects })
}

fn line(number: u32, text: &str) -> Result<Line<'_>, StanzaError> {
    let content = text.trim();
    if content.is_empty() || content.starts_with('#') {
        return Ok(Line::Nothing);
    }
    if text.starts_with([' ', '\t']) {
        return match content.split_once('=') {
            Some((name, value)) if is_attribute_name(name.trim()) => {
                Ok(Line::Attr(name.trim(), value.trim()))
            }
            _ => Err(wrong(number, text, "not `ATTRIBUTE=VALUE`")),
        };
    }
    match content.strip_suffix(':') {
        Some(name) if is_object_name(name) => Ok(Line::Name(name)),
        _ if content.contains('=') => Err(wrong(number, text, "not indented: attributes begin with blanks")),
        _ => Err(wrong(number, text, "neither `NAME:` nor an indented `ATTRIBUTE=VALUE`")),
    }
}

/// Any name that reads back as one; what a node's name may be is the node's own rule. A header ends with its last colon, and
/// the name of an IPv6 network has others.
pub(super) fn is_object_name(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '#'))
}

fn is_attribute_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('#') && !name.contains(char::is_whitespace)
}

fn wrong(line: u32, text: &str, what: &'static str) -> StanzaError {
    StanzaError::Line { line, text: text.trim().to_owned(), what }
}

impl Draft {
    fn new(name: &str, line: u32) -> Self {
        Self { name: name.to_owned(), line, last: line, kind: None, attrs: Vec::new() }
    }

    fn add(&mut self, name: &str, value: &str, line: u32) -> Result<(), StanzaError> {
        self.last = line;
        if name == "objtype" {
            let kind = value.parse().map_err(|()| StanzaError::Type { line, kind: value.to_owned() })?;
            self.kind = Some(kind);
        } else {
            self.attrs.push(Attr { name: name.to_owned(), value: value.to_owned(), line });
        }
        Ok(())
    }

    fn finish(self) -> Result<Object, StanzaError> {
        let Self { name, line, last, kind, attrs } = self;
        let Some(kind) = kind else { return Err(StanzaError::NoType { line, object: name }) };
        let object = Object { name, kind, line, last, attrs };
        object.all_known()?;
        object.no_contradiction()?;
        Ok(object)
    }
}

impl Object {
    fn all_known(&self) -> Result<(), StanzaError> {
        match self.attrs.iter().find(|attr| !self.kind.has(&attr.name)) {
            Some(Attr { name, line, .. }) => Err(unknown_attribute(self.kind, name, *line)),
            None => Ok(()),
        }
    }

    fn no_contradiction(&self) -> Result<(), StanzaError> {
        let mut seen: HashMap<&str, &Attr> = HashMap::new();
        for attr in &self.attrs {
            if let Some(first) = seen.insert(&attr.name, attr).filter(|first| first.value != attr.value) {
                return Err(self.contradiction(first, attr));
            }
        }
        Ok(())
    }

    /// Error: two lines set one column to different values.
    pub(super) fn contradiction(&self, first: &Attr, second: &Attr) -> StanzaError {
        let written = |attr: &Attr| format!("{}={}", attr.name, attr.value);
        StanzaError::Contradiction {
            line: second.line,
            first: first.line,
            attribute: written(second),
            other: written(first),
            object: self.name.clone(),
        }
    }
}

/// Error of an unknown attribute, with similar names.
pub(super) fn unknown_attribute(kind: Kind, name: &str, line: u32) -> StanzaError {
    StanzaError::Attribute { line, attribute: name.to_owned(), kind, near: kind.near(name) }
}

fn no_object_twice(objects: &[Object]) -> Result<(), StanzaError> {
    let mut seen = HashMap::new();
    for object in objects {
        if let Some(first) = seen.insert((object.kind, object.name.as_str()), object.line) {
            let (kind, name) = (object.kind, object.name.clone());
            return Err(StanzaError::ObjectTwice { line: object.line, first, kind, name });
        }
    }
    Ok(())
}
