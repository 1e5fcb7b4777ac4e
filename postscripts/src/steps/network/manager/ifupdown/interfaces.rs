//! Reads the stanzas of a device in ifupdown's files, `/etc/network/interfaces` and files that it sources,
//! and removes a device from them. Pure. Syntax: interfaces(5), and `get_line` in ifupdown's config.c.

/// Prefix of a disabled line. The rest of the line is unchanged.
pub(super) const MARK: &str = "#xdock# ";

/// A line with its continuations: its bytes, and its words if it is not a comment.
struct Logical<'a> {
    raw: &'a str,
    words: Vec<&'a str>,
}

/// The text without `device`: its stanzas are commented out and its name is removed from `auto` lines. All
/// other bytes are unchanged.
pub fn without(text: &str, device: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut inside = false;
    for line in logical_lines(text) {
        match Role::of(&line, device) {
            Role::Other => {
                inside = false;
                result.push_str(line.raw);
            }
            Role::Ours => {
                inside = true;
                comment_out(&mut result, line.raw);
            }
            Role::Named => {
                inside = false;
                comment_out(&mut result, line.raw);
                result.push_str(&without_name(&line, device));
            }
            Role::Option if inside => comment_out(&mut result, line.raw),
            Role::Option | Role::Nothing => result.push_str(line.raw),
        }
    }
    result
}

/// Family and method of each `iface DEVICE FAMILY METHOD` stanza of a device.
pub fn methods<'a>(text: &'a str, device: &str) -> Vec<(&'a str, &'a str)> {
    let stanza = |line: Logical<'a>| match line.words.as_slice() {
        ["iface", name, family, method, ..] if *name == device => Some((*family, *method)),
        _ => None,
    };
    logical_lines(text).filter_map(stanza).collect()
}

/// The interfaces that `ifup -a` brings up.
pub fn automatic(text: &str) -> Vec<&str> {
    let names = logical_lines(text).map(|line| match line.words.as_slice() {
        ["auto" | "allow-auto", names @ ..] => names.to_vec(),
        _ => Vec::new(),
    });
    names.flatten().collect()
}

/// The options in the device's stanzas, each as one line.
pub fn options(text: &str, device: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in logical_lines(text) {
        match Role::of(&line, device) {
            Role::Ours => inside = line.words.first() == Some(&"iface"),
            Role::Other | Role::Named => inside = false,
            Role::Option if inside => found.push(line.words.join(" ")),
            Role::Option | Role::Nothing => {}
        }
    }
    found
}

/// The lines that are not comments, with their numbers from 1 and their words.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let mut next = 1;
    logical_lines(text).map(move |line| {
        let number = next;
        next += line.raw.matches('\n').count();
        (number, line.words)
    })
}

/// What a text includes: patterns of files, and directories.
pub(super) fn sourced(text: &str) -> Vec<(bool, &str)> {
    let lines = logical_lines(text).map(|line| match line.words.as_slice() {
        [keyword @ ("source" | "source-directory"), paths @ ..] => {
            paths.iter().map(|path| (*keyword == "source-directory", *path)).collect()
        }
        _ => Vec::new(),
    });
    lines.flatten().collect()
}

/// Whether a text includes the files of a directory, in any syntax.
pub fn sources(text: &str, directory: &str) -> bool {
    logical_lines(text).any(|line| match line.words.as_slice() {
        ["source", patterns @ ..] => patterns.iter().any(|pattern| *pattern == format!("{directory}/*")),
        ["source-directory", directories @ ..] => {
            directories.iter().any(|named| named.trim_end_matches('/') == directory)
        }
        _ => false,
    })
}

/// Role of a line for one device.
enum Role {
    /// A comment or an empty line.
    Nothing,
    /// It belongs to the device only.
    Ours,
    /// It names the device and others.
    Named,
    /// It begins the definition of another device.
    Other,
    /// It belongs to the stanza above.
    Option,
}

impl Role {
    fn of(line: &Logical<'_>, device: &str) -> Self {
        match line.words.as_slice() {
            [] => Self::Nothing,
            ["iface", name, ..] if is_device(name, device) => Self::Ours,
            [keyword, names @ ..] if lists_devices(keyword) => {
                match (names.iter().any(|name| is_device(name, device)), names) {
                    (false, _) => Self::Other,
                    (true, [_]) => Self::Ours,
                    (true, _) => Self::Named,
                }
            }
            ["iface" | "mapping" | "source" | "source-directory" | "rename" | "template", ..] => Self::Other,
            _ => Self::Option,
        }
    }
}

/// Whether lines with this keyword list interfaces.
pub(super) fn lists_devices(keyword: &str) -> bool {
    matches!(keyword, "auto" | "no-auto-down" | "no-scripts") || keyword.starts_with("allow-")
}

/// Whether a name means the device: `eth0`, its labelled addresses `eth0:1`, and `eth0=home` with a stanza
/// name. `eth0.5`, a VLAN, is another device.
fn is_device(name: &str, device: &str) -> bool {
    name.strip_prefix(device).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '=']))
}

fn without_name(line: &Logical<'_>, device: &str) -> String {
    let kept: Vec<&str> = line.words.iter().filter(|word| !is_device(word, device)).copied().collect();
    format!("{}\n", kept.join(" "))
}

fn comment_out(result: &mut String, raw: &str) {
    for line in raw.split_inclusive('\n') {
        result.push_str(MARK);
        result.push_str(line);
    }
    // without a newline the next text would be appended to the last line
    if !result.ends_with('\n') {
        result.push('\n');
    }
}

fn logical_lines(text: &str) -> impl Iterator<Item = Logical<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = logical_length(rest);
        let (raw, after) = rest.split_at_checked(length).filter(|(raw, _)| !raw.is_empty())?;
        rest = after;
        let words = if is_comment(raw) { Vec::new() } else { words(raw) };
        Some(Logical { raw, words })
    })
}

/// Length up to the first newline that is not escaped by a backslash. A comment is never continued.
fn logical_length(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        length += line.len();
        if is_comment(text) || !line.trim_end_matches('\n').ends_with('\\') {
            break;
        }
    }
    length
}

fn is_comment(raw: &str) -> bool {
    raw.trim_start_matches([' ', '\t']).starts_with('#')
}

fn words(raw: &str) -> Vec<&str> {
    raw.split(|c: char| c.is_ascii_whitespace() || c == '\\').filter(|word| !word.is_empty()).collect()
}
