//! Consoles through pipes: every byte, both ways.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use super::console::{Console, eventually, runs};
use super::fresh;

acceptance::promises![
    what_a_pipe_says_is_typed_and_its_end_ends_nothing,
    a_megabyte_of_a_terminal_comes_whole,
    any_bytes_pass_through_a_program_both_ways,
    a_container_without_a_terminal_gives_a_shell_and_its_status,
    the_log_is_shown_first_and_nothing_of_it_twice,
    a_reader_that_leaves_ends_the_console,
    a_console_works_at_a_socket_of_the_machine,
];

async fn what_a_pipe_says_is_typed_and_its_end_ends_nothing(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "shell1").await?;
    let line = "(echo 'sleep 2; echo al\u{ed}ve-$((6*7))') | timeout 20 xdock cons shell1 | grep -m 1 -a al\u{ed}ve-42";
    same("after the end of the pipe", cluster.sh("mn", line).await?.trim_end_matches('\r'), "al\u{ed}ve-42")
}

async fn a_megabyte_of_a_terminal_comes_whole(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "shell1").await?;
    // 1.1 MB of lines, with a character of three bytes in each; the shell echoes what is typed, so that the end is spelt otherwise
    let lines = "awk 'BEGIN { for (i = 1; i <= 120000; i++) printf \"%d\u{20ac}\\n\", i }'";
    cluster.write("mn", "/tmp/typed", &format!("{lines}; echo the-\"\"end\n")).await?;
    let line = "xdock cons shell1 </tmp/typed 2>&1 | sed '/^the-end/q' | tr -d '\\r' | grep -a '^[0-9]*\u{20ac}$' | sha256sum";
    let wanted = cluster.sh("mn", &format!("{lines} | sha256sum")).await?;
    same("120000 lines", &cluster.sh("mn", line).await?, &wanted)
}

async fn any_bytes_pass_through_a_program_both_ways(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "plain1").await?;
    // Ctrl-], Ctrl-P Ctrl-Q and what looks like a frame among them
    let made = "head -c 1500000 /dev/urandom >/tmp/bytes; printf '\\035\\020\\021\\001\\000\\000\\000\\000\\000\\000\\001x' >>/tmp/bytes";
    cluster.sh("mn", made).await?;
    cluster
        .sh("mn", "xdock cons plain1 --exec cat </tmp/bytes >/tmp/back && cmp /tmp/bytes /tmp/back")
        .await
        .map(drop)
}

async fn a_container_without_a_terminal_gives_a_shell_and_its_status(
    cluster: &Cluster,
) -> Result<(), Failure> {
    fresh(cluster, "plain1").await?;
    let ran = cluster.run("mn", "echo 'hostname; echo $0; exit 7' | xdock cons plain1").await?;
    same("shell", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(7, "plain1\nash\n", ""))?;
    let ran = cluster.run("mn", "xdock cons plain1 --exec nothing-such </dev/null").await?;
    let message =
        "plain1: Error: plain1 cannot run nothing-such: choose another program with --exec PROGRAM\n";
    same("no program", &(ran.code, ran.stderr.as_str()), &(1, message))
}

async fn the_log_is_shown_first_and_nothing_of_it_twice(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "count1").await?;
    let whole = Console::open(cluster, "past", "count1 --log 1000000").await?;
    whole.goes_on().await?;
    let last = Console::open(cluster, "last", "count1 --log 100").await?;
    last.goes_on().await?;
    whole.close("TERM").await?;
    last.close("TERM").await?;
    let found = runs(&whole.output().await?)?;
    same("first lines", &found.iter().map(|(first, _)| *first).collect::<Vec<_>>(), &vec![1])?;
    let found = runs(&last.output().await?)?;
    same("runs", &found.len(), &1)?;
    same("its last lines only", &found.iter().all(|(first, last)| *first > 1 && last - first > 100), &true)
}

async fn a_reader_that_leaves_ends_the_console(cluster: &Cluster) -> Result<(), Failure> {
    for (node, reader) in [("count1", "head -n 3"), ("shell1", "sleep 1")] {
        fresh(cluster, node).await?;
        let line = format!(
            "timeout 20 sh -c '{{ xdock cons {node} </dev/null; echo $? >/tmp/left; }} | {reader} >/dev/null'; cat /tmp/left; rm /tmp/left"
        );
        same(node, cluster.sh("mn", &line).await?.as_str(), "0")?;
    }
    Ok(())
}

async fn a_console_works_at_a_socket_of_the_machine(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "shell1").await?;
    cluster.lab.put("host1", &acceptance::cluster::programs()?.join("xdock"), "/root/xdock").await?;
    cluster.write("host1", "/root/xdock.toml", "[engines]\nhost1 = \"unix:///run/docker.sock\"\n").await?;
    cluster.write("host1", "/root/cluster.stanza", cluster.tables.text()).await?;
    let line = "echo 'echo by-$((6*7))' | XDOCK_CONFIG=/root/xdock.toml XDOCK_INVENTORY=file:/root/cluster.stanza \
        timeout 20 /root/xdock cons shell1 | grep -m 1 -a -o by-42";
    eventually(cluster, "host1", line, |said| said == "by-42").await.map(drop)
}
