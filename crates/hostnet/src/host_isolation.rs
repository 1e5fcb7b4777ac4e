//! Isolates interfaces from the host's IP stack.

use std::path::{Path, PathBuf};
use std::{fs, io};

use inventory::IfName;
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;

/// Which packets from an interface the host's IP stack accepts: settings below `/proc/sys/net`
/// (Documentation/networking/ip-sysctl.rst). They are lost when the interface moves to another namespace, where the
/// kernel creates new settings (`inetdev_event`, `addrconf_notify`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostIpFilter {
    /// For which of the host's addresses the host answers ARP requests.
    pub arp_ignore: u8,
    /// Whether packets are dropped whose source is not reachable through this interface.
    pub rp_filter: u8,
    /// Whether IPv6 is disabled on the interface. Also true on a kernel without IPv6.
    pub disable_ipv6: bool,
}

impl HostIpFilter {
    /// Accepts nothing:
    /// * `arp_ignore` 8: no ARP answer for any address of this host.
    /// * `rp_filter` 1: all packets are dropped, because no source is reachable through an interface without address.
    /// * `disable_ipv6`: router advertisements are ignored, and there is no link-local address.
    pub const BLOCKED: Self = Self { arp_ignore: 8, rp_filter: 1, disable_ipv6: true };
    /// The kernel's default: accepts everything.
    pub const KERNEL_DEFAULT: Self = Self { arp_ignore: 0, rp_filter: 0, disable_ipv6: false };

    /// Whether nothing is accepted. The kernel uses the larger `rp_filter` of `conf/all` and the interface
    /// (`IN_DEV_RPFILTER`). Both the strict and the loose mode drop packets that arrive on an interface without
    /// address from a source that is reachable through another interface (net/ipv4/fib_frontend.c,
    /// `__fib_validate_source`). So neither `conf/all` nor systemd-sysctl, which sets 2 on new interfaces, makes the
    /// host accept packets again.
    pub fn is_blocked(self) -> bool {
        let Self { arp_ignore, rp_filter, disable_ipv6 } = self;
        arp_ignore == Self::BLOCKED.arp_ignore && rp_filter != 0 && disable_ipv6
    }

    fn settings(self) -> [(&'static str, &'static str, u8); 3] {
        [
            ("ipv4", "arp_ignore", self.arp_ignore),
            ("ipv4", "rp_filter", self.rp_filter),
            ("ipv6", "disable_ipv6", u8::from(self.disable_ipv6)),
        ]
    }
}

impl Kernel {
    /// Makes the host's IP stack ignore what arrives on an interface without address; packet sockets still receive
    /// it. Otherwise the host would answer there for all its addresses (ip-sysctl.rst, `arp_ignore` 0), and forward
    /// packets for others.
    ///
    /// Needed for ports of Open vSwitch's userspace datapath, whose frames the kernel receives too (Open vSwitch,
    /// Documentation/intro/install/userspace.rst, "Firewall Rules"), and for a container end that is set up before it
    /// is in the container.
    ///
    /// # Errors
    /// Like [`Kernel::set_host_ip_filter`].
    pub async fn isolate_from_host_ip(&self, device: &IfName) -> Result<(), NetError> {
        self.set_host_ip_filter(device, HostIpFilter::BLOCKED).await
    }

    /// Sets which packets from an interface the host's IP stack accepts.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_host_ip_filter(&self, device: &IfName, filter: HostIpFilter) -> Result<(), NetError> {
        let name = device.clone();
        // the kernel delays these writes while another change of the network is in progress
        let set = tokio::task::spawn_blocking(move || set(&name, filter)).await;
        let failed = |error: tokio::task::JoinError| NetError::Set {
            device: device.clone(),
            property: "packet acceptance of the host".to_owned(),
            source: error.into(),
        };
        set.map_err(failed)?
    }

    /// Which packets from an interface the host's IP stack accepts. `None`: the interface does not exist, or its
    /// settings cannot be read.
    #[allow(
        clippy::disallowed_methods,
        reason = "kernel settings: a missing one and an unreadable one differ"
    )]
    pub fn host_ip_filter(&self, device: &IfName) -> Option<HostIpFilter> {
        let read = |family, setting| fs::read_to_string(path(device, family, setting));
        let number = |setting| read("ipv4", setting).ok()?.trim().parse().ok();
        let disable_ipv6 = match read("ipv6", "disable_ipv6") {
            Ok(text) => text.trim() == "1",
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        Some(HostIpFilter {
            arp_ignore: number("arp_ignore")?,
            rp_filter: number("rp_filter")?,
            disable_ipv6,
        })
    }
}

fn set(device: &IfName, filter: HostIpFilter) -> Result<(), NetError> {
    for (family, setting, value) in filter.settings() {
        match fs::write(path(device, family, setting), value.to_string()) {
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

fn path(device: &IfName, family: &str, setting: &str) -> PathBuf {
    Path::new("/proc/sys/net").join(family).join("conf").join(device.as_str()).join(setting)
}
