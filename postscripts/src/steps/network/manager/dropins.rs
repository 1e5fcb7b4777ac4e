//! What keeps a manager, and udev, away from interfaces that are not its own: the containers', and of Open vSwitch those that
//! the manager can not make. Pure.

use serde::Serialize;

use super::Manager;
use super::device_template::DeviceTemplate;
use super::tree::Tree;
use crate::files::DesiredFile;
use crate::render::{RenderError, Templates};

/// A drop-in, and what is there where its program is installed.
struct Dropin {
    path: &'static str,
    installed: &'static [&'static str],
}

const DROPINS: [Dropin; 3] = [
    Dropin {
        path: "etc/NetworkManager/conf.d/xdock.conf",
        installed: &["/usr/sbin/NetworkManager", "/usr/bin/NetworkManager"],
    },
    Dropin {
        path: "etc/systemd/network/00-xdock-containers.network",
        installed: &["/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"],
    },
    Dropin {
        path: "etc/systemd/network/00-xdock-containers.link",
        installed: &["/usr/bin/udevadm", "/bin/udevadm", "/sbin/udevadm"],
    },
];

#[derive(Serialize)]
struct Values {
    /// Open vSwitch bridges whose internal port NetworkManager must leave alone.
    bridges: Vec<String>,
    /// Bonds and bridges, which have the MAC of a NIC.
    made: Vec<String>,
}

/// One for every program that is installed, whoever has the NICs: also one that only waits could take a container's.
///
/// # Errors
/// A template is wrong.
pub(super) fn dropins(
    tree: &Tree,
    views: &[DeviceTemplate],
    templates: &Templates,
) -> Result<Vec<DesiredFile>, RenderError> {
    let own = tree.manager() == Manager::NetworkManager && tree.has_ovs_plugin();
    let bridges = views.iter().filter(|view| view.kind == "ovs" && !own).map(|view| view.name.clone());
    let made = views.iter().filter(|view| matches!(view.kind, "bond" | "bridge" | "ovs"));
    let values = Values { bridges: bridges.collect(), made: made.map(|view| view.name.clone()).collect() };
    let mut files = Vec::new();
    for dropin in DROPINS.iter().filter(|dropin| dropin.installed.iter().any(|path| tree.has(path))) {
        let path = tree.on_disk(dropin.path.as_ref());
        files.push(DesiredFile::text(path, templates.render(dropin.path, &values)?));
    }
    Ok(files)
}

/// Whether that file is a drop-in, which belongs to no device.
pub(super) fn is_dropin(path: &std::path::Path) -> bool {
    DROPINS
        .iter()
        .any(|dropin| path.strip_prefix("/").is_ok_and(|path| path == std::path::Path::new(dropin.path)))
}
