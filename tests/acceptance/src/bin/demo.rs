//! The main job, watched: two bare Debians become docker hosts, and a container of the tables on each reaches the other
//! at exactly the table's address.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Instant;

use acceptance::container::{interfaces, ping_all};
use acceptance::{Cluster, Failure, Tables};
use clap::Parser;
use inventory::Inventory;
use lab::{Lab, LabName};

/// Boots two bare Debian hosts on this machine, turns them into docker hosts and joins containers across them.
#[derive(Parser)]
struct Arguments {
    /// Leave the lab up afterwards, and say how to play with it.
    #[arg(long)]
    keep: bool,
    /// Name of the lab; another one of that name is replaced.
    #[arg(long, default_value = "demo", env = "XDOCK_LAB")]
    name: LabName,
}

/// A container of the demonstration: node, host, address.
const CONTAINERS: [(&str, &str, &str); 2] =
    [("host1c1", "host1", "10.99.1.1"), ("host2c1", "host2", "10.99.2.1")];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("demo: {}", chain::chain(error));
    ExitCode::FAILURE
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let say = |line: &str| println!("{:6.1} s  {line}", begun.elapsed().as_secs_f32());
    Lab::remove(&arguments.name).await?;
    let tables = tables();
    let cluster = Cluster::provision(&arguments.name, 2, &tables, &say).await?;
    let shown = show(&cluster, &tables, &say).await;
    if arguments.keep {
        explain(&arguments.name);
    } else {
        say("removing the lab");
        cluster.lab.down().await?;
    }
    shown
}

fn tables() -> Tables {
    CONTAINERS
        .iter()
        .fold(Tables::of_lab(2), |tables, (node, host, ip)| tables.container(node, host, ip, &[]))
}

async fn show(cluster: &Cluster, tables: &Tables, say: acceptance::cluster::Say<'_>) -> Result<(), Failure> {
    say("xdock check: are the tables sound?");
    cluster.xdock_done("check").await?;
    say("xdock mk host[1-2]c1 --start");
    cluster.xdock_done("mk host[1-2]c1 --start").await?;
    say("comparing with the tables, and pinging across the hosts");
    let rows = rows(cluster, tables).await?;
    println!(
        "\n{:<10} {:<7} {:<12} {:<18} {:<12} round trip",
        "container", "host", "address", "MAC", "reaches"
    );
    rows.iter().for_each(|row| println!("{row}"));
    println!();
    Ok(())
}

/// A line for each container, where all is as the tables say.
async fn rows(cluster: &Cluster, tables: &Tables) -> Result<Vec<String>, Failure> {
    let inventory = Inventory::from_stanzas(tables.text())?;
    let mut rows = Vec::new();
    for (node, host, _) in CONTAINERS {
        let spec = inventory.container(&node.parse()?)?;
        let others: Vec<IpAddr> = CONTAINERS
            .iter()
            .filter(|(other, ..)| *other != node)
            .map(|(.., ip)| ip.parse())
            .collect::<Result<_, _>>()?;
        let found = interfaces(cluster, host, node).await?;
        let wanted: Vec<_> =
            spec.attachments.iter().map(|at| (at.mac.to_string(), at.addresses.clone())).collect();
        let has: Vec<_> = found.iter().map(|at| (at.mac.clone(), at.addresses.clone())).collect();
        if has != wanted {
            return Err(format!("{node} has {has:?}, but the tables say {wanted:?}").into());
        }
        let (silent, time) = ping_all(cluster, host, node, &others).await?;
        if !silent.is_empty() {
            return Err(format!("{node} does not reach {silent:?}").into());
        }
        for ((mac, addresses), other) in has.iter().zip(&others) {
            let address = addresses.first().map(ToString::to_string).unwrap_or_default();
            rows.push(format!(
                "{node:<10} {host:<7} {address:<12} {mac:<18} {other:<12} {time:.3} ms",
                other = other.to_string()
            ));
        }
    }
    Ok(rows)
}

fn explain(name: &LabName) {
    let lab = "target/x86_64-unknown-linux-gnu/debug/lab";
    println!(
        "The lab is up. Try (as root, here):
  export XDOCK_LAB={name}
  {lab} exec mn -- xdock ls all -l                      all containers, from the management node
  {lab} exec mn -- xdock power host1c1 restart
  {lab} exec host1 -- netd status                       what netd knows and repaired
  {lab} exec host1 -- docker exec host1c1 ping -c1 10.99.2.1
  {lab} power host1 cut; {lab} power host1 on           a power cut
  {lab} down                                            the end of it"
    );
}
