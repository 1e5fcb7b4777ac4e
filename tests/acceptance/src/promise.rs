//! A suite of promises tried on one stage (a lab, and what stands in it): made by the first trial, removed at the end. Trials
//! run one after another, and each leaves the stage as it found it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lab::Lab;
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::engine::Failure;
use crate::room::Room;

/// Names the variable that keeps the lab of a suite that failed, to be looked at; `lab down` removes it.
const KEEP: &str = "XDOCK_LAB_KEEP";
/// A trial that takes longer tells how long: what makes a suite slow.
const LONG: Duration = Duration::from_secs(10);

/// A promise: a name, and what must hold on the stage.
#[derive(Debug)]
pub struct Promise<S = Cluster> {
    /// The name, which a failing line says.
    pub name: &'static str,
    /// Whether it counts seconds: it is tried while no other suite tries anything.
    pub alone: bool,
    /// Tries it.
    pub holds: fn(&Runtime, &S) -> Result<(), Failure>,
}

/// Writes a list of promises out of the names of async functions; `on STAGE:` before them where that is no [`Cluster`],
/// `#[alone]` before one that counts seconds.
#[macro_export]
macro_rules! promises {
    (on $stage:ty: $($(#[$alone:ident])? $name:ident),* $(,)?) => {
        pub(crate) fn promises() -> Vec<$crate::Promise<$stage>> {
            vec![$($crate::Promise {
                name: stringify!($name),
                alone: $crate::promises!(@ $($alone)?),
                holds: |runtime, stage| runtime.block_on($name(stage)),
            }),*]
        }
    };
    (@ alone) => { true };
    (@) => { false };
    ($($(#[$alone:ident])? $name:ident),* $(,)?) => {
        $crate::promises![on $crate::Cluster: $($(#[$alone])? $name),*];
    };
}

/// Shared by all trials; each of them reports an error of its creation.
struct Suite<S> {
    runtime: Runtime,
    provision: fn(&Runtime) -> Result<S, Failure>,
    stage: OnceLock<Result<S, String>>,
}

impl<S: AsRef<Lab>> Suite<S> {
    fn try_promise(&self, promise: &Promise<S>) -> Result<(), Failed> {
        let _room =
            Room::enter(promise.alone).map_err(|error| format!("cannot wait for other suites: {error}"))?;
        let stage =
            self.stage.get_or_init(|| (self.provision)(&self.runtime).map_err(|error| chain::chain(&*error)));
        let stage = stage.as_ref().map_err(|error| format!("no lab to try it on: {error}"))?;
        let began = Instant::now();
        let held = (promise.holds)(&self.runtime, stage);
        if began.elapsed() >= LONG {
            eprint!("{} s ", began.elapsed().as_secs());
        }
        held.map_err(|error| Failed::from(chain::chain(&*error)))
    }

    /// Takes the lab down, unless it is to be looked at.
    fn end(&self, conclusion: &Conclusion) -> Result<(), String> {
        let Some(Ok(stage)) = self.stage.get() else { return Ok(()) };
        if conclusion.has_failed() && std::env::var_os(KEEP).is_some() {
            eprintln!("the lab is kept, since {KEEP} is set");
            return Ok(());
        }
        let down = self.runtime.block_on(stage.as_ref().down());
        down.map_err(|error| format!("the lab could not be taken down: {}", chain::chain(&error)))
    }
}

/// Tries the promises that the command line asks for, and ends the process.
pub fn run<S: AsRef<Lab> + Send + Sync + 'static>(
    promises: Vec<Promise<S>>,
    provision: fn(&Runtime) -> Result<S, Failure>,
) -> ! {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no tokio runtime: {error}");
            std::process::exit(1);
        }
    };
    let suite = Arc::new(Suite { runtime, provision, stage: OnceLock::new() });
    let trials = promises.into_iter().map(|promise| {
        let suite = Arc::clone(&suite);
        Trial::test(promise.name, move || suite.try_promise(&promise))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Err(error) = suite.end(&conclusion) {
        eprintln!("{error}");
        std::process::exit(1);
    }
    conclusion.exit()
}
