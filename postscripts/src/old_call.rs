//! `setupdockerhost NETWORK=SUBNET@ADDRESS:NIC`: the call of xCAT's own former postscript, which made one bridge a word.
//!
//! It says what the tables say today, so it becomes the variables that xCAT would export if they did, and runs as
//! `xdock` does. What the tables have of that network or bridge wins.

use std::net::IpAddr;
use std::str::FromStr;

use inventory::{IfName, NetName};
use ipnet::IpNet;
use thiserror::Error;

use crate::environment::Environment;

/// How the stub is called, and the first word that it passes on.
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

/// A word that is none.
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
    let (name, rest) = word.split_once('=').ok_or("there is no =")?;
    let (subnet, rest) = rest.split_once('@').ok_or("there is no @")?;
    // the address may be one of IPv6, which has colons itself
    let (address, nic) = rest.rsplit_once(':').ok_or("there is no : before the NIC")?;
    let told = |what: &str, error: &dyn ToString| format!("{what}: {}", error.to_string());
    let network = OldNetwork {
        name: name.parse().map_err(|error| told("network", &error))?,
        bridge: name.parse().map_err(|error| told("bridge", &error))?,
        subnet: subnet.parse::<IpNet>().map_err(|error| told("subnet", &error))?,
        address: address.parse().map_err(|error| told("address", &error))?,
        nic: nic.parse().map_err(|error| told("NIC", &error))?,
    };
    if !network.subnet.contains(&network.address) {
        return Err(format!("{} is not in {}", network.address, network.subnet));
    }
    Ok(network)
}

/// The environment with what the words say.
pub fn with(environment: Environment, networks: &[OldNetwork]) -> Environment {
    networks.iter().fold(environment, |environment, network| network.put(environment))
}

impl OldNetwork {
    fn put(&self, mut environment: Environment) -> Environment {
        if !self.has_row(&environment) {
            let number =
                1 + environment.get("NETWORKS_LINES").and_then(|count| count.parse().ok()).unwrap_or(0_usize);
            let (name, subnet) = (&self.name, &self.subnet);
            let row =
                format!("netname={name}||net={}||mask={}||gateway=||", subnet.network(), subnet.netmask());
            environment.set("NETWORKS_LINES", number.to_string());
            environment.set(&format!("NETWORKS_LINE{number}"), row);
        }
        for (variable, value) in [
            ("NICTYPES", "bridge".to_owned()),
            ("NICDEVICES", self.nic.to_string()),
            ("NICNETWORKS", self.name.to_string()),
            ("NICIPS", self.address.to_string()),
        ] {
            self.add_entry(&mut environment, variable, &value);
        }
        environment
    }

    fn has_row(&self, environment: &Environment) -> bool {
        let named = format!("netname={}||", self.name);
        environment.iter().any(|(name, value)| name.starts_with("NETWORKS_LINE") && value.starts_with(&named))
    }

    fn add_entry(&self, environment: &mut Environment, variable: &str, value: &str) {
        let now = environment.get(variable).unwrap_or_default();
        let has = |entry: &str| entry.trim().split('!').next() == Some(self.bridge.as_str());
        if now.split(',').any(has) {
            return;
        }
        // first, as the bridge of the host's own network is where the tables do not name it
        let separator = if now.is_empty() { "" } else { "," };
        let text = format!("{}!{value}{separator}{now}", self.bridge);
        environment.set(variable, text);
    }
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

    #[test]
    fn a_wrong_word_says_the_form() {
        let told = |word: &str| word.parse::<OldNetwork>().unwrap_err().to_string();
        let form = "the form is NETWORK=SUBNET@ADDRESS:NIC, such as mynet0=10.0.0.0/16@10.0.101.1:eth0";
        assert_eq!(told("mynet0"), format!("\"mynet0\": there is no =; {form}"));
        assert_eq!(
            told("mynet0=10.0.0.0/16@10.1.0.1:eth0"),
            format!("\"mynet0=10.0.0.0/16@10.1.0.1:eth0\": 10.1.0.1 is not in 10.0.0.0/16; {form}")
        );
    }
}
