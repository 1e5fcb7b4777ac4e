//! Consoles: nothing is lost, nothing comes twice, and the terminal is as it was afterwards.

mod conserver;
mod console;
mod piped;
mod programs;
mod restarts;
mod terminal;
mod tmux;

use acceptance::{Cluster, Failure, Promise, Tables};

/// Writes numbered lines as fast as a shell can, each run with its own name, and ends at once on SIGTERM.
const COUNTER: &str = "busybox!sh,-c,run=$(cut -d' ' -f1 /proc/uptime); trap exit TERM; i=0; \
    while :; do i=$((i+1)); echo \"run $run line $i\"; usleep 3000; done";

const TERMINAL: (&str, &str) = ("vmothersetting", r#"{"Tty":true,"OpenStdin":true}"#);

/// A shell at a terminal, a counter at a terminal, and one without a terminal, on host1.
pub(crate) fn rows(tables: Tables) -> Tables {
    tables
        .container("shell1", "host1", "10.99.1.1", &[("provmethod", "busybox!sh"), TERMINAL])
        .container("count1", "host1", "10.99.1.2", &[("provmethod", COUNTER), TERMINAL])
        .container("plain1", "host1", "10.99.1.3", &[])
}

/// All of them.
pub(crate) fn promises() -> Vec<Promise> {
    let all = [
        piped::promises(),
        restarts::promises(),
        programs::promises(),
        terminal::promises(),
        conserver::promises(),
    ];
    all.into_iter().flatten().collect()
}

/// Recreates a container and starts it.
async fn fresh(cluster: &Cluster, node: &str) -> Result<(), Failure> {
    // there may be none
    cluster.xdock(&format!("rm -f {node}")).await?;
    cluster.xdock_done(&format!("mk {node} --start")).await.map(drop)
}
