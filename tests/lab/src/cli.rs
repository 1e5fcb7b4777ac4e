//! What is typed, and what is done with it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use futures_util::future::try_join_all;
use lab::setup::{self, SetupError};
use lab::{Fabric, Lab, LabError, LabName, Power, Spec};

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
    /// Install what the lab needs on this machine.
    Setup,
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

#[derive(Debug, Args)]
struct Up {
    /// How many hosts.
    hosts: u8,
    /// How their eth0 are joined.
    #[arg(long, value_enum, default_value = "flat")]
    fabric: Fabric,
    /// NICs of each machine.
    #[arg(long, default_value_t = 2)]
    nics: u8,
    /// Debian's release.
    #[arg(long, default_value = "bookworm")]
    suite: String,
    /// Debian packages that mn serves to hosts, with all that they depend on.
    #[arg(long, value_delimiter = ',')]
    packages: Vec<String>,
}

impl Up {
    fn spec(self, name: LabName) -> Spec {
        let plain = Spec::new(name, self.hosts);
        let packages = if self.packages.is_empty() { plain.packages.clone() } else { self.packages };
        Spec { fabric: self.fabric, nics: self.nics, suite: self.suite, packages, ..plain }
    }
}

/// 2: nothing was done.
pub(crate) fn status_of(error: &LabError) -> u8 {
    match error {
        LabError::Name(_)
        | LabError::Setup(SetupError::NotRoot)
        | LabError::NoLab(_)
        | LabError::NoSuchMember { .. }
        | LabError::HostCount(_)
        | LabError::NicCount(_) => 2,
        _ => 1,
    }
}

pub(crate) async fn run(cli: Cli) -> Result<(), LabError> {
    setup::require_root()?;
    let name = cli.name;
    match cli.command {
        Command::Setup => Ok(setup::setup(&say).await?),
        Command::Up(up) => make(up.spec(name)).await,
        Command::Status { json } => show(&Lab::open(&name)?, json),
        Command::Exec { host, argv } => Err(Lab::open(&name)?.target(&host)?.become_program(&argv).into()),
        Command::Put { host, from, to } => Lab::open(&name)?.put(&host, &from, &to).await,
        Command::Power { host, power } => Lab::open(&name)?.power(&host, power).await,
        Command::Link { host, nic, state } => {
            Lab::open(&name)?.link(&host, &nic, matches!(state, Cable::Up)).await
        }
        Command::Image { hosts } => {
            let lab = Lab::open(&name)?;
            try_join_all(hosts.iter().map(|host| lab.image(host))).await.map(drop)
        }
        Command::Down => Lab::remove(&name).await,
    }
}

fn say(line: &str) {
    eprintln!("{line}");
}

async fn make(spec: Spec) -> Result<(), LabError> {
    let start = std::time::Instant::now();
    let lab = Lab::up_telling(&spec, &say).await?;
    say(&format!("lab {} is up after {:.1} s", spec.name, start.elapsed().as_secs_f32()));
    show(&lab, false)
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn show(lab: &Lab, json: bool) -> Result<(), LabError> {
    for status in lab.status()? {
        let line = if json { serde_json::to_string(&status).unwrap_or_default() } else { status.line() };
        println!("{line}");
    }
    Ok(())
}
