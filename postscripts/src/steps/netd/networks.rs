//! The Docker networks of this host: one of driver `netd` per network of the snapshot, so that `docker run`
//! on the host can use them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use inventory::Network;
use process::Command;

/// dockerd asks netd for the pool and answers in milliseconds.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// The engine's socket.
const ENGINE: &str = "/var/run/docker.sock";

/// Names of the engine's networks; `None` if no engine answers.
pub(super) async fn names() -> Option<BTreeSet<String>> {
    if !Path::new(ENGINE).exists() {
        return None;
    }
    let list = Command::new("docker", COMMAND_TIMEOUT).args(["network", "ls", "--format", "{{.Name}}"]);
    Some(list.execute().await.ok()?.text().lines().map(str::to_owned).collect())
}

/// Command that creates a network, equal to that of `xdock mk`.
pub(super) fn create(network: &Network) -> Vec<String> {
    let mut words: Vec<String> =
        ["network", "create", "--driver", "netd", "--ipam-driver", "netd"].map(str::to_owned).to_vec();
    words.push("--opt".to_owned());
    words.push(format!("netd.network={}", network.name));
    for subnet in &network.subnets {
        words.push(format!("--subnet={subnet}"));
        let gateway = network.gateways.iter().find(|gateway| subnet.contains(*gateway));
        words.extend(gateway.map(|gateway| format!("--gateway={gateway}")));
    }
    if network.subnets.iter().any(|subnet| subnet.addr().is_ipv6()) {
        words.push("--ipv6".to_owned());
    }
    words.push(network.name.to_string());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_row() {
        let six = "netname=mynet0||net=fd00:99::||mask=/64||gateway=";
        let four = "netname=mynet0||net=10.99.0.0||mask=255.255.0.0||gateway=10.99.0.1";
        let network = Network::from_lines([four, six]).unwrap().remove(0);
        assert_eq!(
            create(&network).join(" "),
            "network create --driver netd --ipam-driver netd --opt netd.network=mynet0 --subnet=10.99.0.0/16 --gateway=10.99.0.1 --subnet=fd00:99::/64 --ipv6 mynet0"
        );
    }
}
