//! `setupdockerhost NETWORK=SUBNET@ADDRESS:NIC`: the call of xCAT's former postscript, which created one
//! bridge per word.
//!
//! Today the tables have this data. So each word is converted to the variables that xCAT would export, and
//! the steps run as `xdock` does. If the tables have the network or bridge, they take precedence, even under
//! another name.

use std::net::IpAddr;
use std::str::FromStr;

use inventory::{IfName, NetName, Network, NetworkRow};
use ipnet::IpNet;
use thiserror::Error;

use crate::environment::Environment;

/// Name of the stub, and the first word that it passes.
pub const NAME: &str = "setupdockerhost";

/// One word of the old call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldNetwork {
    name: NetName,
    bridge: IfName,
    subnet: IpNet,
    address: IpAddr,
    nic: IfName,
}

/// An invalid word.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{word:?}: {rule}; the form is NETWORK=SUBNET@ADDRESS:NIC, such as mynet0=10.0.0.0/16@10.0.101.1:eth0"
)]
pub struct OldCallError {
    word: String,
    rule: String,
}

impl FromStr for OldNetwork {
    type Err = OldCallError;
    fn from_str(word: &str) -> Result<Self, OldCallError> {
        parse(word).map_err(|rule| OldCallError { word: word.to_owned(), rule })
    }
}

fn parse(word: &str) -> Result<OldNetwork, String> {
    let (name, rest) = word.split_once('=').ok_or("= is missing")?;
    let (subnet, rest) = rest.split_once('@').ok_or("@ is missing")?;
    // an IPv6 address contains colons itself
    let (address, nic) = rest.rsplit_once(':').ok_or(": before the NIC is missing")?;
    let reason = |what: &str, error: &dyn ToString| format!("{what}: {}", error.to_string());
    let network = OldNetwork {
        name: name.parse().map_err(|error| reason("network", &error))?,
        bridge: name.parse().map_err(|error| reason("bridge", &error))?,
        subnet: subnet.parse::<IpNet>().map_err(|error| reason("subnet", &error))?,
        address: address.parse().map_err(|error| reason("address", &error))?,
        nic: nic.parse().map_err(|error| reason("NIC", &error))?,
    };
    if !network.subnet.contains(&network.address) {
        return Err(format!("{} is not in {}", network.address, network.subnet));
    }
    Ok(network)
}

/// The environment with the data of the words.
pub fn with(environment: Environment, networks: &[OldNetwork]) -> Environment {
    networks.iter().fold(environment, |environment, network| network.put(environment))
}

impl OldNetwork {
    /// If the tables have a network with this subnet, under any name, the bridge is that of the tables, which
    /// netd and `xdock mk` use.
    fn put(&self, mut environment: Environment) -> Environment {
        let (network, bridge) = match self.row(&environment) {
            Some(network) if network.name != self.name && is_own(&environment, &network) => {
                (network.name.clone(), network.bridge_name())
            }
            Some(network) => (network.name, self.bridge.clone()),
            None => {
                self.add_row(&mut environment);
                (self.name.clone(), self.bridge.clone())
            }
        };
        if is_bridged(&environment, &network) {
            return environment;
        }
        for (variable, value) in [
            ("NICTYPES", "bridge".to_owned()),
            ("NICDEVICES", self.nic.to_string()),
            ("NICNETWORKS", network.to_string()),
            ("NICIPS", self.address.to_string()),
        ] {
            add_entry(&mut environment, &bridge, variable, &value);
        }
        environment
    }

    /// The row with this name, else one with this subnet. xcatconfig creates a row for each network of the
    /// management node, with a generated name.
    fn row(&self, environment: &Environment) -> Option<Network> {
        let lines = environment.iter().filter(|(name, _)| name.starts_with("NETWORKS_LINE"));
        let rows = lines.map(|(_, line)| NetworkRow::from_line(line));
        let (networks, _) = Network::usable(rows, None);
        let named = networks.iter().find(|network| network.name == self.name);
        let is_same = |network: &&Network| {
            network.subnet_of(self.address).is_some_and(|subnet| subnet == self.subnet.trunc())
        };
        named.or_else(|| networks.iter().find(is_same)).cloned()
    }

    fn add_row(&self, environment: &mut Environment) {
        let number =
            1 + environment.get("NETWORKS_LINES").and_then(|count| count.parse().ok()).unwrap_or(0_usize);
        let (name, subnet) = (&self.name, &self.subnet);
        let row = format!("netname={name}||net={}||mask={}||gateway=||", subnet.network(), subnet.netmask());
        environment.set("NETWORKS_LINES", number.to_string());
        environment.set(&format!("NETWORKS_LINE{number}"), row);
    }
}

/// Whether it is the host's own network, for which a bridge needs no column.
fn is_own(environment: &Environment, network: &Network) -> bool {
    let address = environment.get("IPADDR").and_then(|text| text.parse().ok());
    address.is_some_and(|address: IpAddr| network.subnet_of(address).is_some())
}

/// Whether the columns already have a bridge for the network.
fn is_bridged(environment: &Environment, network: &NetName) -> bool {
    let entries = |variable| {
        environment
            .get(variable)
            .unwrap_or_default()
            .split(',')
            .filter_map(|entry| entry.trim().split_once('!'))
    };
    let is_bridge =
        |nic: &str| entries("NICTYPES").any(|(known, kind)| known == nic && kind.starts_with("bridge"));
    let mut on =
        entries("NICNETWORKS").filter(|(_, networks)| networks.split('|').any(|one| one == network.as_str()));
    on.any(|(nic, _)| is_bridge(nic))
}

fn add_entry(environment: &mut Environment, bridge: &IfName, variable: &str, value: &str) {
    let now = environment.get(variable).unwrap_or_default();
    let has = |entry: &str| entry.trim().split('!').next() == Some(bridge.as_str());
    if now.split(',').any(has) {
        return;
    }
    // first, because the bridge of the host's own network comes first in the tables
    let separator = if now.is_empty() { "" } else { "," };
    let text = format!("{bridge}!{value}{separator}{now}");
    environment.set(variable, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use inventory::HostPlan;

    fn xcat() -> Environment {
        [
            ("NODE", "host1"),
            ("IPADDR", "10.0.101.1"),
            ("MASTER_IP", "10.0.0.1"),
            ("NETWORKS_LINES", "1"),
            ("NETWORKS_LINE1", "netname=net98||net=10.98.0.0||mask=255.255.0.0||gateway="),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn the_old_call_is_a_bridge_of_the_tables() {
        let word: OldNetwork = "mynet0=10.0.0.0/16@10.0.101.1:eth0".parse().unwrap();
        let environment = with(xcat(), &[word.clone(), word]);
        let plan = HostPlan::compile(&environment.tables().unwrap()).unwrap();
        assert_eq!(
            plan.to_string(),
            "host1\n  bridge mynet0 over eth0\n    address  10.0.101.1/16\n    network  mynet0 10.0.0.0/16"
        );
    }

    /// The plan of a call on a host whose tables have these rows.
    fn planned(rows: &[&str], more: &[(&str, &str)], words: &[&str]) -> String {
        let mut environment = xcat();
        environment.set("NETWORKS_LINES", rows.len().to_string());
        for (number, row) in rows.iter().enumerate() {
            environment.set(&format!("NETWORKS_LINE{}", number + 1), (*row).to_owned());
        }
        for (name, value) in more {
            environment.set(name, (*value).to_owned());
        }
        let words: Vec<OldNetwork> = words.iter().map(|word| word.parse().unwrap()).collect();
        HostPlan::compile(&with(environment, &words).tables().unwrap()).unwrap().to_string()
    }

    const WORD: &str = "mynet0=10.0.0.0/16@10.0.101.1:eth0";
    /// As xcatconfig writes it.
    const XCATCONFIG: &str = "netname=10_0_0_0-255_255_0_0||net=10.0.0.0||mask=255.255.0.0||mgtifname=eth0||gateway=<xcatmaster>||";

    #[test]
    fn a_row_of_the_same_net_by_another_name_has_one_bridge() {
        let bridged = "host1\n  bridge br0a000000 over eth0\n    address  10.0.101.1/16\n    gateway  10.0.0.1\n    network  10_0_0_0-255_255_0_0 10.0.0.0/16";
        assert_eq!(planned(&[XCATCONFIG], &[], &[WORD]), bridged);
        let length = XCATCONFIG.replace("255.255.0.0||mgt", "/16||mgt");
        assert_eq!(planned(&[&length], &[], &[WORD]), bridged);
        assert_eq!(planned(&[XCATCONFIG], &[], &[WORD, WORD]), bridged);
        let named = "netname=cluster||net=10.0.0.0||mask=255.255.0.0||gateway=||";
        let bridged =
            "host1\n  bridge cluster over eth0\n    address  10.0.101.1/16\n    network  cluster 10.0.0.0/16";
        assert_eq!(planned(&[named], &[], &[WORD]), bridged);
    }

    #[test]
    fn the_row_of_the_name_comes_before_others_of_the_net() {
        let own = "netname=mynet0||net=10.0.0.0||mask=255.255.0.0||gateway=||";
        let bridged =
            "host1\n  bridge mynet0 over eth0\n    address  10.0.101.1/16\n    network  mynet0 10.0.0.0/16";
        assert_eq!(planned(&[own], &[], &[WORD]), bridged);
    }

    #[test]
    fn two_nets_of_the_call_are_two_bridges_of_the_tables() {
        let second = "netname=10_98_0_0-255_255_0_0||net=10.98.0.0||mask=255.255.0.0||gateway=||";
        let words = [WORD, "net98=10.98.0.0/16@10.98.0.11:eth1"];
        let plan = planned(&[XCATCONFIG, second], &[], &words);
        let bridges: Vec<&str> = plan.lines().filter(|line| line.contains("bridge")).map(str::trim).collect();
        assert_eq!(bridges, ["bridge net98 over eth1", "bridge br0a000000 over eth0"], "{plan}");
    }

    #[test]
    fn a_bridge_of_the_columns_wins() {
        let columns = [
            ("NICTYPES", "br7!bridge"),
            ("NICDEVICES", "br7!eth0"),
            ("NICNETWORKS", "br7!10_0_0_0-255_255_0_0"),
            ("NICIPS", "br7!10.0.101.1"),
        ];
        let plan = planned(&[XCATCONFIG], &columns, &[WORD]);
        assert!(plan.contains("bridge br7 over eth0") && !plan.contains("br0a"), "{plan}");
    }

    #[test]
    fn a_wrong_word_is_refused_with_the_form() {
        let reason = |word: &str| word.parse::<OldNetwork>().unwrap_err().to_string();
        let form = "the form is NETWORK=SUBNET@ADDRESS:NIC, such as mynet0=10.0.0.0/16@10.0.101.1:eth0";
        assert_eq!(reason("mynet0"), format!("\"mynet0\": = is missing; {form}"));
        assert_eq!(
            reason("mynet0=10.0.0.0/16@10.1.0.1:eth0"),
            format!("\"mynet0=10.0.0.0/16@10.1.0.1:eth0\": 10.1.0.1 is not in 10.0.0.0/16; {form}")
        );
    }
}
