//! Docker network for a row of `networks`.

use std::collections::BTreeSet;

use inventory::Network;
use ipnet::IpNet;
use serde_json::{Value, json};
use thiserror::Error;

use crate::engine;

/// Driver name: the name of netd's socket.
const DRIVER: &str = "netd";

/// Option with the network's name: driver requests do not contain it (moby, remote driver).
const NETWORK_OPTION: &str = "netd.network";

/// Why the networks of a name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NetworkDiffers {
    /// It differs from the tables.
    #[error("network {network} on {host} {differs}; remove it there (docker network rm {network})")]
    Other {
        network: String,
        host: String,
        /// Difference.
        differs: String,
    },
    /// Ambiguous name. Engines before API 1.44 accept a second network with the same name.
    #[error(
        "{host} has {count} networks named {network}: {all}; remove {which} there (docker network rm {id})"
    )]
    Several {
        /// Their name.
        network: String,
        host: String,
        /// How many.
        count: usize,
        /// Each with its ID.
        all: String,
        /// Which one to remove.
        which: &'static str,
        /// Its ID.
        id: String,
    },
}

/// POST /networks/create.
pub(super) fn body(network: &Network) -> Value {
    let subnets: Vec<Value> = network.subnets.iter().map(|subnet| pool(network, subnet)).collect();
    json!({
        "Name": network.name.as_str(),
        "Driver": DRIVER,
        // before API 1.44 two parallel commands would create two networks
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

/// The matching network of a host; `None`: no network has its name.
pub(super) fn find<'a>(
    host: &str,
    wanted: &Network,
    listed: &'a [engine::Network],
) -> Result<Option<&'a engine::Network>, NetworkDiffers> {
    let named: Vec<&engine::Network> =
        listed.iter().filter(|network| network.name == wanted.name.as_str()).collect();
    match named.as_slice() {
        [] => Ok(None),
        [one] => compare(host, wanted, one).map(|()| Some(*one)),
        several => Err(ambiguous(host, wanted, several)),
    }
}

/// Lists the networks to remove: those that differ from the tables, or all but one.
fn ambiguous(host: &str, wanted: &Network, several: &[&engine::Network]) -> NetworkDiffers {
    let said = |network: &&engine::Network| match difference(wanted, network) {
        None => format!("{} (as in the tables)", network.id.short()),
        Some(differs) => format!("{} ({differs})", network.id.short()),
    };
    let wrong: Vec<&str> = several
        .iter()
        .filter(|network| difference(wanted, network).is_some())
        .map(|network| network.id.short())
        .collect();
    let (which, ids) = match wrong.as_slice() {
        [] => ("all but one", "ID".to_owned()),
        [_] => ("the other", wrong.join(" ")),
        _ => ("the others", wrong.join(" ")),
    };
    NetworkDiffers::Several {
        network: wanted.name.to_string(),
        host: host.to_owned(),
        count: several.len(),
        all: several.iter().map(said).collect::<Vec<_>>().join(", "),
        which,
        id: ids,
    }
}

/// Compares an existing network with the tables.
fn compare(host: &str, wanted: &Network, found: &engine::Network) -> Result<(), NetworkDiffers> {
    let (network, host) = (wanted.name.to_string(), host.to_owned());
    difference(wanted, found).map_or(Ok(()), |differs| Err(NetworkDiffers::Other { network, host, differs }))
}

/// Difference from the tables.
fn difference(wanted: &Network, found: &engine::Network) -> Option<String> {
    if found.driver != DRIVER {
        return Some(format!("has driver {}, not {DRIVER}", found.driver));
    }
    if found.ipam != DRIVER {
        return Some(format!("has address driver {}, not {DRIVER}", found.ipam));
    }
    let (there, here) = (set(&found.subnets), set(&wanted.subnets));
    if there != here {
        return Some(format!("has {}, the tables have {}", listed(&there), listed(&here)));
    }
    match found.options.get(NETWORK_OPTION).map_or("", String::as_str) {
        name if name == wanted.name.as_str() => None,
        name => Some(format!("has {NETWORK_OPTION}={name}")),
    }
}

/// Whether xdock created a network.
pub(crate) fn is_ours(network: &engine::Network) -> bool {
    network.driver == DRIVER && network.options.get(NETWORK_OPTION) == Some(&network.name)
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
            isolate: false,
        }
    }

    pub(in crate::plan) fn there() -> engine::Network {
        engine::Network {
            id: engine::NetworkId::of_test("0123456789abcdef"),
            name: "mynet0".into(),
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
            "network mynet0 on host1 has 10.5.0.0/16, the tables have 10.99.0.0/16, fd00:99::/64; \
             remove it there (docker network rm mynet0)"
        );
    }

    #[test]
    fn of_several_networks_of_one_name_the_wrong_one_is_told() {
        // moby/moby #33561
        let other = |id: &str, driver: &str| engine::Network {
            id: engine::NetworkId::of_test(id),
            driver: driver.into(),
            ..there()
        };
        let told = |listed: &[engine::Network]| find("host1", &mynet0(), listed).unwrap_err().to_string();
        assert_eq!(
            told(&[there(), other("fedcba9876543210", "bridge")]),
            "host1 has 2 networks named mynet0: 0123456789ab (as in the tables), fedcba987654 (has driver bridge, not netd); \
             remove the other there (docker network rm fedcba987654)"
        );
        assert_eq!(
            told(&[there(), other("fedcba9876543210", "netd")]),
            "host1 has 2 networks named mynet0: 0123456789ab (as in the tables), fedcba987654 (as in the tables); \
             remove all but one there (docker network rm ID)"
        );
    }

    #[test]
    fn the_beginning_of_an_id_is_no_name() {
        let stranger =
            engine::Network { name: "x".into(), id: engine::NetworkId::of_test("mynet0ff"), ..there() };
        assert_eq!(find("host1", &mynet0(), &[stranger]), Ok(None));
        assert_eq!(find("host1", &mynet0(), &[there()]), Ok(Some(&there())));
    }
}
