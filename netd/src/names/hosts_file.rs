//! Lines of links in a container's /etc/hosts. Pure.
//!
//! `mk` has Docker write them, so that links work without netd too. But a container's programs read /etc/hosts before they ask a name
//! server: a line with an old address would lie. So netd keeps them current.
//!
//! Only lines of xdock change: those that `mk` had written, which a label of the container lists, and those that end with [`MARK`].

use std::fmt;
use std::net::IpAddr;

/// Ends each line that netd has written.
const MARK: &str = "# link of xdock";

/// A name and its address: a line of /etc/hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
}

impl Entry {
    /// Parses Docker's format: `db:10.99.2.1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, address) = text.split_once(':')?;
        Some(Self { name: name.to_owned(), address: address.parse().ok()? })
    }

    /// The entry of a line with one name (moby `libnetwork/etchosts`).
    fn of_line(line: &str) -> Option<Self> {
        let (address, name) = line.split_once('\t')?;
        let is_one = !name.is_empty() && !name.contains(char::is_whitespace);
        is_one.then_some(Self { name: name.to_owned(), address: address.parse().ok()? })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}", self.address, self.name)
    }
}

/// The content with the lines of `wanted` in place of those of earlier links. `created`: the entries with which the container was
/// created. `None`: the content is current.
pub(crate) fn refresh(text: &str, created: &[Entry], wanted: &[Entry]) -> Option<String> {
    let mut missing: Vec<&Entry> = wanted.iter().collect();
    // until the first line of xdock, and after it
    let (mut before, mut after) = (String::new(), None::<String>);
    for line in text.split_inclusive('\n') {
        let entry = own(line.strip_suffix('\n').unwrap_or(line), created);
        let is_current = entry.as_ref().is_none_or(|entry| take(&mut missing, entry));
        let part = if entry.is_some() {
            after.get_or_insert_default()
        } else {
            after.as_mut().unwrap_or(&mut before)
        };
        part.push_str(if is_current { line } else { "" });
    }
    if !(missing.is_empty() || before.is_empty() || before.ends_with('\n')) {
        before.push('\n');
    }
    let lines = missing.iter().map(|entry| format!("{entry}\t{MARK}\n"));
    let new: String = std::iter::once(before).chain(lines).chain(after).collect();
    (new != text).then_some(new)
}

/// Removes an entry. `false`: it is not there.
fn take(entries: &mut Vec<&Entry>, entry: &Entry) -> bool {
    let at = entries.iter().position(|other| *other == entry);
    at.map(|at| entries.remove(at)).is_some()
}

/// The entry of a line of xdock.
fn own(line: &str, created: &[Entry]) -> Option<Entry> {
    match line.strip_suffix(MARK) {
        Some(marked) => Entry::of_line(marked.trim_end()),
        None => Entry::of_line(line).filter(|entry| created.contains(entry)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n";
    const OWN: &str = "10.99.1.1\tweb\n";

    fn entries(texts: &[&str]) -> Vec<Entry> {
        texts.iter().map(|text| Entry::parse(text).unwrap()).collect()
    }

    fn refreshed(lines: &str, created: &[&str], wanted: &[&str]) -> Option<String> {
        let text = format!("{DOCKER}{lines}{OWN}");
        let new = refresh(&text, &entries(created), &entries(wanted))?;
        assert_eq!(refresh(&new, &entries(created), &entries(wanted)), None, "a second time");
        let inner = new.strip_prefix(DOCKER).unwrap();
        Some(inner.strip_suffix(OWN).unwrap_or(inner).to_owned())
    }

    #[test]
    fn current_lines_stay() {
        let lines = "10.99.2.1\tdb\nfd99::21\tdb\n10.99.2.1\tdata\n";
        let created = ["db:10.99.2.1", "db:fd99::21", "data:10.99.2.1"];
        assert_eq!(refreshed(lines, &created, &created), None);
        assert_eq!(refreshed("", &[], &[]), None);
    }

    #[test]
    fn a_new_address_replaces_the_line() {
        let lines = "10.99.2.1\tdb\n10.99.2.2\tfiles\n";
        let created = ["db:10.99.2.1", "files:10.99.2.2"];
        let moved = refreshed(lines, &created, &["db:10.99.2.9", "files:10.99.2.2"]).unwrap();
        assert_eq!(moved, "10.99.2.9\tdb\t# link of xdock\n10.99.2.2\tfiles\n");
        assert_eq!(refreshed(&moved, &created, &["files:10.99.2.2"]).unwrap(), "10.99.2.2\tfiles\n");
        let back = refreshed(&moved, &created, &created).unwrap();
        assert_eq!(back, "10.99.2.1\tdb\t# link of xdock\n10.99.2.2\tfiles\n");
    }

    #[test]
    fn a_link_without_target_has_no_line_until_it_is_back() {
        let created = ["db:10.99.2.1"];
        assert_eq!(refreshed("10.99.2.1\tdb\n", &created, &[]).unwrap(), "");
        let back = refreshed("", &created, &created).unwrap();
        assert_eq!(back, format!("{OWN}10.99.2.1\tdb\t# link of xdock\n"), "at the end");
    }

    #[test]
    fn lines_of_others_stay() {
        let others = "10.99.2.1\tdb2\n10.99.2.1\tdb extra\n10.99.2.7\tdb\n#10.99.2.1\tdb\n10.99.2.1 db\nx # link of xdock\n";
        let new = refreshed(&format!("{others}10.99.2.1\tdb\n"), &["db:10.99.2.1"], &[]);
        assert_eq!(new.unwrap(), others);
    }

    #[test]
    fn a_line_is_added_after_an_unfinished_one() {
        let new = refresh("10.0.0.1\tx", &[], &entries(&["db:10.99.2.1"]));
        assert_eq!(new.unwrap(), "10.0.0.1\tx\n10.99.2.1\tdb\t# link of xdock\n");
        assert_eq!(refresh("", &[], &entries(&["db:::1"])).unwrap(), "::1\tdb\t# link of xdock\n");
    }
}
