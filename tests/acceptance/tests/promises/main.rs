//! The promises of xdock: three booted hosts, twelve containers, two networks. A failing line says which promise broke.
//!
//! One cluster for all trials, made by the first one and removed at the end; the trials run one after another and
//! each leaves the cluster as it found it.

mod addresses;
mod postscripts;
mod refusals;
mod repairs;
mod restarts;
mod soundness;

use std::sync::{Arc, OnceLock};

use acceptance::{Cluster, Failure, tables};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// A promise: a name, and what must hold on the cluster.
struct Promise {
    name: &'static str,
    holds: fn(&Runtime, &Cluster) -> Result<(), Failure>,
}

/// Writes a list of promises out of the names of async functions.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn promises() -> Vec<crate::Promise> {
            vec![$(crate::Promise { name: stringify!($name), holds: |runtime, cluster| runtime.block_on($name(cluster)) }),*]
        }
    };
}
pub(crate) use promises;

/// The cluster that all trials share; the error of making it is told by each of them.
struct Stage {
    runtime: Runtime,
    cluster: OnceLock<Result<Cluster, String>>,
}

impl Stage {
    fn try_promise(&self, promise: &Promise) -> Result<(), Failed> {
        let cluster = self
            .cluster
            .get_or_init(|| self.runtime.block_on(provision()).map_err(|error| chain::chain(&*error)));
        let cluster = cluster.as_ref().map_err(|error| format!("no cluster to try it on: {error}"))?;
        (promise.holds)(&self.runtime, cluster).map_err(|error| Failed::from(chain::chain(&*error)))
    }
}

async fn provision() -> Result<Cluster, Failure> {
    let name = format!("accept{}", std::process::id()).parse()?;
    let cluster =
        Cluster::provision(&name, 3, &tables::three_hosts_two_networks(), &|line| eprintln!("  {line}"))
            .await?;
    eprintln!("  xdock mk: twelve containers and twenty on host2");
    cluster.xdock_done("mk containers --start").await?;
    Ok(cluster)
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no tokio runtime: {error}");
            std::process::exit(1);
        }
    };
    let stage = Arc::new(Stage { runtime, cluster: OnceLock::new() });
    let promises = [
        addresses::promises(),
        refusals::promises(),
        repairs::promises(),
        postscripts::promises(),
        restarts::promises(),
    ];
    let trials = promises.into_iter().flatten().map(|promise| {
        let stage = Arc::clone(&stage);
        Trial::test(promise.name, move || stage.try_promise(&promise))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Ok(cluster)) = stage.cluster.get()
        && let Err(error) = stage.runtime.block_on(cluster.lab.down())
    {
        eprintln!("the lab could not be taken down: {}", chain::chain(&error));
        std::process::exit(1);
    }
    conclusion.exit();
}
