//! A container's end that listens on the host, before the container has it.

use std::io;
use std::path::Path;

use inventory::IfName;

use crate::error::NetError;
use crate::kernel::Kernel;

/// What makes an interface deaf, below `/proc/sys/net` (Documentation/networking/ip-sysctl.rst). All of it goes when the
/// interface goes to another namespace: the kernel makes its settings anew there (`inetdev_event`, `addrconf_notify`).
/// * `arp_ignore` 8: no answer, for no address of this host.
/// * `rp_filter`: what has a source that is not behind this interface is dropped, and nothing is behind it.
/// * `disable_ipv6`: no router advertisement is heard, no link-local address made.
const DEAF: [(&str, &str, &str); 3] =
    [("ipv4", "arp_ignore", "8"), ("ipv4", "rp_filter", "1"), ("ipv6", "disable_ipv6", "1")];

impl Kernel {
    /// Switches on a container's end that is still here, so that packet sockets hear what comes to it, and only they:
    /// else this host would answer for its own addresses there, with the container's Ethernet address, and forward
    /// what was sent to the container.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_up_deaf(&self, device: &IfName) -> Result<(), NetError> {
        let name = device.clone();
        // the kernel has these wait for every change of the network that is on its way
        let deafened = tokio::task::spawn_blocking(move || deafen(&name)).await;
        let failed = |error: tokio::task::JoinError| NetError::Set {
            device: device.clone(),
            property: "its deafness".to_owned(),
            source: error.into(),
        };
        deafened.map_err(failed)??;
        self.set_up(device, true).await
    }
}

fn deafen(device: &IfName) -> Result<(), NetError> {
    for (family, setting, value) in DEAF {
        let settings = Path::new("/proc/sys/net").join(family).join("conf").join(device.as_str());
        match std::fs::write(settings.join(setting), value) {
            // a kernel without IPv6
            Err(error) if family == "ipv6" && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(NetError::Missing { device: device.clone() });
            }
            Err(source) => {
                let property = format!("{setting} {value}");
                return Err(NetError::Set { device: device.clone(), property, source });
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
