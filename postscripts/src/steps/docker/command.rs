//! The command line of docker.service as systemd will start it: the unit with all drop-ins, and variables
//! from its environment and environment files. dockerd does not start if a flag and a key of daemon.json set
//! the same option (moby `daemon/config/config.go`, `findConfigurationConflicts`), so the flags must be known
//! first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use durable::FileError;

use super::configuration;

/// The unit's properties that are read.
pub(super) const PROPERTIES: &str = "--property=ExecStart,Environment,EnvironmentFiles";

/// Environment files of distributions' units. They are all that is known before the unit is installed.
const FILES: [&str; 2] = ["/etc/sysconfig/docker", "/etc/default/docker"];

/// Keys of daemon.json that the command line sets. `shown`: output of `systemctl show`.
///
/// # Errors
/// An environment file cannot be read.
pub(super) fn flags(shown: &str) -> Result<BTreeSet<String>, FileError> {
    let words = words(shown, &durable::read_text)?;
    Ok(configuration::keys_of(words.iter().map(String::as_str)))
}

/// Values of all variables of the unit, and of the distributions' files if there is no unit.
///
/// # Errors
/// An environment file cannot be read.
pub(super) fn values(shown: &str) -> Result<Vec<String>, FileError> {
    match argv(shown) {
        Some(_) => {
            let all = variables(shown, &durable::read_text)?;
            Ok(all.into_values().flat_map(|value| split(&value)).collect())
        }
        None => words(shown, &durable::read_text),
    }
}

/// The arguments with variables expanded, or those of the files if there is no unit.
pub(super) fn words(shown: &str, read: Read<'_>) -> Result<Vec<String>, FileError> {
    match argv(shown) {
        Some(argv) => {
            let variables = variables(shown, read)?;
            Ok(argv.split_whitespace().flat_map(|word| expanded(word, &variables)).collect())
        }
        None => {
            let mut words = Vec::new();
            for file in FILES {
                let assigned = assignments(&read(Path::new(file))?.unwrap_or_default());
                words.extend(assigned.into_values().flat_map(|value| split(&value)));
            }
            Ok(words)
        }
    }
}

/// Function that reads a file.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Result<Option<String>, FileError>;

/// `ExecStart={ path=... ; argv[]=WORDS ; ignore_errors=no ; ... }` (systemctl(1)).
fn argv(shown: &str) -> Option<&str> {
    let start = property(shown, "ExecStart").next()?.split_once("argv[]=")?.1;
    start.split(" ; ").next().map(str::trim).filter(|argv| !argv.is_empty())
}

fn property<'a>(shown: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    shown.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('='))
}

/// Variables of files override those of the unit (systemd.exec(5)).
fn variables(shown: &str, read: Read<'_>) -> Result<BTreeMap<String, String>, FileError> {
    let own = property(shown, "Environment").flat_map(split);
    let mut all: BTreeMap<String, String> = own.filter_map(|word| assigned(&word)).collect();
    for file in property(shown, "EnvironmentFiles") {
        // PATH (ignore_errors=yes)
        let path = file.split(" (").next().unwrap_or(file);
        all.extend(assignments(&read(&PathBuf::from(path))?.unwrap_or_default()));
    }
    Ok(all)
}

/// `$NAME` as a word is split into the words of its value; within a word only `${NAME}` is expanded, without
/// splitting (systemd.service(5)).
fn expanded(word: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
    if let Some(name) = word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
        return split(&value(name));
    }
    let mut text = word.to_owned();
    while let Some((before, name, after)) = braced(&text) {
        text = format!("{before}{}{after}", value(name));
    }
    vec![text]
}

fn braced(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// Parses lines `NAME=VALUE` with quotes, comments and continuations (systemd.exec(5), `EnvironmentFile=`).
fn assignments(text: &str) -> BTreeMap<String, String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    lines.filter_map(assigned).collect()
}

fn assigned(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some((name.trim().to_owned(), quoted.unwrap_or(value).to_owned()))
}

/// Splits words, respecting quotes.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(shown: &str, files: &[(&str, &str)]) -> String {
        let read = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            Ok(file.map(|(_, text)| (*text).to_owned()))
        };
        words(shown, &read).unwrap().join(" ")
    }

    #[test]
    fn debians_unit_takes_its_words_of_a_file() {
        let shown = "ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\nEnvironmentFiles=/etc/default/docker (ignore_errors=yes)\n";
        let file = "# DOCKER_OPTS=\"--dns 8.8.8.8\"\nDOCKER_OPTS=\"--bip=10.9.0.1/24 \\\n  --label 'a b'\"\nexport OTHER=--mtu=9\n";
        let wanted = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock --bip=10.9.0.1/24 --label a b";
        assert_eq!(words_of(shown, &[("/etc/default/docker", file)]), wanted);
        assert_eq!(words_of(shown, &[]), wanted.split(" --bip").next().unwrap());
    }

    #[test]
    fn a_unit_that_reads_no_file_has_no_words_of_it() {
        // Docker's own package: its unit does not read /etc/default/docker
        let shown = "Environment=FOO=bar \"OPTIONS=--live-restore --mtu=1400\"\nExecStart={ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd -H fd:// --log-driver=${DRIVER}x $OPTIONS ; ignore_errors=no ; pid=7 }\n";
        let files = [("/etc/default/docker", "DOCKER_OPTS=--bip=none\n")];
        assert_eq!(
            words_of(shown, &files),
            "/usr/bin/dockerd -H fd:// --log-driver=x --live-restore --mtu=1400"
        );
    }

    #[test]
    fn a_files_variable_is_above_the_units_and_later_files_above_earlier() {
        let shown = "Environment=A=--mtu=1 B=--mtu=2\nEnvironmentFiles=/one (ignore_errors=no)\nEnvironmentFiles=/two (ignore_errors=yes)\nExecStart={ path=x ; argv[]=x $A $B ; ignore_errors=no }\n";
        assert_eq!(
            words_of(shown, &[("/one", "A=--mtu=3\nB='--mtu=4'\n"), ("/two", "A=--mtu=5\n")]),
            "x --mtu=5 --mtu=4"
        );
    }

    #[test]
    fn before_there_is_a_unit_the_files_of_distributions_count() {
        let file = "OPTIONS=\"--selinux-enabled --live-restore\"\n";
        assert_eq!(
            words_of("ExecStart=\n", &[("/etc/sysconfig/docker", file)]),
            "--selinux-enabled --live-restore"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let shown = format!(
            "EnvironmentFiles={} (ignore_errors=yes)\nExecStart={{ path=x ; argv[]=x $A ; ignore_errors=no }}\n",
            directory.path().display()
        );
        let error = flags(&shown).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read {}", directory.path().display()));
    }
}
