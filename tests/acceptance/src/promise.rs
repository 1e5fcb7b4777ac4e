//! A suite of promises tried on one lab: made by the first trial, removed at the end. Trials run one after another, and each
//! leaves the lab as it found it.

use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::engine::Failure;

/// A promise: a name, and what must hold on the cluster.
#[derive(Debug, Clone, Copy)]
pub struct Promise {
    /// The name, which a failing line says.
    pub name: &'static str,
    /// Tries it.
    pub holds: fn(&Runtime, &Cluster) -> Result<(), Failure>,
}

/// Writes a list of promises out of the names of async functions.
#[macro_export]
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn promises() -> Vec<$crate::Promise> {
            vec![$($crate::Promise { name: stringify!($name), holds: |runtime, cluster| runtime.block_on($name(cluster)) }),*]
        }
    };
}

/// The cluster that all trials share; the error of making it is told by each of them.
struct Stage {
    runtime: Runtime,
    provision: fn(&Runtime) -> Result<Cluster, Failure>,
    cluster: OnceLock<Result<Cluster, String>>,
}

impl Stage {
    fn try_promise(&self, promise: &Promise) -> Result<(), Failed> {
        let cluster = self
            .cluster
            .get_or_init(|| (self.provision)(&self.runtime).map_err(|error| chain::chain(&*error)));
        let cluster = cluster.as_ref().map_err(|error| format!("no cluster to try it on: {error}"))?;
        (promise.holds)(&self.runtime, cluster).map_err(|error| Failed::from(chain::chain(&*error)))
    }
}

/// Tries the promises that the command line asks for, and ends the process.
pub fn run(promises: Vec<Promise>, provision: fn(&Runtime) -> Result<Cluster, Failure>) -> ! {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no tokio runtime: {error}");
            std::process::exit(1);
        }
    };
    let stage = Arc::new(Stage { runtime, provision, cluster: OnceLock::new() });
    let trials = promises.into_iter().map(|promise| {
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
    conclusion.exit()
}
