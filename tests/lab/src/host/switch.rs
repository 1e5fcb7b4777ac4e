//! Open vSwitch on a kernel that cannot have its module: Debian's unit gives up there, though the userspace datapath
//! needs none.

use std::path::Path;

use crate::host::files::File;

/// A drop-in where the kernel has modules and not this one. ovs-kmod-ctl (3.1, `insert_kmods_if_required`) itself is
/// content where there are no modules at all, or where it is loaded.
pub(super) fn files() -> Option<File> {
    let modules = Path::new("/proc/modules").exists();
    let loaded = Path::new("/sys/module/openvswitch").exists();
    (modules && !loaded).then(drop_in)
}

/// Only the service sees another ovs-kmod-ctl: `modprobe openvswitch` fails for all others, as it should.
fn drop_in() -> File {
    File::new(
        "etc/systemd/system/ovs-vswitchd.service.d/lab.conf",
        "[Service]\nBindReadOnlyPaths=-/bin/true:/usr/share/openvswitch/scripts/ovs-kmod-ctl\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_is_beside_debians_unit() {
        assert_eq!(drop_in().path, "etc/systemd/system/ovs-vswitchd.service.d/lab.conf");
    }
}
