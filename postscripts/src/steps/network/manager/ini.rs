//! Files of sections and `KEY=VALUE` lines: systemd's (systemd.syntax(7)) and GLib's key files, as far as both agree. Pure.

/// Such a file.
#[derive(Debug)]
pub(super) struct Ini<'a>(Vec<(&'a str, Vec<(&'a str, &'a str)>)>);

impl<'a> Ini<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut sections: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                sections.push((name, Vec::new()));
            } else if let (Some((key, value)), Some((_, pairs))) = (line.split_once('='), sections.last_mut())
            {
                pairs.push((key.trim(), value.trim()));
            }
        }
        Self(sections)
    }

    /// All sections of that name.
    pub(super) fn sections(&self, name: &str) -> impl Iterator<Item = &[(&'a str, &'a str)]> {
        self.0.iter().filter(move |(section, _)| *section == name).map(|(_, pairs)| pairs.as_slice())
    }

    /// All values of a key in the sections of that name.
    pub(super) fn values(&self, section: &str, key: &str) -> Vec<&'a str> {
        let pairs = self.sections(section).flatten();
        pairs.filter(|(known, _)| *known == key).map(|(_, value)| *value).collect()
    }

    /// The last value of a key.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&'a str> {
        self.values(section, key).pop()
    }

    /// Every `SECTION.KEY=VALUE`.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.0.iter().flat_map(|(section, pairs)| pairs.iter().map(|(key, value)| (*section, *key, *value)))
    }
}

/// The value of a key in one section.
pub(super) fn value<'a>(pairs: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value)
}

/// Values of several words.
pub(super) fn words(values: &[&str]) -> Vec<String> {
    values.iter().flat_map(|value| value.split_whitespace()).map(str::to_owned).collect()
}
