//! What is typed, and what is done with it.

use clap::{Parser, Subcommand};
use lab::{Lab, LabError, LabName, Member, setup};
use machine::{Machine, MachineError, Order};

/// A whole machine in qemu, joined to a lab.
#[derive(Debug, Parser)]
#[command(name = "machine", version)]
pub(crate) struct Cli {
    /// Which lab it is joined to; `up` makes one with mn and host1 where there is none.
    #[arg(long, global = true, env = "XDOCK_LAB", default_value = "machine")]
    lab: LabName,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch qemu and build the disk image once; `up` does it too.
    Setup,
    /// Boot a machine and wait until its boot has ended.
    Up {
        /// host2, host3 ...: one that the lab does not boot itself.
        name: Member,
        /// eth0 on the lab's first Ethernet, the others together on the second.
        #[arg(long, default_value_t = 3)]
        nics: u8,
        /// Its first boot runs the postscripts of mn:/etc/xdock/cluster.stanza, as after xCAT's deployment.
        #[arg(long)]
        deployed: bool,
    },
    /// Run a line of shell on it, by ssh from mn, with our terminal or pipes and its exit status.
    Exec {
        /// host2 ...
        name: Member,
        /// The program and its words.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<String>,
    },
    /// Run postscripts on it as xCAT's updatenode does, with the tables of mn:/etc/xdock/cluster.stanza.
    Updatenode {
        /// host2 ...
        name: Member,
        /// "script args,script2 args": programs in mn:/install/postscripts.
        #[arg(short = 'P', long = "scripts", allow_hyphen_values = true)]
        scripts: String,
    },
    /// Take its power away: what it had not written to its disk is lost.
    Cut {
        /// host2 ...
        name: Member,
    },
    /// Give it power, and wait until its boot has ended.
    On {
        /// host2 ...
        name: Member,
    },
    /// Let it shut down and boot again by itself.
    Reboot {
        /// host2 ...
        name: Member,
    },
    /// Print what it wrote to its serial console.
    Console {
        /// host2 ...
        name: Member,
    },
    /// End the machines and their lab, and remove all of both.
    Down,
}

pub(crate) async fn run(cli: Cli) -> Result<(), MachineError> {
    setup::require_root().map_err(LabError::from)?;
    let lab = cli.lab;
    let open = |name| Machine::open(&lab, name);
    match cli.command {
        Command::Setup => Machine::prepare(&say).await,
        Command::Up { name, nics, deployed } => up(&Order { lab, name, nics, deployed }).await,
        Command::Exec { name, argv } => Err(open(name)?.become_program(&argv)),
        Command::Updatenode { name, scripts } => update(&open(name)?, &scripts).await,
        Command::Cut { name } => open(name)?.cut().await,
        Command::On { name } => open(name)?.on().await,
        Command::Reboot { name } => open(name)?.reboot().await,
        Command::Console { name } => open(name).map(|machine| print(&machine.console())),
        Command::Down => Ok(Lab::remove(&lab).await?),
    }
}

async fn up(order: &Order) -> Result<(), MachineError> {
    let start = std::time::Instant::now();
    Machine::up(order, &say).await?;
    say(&format!("{} is up after {:.1} s", order.name, start.elapsed().as_secs_f32()));
    Ok(())
}

async fn update(machine: &Machine, scripts: &str) -> Result<(), MachineError> {
    let run = machine.updatenode(scripts).await?;
    run.lines().for_each(|line| print(format!("{line}\n").as_bytes()));
    if run.status == 0 { Ok(()) } else { Err(MachineError::Scripts(run.node, run.status)) }
}

fn say(line: &str) {
    eprintln!("{line}");
}

/// A reader that has gone has seen enough.
fn print(text: &[u8]) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text);
}
