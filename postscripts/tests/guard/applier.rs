//! The run that changes the network, and dies where it is told to: by SIGKILL from itself, so that nothing of it is tidied
//! up. A process of its own, in the host's network namespace.
//!
//! RouteText: the directory of the host; then one of `die N` (after N of its parts), `hang N` (stopped after N, until the guard
//! ends it), `wait N` (after N parts it waits as long as it is guarded), `late N` (the same, with a limit of 5 s).

use std::future::pending;
use std::path::{Path, PathBuf};

use hostnet::{BridgeSpec, Kernel, Route};
use inventory::IfName;
use nix::sys::signal::{Signal, raise};
use postscripts::files::DesiredFile;
use postscripts::steps::network::backend::{HostBackend, facts};
use postscripts::steps::network::guard::{Guarded, Intent, RollbackBackend as _, StateDir, Undo, begin};
use postscripts::steps::network::observe::observe;
use postscripts::steps::network::plan::{KernelStep, Step};

use crate::lab::{MASTER, PROGRAM, runtime};

pub(crate) const WORD: &str = "applier";

/// NIC into bridge.
pub(crate) fn steps() -> Vec<Step> {
    let name = |text: &str| -> IfName { text.parse().unwrap() };
    let (port, bridge) = (name("eth0"), name("mynet0"));
    let address = "10.99.0.11/16".parse().unwrap();
    let route = Route::default_via("10.99.0.1".parse().unwrap());
    vec![
        Step::Kernel(KernelStep::AddBridge(BridgeSpec { name: bridge.clone(), mac: None, mtu: None })),
        Step::Kernel(KernelStep::AddAddress(bridge.clone(), address)),
        Step::Kernel(KernelStep::Route {
            device: bridge.clone(),
            route: route.clone(),
            instead: Some((port.clone(), route)),
        }),
        Step::Kernel(KernelStep::AttachPort { port: port.clone(), bridge: bridge.clone() }),
        Step::Kernel(KernelStep::WaitOperational(bridge)),
        Step::Kernel(KernelStep::DelAddress(port, address)),
    ]
}

/// One is new, one is changed.
pub(crate) fn files(directory: &Path) -> Vec<DesiredFile> {
    let etc = directory.join("etc");
    let changed = DesiredFile::text(etc.join("interfaces"), "source interfaces.d/*\n");
    let ours = "# Written by xdockhost\nauto mynet0\niface mynet0 inet static\n    address 10.99.0.11/16\n";
    vec![
        DesiredFile::text(etc.join("interfaces.d/mynet0"), ours),
        DesiredFile { backup: Some(etc.join("interfaces.xdock-20261122-134642")), ..changed },
    ]
}

/// Parts after each of which it can die: the beginning, the steps, the files, the last look; then it has confirmed.
pub(crate) fn parts() -> usize {
    1 + steps().len() + files(Path::new("/")).len()
}

pub(crate) async fn intent(kernel: &Kernel, files: &[DesiredFile]) -> Intent {
    let inverses = steps().into_iter().rev().filter_map(|step| step.inverse());
    let intent = Intent {
        undo: inverses.map(|step| Undo::of(&step, false).unwrap()).collect(),
        facts: facts(&observe(kernel).await.unwrap(), |_| true),
        // no manager of this machine
        manager: String::new(),
        probes: serde_json::json!({ "master": MASTER }),
        confirm: 5,
        limit: 600,
        ..Intent::default()
    };
    intent.with_files(files)
}

pub(crate) fn main(words: &[String]) {
    let [directory, end, after] = words else { panic!("{words:?}") };
    let run = Run { directory: directory.into(), end: end.clone(), after: after.parse().unwrap() };
    println!("{}", runtime().block_on(run.run()));
}

struct Run {
    directory: PathBuf,
    end: String,
    after: usize,
}

impl Run {
    async fn run(&self) -> String {
        let backend = HostBackend::open().unwrap();
        let state_dir = StateDir::custom(&self.directory.join("state"), Path::new(PROGRAM));
        let files = files(&self.directory);
        let mut intent = intent(&Kernel::open().unwrap(), &files).await;
        if self.end == "late" || self.end == "hang" {
            intent.limit = 5;
        }
        let mut guarded = match begin(&state_dir, &intent).await {
            Ok(guarded) => guarded,
            Err(error) => return chain::chain(&error),
        };
        match self.change(&mut guarded, &backend, &files).await {
            Ok(()) => "confirmed".to_owned(),
            Err(why) => match guarded.roll_back(&backend).await {
                Ok(back) => format!("{why}; {back}"),
                Err(stuck) => format!("{why}; {stuck}"),
            },
        }
    }

    async fn change(
        &self,
        guarded: &mut Guarded,
        backend: &HostBackend,
        files: &[DesiredFile],
    ) -> Result<(), String> {
        let mut done = 1;
        self.perhaps(done, guarded).await?;
        for step in steps() {
            backend.act(&serde_json::to_value(&step).unwrap()).await.unwrap();
            done += 1;
            self.perhaps(done, guarded).await?;
        }
        for file in files {
            guarded.write(std::slice::from_ref(file)).map_err(|error| chain::chain(&error))?;
            done += 1;
            self.perhaps(done, guarded).await?;
        }
        guarded.confirm().map_err(|error| chain::chain(&error))?;
        self.perhaps(done + 1, guarded).await
    }

    /// Dies here, if here is where it is to die.
    async fn perhaps(&self, done: usize, guarded: &mut Guarded) -> Result<(), String> {
        if done != self.after {
            return Ok(());
        }
        match self.end.as_str() {
            "die" => raise(Signal::SIGKILL).unwrap(),
            "hang" => raise(Signal::SIGSTOP).unwrap(),
            "wait" | "late" => {
                println!("waits");
                guarded.during(pending::<()>()).await.map_err(|interrupted| interrupted.to_string())?;
            }
            other => panic!("{other}"),
        }
        Ok(())
    }
}
