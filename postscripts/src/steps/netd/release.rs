//! Compares releases of netd. A downgrade is refused, because an older netd may not read the files of a newer
//! one.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use process::Command;
use thiserror::Error;

/// `netd --version` prints and ends.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The management node has an older release.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "netd {installed} is installed and the management node has {offered}; a downgrade is refused, because an older netd may not read the newer one's records; install the newer release there (xdock init), or remove {program} first",
    program = super::PROGRAM
)]
pub struct Downgrade {
    installed: String,
    offered: String,
}

/// Release that a program reports (`netd 0.1.0`); `None` if it fails.
pub(super) async fn of(program: &Path) -> Option<String> {
    let command = Command::new(&program.to_string_lossy(), VERSION_TIMEOUT).args(["--version"]);
    let output = command.execute().await.ok()?;
    output.text().split_whitespace().nth(1).map(str::to_owned)
}

/// # Errors
/// The installed release is newer.
pub(super) fn refuse_downgrade(installed: Option<String>, offered: Option<String>) -> Result<(), Downgrade> {
    match (installed, offered) {
        (Some(installed), Some(offered)) if compare(&installed, &offered) == Ordering::Greater => {
            Err(Downgrade { installed, offered })
        }
        // a program without a version is damaged, and is replaced
        _ => Ok(()),
    }
}

/// Compares by numbers (Semantic Versioning 2.0.0, item 11). A pre-release (`1.0.0-rc1`) comes before its
/// release.
fn compare(one: &str, other: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<u64> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|number| number.parse().unwrap_or(0)).collect()
    };
    let released = |text: &str| !text.contains('-');
    numbers(one)
        .cmp(&numbers(other))
        .then(released(one).cmp(&released(other)))
        .then_with(|| if released(one) { Ordering::Equal } else { one.cmp(other) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(installed: &str, offered: &str) -> bool {
        refuse_downgrade(Some(installed.to_owned()), Some(offered.to_owned())).is_err()
    }

    #[test]
    fn only_an_older_release_is_refused() {
        assert!(
            refused("0.10.0", "0.9.9") && refused("1.0.0", "1.0.0-rc1") && refused("1.0.0-rc2", "1.0.0-rc1")
        );
        assert!(!refused("0.9.9", "0.10.0") && !refused("0.1.0", "0.1.0") && !refused("1.0.0-rc1", "1.0.0"));
        assert_eq!(refuse_downgrade(None, Some("0.1.0".to_owned())), Ok(()));
    }

    #[test]
    fn a_refused_downgrade_names_both_releases_and_the_remedy() {
        let error =
            refuse_downgrade(Some("0.2.0".to_owned()), Some("0.1.0".to_owned())).unwrap_err().to_string();
        assert_eq!(
            error,
            "netd 0.2.0 is installed and the management node has 0.1.0; a downgrade is refused, because an older netd may not read the newer one's records; install the newer release there (xdock init), or remove /opt/xdock/bin/netd first"
        );
    }
}
