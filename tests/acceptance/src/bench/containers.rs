//! Containers that are started for their time only; the same but for their network.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::samples::{Duel, ms_since};
use crate::engine::{Connection, Engine, Failure};

/// netd looks at the host 250 ms after the last change; a sample must not pay for the end of the one before.
const REST: Duration = Duration::from_millis(450);
/// Docker's first start on a network does more than later ones.
const WARM_UPS: usize = 2;

/// The name that a lab's `mynet0` has in Docker.
pub(super) const NETD: &str = "mynet0";

/// Makes a container on one of Docker's own networks.
pub(super) async fn make(engine: &Engine, name: &str, network: &str) -> Result<(), Failure> {
    make_at(engine, name, network, &json!({}), HostConfig::new()).await
}

/// The same with port 80 published at a port of the host.
pub(super) async fn make_publishing(
    engine: &Engine,
    name: &str,
    network: &str,
    port: u16,
) -> Result<(), Failure> {
    make_at(engine, name, network, &json!({}), publishing(port)).await
}

/// Makes a container on netd's network as `xdock mk` does: with netd's DNS and port 80 published at a port of the host.
pub(super) async fn make_complete(engine: &Engine, name: &str, ip: &str, port: u16) -> Result<(), Failure> {
    let host = publishing(port).into_iter().chain([("Dns", json!(["127.0.0.12"]))]).collect();
    make_at(engine, name, NETD, &of_node(name, ip), host).await
}

/// Items of `HostConfig`.
type HostConfig = BTreeMap<&'static str, Value>;

fn publishing(port: u16) -> HostConfig {
    let bindings = json!({"80/tcp": [{"HostIp": "", "HostPort": port.to_string()}]});
    HostConfig::from([("PortBindings", bindings)])
}

fn of_node(node: &str, ip: &str) -> Value {
    json!({"IPAMConfig": {"IPv4Address": ip}, "DriverOpts": {"netd.node": node}})
}

/// Makes a container on netd's network, as a node of the tables.
pub(super) async fn make_node(engine: &Engine, name: &str, node: &str, ip: &str) -> Result<(), Failure> {
    make_at(engine, name, NETD, &of_node(node, ip), HostConfig::new()).await
}

async fn make_at(
    engine: &Engine,
    name: &str,
    network: &str,
    endpoint: &Value,
    mut host: HostConfig,
) -> Result<(), Failure> {
    host.insert("NetworkMode", json!(network));
    let body = json!({
        "Image": "busybox", "Cmd": ["sleep", "1000000"],
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
    });
    engine.call("POST", &format!("/containers/create?name={name}"), Some(&body)).await.map(drop)
}

/// Makes one of Docker's own networks.
pub(super) async fn network(engine: &Engine, body: &Value) -> Result<(), Failure> {
    engine.call("POST", "/networks/create", Some(body)).await.map(drop)
}

/// Makes the user-defined bridge that figures are compared with.
pub(super) async fn bridge(engine: &Engine, name: &str) -> Result<(), Failure> {
    network(engine, &json!({"Name": name, "Driver": "bridge", "CheckDuplicate": true})).await
}

/// Starts a container and stops it again; the time of the start in ms.
async fn start(connection: &mut Connection, name: &str) -> Result<f64, Failure> {
    let begun = Instant::now();
    connection.call("POST", &format!("/containers/{name}/start"), None).await?;
    let took = ms_since(begun);
    connection.call("POST", &format!("/containers/{name}/stop?t=0"), None).await?;
    tokio::time::sleep(REST).await;
    Ok(took)
}

/// Starts ours and the peer's container in turn, each first in every other round.
pub(super) async fn duel(
    engine: &Engine,
    rounds: usize,
    ours: impl Fn(usize) -> String,
    peer: &str,
) -> Result<Duel, Failure> {
    let mut connection = engine.connect().await?;
    let mut duel = Duel::default();
    for round in 0..rounds + WARM_UPS {
        let name = ours(round);
        let order = if round % 2 == 0 { [&*name, peer] } else { [peer, &*name] };
        let first = start(&mut connection, order[0]).await?;
        let second = start(&mut connection, order[1]).await?;
        let (mine, theirs) = if round % 2 == 0 { (first, second) } else { (second, first) };
        duel.add(round, WARM_UPS, mine, theirs);
    }
    Ok(duel)
}

/// Does the same to many containers, at most `at_once` at a time; the time of all in ms.
pub(super) async fn each(
    engine: &Engine,
    names: &[String],
    verb: &str,
    at_once: usize,
) -> Result<f64, Failure> {
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    let begun = Instant::now();
    let calls = names.iter().map(|name| {
        let path = format!("/containers/{name}/{verb}");
        async move { engine.call("POST", &path, None).await.map(drop) }
    });
    stream::iter(calls).buffer_unordered(at_once).try_collect::<()>().await?;
    Ok(ms_since(begun))
}

/// Stops many, and waits until the host is quiet.
pub(super) async fn stop(engine: &Engine, names: &[String]) -> Result<(), Failure> {
    each(engine, names, "stop?t=0", names.len()).await?;
    tokio::time::sleep(REST * 3).await;
    Ok(())
}
