//! What a console survives.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use super::console::{Console, runs};
use super::fresh;

acceptance::promises![
    a_console_from_before_the_container_is_made_has_its_first_line,
    a_console_from_before_the_start_has_the_first_line,
    a_console_continues_when_the_container_is_restarted,
    a_console_continues_when_dockerd_is_restarted_or_killed,
    a_console_continues_when_the_container_is_recreated,
    a_console_waits_while_the_container_is_paused,
    a_console_server_waits_for_an_engine_that_is_not_there,
];

async fn a_console_from_before_the_container_is_made_has_its_first_line(
    cluster: &Cluster,
) -> Result<(), Failure> {
    cluster.xdock("rm -f count1").await?;
    let console = Console::open(cluster, "unmade", "count1").await?;
    console.says("[count1: the container does not exist; waiting]").await?;
    cluster.xdock_done("mk count1 --start").await?;
    console.says("[count1: started]").await?;
    console.goes_on().await?;
    console.close("TERM").await?;
    one_run_from_its_first_line(&console).await
}

async fn a_console_from_before_the_start_has_the_first_line(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock("rm -f count1").await?;
    cluster.xdock_done("mk count1").await?;
    let console = Console::open(cluster, "unstarted", "count1").await?;
    console.says("[count1: not started yet; waiting]").await?;
    cluster.xdock_done("power count1 on").await?;
    console.says("[count1: started]").await?;
    console.goes_on().await?;
    console.close("TERM").await?;
    one_run_from_its_first_line(&console).await
}

async fn one_run_from_its_first_line(console: &Console<'_>) -> Result<(), Failure> {
    let found = runs(&console.output().await?)?;
    same("first lines", &found.iter().map(|(first, _)| *first).collect::<Vec<_>>(), &vec![1])
}

async fn a_console_continues_when_the_container_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "count1").await?;
    let console = Console::open(cluster, "restarted", "count1").await?;
    console.goes_on().await?;
    cluster.xdock_done("power count1 restart").await?;
    console.says("[count1: started again]").await?;
    console.goes_on().await?;
    cluster.xdock_done("power count1 off").await?;
    console.says("[count1: stopped, exit status 0; waiting]").await?;
    cluster.xdock_done("power count1 on").await?;
    console.goes_on().await?;
    console.close("TERM").await?;
    let found = runs(&console.output().await?)?;
    let firsts: Vec<u64> = found.iter().skip(1).map(|(first, _)| *first).collect();
    same("first lines of the second and the third run", &firsts, &vec![1, 1])
}

async fn a_console_continues_when_dockerd_is_restarted_or_killed(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "count1").await?;
    let console = Console::open(cluster, "dockerd", "count1").await?;
    for line in ["systemctl restart docker", "kill -9 $(systemctl show -P MainPID docker)"] {
        console.goes_on().await?;
        // systemd would soon refuse so many starts in a row
        cluster.sh("host1", "systemctl reset-failed docker").await?;
        cluster.sh("host1", line).await?;
        cluster.sh("host1", "until docker info >/dev/null 2>&1; do sleep 0.2; done").await?;
        console.says("[count1: connected again]").await?;
        console.goes_on().await?;
    }
    console.close("TERM").await?;
    same("runs", &runs(&console.output().await?)?.len(), &1)
}

async fn a_console_continues_when_the_container_is_recreated(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "count1").await?;
    let console = Console::open(cluster, "anew", "count1").await?;
    console.goes_on().await?;
    cluster.xdock_done("rm -f count1").await?;
    console.says("[count1: the container does not exist; waiting]").await?;
    // the engine goes on waiting for a container that is removed: the console does not
    cluster.xdock_done("mk count1").await?;
    console.says("[count1: not started yet; waiting]").await?;
    cluster.xdock_done("rm count1").await?;
    cluster.xdock_done("mk count1 --start").await?;
    console.goes_on().await?;
    console.close("TERM").await?;
    let found = runs(&console.output().await?)?;
    same("first line of the new container", &found.last().map(|(first, _)| *first), &Some(1))
}

async fn a_console_waits_while_the_container_is_paused(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "count1").await?;
    cluster.xdock_done("power count1 pause").await?;
    let console = Console::open(cluster, "paused", "count1").await?;
    console.says("[count1: paused; waiting]").await?;
    cluster.xdock_done("power count1 unpause").await?;
    console.says("[count1: resumed]").await?;
    console.goes_on().await?;
    console.close("TERM").await
}

async fn a_console_server_waits_for_an_engine_that_is_not_there(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "count1").await?;
    cluster.sh("host1", "systemctl reset-failed docker; systemctl stop docker docker.socket").await?;
    let console = Console::open(cluster, "server", "--server count1").await?;
    let said = console.says("[count1: not connected: cannot reach the engine of host1").await;
    let person = cluster.xdock("cons count1 </dev/null").await;
    cluster.sh("host1", "systemctl reset-failed docker; systemctl start docker.socket docker").await?;
    said?;
    same("exit status where nobody serves", &person?.code, &1)?;
    console.goes_on().await?;
    console.close("HUP").await
}
