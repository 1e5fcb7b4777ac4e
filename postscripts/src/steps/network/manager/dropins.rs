//! Drop-ins that keep managers and udev away from interfaces of containers, and from Open vSwitch devices
//! that the manager does not support. Pure.

use serde::Serialize;

use super::Manager;
use super::device_template::DeviceTemplate;
use super::tree::Tree;
use crate::files::DesiredFile;
use crate::render::{RenderError, Templates};

/// A drop-in, and files that exist if its program is installed.
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
    /// Open vSwitch bridges whose internal port NetworkManager must not manage.
    bridges: Vec<String>,
    /// Bonds and bridges, which have a NIC's MAC.
    made: Vec<String>,
}

/// A drop-in for every installed program, because a program that does not configure the NICs could still take
/// a container's interface.
///
/// # Errors
/// A template cannot be rendered.
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

/// Whether the file is one of these drop-ins.
pub(super) fn is_dropin(path: &std::path::Path) -> bool {
    DROPINS
        .iter()
        .any(|dropin| path.strip_prefix("/").is_ok_and(|path| path == std::path::Path::new(dropin.path)))
}
