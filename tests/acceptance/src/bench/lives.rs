//! The lives of 50 containers of one host: made, started, stopped and removed by `xdock` over TLS, and by the engine's API
//! alone at its own socket.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};

use super::fleet::{self, once};
use super::power::AT_ONCE;
use super::row::{Reach, Row};
use super::samples::{Duel, ms_since};
use super::stage::{POWERED, Stage};
use crate::cluster::Cluster;
use crate::engine::{Engine, Failure};

/// Lives, the first of which does not count.
const ROUNDS: usize = 4;
/// netd looks at the host a quarter of a second after the last change.
const REST: Duration = Duration::from_millis(800);

const ENGINE: &str = "engine's API directly";
const FIGURES: [&str; 4] = ["tls-mk", "tls-on", "tls-off", "tls-rm"];
/// What xdock is told for each of them.
const WORDS: [&str; 4] =
    ["xdock mk lives", "xdock power lives on", "xdock power lives off", "xdock rm lives"];

pub(super) async fn lives(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let cluster = stage.fleet.cluster(&fleet::name(stage)?).await?;
    let peer = Peer::of(cluster).await?;
    let mut found = [const { Duel { ours: Vec::new(), peer: Vec::new() } }; 4];
    for round in 0..ROUNDS {
        let (ours, theirs) = if round % 2 == 0 {
            let ours = by_xdock(cluster).await?;
            (ours, peer.life().await?)
        } else {
            let theirs = peer.life().await?;
            (by_xdock(cluster).await?, theirs)
        };
        for (duel, (ours, theirs)) in found.iter_mut().zip(ours.into_iter().zip(theirs)) {
            duel.add(round, 1, ours, theirs);
        }
    }
    let rows = FIGURES.iter().zip(&found).map(|(name, duel)| {
        stage.told(Row::against(name, duel, "ms", ENGINE, Reach::RatioAtMost(1.15)), duel)
    });
    Ok(rows.collect())
}

async fn by_xdock(cluster: &Cluster) -> Result<Vec<f64>, Failure> {
    let mut took = Vec::new();
    for words in WORDS {
        took.push(once(cluster, words).await?);
        tokio::time::sleep(REST).await;
    }
    Ok(took)
}

/// Who makes the very same containers.
struct Peer {
    engine: Engine,
    bodies: Vec<(String, Value)>,
}

impl Peer {
    /// What to make is taken from what xdock made.
    async fn of(cluster: &Cluster) -> Result<Self, Failure> {
        let engine = cluster.engine("host1")?;
        cluster.xdock_done("mk lives").await?;
        let mut bodies = Vec::new();
        for number in 1..=POWERED {
            let name = format!("life{number}");
            let made = engine.call("GET", &format!("/containers/{name}/json"), None).await?;
            bodies.push((name, body(&made)));
        }
        cluster.xdock_done("rm lives").await?;
        tokio::time::sleep(REST).await;
        Ok(Self { engine, bodies })
    }

    async fn life(&self) -> Result<Vec<f64>, Failure> {
        let mut took = Vec::new();
        for (method, verb) in [("POST", "create"), ("POST", "start"), ("POST", "stop"), ("DELETE", "")] {
            took.push(self.each(method, verb).await?);
            tokio::time::sleep(REST).await;
        }
        Ok(took)
    }

    /// A call for each of them; the time of all in ms.
    async fn each(&self, method: &str, verb: &str) -> Result<f64, Failure> {
        let begun = Instant::now();
        let calls = self.bodies.iter().map(|(name, body)| async move {
            let (path, body) = match (method, verb) {
                (_, "create") => (format!("/containers/create?name={name}"), Some(body)),
                ("DELETE", _) => (format!("/containers/{name}"), None),
                _ => (format!("/containers/{name}/{verb}"), None),
            };
            self.engine.call(method, &path, body).await.map(drop)
        });
        stream::iter(calls).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(ms_since(begun))
    }
}

/// The create body of a container that an engine inspected.
fn body(made: &Value) -> Value {
    let object = |path: &str| made.pointer(path).and_then(Value::as_object).cloned().unwrap_or_default();
    let networks = object("/NetworkSettings/Networks");
    let endpoints: Map<String, Value> = networks.iter().map(|(name, of)| (name.clone(), asked(of))).collect();
    let mut body = object("/Config");
    body.insert("HostConfig".to_owned(), object("/HostConfig").into());
    body.insert("NetworkingConfig".to_owned(), json!({ "EndpointsConfig": endpoints }));
    body.into()
}

/// What was asked of a network, not what became of it.
fn asked(endpoint: &Value) -> Value {
    ["IPAMConfig", "DriverOpts", "Aliases"].iter().map(|key| (*key, endpoint.get(key).cloned())).collect()
}
