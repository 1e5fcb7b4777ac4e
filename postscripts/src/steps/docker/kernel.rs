//! Kernel modules and settings that a docker host needs; which, is pure.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use inventory::{NicKind, Nics};
use serde::Serialize;

/// A module and what this host knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// As modprobe names it.
    pub(super) name: &'static str,
    /// Where it is.
    pub(super) state: ModuleState,
}

/// Where a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModuleState {
    /// Loaded, or a part of the kernel.
    Here,
    /// On disk.
    Loadable,
    /// This kernel has none of that name.
    Missing,
    /// A container as a host: its kernel's modules are another's.
    Elsewhere,
}

/// A kernel setting of at least a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    /// As sysctl names it.
    pub(super) name: &'static str,
    /// The least value that is enough.
    pub(super) value: u64,
}

/// Entries of the neighbour table, which all containers of a host share: the limit, and from where on the kernel drops
/// old ones (Documentation/networking/ip-sysctl.rst, `neigh/default/gc_thresh*`; the defaults are 1024 and 512).
const SETTINGS: [Setting; 4] = [
    Setting { name: "net.ipv4.neigh.default.gc_thresh2", value: 4096 },
    Setting { name: "net.ipv4.neigh.default.gc_thresh3", value: 8192 },
    Setting { name: "net.ipv6.neigh.default.gc_thresh2", value: 4096 },
    Setting { name: "net.ipv6.neigh.default.gc_thresh3", value: 8192 },
];

/// Images, the bridges, the containers' cables; the rest only where the tables ask for it.
pub(super) fn modules(nics: &Nics) -> Vec<&'static str> {
    let kinds = [(NicKind::Vlan, "8021q"), (NicKind::Bond, "bonding"), (NicKind::BridgeOvs, "openvswitch")];
    let asked = |kind: &NicKind| nics.iter().any(|nic| nic.kind == Some(*kind));
    let more = kinds.iter().filter(|(kind, _)| asked(kind)).map(|(_, module)| *module);
    ["overlay", "bridge", "veth"].into_iter().chain(more).collect()
}

/// Whether AppArmor is on (kernel `security/apparmor/lsm.c`, the parameter `enabled`).
pub(super) fn has_apparmor() -> bool {
    durable::kernel_text(Path::new("/sys/module/apparmor/parameters/enabled"))
        .is_some_and(|text| text.starts_with('Y'))
}

/// Looks for modules.
pub(super) fn observe_modules(names: &[&'static str]) -> Vec<Module> {
    names.iter().map(|name| Module { name, state: module_state(name) }).collect()
}

fn module_state(name: &str) -> ModuleState {
    if Path::new("/sys/module").join(name).exists() {
        return ModuleState::Here;
    }
    let release = durable::kernel_text(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default();
    let directory = PathBuf::from("/lib/modules").join(release.trim());
    // not every part of a kernel has parameters, and so a directory in /sys/module
    // only read to know what to load: an unreadable list means that the kernel is asked, and says what is wrong
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

/// Whether a list of depmod names a module: `kernel/net/8021q/8021q.ko.xz: DEPENDENCIES`; `-` and `_` are one.
fn names(list: &str, module: &str) -> bool {
    list.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        file.split(".ko").next().unwrap_or_default().replace('-', "_") == module.replace('-', "_")
    })
}

/// Those of the settings that the file carries: not those that an administrator has larger.
pub(super) fn persisted() -> Vec<Setting> {
    SETTINGS.into_iter().filter(|setting| current(setting).is_none_or(|now| now <= setting.value)).collect()
}

/// Those that are smaller now, and can be set from here: in a container as a host the table is another's.
pub(super) fn too_small() -> Vec<Setting> {
    let open = |setting: &Setting| OpenOptions::new().write(true).open(path(setting)).is_ok();
    SETTINGS
        .into_iter()
        .filter(|setting| current(setting).is_some_and(|now| now < setting.value) && open(setting))
        .collect()
}

/// Sets it until the next boot.
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
