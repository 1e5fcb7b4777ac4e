//! Programs in containers: `exec`, and what a console leaves behind.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use super::console::{Console, eventually};
use super::fresh;

acceptance::promises![
    exec_tells_lines_and_the_worst_status,
    exec_goes_on_past_a_node_that_fails,
    a_shell_ends_with_its_console,
];

async fn exec_tells_lines_and_the_worst_status(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "shell1").await?;
    fresh(cluster, "plain1").await?;
    let script = "xdock exec plain1,shell1 -- sh -c 'hostname; echo \"a  b\" >&2; test $(hostname) = shell1 && exit 3; exit 2'";
    let ran = cluster.run("mn", script).await?;
    let lines = "plain1: plain1\nshell1: shell1\n";
    let errors = "plain1: a  b\nplain1: Error: exit status 2\nshell1: a  b\nshell1: Error: exit status 3\n";
    same("exec", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(3, lines, errors))?;
    for (stream, redirection) in [("stdout", ""), ("stderr", " >&2")] {
        let script = format!("xdock exec plain1 --json -- sh -c 'echo o{redirection}; exit 4'");
        let ran = cluster.run("mn", &script).await?;
        let lines = format!(
            "{{\"line\":\"o\",\"node\":\"plain1\",\"stream\":\"{stream}\"}}\n{{\"exit\":4,\"node\":\"plain1\"}}\n"
        );
        same("exec --json", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(4, lines.as_str(), ""))?;
    }
    Ok(())
}

async fn exec_goes_on_past_a_node_that_fails(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "plain1").await?;
    cluster.xdock("rm -f count1").await?;
    let ran = cluster.run("mn", "xdock exec count1,plain1 -- hostname").await?;
    let message = "count1: Error: No such container: count1\nhint: xdock mk creates it\n";
    same("exec", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(1, "plain1: plain1\n", message))?;
    let ran = cluster.run("mn", "xdock exec plain1 -- nothing-such").await?;
    let message = "plain1: Error: OCI runtime exec failed: exec failed: unable to start container process: exec: \
        \"nothing-such\": executable file not found in $PATH: unknown\n";
    same("no program", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(1, "", message))
}

async fn a_shell_ends_with_its_console(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "plain1").await?;
    let processes = "docker top plain1 -o pid,args | grep -c 'sleep 4321' || true";
    let console = Console::open(cluster, "hangup", "plain1 --exec sleep 4321").await?;
    eventually(cluster, "host1", processes, |said| said == "1").await?;
    console.close("TERM").await?;
    eventually(cluster, "host1", processes, |said| said == "0").await.map(drop)
}
