//! Files with sections and `KEY=VALUE` lines: systemd's (systemd.syntax(7)) and GLib's key files, as far as
//! both agree. Pure.

use std::path::Path;

use super::tree::File;

/// Such a file, or one with its drop-ins.
#[derive(Debug, Default)]
pub(super) struct Ini<'a>(Vec<Section<'a>>);

#[derive(Debug)]
struct Section<'a> {
    name: &'a str,
    file: &'a Path,
    pairs: Vec<(&'a str, &'a str)>,
    /// The line number of each pair.
    lines: Vec<usize>,
}

/// One line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting<'a> {
    pub(super) section: &'a str,
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) file: &'a Path,
    /// Its line number, from 1.
    pub(super) line: usize,
}

impl<'a> Ini<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        Self(sections(text, Path::new("")))
    }

    /// Concatenates several files.
    pub(super) fn of(files: &[&'a File]) -> Self {
        Self(files.iter().flat_map(|file| sections(&file.text, &file.path)).collect())
    }

    /// All sections with this name.
    pub(super) fn sections(&self, name: &str) -> impl Iterator<Item = &[(&'a str, &'a str)]> {
        self.0.iter().filter(move |section| section.name == name).map(|section| section.pairs.as_slice())
    }

    /// All values of a key in the sections with this name.
    pub(super) fn values(&self, section: &str, key: &str) -> Vec<&'a str> {
        let pairs = self.sections(section).flatten();
        pairs.filter(|(known, _)| *known == key).map(|(_, value)| *value).collect()
    }

    /// The words of a list. An empty assignment clears it.
    pub(super) fn list(&self, section: &str, key: &str) -> Vec<&'a str> {
        let values = self.values(section, key);
        let begin = values.iter().rposition(|value| value.is_empty()).unwrap_or_default();
        values.into_iter().skip(begin).flat_map(str::split_whitespace).collect()
    }

    /// The last value of a key.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&'a str> {
        self.values(section, key).pop()
    }

    /// All settings, grouped by the sections of the files.
    pub(super) fn groups(&self) -> impl Iterator<Item = Vec<Setting<'a>>> {
        self.0.iter().map(Section::settings)
    }

    /// Every setting.
    pub(super) fn all(&self) -> impl Iterator<Item = Setting<'a>> {
        self.groups().flatten()
    }
}

impl<'a> Section<'a> {
    fn settings(&self) -> Vec<Setting<'a>> {
        let pairs = self.pairs.iter().zip(&self.lines);
        let (section, file) = (self.name, self.file);
        pairs.map(|(&(key, value), &line)| Setting { section, key, value, file, line }).collect()
    }
}

fn sections<'a>(text: &'a str, file: &'a Path) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { name, file, pairs: Vec::new(), lines: Vec::new() });
        } else if let (Some((key, value)), Some(section)) = (line.split_once('='), sections.last_mut()) {
            section.pairs.push((key.trim(), value.trim()));
            section.lines.push(number + 1);
        }
    }
    sections
}

/// The value of a key in one section.
pub(super) fn value<'a>(pairs: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value)
}

/// The words of all values.
pub(super) fn words(values: &[&str]) -> Vec<String> {
    values.iter().flat_map(|value| value.split_whitespace()).map(str::to_owned).collect()
}
