//! What is typed, and what is done with it.

mod spec;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use futures_util::future::try_join_all;
use lab::disk::DiskError;
use lab::setup::{self, SetupError};
use lab::{Disk, Lab, LabError, LabName, NodeRun, Power, Spec};
use spec::{Debian, Up};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

/// Several real hosts on one machine, each with its own Docker engine.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
pub(crate) struct Cli {
    /// Which lab; several live side by side.
    #[arg(long, global = true, env = "XDOCK_LAB", default_value = "lab")]
    name: LabName,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what the lab needs on this machine, and make the hosts' Debian once; `up` does it too.
    Setup(Debian),
    /// Boot a management node and N hosts.
    Up(Up),
    /// Say what the machines are and where.
    Status {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Run a program on a machine, with our terminal or pipes and its exit status.
    Exec {
        /// mn, host1, host2 ...
        host: String,
        /// The program and its words.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<OsString>,
    },
    /// Copy a file or what is in a directory to a machine.
    Put {
        /// mn, host1, host2 ...
        host: String,
        /// Here.
        from: PathBuf,
        /// There.
        to: String,
    },
    /// Switch a machine: off in order, cut as by a pulled cord, on.
    Power {
        /// mn, host1, host2 ...
        host: String,
        /// What to do.
        power: Power,
    },
    /// Pull a cable at the fabric's side, or plug it in.
    Link {
        /// mn, host1, host2 ...
        host: String,
        /// eth0, eth1 ...
        nic: String,
        /// What to do.
        state: Cable,
    },
    /// Fill the disk of a host of `up --disk`, or free it again.
    Disk {
        /// host1, host2 ...
        host: String,
        /// What to do.
        state: Disk,
    },
    /// Run postscripts on hosts as xCAT's updatenode does, with the tables of mn:/etc/xdock/cluster.stanza.
    Updatenode {
        /// host1, host2 ...
        #[arg(required = true)]
        hosts: Vec<String>,
        /// "script args,script2 args": programs in mn:/install/postscripts.
        #[arg(short = 'P', long = "scripts", allow_hyphen_values = true)]
        scripts: String,
    },
    /// Load the image busybox:latest into the Docker engines of hosts.
    Image {
        /// host1, host2 ...
        #[arg(required = true)]
        hosts: Vec<String>,
    },
    /// End the lab and remove all of it.
    Down,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Cable {
    Up,
    Down,
}

/// How a command failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("a postscript failed on {0}")]
    Scripts(String),
}

impl Failure {
    /// 2: nothing was done.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Lab(
                LabError::Name(_)
                | LabError::Setup(SetupError::NotRoot)
                | LabError::NoLab(_)
                | LabError::NoSuchMember { .. }
                | LabError::HostCount(_)
                | LabError::NicCount(_)
                | LabError::DhcpRouted
                | LabError::BondOfOne
                | LabError::Disk(DiskError::None(_))
                | LabError::Update(_),
            ) => 2,
            // 128 + SIGINT, as a shell says it
            Self::Lab(LabError::Interrupted) => 130,
            _ => 1,
        }
    }
}

pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    setup::require_root().map_err(LabError::from)?;
    let name = cli.name;
    match cli.command {
        Command::Setup(debian) => Ok(Lab::prepare(&debian.spec(name, 1), &say).await?),
        Command::Up(up) => Ok(make(up.spec(name)).await?),
        Command::Status { json } => Ok(show(&Lab::open(&name)?, json)?),
        Command::Exec { host, argv } => {
            Err(LabError::from(Lab::open(&name)?.target(&host)?.become_program(&argv)).into())
        }
        Command::Put { host, from, to } => Ok(Lab::open(&name)?.put(&host, &from, &to).await?),
        Command::Power { host, power } => Ok(Lab::open(&name)?.power(&host, power).await?),
        Command::Link { host, nic, state } => {
            Ok(Lab::open(&name)?.link(&host, &nic, matches!(state, Cable::Up)).await?)
        }
        Command::Disk { host, state } => Ok(Lab::open(&name)?.disk_to(&host, state).await?),
        Command::Updatenode { hosts, scripts } => update(&Lab::open(&name)?, &hosts, &scripts).await,
        Command::Image { hosts } => {
            let lab = Lab::open(&name)?;
            Ok(try_join_all(hosts.iter().map(|host| lab.image(host))).await.map(drop)?)
        }
        Command::Down => Ok(Lab::remove(&name).await?),
    }
}

fn say(line: &str) {
    eprintln!("{line}");
}

/// Ends when a person or a service manager wants us to.
async fn interrupted() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => (),
            _ = terminate.recv() => (),
        },
        Err(_) => std::future::pending().await,
    }
}

async fn make(spec: Spec) -> Result<(), LabError> {
    let start = std::time::Instant::now();
    let lab = Lab::up_telling(&spec, &say, interrupted()).await?;
    say(&format!("lab {} is up after {:.1} s", spec.name, start.elapsed().as_secs_f32()));
    show(&lab, false)
}

async fn update(lab: &Lab, hosts: &[String], scripts: &str) -> Result<(), Failure> {
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let runs = lab.updatenode(&hosts, scripts).await?;
    for line in runs.iter().flat_map(NodeRun::lines) {
        print(&line);
    }
    let failed = runs.iter().filter(|run| run.status != 0);
    let failed: Vec<String> = failed.map(|run| format!("{} ({})", run.node, run.status)).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Scripts(failed.join(", "))) }
}

fn show(lab: &Lab, json: bool) -> Result<(), LabError> {
    for status in lab.status()? {
        print(&if json { serde_json::to_string(&status).unwrap_or_default() } else { status.line() });
    }
    Ok(())
}

/// A reader that has gone has seen enough.
fn print(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}
