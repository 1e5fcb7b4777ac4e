//! Kernel modules and settings of a docker host. The choice is pure.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use inventory::{NicKind, Nics};
use serde::Serialize;

/// A module and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// Its name for modprobe.
    pub(super) name: &'static str,
    /// Where it is.
    pub(super) state: ModuleState,
}

/// State of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModuleState {
    /// Loaded or built in.
    Here,
    /// Available on disk.
    Loadable,
    /// This kernel has no such module.
    Missing,
    /// The host is a container, so its kernel belongs to another host.
    Elsewhere,
}

/// Minimum of a kernel setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    /// Its name for sysctl.
    pub(super) name: &'static str,
    /// The minimum.
    pub(super) value: u64,
}

/// Size of the neighbour table, which all containers of a host share: the limit, and the size from which the
/// kernel drops old entries (Documentation/networking/ip-sysctl.rst, `neigh/default/gc_thresh*`; the defaults
/// are 1024 and 512).
const SETTINGS: [Setting; 4] = [
    Setting { name: "net.ipv4.neigh.default.gc_thresh2", value: 4096 },
    Setting { name: "net.ipv4.neigh.default.gc_thresh3", value: 8192 },
    Setting { name: "net.ipv6.neigh.default.gc_thresh2", value: 4096 },
    Setting { name: "net.ipv6.neigh.default.gc_thresh3", value: 8192 },
];

/// Modules for images, bridges and veth pairs; others only if the tables need them.
pub(super) fn modules(nics: &Nics) -> Vec<&'static str> {
    let kinds = [(NicKind::Vlan, "8021q"), (NicKind::Bond, "bonding"), (NicKind::BridgeOvs, "openvswitch")];
    let asked = |kind: &NicKind| nics.iter().any(|nic| nic.kind == Some(*kind));
    let more = kinds.iter().filter(|(kind, _)| asked(kind)).map(|(_, module)| *module);
    ["overlay", "bridge", "veth"].into_iter().chain(more).collect()
}

/// Whether AppArmor is enabled (kernel `security/apparmor/lsm.c`, the parameter `enabled`).
pub(super) fn has_apparmor() -> bool {
    durable::kernel_text(Path::new("/sys/module/apparmor/parameters/enabled"))
        .is_some_and(|text| text.starts_with('Y'))
}

/// Finds the state of modules.
pub(super) fn observe_modules(names: &[&'static str]) -> Vec<Module> {
    names.iter().map(|name| Module { name, state: module_state(name) }).collect()
}

fn module_state(name: &str) -> ModuleState {
    if Path::new("/sys/module").join(name).exists() {
        return ModuleState::Here;
    }
    let release = durable::kernel_text(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default();
    let directory = PathBuf::from("/lib/modules").join(release.trim());
    // a built-in module without parameters has no directory in /sys/module; if a list cannot be read,
    // modprobe is tried and reports the error
    let lists = |file: &str| {
        durable::read_text(&directory.join(file))
            .is_ok_and(|text| text.is_some_and(|text| names(&text, name)))
    };
    match () {
        () if !directory.exists() => ModuleState::Elsewhere,
        () if lists("modules.builtin") => ModuleState::Here,
        () if lists("modules.dep") => ModuleState::Loadable,
        () => ModuleState::Missing,
    }
}

/// Whether one of depmod's lists contains a module: `kernel/net/8021q/8021q.ko.xz: DEPENDENCIES`; `-` and `_`
/// are equal.
fn names(list: &str, module: &str) -> bool {
    list.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        file.split(".ko").next().unwrap_or_default().replace('-', "_") == module.replace('-', "_")
    })
}

/// The settings for the file, without those that an administrator has set higher.
pub(super) fn persisted() -> Vec<Setting> {
    SETTINGS.into_iter().filter(|setting| current(setting).is_none_or(|now| now <= setting.value)).collect()
}

/// The settings that are too small and can be set. In a container the table belongs to another host.
pub(super) fn too_small() -> Vec<Setting> {
    let open = |setting: &Setting| OpenOptions::new().write(true).open(path(setting)).is_ok();
    SETTINGS
        .into_iter()
        .filter(|setting| current(setting).is_some_and(|now| now < setting.value) && open(setting))
        .collect()
}

/// Sets a setting until the next boot.
pub(super) fn set(setting: Setting) -> std::io::Result<()> {
    fs::write(path(&setting), setting.value.to_string())
}

fn current(setting: &Setting) -> Option<u64> {
    durable::kernel_text(&path(setting))?.trim().parse().ok()
}

fn path(setting: &Setting) -> PathBuf {
    Path::new("/proc/sys").join(setting.name.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_tables_ask_for_is_loaded() {
        let nics = |types: &str| {
            Nics::parse("host1", |name| (name == "nictypes").then(|| types.to_owned())).unwrap()
        };
        assert_eq!(modules(&nics("")), ["overlay", "bridge", "veth"]);
        let all = nics("bond0!bond,bond0.5!vlan,br0!bridge_ovs,eth0!ethernet");
        assert_eq!(modules(&all), ["overlay", "bridge", "veth", "8021q", "bonding", "openvswitch"]);
    }

    #[test]
    fn depmods_lists_are_read() {
        let list =
            "kernel/net/8021q/8021q.ko.xz: kernel/net/802/mrp.ko.xz\nkernel/net/bridge/br_netfilter.ko:\n";
        assert!(names(list, "8021q"));
        assert!(names(list, "br-netfilter"));
        assert!(!names(list, "mrp"));
        assert!(names("kernel/fs/overlayfs/overlay.ko\n", "overlay"));
    }
}
