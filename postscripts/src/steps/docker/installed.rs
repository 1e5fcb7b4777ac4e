//! Reads which packages are installed: from dpkg's status file, or from rpm.
//!
//! Every run needs this, so no process is started if a file has the answer.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use process::{Command, ExecuteError};

use super::error::DockerError;
use super::manager::Manager;

const STATUS: &str = "/var/lib/dpkg/status";
/// A few thousand packages need some MiB.
const STATUS_LIMIT: u64 = 256 * 1024 * 1024;
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// The requested packages that exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Installed.
    pub(super) installed: BTreeSet<String>,
    /// Installed, or left over from an interrupted run.
    pub(super) touched: BTreeSet<String>,
}

/// The packages of `packages` that exist.
///
/// # Errors
/// The package manager's list cannot be read. Then nothing is installed.
pub(super) async fn installed(manager: Manager, packages: &[String]) -> Result<Found, DockerError> {
    match manager {
        Manager::Apt => {
            let status = durable::read_up_to(Path::new(STATUS), STATUS_LIMIT)?.unwrap_or_default();
            Ok(of_dpkg(&String::from_utf8_lossy(&status), packages))
        }
        Manager::Dnf | Manager::Yum | Manager::Zypper => Ok(of_rpm(&ask_rpm(packages).await?, packages)),
    }
}

/// rpm fails if a package is unknown, but still lists the others. If it cannot read its database, it reports
/// that on standard error.
async fn ask_rpm(packages: &[String]) -> Result<String, DockerError> {
    let words = ["-q", "--qf", "%{NAME}\n"];
    let asked =
        Command::new("rpm", QUERY_TIMEOUT).args(words).args(packages).env("LC_ALL", "C").execute().await;
    match asked {
        Ok(output) => Ok(output.text()),
        Err(ExecuteError::Status { stdout, stderr, .. }) if !stderr.contains("error: ") => Ok(stdout),
        Err(source) => Err(DockerError::Action { action: "list the packages with rpm".to_owned(), source }),
    }
}

/// Parses `Package: NAME` and `Status: WANT ERROR STATE` (dpkg's deb-control format). Only STATE `installed`
/// means installed: an interrupted run leaves `half-configured`, a removed package `config-files`.
fn of_dpkg(status: &str, packages: &[String]) -> Found {
    let mut found = Found::default();
    let mut name = "";
    for line in status.lines() {
        if let Some(package) = line.strip_prefix("Package: ") {
            name = package.trim();
        } else if let Some(state) = line.strip_prefix("Status: ")
            && packages.iter().any(|package| package == name)
        {
            let state = state.rsplit(' ').next().unwrap_or_default();
            if state == "installed" {
                found.installed.insert(name.to_owned());
            }
            if !["config-files", "not-installed"].contains(&state) {
                found.touched.insert(name.to_owned());
            }
        }
    }
    found
}

fn of_rpm(answer: &str, packages: &[String]) -> Found {
    // `package X is not installed` is not a name
    let known = |line: &&str| packages.iter().any(|package| package == line);
    let installed: BTreeSet<String> =
        answer.lines().map(str::trim).filter(known).map(str::to_owned).collect();
    Found { touched: installed.clone(), installed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_what_dpkg_calls_installed_is() {
        let status = "Package: docker.io\nStatus: deinstall ok config-files\nVersion: 1\n\n\
            Package: iptables\nStatus: install ok installed\nDescription: x\n Status: install ok installed\n\n\
            Package: docker-cli\nStatus: install ok half-configured\n\n\
            Package: other\nStatus: install ok installed\n";
        let wanted = names(&["docker.io", "iptables", "docker-cli"]);
        let found = of_dpkg(status, &wanted);
        assert_eq!(found.installed.into_iter().collect::<Vec<_>>(), ["iptables"]);
        assert_eq!(found.touched.into_iter().collect::<Vec<_>>(), ["docker-cli", "iptables"]);
    }

    #[test]
    fn rpms_answer_names_those_that_it_has() {
        let answer = "docker-ce\npackage containerd.io is not installed\n";
        let wanted = names(&["docker-ce", "containerd.io"]);
        assert_eq!(of_rpm(answer, &wanted).installed.into_iter().collect::<Vec<_>>(), ["docker-ce"]);
    }
}
