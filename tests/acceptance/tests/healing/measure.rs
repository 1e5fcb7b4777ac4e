//! How long a host takes to restore what was removed, measured on the host.

use acceptance::container::inside;
use acceptance::network::address;
use acceptance::{Cluster, Failure};

/// What the promise is.
pub(crate) const LIMIT: u64 = 5_000;

/// A condition of the shell: host and container are reached, and the network is the confirmed one.
pub(crate) fn good(host: &str) -> String {
    format!(
        "ip -4 -o addr show dev mynet0 | grep -q '{}/16' && ip -4 route show default | grep -q 'via 10.99.0.1 dev mynet0' && \
         ip link show eth0 | grep -q 'master mynet0' && ! ip -4 -o addr show dev eth0 | grep -q inet && \
         ip link show eth0 | grep -q 'mtu 1500' && ip link show eth1 | grep -q 'master br98' && \
         ping -q -c 1 -W 1 10.99.0.1 && {}",
        address(host),
        inside(&format!("{host}c1"), "ping -q -c 1 -W 1 10.99.0.1")
    )
}

/// Runs a line on a host, which spoils its network. Returns the milliseconds until the network is good again.
pub(crate) async fn healed(cluster: &Cluster, host: &str, spoil: &str) -> Result<u64, Failure> {
    let good = good(host);
    let line = format!(
        "{{ {good}; }} >/dev/null 2>&1 || {{ echo 'not good before'; ip -br addr; ip route; exit 1; }}; \
         begin=$(date +%s%N); {spoil}; \
         for i in $(seq 300); do if {{ {good}; }} >/dev/null 2>&1; then echo $((($(date +%s%N) - begin) / 1000000)); exit 0; fi; sleep 0.05; done; \
         ip -br link; ip -br addr; ip route; cat /run/xdock/network/watch.json; tail -5 /var/log/xcat/xcat.log; exit 1"
    );
    let ran = cluster.run(host, &line).await?;
    match ran.stdout.trim().parse() {
        Ok(milliseconds) if ran.code == 0 => Ok(milliseconds),
        _ => Err(format!("{host} after {spoil}: {ran:?}").into()),
    }
}

/// The same on some hosts at once, each within the limit.
pub(crate) async fn all_healed(
    cluster: &Cluster,
    hosts: &[&str],
    spoil: impl Fn(&str) -> String,
) -> Result<(), Failure> {
    let times = futures_util::future::join_all(hosts.iter().map(|host| {
        let line = spoil(host);
        async move { healed(cluster, host, &line).await }
    }));
    let mut late = Vec::new();
    let mut shown = Vec::new();
    for (host, time) in hosts.iter().zip(times.await) {
        match time {
            Ok(time) => {
                shown.push(format!("{host} {time} ms"));
                late.extend((time > LIMIT).then(|| format!("{host} took {time} ms")));
            }
            Err(error) => late.push(error.to_string()),
        }
    }
    eprintln!("  restored after: {}", shown.join(", "));
    if late.is_empty() { Ok(()) } else { Err(late.join("; ").into()) }
}
