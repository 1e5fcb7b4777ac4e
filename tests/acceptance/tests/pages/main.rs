//! The commands of `docs/getting-started.md`, run on booted hosts in the order of the page. A failing line names the block.

mod blocks;

use acceptance::cluster::programs;
use acceptance::{Cluster, Failure, Tables};
use lab::Spec;
use tokio::runtime::Runtime;

use blocks::Block;

const GETTING_STARTED: &str = include_str!("../../../../docs/getting-started.md");

/// Two bare hosts, and a management node that has only the directory with the three programs.
fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let spec = Spec::new(format!("pages{}", std::process::id()).parse()?, 2);
        let cluster =
            Cluster::without_xdock(&spec, &Tables::of_lab(2), &|line| eprintln!("  {line}")).await?;
        let copied = copy_programs(&cluster).await;
        Ok(cluster.unless_failed(copied).await?.0)
    })
}

async fn copy_programs(cluster: &Cluster) -> Result<(), Failure> {
    let built = programs()?;
    for program in ["xdock", "xdockhost", "netd"] {
        cluster.lab.put("mn", &built.join(program), &format!("/root/xdock/{program}")).await?;
    }
    Ok(())
}

acceptance::promises![getting_started_works_as_written];

async fn getting_started_works_as_written(cluster: &Cluster) -> Result<(), Failure> {
    let blocks = blocks::parse(GETTING_STARTED);
    if blocks.len() < 8 {
        return Err(format!("only {} blocks of commands found", blocks.len()).into());
    }
    for block in &blocks {
        try_block(cluster, block).await?;
    }
    Ok(())
}

async fn try_block(cluster: &Cluster, block: &Block) -> Result<(), Failure> {
    let printed = match block.updatenode() {
        Some((hosts, scripts)) => {
            let said = cluster.updatenode(&hosts, scripts).await?;
            // the page says that images must be on the hosts
            for host in hosts {
                cluster.lab.image(host).await?;
            }
            said
        }
        None => cluster.sh(&block.machine, &format!("exec 2>&1; set -e\n{}", block.commands)).await?,
    };
    match block.matches(&printed) {
        true => Ok(()),
        false => {
            Err(format!("line {}: expected\n{}\nprinted\n{printed}", block.line, block.expected()).into())
        }
    }
}

fn main() {
    acceptance::promise::run(promises(), provision);
}
