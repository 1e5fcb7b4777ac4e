//! Detects which manager configures the NICs: a running one that has them in its state or its files. Nothing
//! is started for that.

use std::fs;
use std::path::{Path, PathBuf};

use inventory::IfName;
use thiserror::Error;

use super::nic::Nics;
use super::tree::{File, ReadError, Tree};
use super::{Manager, ifcfg};

/// No manager was detected, or two.
#[derive(Debug, Error)]
pub enum DetectError {
    /// No supported manager.
    #[error(
        "no supported network manager runs on this host (ifupdown, systemd-networkd, NetworkManager, netplan, network-scripts, wicked); start the one that configures its network"
    )]
    None,
    /// Two managers configure the NIC, and at boot the later one would win.
    #[error("both {first} ({}) and {second} ({}) configure {nic}: remove it from one of them", first_file.display(), second_file.display())]
    Both {
        /// The NIC.
        nic: IfName,
        /// The first manager.
        first: Manager,
        /// Its file.
        first_file: PathBuf,
        /// The second manager.
        second: Manager,
        /// Its file.
        second_file: PathBuf,
    },
    /// The manager is not started at boot, so its files would not be read.
    #[error(
        "{manager} manages this host's network, but is not started at boot; enable it (systemctl enable {unit}), or configure the network with a manager that is"
    )]
    NotAtBoot {
        /// The manager.
        manager: Manager,
        /// Its unit.
        unit: &'static str,
    },
    /// Files that cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The manager of these interfaces: NICs, and bridges that may have their addresses now. If none of them is
/// configured, the running manager.
///
/// # Errors
/// No manager, two for one interface, or one that is not started at boot.
pub fn detect(root: &Path, nics: &Nics, interfaces: &[IfName]) -> Result<Manager, DetectError> {
    let host = Host { root, nics };
    let present: Vec<Manager> = Manager::ALL.into_iter().filter(|manager| host.has(*manager)).collect();
    let mut found: Option<Manager> = None;
    for nic in interfaces {
        let claims = host.claims(&present, nic)?;
        if let [(first, first_file), (second, second_file), ..] = claims.as_slice() {
            return Err(DetectError::Both {
                nic: nic.clone(),
                first: *first,
                first_file: first_file.clone(),
                second: *second,
                second_file: second_file.clone(),
            });
        }
        found = found.or(claims.first().map(|(manager, _)| *manager));
    }
    let manager = match found {
        Some(manager) => manager,
        None => host.only(&present)?.ok_or(DetectError::None)?,
    };
    match unit(manager) {
        Some(unit) if !host.boots(unit) => Err(DetectError::NotAtBoot { manager, unit }),
        _ => Ok(manager),
    }
}

/// The unit that must be enabled. ifupdown and network-scripts have units of the distribution; netplan is a
/// generator.
fn unit(manager: Manager) -> Option<&'static str> {
    match manager {
        Manager::Networkd => Some("systemd-networkd.service"),
        Manager::NetworkManager => Some("NetworkManager.service"),
        Manager::Wicked => Some("wicked.service"),
        Manager::Ifupdown | Manager::Ifcfg | Manager::Netplan => None,
    }
}

/// Whether netplan has generated the file: `10-netplan-NAME.network` or `netplan-NAME.nmconnection` in `/run`
/// (netplan, src/networkd.c and src/nm.c).
fn is_of_netplan(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.starts_with("/run") && (name.starts_with("10-netplan-") || name.starts_with("netplan-"))
}

/// The root directory of a host.
struct Host<'a> {
    root: &'a Path,
    nics: &'a Nics,
}

impl Host<'_> {
    fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Whether a service has processes: its control group is not empty (cgroups(7), versions 2 and 1).
    fn runs(&self, unit: &str) -> bool {
        ["sys/fs/cgroup/system.slice", "sys/fs/cgroup/systemd/system.slice"].iter().any(|slice| {
            let processes = self.root.join(slice).join(unit).join("cgroup.procs");
            durable::kernel_text(&processes).is_some_and(|text| !text.trim().is_empty())
        })
    }

    /// Whether a target starts the unit at every boot (systemd.unit(5)). Links in `/run` do not count:
    /// netplan's generator creates them only as long as its files exist.
    #[allow(clippy::disallowed_methods, reason = "systemd ignores directories that it cannot list")]
    fn boots(&self, unit: &str) -> bool {
        ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"].iter().any(|directory| {
            let targets = fs::read_dir(self.root.join(directory)).into_iter().flatten().flatten();
            targets.map(|target| target.path()).any(|target| {
                let wants = target.extension().is_some_and(|kind| kind == "wants" || kind == "requires");
                // a link, often into another root directory
                wants && target.join(unit).symlink_metadata().is_ok()
            })
        })
    }

    /// Whether the manager is installed and active in this boot.
    fn has(&self, manager: Manager) -> bool {
        let any = |paths: &[&str]| paths.iter().any(|path| self.exists(path));
        match manager {
            // ifupdown has no process; Red Hat's network-scripts have an ifup too
            Manager::Ifupdown => {
                any(&["sbin/ifup", "usr/sbin/ifup"]) && self.exists("etc/network/interfaces")
            }
            Manager::Networkd => self.runs("systemd-networkd.service"),
            Manager::NetworkManager => self.runs("NetworkManager.service"),
            Manager::Netplan => any(&[
                "usr/sbin/netplan",
                "usr/libexec/netplan/generate",
                "usr/lib/netplan/generate",
                "lib/netplan/generate",
            ]),
            Manager::Ifcfg => any(&["etc/sysconfig/network-scripts/ifup-eth", "etc/rc.d/init.d/network"]),
            Manager::Wicked => self.runs("wicked.service") || self.runs("wickedd.service"),
        }
    }

    /// The managers that configure the interface, with the file. A file that netplan generated counts as
    /// netplan's, even if its source has been deleted: it is in effect until the next boot.
    fn claims(&self, present: &[Manager], nic: &IfName) -> Result<Vec<(Manager, PathBuf)>, ReadError> {
        let mut claims: Vec<(Manager, PathBuf)> = Vec::new();
        for manager in present {
            if let Some(file) = self.claim(*manager, nic)? {
                let made = present.contains(&Manager::Netplan) && is_of_netplan(&file);
                let manager = if made { Manager::Netplan } else { *manager };
                if !claims.iter().any(|(known, _)| *known == manager) {
                    claims.push((manager, file));
                }
            }
        }
        if claims.iter().any(|(manager, _)| *manager == Manager::Netplan) {
            claims.retain(|(manager, _)| !matches!(manager, Manager::Networkd | Manager::NetworkManager));
        }
        Ok(claims)
    }

    fn claim(&self, manager: Manager, nic: &IfName) -> Result<Option<PathBuf>, ReadError> {
        match manager {
            Manager::Networkd => Ok(self.nics.get(nic).network_file),
            Manager::NetworkManager => self.of_networkmanager(nic),
            Manager::Ifcfg if self.is_networkmanagers(nic)? => Ok(None),
            other => Ok(self.tree(other)?.file_for(nic).map(Path::to_owned)),
        }
    }

    fn tree(&self, manager: Manager) -> Result<Tree, ReadError> {
        Tree::read(self.root, manager, self.nics)
    }

    fn of_networkmanager(&self, nic: &IfName) -> Result<Option<PathBuf>, ReadError> {
        if self.nics.get(nic).profile.is_none() {
            return Ok(None);
        }
        let named = self.tree(Manager::NetworkManager)?.file_for(nic).map(Path::to_owned);
        Ok(Some(named.unwrap_or_else(|| PathBuf::from("/etc/NetworkManager/system-connections"))))
    }

    /// Whether NetworkManager reads an `ifcfg` file, if both managers run: yes, unless the file disables it.
    fn is_networkmanagers(&self, nic: &IfName) -> Result<bool, ReadError> {
        if !self.runs("NetworkManager.service") {
            return Ok(false);
        }
        let tree = self.tree(Manager::Ifcfg)?;
        let file = tree.file_for(nic).and_then(|path| tree.files().iter().find(|file| file.path == path));
        Ok(file.is_some_and(|file| ifcfg::is_networkmanagers(&file.text)))
    }

    /// The manager for a NIC that no file names. netplan only if it has files. ifupdown configures only what
    /// it names, so it comes after those that run.
    fn only(&self, present: &[Manager]) -> Result<Option<Manager>, ReadError> {
        const ORDER: [Manager; 6] = [
            Manager::Netplan,
            Manager::NetworkManager,
            Manager::Wicked,
            Manager::Networkd,
            Manager::Ifupdown,
            Manager::Ifcfg,
        ];
        for manager in ORDER.into_iter().filter(|manager| present.contains(manager)) {
            let is_yaml = |file: &File| file.path.extension().is_some_and(|kind| kind == "yaml");
            if manager != Manager::Netplan || self.tree(manager)?.files().iter().any(is_yaml) {
                return Ok(Some(manager));
            }
        }
        Ok(None)
    }
}
