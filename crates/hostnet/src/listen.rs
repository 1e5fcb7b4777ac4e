//! Interfaces that carry frames on this host, but not for this host.

use std::path::{Path, PathBuf};
use std::{fs, io};

use inventory::IfName;
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;

/// What this host's own IP takes of what comes in through an interface: settings below `/proc/sys/net`
/// (Documentation/networking/ip-sysctl.rst). All of it goes when the interface goes to another namespace: the kernel makes
/// its settings anew there (`inetdev_event`, `addrconf_notify`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    /// For which addresses of this host it answers there.
    pub arp_ignore: u8,
    /// Whether what has a source that is not behind this interface is dropped.
    pub rp_filter: u8,
    /// Whether IPv6 leaves the interface alone; also on a kernel without IPv6.
    pub disable_ipv6: bool,
}

impl Hearing {
    /// Nothing:
    /// * `arp_ignore` 8: no answer, for no address of this host.
    /// * `rp_filter` 1: dropped, for nothing is behind an interface without an address.
    /// * `disable_ipv6`: no router advertisement is heard, no link-local address made.
    pub const DEAF: Self = Self { arp_ignore: 8, rp_filter: 1, disable_ipv6: true };
    /// All, as the kernel makes an interface.
    pub const ALL: Self = Self { arp_ignore: 0, rp_filter: 0, disable_ipv6: false };

    /// Whether nothing is taken. The kernel goes by the larger `rp_filter` of `conf/all` and the interface (`IN_DEV_RPFILTER`), and
    /// both the strict and the loose mode drop what comes in through an interface without an address from a source that is
    /// behind another (net/ipv4/fib_frontend.c, `__fib_validate_source`). So `conf/all` can not undo it, and neither does
    /// systemd-sysctl, which sets 2 on new interfaces.
    pub fn is_deaf(self) -> bool {
        let Self { arp_ignore, rp_filter, disable_ipv6 } = self;
        arp_ignore == Self::DEAF.arp_ignore && rp_filter != 0 && disable_ipv6
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
    /// Has this host's own IP disregard what comes in through an interface without an address; packet sockets still hear
    /// it. Else the host would answer there for all its addresses (ip-sysctl.rst, `arp_ignore` 0), and forward what was
    /// sent to others.
    ///
    /// Where it is needed: a port of Open vSwitch's userspace datapath, whose frames the kernel sees too (Open vSwitch,
    /// Documentation/intro/install/userspace.rst, "Firewall Rules"); a container's end that is switched on before the
    /// container has it.
    ///
    /// # Errors
    /// As [`Kernel::set_hearing`].
    pub async fn deafen(&self, device: &IfName) -> Result<(), NetError> {
        self.set_hearing(device, Hearing::DEAF).await
    }

    /// Sets what this host's own IP takes of what comes in through an interface.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_hearing(&self, device: &IfName, hearing: Hearing) -> Result<(), NetError> {
        let name = device.clone();
        // the kernel has these wait for every change of the network that is on its way
        let set = tokio::task::spawn_blocking(move || set(&name, hearing)).await;
        let failed = |error: tokio::task::JoinError| NetError::Set {
            device: device.clone(),
            property: "what it hears".to_owned(),
            source: error.into(),
        };
        set.map_err(failed)?
    }

    /// What this host's own IP takes of what comes in through an interface; `None`: there is none of that name, or the host
    /// does not say.
    pub fn hearing(&self, device: &IfName) -> Option<Hearing> {
        let read = |family, setting| fs::read_to_string(path(device, family, setting));
        let number = |setting| read("ipv4", setting).ok()?.trim().parse().ok();
        let disable_ipv6 = match read("ipv6", "disable_ipv6") {
            Ok(text) => text.trim() == "1",
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        Some(Hearing { arp_ignore: number("arp_ignore")?, rp_filter: number("rp_filter")?, disable_ipv6 })
    }
}

fn set(device: &IfName, hearing: Hearing) -> Result<(), NetError> {
    for (family, setting, value) in hearing.settings() {
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
