//! Kernel features that are modules on most distributions, and in a separate package on some.

use std::fmt;
use std::path::Path;

use inventory::{DeviceKind, HostPlan};

/// A kernel feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// Bonds (`CONFIG_BONDING`).
    Bonding,
    /// VLAN devices (`CONFIG_VLAN_8021Q`).
    Vlan,
    /// Open vSwitch's datapath (`CONFIG_OPENVSWITCH`).
    OpenVswitch,
}

impl Module {
    fn name(self) -> &'static str {
        match self {
            Self::Bonding => "bonding",
            Self::Vlan => "8021q",
            Self::OpenVswitch => "openvswitch",
        }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The modules that a plan needs.
pub fn needed(plan: &HostPlan) -> Vec<Module> {
    let mut needed = Vec::new();
    for device in &plan.devices {
        let module = match &device.kind {
            DeviceKind::Bond { .. } => Module::Bonding,
            DeviceKind::Vlan { .. } => Module::Vlan,
            DeviceKind::OvsBridge { datapath: inventory::Datapath::System, .. } => Module::OpenVswitch,
            _ => continue,
        };
        if !needed.contains(&module) {
            needed.push(module);
        }
    }
    needed
}

/// The needed modules that this kernel has neither built in nor as a loadable file. `root` is `/`, or the
/// directory of a test.
pub fn lacking(root: &Path, needed: &[Module]) -> Vec<Module> {
    needed.iter().copied().filter(|module| !is_there(root, *module)).collect()
}

/// A module that is loaded, or built in with parameters, has a directory in sysfs. Otherwise depmod's lists
/// name what is loadable and built in (kmod's modules.dep(5), kernel Documentation/kbuild/kbuild.rst).
fn is_there(root: &Path, module: Module) -> bool {
    if root.join("sys/module").join(module.name()).exists() {
        return true;
    }
    let release = durable::kernel_text(&root.join("proc/sys/kernel/osrelease")).unwrap_or_default();
    let directory = root.join("lib/modules").join(release.trim());
    let file = format!("/{}.ko", module.name());
    // a kernel without these lists is not from a distribution: its own error reports what is missing
    let lists = ["modules.dep", "modules.builtin"]
        .map(|list| durable::read_text(&directory.join(list)).ok().flatten());
    if lists.iter().all(Option::is_none) {
        return true;
    }
    lists.into_iter().flatten().any(|list| list.lines().any(|line| names(line, &file)))
}

/// `kernel/net/8021q/8021q.ko.xz: kernel/net/802/garp.ko`
fn names(line: &str, file: &str) -> bool {
    line.split(':').next().is_some_and(|path| path.contains(file))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_loaded_listed_or_unknown_module_is_available() {
        let root = tempfile::tempdir().unwrap();
        let all = [Module::Bonding, Module::Vlan, Module::OpenVswitch];
        assert_eq!(lacking(root.path(), &all), []);
        let directory = root.path().join("lib/modules/6.1.0");
        fs::create_dir_all(&directory).unwrap();
        fs::create_dir_all(root.path().join("proc/sys/kernel")).unwrap();
        fs::write(root.path().join("proc/sys/kernel/osrelease"), "6.1.0\n").unwrap();
        fs::write(directory.join("modules.builtin"), "kernel/drivers/net/bonding/bonding.ko\n").unwrap();
        assert_eq!(lacking(root.path(), &all), [Module::Vlan, Module::OpenVswitch]);
        let dep =
            "kernel/net/8021q/8021q.ko.xz: kernel/net/802/garp.ko.xz\nkernel/x.ko: kernel/openvswitch.ko\n";
        fs::write(directory.join("modules.dep"), dep).unwrap();
        assert_eq!(lacking(root.path(), &all), [Module::OpenVswitch]);
        fs::create_dir_all(root.path().join("sys/module/openvswitch")).unwrap();
        assert_eq!(lacking(root.path(), &all), []);
    }
}
