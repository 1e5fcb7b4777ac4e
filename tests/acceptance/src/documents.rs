//! Keeps the pages in `docs/` in step with the code: tests that a page names exist, tests of failures are on the page about
//! failures, quoted messages are in the sources, and links point to files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Suites whose promises are about failures: each of them has a row in failures.md.
const SUITES_OF_FAILURES: [&str; 15] = [
    "tests/acceptance/tests/healing/faults.rs",
    "tests/acceptance/tests/promises/restarts.rs",
    "tests/acceptance/tests/promises/repairs.rs",
    "tests/acceptance/tests/names/restarts.rs",
    "tests/acceptance/tests/ports/failures.rs",
    "tests/acceptance/tests/switch/restarts.rs",
    "tests/acceptance/tests/hosts/drift.rs",
    "tests/acceptance/tests/hosts/lockout.rs",
    "tests/acceptance/tests/why/addresses.rs",
    "tests/acceptance/tests/why/bridges.rs",
    "tests/acceptance/tests/why/filters.rs",
    "tests/acceptance/tests/why/hosts.rs",
    "tests/acceptance/tests/why/ports.rs",
    "tests/acceptance/tests/why/switch.rs",
    "tests/machine/tests/whole/restarts.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn page(name: &str) -> String {
    read(&root().join("docs").join(name))
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names in the `promises!` lists of a file.
fn promises(text: &str) -> BTreeSet<String> {
    let lists = text.split("promises![").skip(1).filter_map(|rest| rest.split("];").next());
    let names = lists.flat_map(|list| list.split([',', '\n'])).map(str::trim);
    names.filter(|name| name.contains('_') && !name.starts_with('#')).map(str::to_owned).collect()
}

fn all_promises() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&root().join("tests/acceptance/tests"), &mut files);
    sources(&root().join("tests/machine/tests"), &mut files);
    files.iter().flat_map(|file| promises(&read(file))).collect()
}

/// The cells of the tables of a page, without their head rows.
fn rows(page: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    page.lines().filter(|line| line.starts_with("| ")).map(cells).collect()
}

#[test]
fn every_test_in_failures_exists_and_every_test_of_a_failure_is_there() {
    let rows = rows(&page("failures.md"));
    let last = rows.iter().filter_map(|row| row.last()).filter(|cell| *cell != "test");
    let named: BTreeSet<String> = last.flat_map(|cell| cell.split(", ")).map(str::to_owned).collect();
    assert!(named.len() > 35, "{named:?}");
    let missing: Vec<_> = named.difference(&all_promises()).cloned().collect();
    assert_eq!(missing, [] as [String; 0], "tests that docs/failures.md names and no suite has");
    for suite in SUITES_OF_FAILURES {
        let promised = promises(&read(&root().join(suite)));
        assert_ne!(promised, BTreeSet::new(), "{suite}");
        let missing: Vec<_> =
            promised.difference(&named).filter(|name| !name.contains("after_a_reboot")).collect();
        assert_eq!(missing, [] as [&String; 0], "tests of {suite} without a row in docs/failures.md");
    }
}

/// Messages are joined from pieces and lines, so a fragment is looked for in a text without line breaks and escapes.
fn messages() -> String {
    let mut files = Vec::new();
    for product in ["cli/src", "netd/src", "postscripts/src", "crates"] {
        sources(&root().join(product), &mut files);
    }
    files.iter().map(|file| read(file).replace('\\', "")).collect()
}

#[test]
fn every_message_in_troubleshooting_is_in_the_sources() {
    let (text, messages) = (page("troubleshooting.md"), messages());
    let mut fragments = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        inside = line.starts_with('|') && (inside || line.starts_with("| message contains"));
        let first = line.split(" | ").next().unwrap_or_default();
        if inside {
            fragments.extend(first.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(fragments.len() > 15, "{fragments:?}");
    let parts = fragments.iter().flat_map(|fragment| fragment.split(" ... "));
    let missing: Vec<&str> = parts.map(str::trim).filter(|part| !messages.contains(part)).collect();
    assert_eq!(missing, [] as [&str; 0], "messages that no program prints");
}

#[test]
fn links_point_to_files() {
    let mut broken = Vec::new();
    let mut pages =
        vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("ARCHITECTURE.md")];
    pages.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for page in pages {
        let text = read(&page);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or_default();
            if !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert_eq!(broken, [] as [String; 0], "links to nothing");
}
