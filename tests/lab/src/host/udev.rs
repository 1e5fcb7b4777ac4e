//! udevd in a host. systemd skips it where `/sys` is read-only, as it is in a host; it works there all the same for
//! whatever appears after it has started, because the kernel reports a network device in the device's own namespace.
//! What was there before, `eth0` and `eth1`, it does not know. Pure.

use crate::host::files::File;

/// Drop-ins that take the condition away.
pub(super) fn files() -> [File; 3] {
    [
        "etc/systemd/system/systemd-udevd.service.d/lab.conf",
        "etc/systemd/system/systemd-udevd-control.socket.d/lab.conf",
        "etc/systemd/system/systemd-udevd-kernel.socket.d/lab.conf",
    ]
    .map(|path| File::new(path, "[Unit]\nConditionPathIsReadWrite=\n"))
}
