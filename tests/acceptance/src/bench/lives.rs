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

/// Whole lives, the first of which does not count.
const LIVES: usize = 4;
/// Containers that are only created and removed. That takes a fifth of a second, so more rounds are needed to separate it from noise.
const UNLIVED: usize = 20;
/// netd looks at the host a quarter of a second after the last change.
const REST: Duration = Duration::from_millis(800);

const ENGINE: &str = "engine's API directly";
const MK: Verb = Verb { figure: "tls-mk", words: "xdock mk lives", method: "POST", call: "create" };
const ON: Verb = Verb { figure: "tls-on", words: "xdock power lives on", method: "POST", call: "start" };
const OFF: Verb = Verb { figure: "tls-off", words: "xdock power lives off", method: "POST", call: "stop" };
const RM: Verb = Verb { figure: "tls-rm", words: "xdock rm lives", method: "DELETE", call: "" };

/// What is done to all containers, and measured.
#[derive(Debug, Clone, Copy)]
struct Verb {
    figure: &'static str,
    /// By xdock.
    words: &'static str,
    /// By the peer, for each of them.
    method: &'static str,
    call: &'static str,
}

pub(super) async fn lives(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let cluster = stage.fleet.cluster(&fleet::name(stage)?).await?;
    let peer = Peer::of(cluster).await?;
    let mut found = [MK, ON, OFF, RM].map(|verb| (verb, Duel::default()));
    for round in 0..LIVES + UNLIVED {
        let verbs: &[Verb] = if round < LIVES { &[MK, ON, OFF, RM] } else { &[MK, RM] };
        let (ours, theirs) = if round % 2 == 0 {
            let ours = by_xdock(cluster, verbs).await?;
            (ours, peer.life(verbs).await?)
        } else {
            let theirs = peer.life(verbs).await?;
            (by_xdock(cluster, verbs).await?, theirs)
        };
        for (verb, (ours, theirs)) in verbs.iter().zip(ours.into_iter().zip(theirs)) {
            let duels = found.iter_mut().filter(|(of, _)| of.figure == verb.figure);
            duels.for_each(|(_, duel)| duel.add(round, 1, ours, theirs));
        }
    }
    let rows = found.iter().map(|(verb, duel)| {
        stage.report(Row::against(verb.figure, duel, "ms", ENGINE, Reach::RatioAtMost(1.15)), duel)
    });
    Ok(rows.collect())
}

async fn by_xdock(cluster: &Cluster, verbs: &[Verb]) -> Result<Vec<f64>, Failure> {
    let mut took = Vec::new();
    for verb in verbs {
        took.push(once(cluster, verb.words).await?);
        tokio::time::sleep(REST).await;
    }
    Ok(took)
}

/// The program that creates the same containers.
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

    async fn life(&self, verbs: &[Verb]) -> Result<Vec<f64>, Failure> {
        let mut took = Vec::new();
        for verb in verbs {
            took.push(self.each(*verb).await?);
            tokio::time::sleep(REST).await;
        }
        Ok(took)
    }

    /// A call for each of them; the time of all in ms.
    async fn each(&self, Verb { method, call: verb, .. }: Verb) -> Result<f64, Failure> {
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
