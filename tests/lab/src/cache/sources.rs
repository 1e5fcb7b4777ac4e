//! Debian's mirror, as the machine's own apt knows it: both forms of sources.list(5).

use std::path::{Path, PathBuf};

/// Where Debian is when apt names no mirror for it.
pub const DEFAULT_MIRROR: &str = "http://deb.debian.org/debian";

/// The mirror that apt's sources name for `main` of Debian.
pub fn mirror() -> String {
    let files = source_files(Path::new("/etc/apt"));
    let texts = files.iter().filter_map(|path| Some((path, std::fs::read_to_string(path).ok()?)));
    let found = texts.flat_map(|(path, text)| {
        if path.extension().is_some_and(|kind| kind == "sources") { deb822(&text) } else { one_line(&text) }
    });
    found.into_iter().find(|uri| is_debian(uri)).unwrap_or_else(|| DEFAULT_MIRROR.to_owned())
}

fn source_files(apt: &Path) -> Vec<PathBuf> {
    let parts = std::fs::read_dir(apt.join("sources.list.d")).into_iter().flatten().flatten();
    let mut parts: Vec<PathBuf> = parts.map(|entry| entry.path()).collect();
    parts.sort();
    std::iter::once(apt.join("sources.list")).chain(parts).collect()
}

/// Other vendors' repositories are in the same files; a mirror of Debian ends in `/debian`.
fn is_debian(uri: &str) -> bool {
    let http = uri.starts_with("http://") || uri.starts_with("https://") || uri.starts_with("file:");
    http && uri.trim_end_matches('/').ends_with("/debian")
}

fn one_line(text: &str) -> Vec<String> {
    let uri = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        rest.split_ascii_whitespace().next().map(str::to_owned)
    };
    text.lines().filter_map(uri).collect()
}

fn deb822(text: &str) -> Vec<String> {
    text.split("\n\n")
        .filter(|stanza| field(stanza, "types").split(' ').any(|kind| kind == "deb"))
        .filter(|stanza| !field(stanza, "enabled").eq_ignore_ascii_case("no"))
        .flat_map(|stanza| field(stanza, "uris").split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// A field's value with its continuation lines, as one line; empty when it is not there.
fn field(stanza: &str, name: &str) -> String {
    let mut lines = stanza
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip_while(|line| !line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name)));
    let first = lines.next().and_then(|line| line.split_once(':')).map_or("", |(_, value)| value);
    let rest = lines.take_while(|line| line.starts_with([' ', '\t']));
    let words = std::iter::once(first).chain(rest).flat_map(str::split_ascii_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_form_with_and_without_options() {
        let text = "# deb http://no/debian x main\ndeb [arch=amd64 signed-by=/k] http://m/debian bookworm main\n\
                    deb-src http://src/debian x main\ndeb http://other/apt x main\n";
        assert_eq!(one_line(text), ["http://m/debian", "http://other/apt"]);
    }

    #[test]
    fn deb822_form_with_continuation_lines() {
        let text = "Types: deb deb-src\n# comment\nURIs: http://a/debian\n http://b/debian\nSuites: bookworm\n\n\
                    Types: deb\nEnabled: no\nURIs: http://off/debian\n\nTypes: deb-src\nURIs: http://src/debian\n";
        assert_eq!(deb822(text), ["http://a/debian", "http://b/debian"]);
    }

    #[test]
    fn security_and_other_vendors_are_no_mirror() {
        assert!(is_debian("http://deb.debian.org/debian/"));
        for other in [
            "http://deb.debian.org/debian-security",
            "https://deb.nodesource.com/node_20.x",
            "cdrom:[x]/debian",
        ] {
            assert!(!is_debian(other), "{other}");
        }
    }
}
