//! The Docker network that stands for a row of `networks` on a host.

use std::collections::BTreeSet;

use inventory::Network;
use ipnet::IpNet;
use serde_json::{Value, json};
use thiserror::Error;

use crate::engine;

/// The driver's name: that of netd's socket.
const DRIVER: &str = "netd";

/// The option that tells netd the network's name: the driver's calls carry none (moby, remote driver).
const NETWORK_OPTION: &str = "netd.network";

/// A network of that name which is not the table's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("network {network} on {host} {differs}; remove it there (docker network rm {network})")]
pub(crate) struct NetworkDiffers {
    network: String,
    host: String,
    differs: String,
}

/// POST /networks/create.
pub(super) fn body(network: &Network) -> Value {
    let subnets: Vec<Value> = network.subnets.iter().map(|subnet| pool(network, subnet)).collect();
    json!({
        "Name": network.name.as_str(),
        "Driver": DRIVER,
        // before API 1.44 two commands at once would make two networks of one name
        "CheckDuplicate": true,
        "EnableIPv6": network.subnets.iter().any(|subnet| subnet.addr().is_ipv6()),
        "IPAM": { "Driver": DRIVER, "Config": subnets },
        "Options": { NETWORK_OPTION: network.name.as_str() },
    })
}

fn pool(network: &Network, subnet: &IpNet) -> Value {
    match network.gateways.iter().find(|gateway| subnet.contains(*gateway)) {
        Some(gateway) => json!({ "Subnet": subnet.to_string(), "Gateway": gateway.to_string() }),
        None => json!({ "Subnet": subnet.to_string() }),
    }
}

/// Whether a network that is there is the table's.
pub(super) fn compare(host: &str, wanted: &Network, found: &engine::Network) -> Result<(), NetworkDiffers> {
    let differs =
        |differs| Err(NetworkDiffers { network: wanted.name.to_string(), host: host.to_owned(), differs });
    if found.driver != DRIVER {
        return differs(format!("has driver {}, not {DRIVER}", found.driver));
    }
    if found.ipam != DRIVER {
        return differs(format!("has address driver {}, not {DRIVER}", found.ipam));
    }
    let (there, here) = (set(&found.subnets), set(&wanted.subnets));
    if there != here {
        return differs(format!("has {}, the tables say {}", listed(&there), listed(&here)));
    }
    match found.options.get(NETWORK_OPTION).map_or("", String::as_str) {
        name if name == wanted.name.as_str() => Ok(()),
        name => differs(format!("has {NETWORK_OPTION}={name}")),
    }
}

fn set(subnets: &[IpNet]) -> BTreeSet<IpNet> {
    subnets.iter().map(IpNet::trunc).collect()
}

fn listed(subnets: &BTreeSet<IpNet>) -> String {
    match subnets.len() {
        0 => "no subnet".to_owned(),
        _ => subnets.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::plan) fn mynet0() -> Network {
        Network {
            name: "mynet0".parse().unwrap(),
            subnets: vec!["10.99.0.0/16".parse().unwrap(), "fd00:99::/64".parse().unwrap()],
            gateways: vec!["10.99.0.1".parse().unwrap()],
            vlan: None,
            mtu: None,
        }
    }

    pub(in crate::plan) fn there() -> engine::Network {
        engine::Network {
            driver: "netd".into(),
            ipam: "netd".into(),
            subnets: mynet0().subnets,
            options: [("netd.network".to_owned(), "mynet0".to_owned())].into(),
        }
    }

    #[test]
    fn the_request_is_the_row() {
        assert_eq!(
            body(&mynet0()),
            json!({
                "Name": "mynet0", "Driver": "netd", "CheckDuplicate": true, "EnableIPv6": true,
                "IPAM": {"Driver": "netd", "Config": [
                    {"Subnet": "10.99.0.0/16", "Gateway": "10.99.0.1"}, {"Subnet": "fd00:99::/64"}
                ]},
                "Options": {"netd.network": "mynet0"}
            })
        );
    }

    #[test]
    fn a_network_that_is_not_the_tables_is_told() {
        let told = |found: engine::Network| compare("host1", &mynet0(), &found).unwrap_err().to_string();
        assert_eq!(compare("host1", &mynet0(), &there()), Ok(()));
        assert_eq!(
            told(engine::Network { driver: "bridge".into(), ..there() }),
            "network mynet0 on host1 has driver bridge, not netd; remove it there (docker network rm mynet0)"
        );
        assert_eq!(
            told(engine::Network { subnets: vec!["10.5.0.0/16".parse().unwrap()], ..there() }),
            "network mynet0 on host1 has 10.5.0.0/16, the tables say 10.99.0.0/16, fd00:99::/64; \
             remove it there (docker network rm mynet0)"
        );
    }
}
