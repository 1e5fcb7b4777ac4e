//! Bonds (kernel Documentation/networking/bonding.rst).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use inventory::{IfName, MacAddr};
use nix::libc::EEXIST;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{InfoBond, InfoData, InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use rtnetlink::{LinkBond, LinkMessageBuilder};
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::{Kind, is_errno, link_message};

/// A bond to create, without ports and up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondSpec {
    /// Its name.
    pub name: IfName,
    /// Its MAC, which its ports get too; `None`: the MAC of its first port.
    pub mac: Option<MacAddr>,
    /// MTU in bytes, which its ports get too; `None`: 1500.
    pub mtu: Option<u32>,
    /// Options of the driver with the driver's names, `mode` first.
    pub options: Vec<(String, String)>,
}

impl Kernel {
    /// Creates a bond. `false`: a bond of this name exists; it is not changed.
    ///
    /// # Errors
    /// [`NetError::WrongKind`] if another device has the name; [`NetError::BondOption`].
    pub async fn add_bond(&self, spec: &BondSpec) -> Result<bool, NetError> {
        let mut builder = LinkMessageBuilder::<LinkBond>::new(spec.name.as_str())
            .set_info_data(InfoData::Bond(self.attributes(&spec.name, &spec.options).await?));
        if let Some(mac) = spec.mac {
            builder = builder.address(mac.octets().to_vec());
        }
        if let Some(mtu) = spec.mtu {
            builder = builder.mtu(mtu);
        }
        let message = RouteNetlinkMessage::NewLink(builder.up().build());
        match self.change(message, NLM_F_CREATE | NLM_F_EXCL).await {
            Ok(()) => Ok(true),
            Err(source) if is_errno(&source, EEXIST) => self.expect_kind(&spec.name, &Kind::Bond).await,
            Err(source) => Err(NetError::AddBond { device: spec.name.clone(), source }),
        }
    }

    /// Sets options of an existing bond. Some cannot be changed while it has ports: see [`is_fixed`].
    ///
    /// # Errors
    /// [`NetError::Missing`], [`NetError::BondOption`], or the driver refused.
    pub async fn set_bond(&self, device: &IfName, options: &[(String, String)]) -> Result<(), NetError> {
        let attributes = self.attributes(device, options).await?;
        let mut message = link_message(device);
        let data = LinkInfo::Data(InfoData::Bond(attributes));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bond), data]));
        let options: Vec<String> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.set_info(device, message, || format!("the bonding options {}", options.join(" "))).await
    }

    async fn attributes(
        &self,
        device: &IfName,
        options: &[(String, String)],
    ) -> Result<Vec<InfoBond>, NetError> {
        let mut attributes = Vec::new();
        for (name, value) in options {
            let refuse =
                || NetError::BondOption { device: device.clone(), option: format!("{name}={value}") };
            if name == PRIMARY {
                let port: IfName = value.parse().map_err(|_| refuse())?;
                attributes.push(InfoBond::Primary(self.index(&port).await?));
            } else {
                attributes.push(attribute(name, value).ok_or_else(refuse)?);
            }
        }
        Ok(attributes)
    }

    /// Changes driver settings of an existing device with `RTM_NEWLINK`: `RTM_SETLINK` ignores them (kernel
    /// net/core/rtnetlink.c, `__rtnl_newlink`).
    pub(crate) async fn set_info(
        &self,
        device: &IfName,
        message: LinkMessage,
        property: impl FnOnce() -> String,
    ) -> Result<(), NetError> {
        // without NLM_F_CREATE a missing device is ENODEV
        let done = self.change(RouteNetlinkMessage::NewLink(message), 0).await;
        done.map_err(|source| crate::device::refusal(device, source, property))
    }
}

/// The option whose value is the name of a port.
pub(crate) const PRIMARY: &str = "primary";

/// Whether the driver changes an option only while the bond is down or has no ports (kernel
/// drivers/net/bonding/bond_options.c, `BOND_OPTFLAG_NOSLAVES` and `BOND_OPTFLAG_IFDOWN`).
pub fn is_fixed(option: &str) -> bool {
    matches!(option, "mode" | "fail_over_mac" | "lacp_rate" | "ad_select")
}

/// An option's value in the form of [`crate::Settings::Bond`] (`lacp_rate=1` is `fast`); `None`: the driver does not
/// know the option or the value.
pub fn canonical(option: &str, value: &str) -> Option<String> {
    if option == PRIMARY {
        return Some(value.to_owned());
    }
    option_of(&attribute(option, value)?).map(|(_, value)| value)
}

fn attribute(option: &str, value: &str) -> Option<InfoBond> {
    fn parsed<T: FromStr>(value: &str) -> Option<T> {
        value.parse().ok()
    }
    Some(match option {
        "mode" => InfoBond::Mode(parsed(value)?),
        "miimon" => InfoBond::MiiMon(parsed(value)?),
        "updelay" => InfoBond::UpDelay(parsed(value)?),
        "downdelay" => InfoBond::DownDelay(parsed(value)?),
        "lacp_rate" => InfoBond::AdLacpRate(parsed(value)?),
        "xmit_hash_policy" => InfoBond::XmitHashPolicy(parsed(value)?),
        "ad_select" => InfoBond::AdSelect(parsed(value)?),
        "primary_reselect" => InfoBond::PrimaryReselect(parsed(value)?),
        "fail_over_mac" => InfoBond::FailOverMac(parsed(value)?),
        "arp_interval" => InfoBond::ArpInterval(parsed(value)?),
        "arp_ip_target" => {
            let targets: Option<Vec<Ipv4Addr>> = value.split(',').map(parsed).collect();
            InfoBond::ArpIpTarget(targets?)
        }
        "min_links" => InfoBond::MinLinks(parsed(value)?),
        "num_grat_arp" => InfoBond::NumPeerNotif(parsed(value)?),
        _ => return None,
    })
}

/// An option with its value; `None`: an attribute that the tables do not have.
pub(crate) fn option_of(info: &InfoBond) -> Option<(&'static str, String)> {
    let text = |value: &dyn fmt::Display| value.to_string();
    Some(match info {
        InfoBond::Mode(value) => ("mode", text(value)),
        InfoBond::MiiMon(value) => ("miimon", text(value)),
        InfoBond::UpDelay(value) => ("updelay", text(value)),
        InfoBond::DownDelay(value) => ("downdelay", text(value)),
        InfoBond::AdLacpRate(value) => ("lacp_rate", text(value)),
        InfoBond::XmitHashPolicy(value) => ("xmit_hash_policy", text(value)),
        InfoBond::AdSelect(value) => ("ad_select", text(value)),
        InfoBond::PrimaryReselect(value) => ("primary_reselect", text(value)),
        InfoBond::FailOverMac(value) => ("fail_over_mac", text(value)),
        InfoBond::ArpInterval(value) => ("arp_interval", text(value)),
        InfoBond::ArpIpTarget(targets) => {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            ("arp_ip_target", targets.join(","))
        }
        InfoBond::MinLinks(value) => ("min_links", text(value)),
        InfoBond::NumPeerNotif(value) => ("num_grat_arp", text(value)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_compared_by_what_they_mean() {
        let is = |option, value| canonical(option, value).unwrap();
        assert_eq!(is("mode", "1"), "active-backup");
        assert_eq!(is("mode", "802.3ad"), "802.3ad");
        assert_eq!(is("lacp_rate", "1"), "fast");
        assert_eq!(is("xmit_hash_policy", "layer2+3"), "layer2+3");
        assert_eq!(is("miimon", "0100"), "100");
        assert_eq!(is("arp_ip_target", "10.1.1.1,10.1.1.2"), "10.1.1.1,10.1.1.2");
        assert_eq!(is("primary", "eth0"), "eth0");
        for (option, value) in [("mode", "7"), ("miimon", "x"), ("colour", "red"), ("arp_ip_target", "")] {
            assert_eq!(canonical(option, value), None, "{option}={value}");
        }
    }

    #[test]
    fn every_option_of_the_tables_is_known_both_ways() {
        let options = [
            ("mode", "balance-alb"),
            ("miimon", "50"),
            ("updelay", "100"),
            ("downdelay", "100"),
            ("lacp_rate", "slow"),
            ("xmit_hash_policy", "layer3+4"),
            ("ad_select", "bandwidth"),
            ("primary_reselect", "better"),
            ("fail_over_mac", "active"),
            ("arp_interval", "250"),
            ("arp_ip_target", "10.1.1.1"),
            ("min_links", "1"),
            ("num_grat_arp", "3"),
        ];
        for (option, value) in options {
            assert_eq!(option_of(&attribute(option, value).unwrap()), Some((option, value.to_owned())));
        }
    }
}
