//! Consoles at a person's terminal.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use super::console::eventually;
use super::fresh;
use super::tmux::Tmux;

acceptance::promises![
    keys_go_inside_and_the_size_is_followed,
    ctrl_bracket_leaves_and_the_container_goes_on,
    the_terminal_is_as_it_was_whatever_ends_the_console,
    the_terminal_is_as_it_was_when_a_stopped_console_is_killed,
    a_program_has_the_terminal_and_ends_the_console,
    ctrl_bracket_leaves_while_a_host_is_gone,
];

async fn at_a_shell<'a>(cluster: &'a Cluster, words: &str) -> Result<Tmux<'a>, Failure> {
    fresh(cluster, "shell1").await?;
    let tmux = Tmux::open(cluster).await?;
    tmux.keys(&[&format!("xdock cons {words}"), "Enter"]).await?;
    tmux.shows("[shell1: connected; Ctrl-] leaves]").await?;
    Ok(tmux)
}

async fn keys_go_inside_and_the_size_is_followed(cluster: &Cluster) -> Result<(), Failure> {
    let tmux = at_a_shell(cluster, "shell1").await?;
    tmux.keys(&["clear; stty size", "Enter"]).await?;
    tmux.shows("20 90").await?;
    tmux.resize(70, 15).await?;
    // the size is on its way: asked for until it is there
    tmux.keys(&["until test \"$(stty size)\" = '15 70'; do usleep 99999; done; echo re\"\"sized", "Enter"])
        .await?;
    tmux.shows("resized").await?;
    tmux.keys(&["sleep 1000", "Enter"]).await?;
    tmux.shows("/ # sleep 1000").await?;
    tmux.keys(&["C-c"]).await?;
    tmux.keys(&["echo in\"\"side \u{20ac}", "Enter"]).await?;
    tmux.shows("inside \u{20ac}").await?;
    // dockerd would keep a Ctrl-P back until the next key
    tmux.keys(&["C-p"]).await?;
    tmux.shows("/ # echo in\"\"side \u{20ac}").await
}

async fn ctrl_bracket_leaves_and_the_container_goes_on(cluster: &Cluster) -> Result<(), Failure> {
    let tmux = at_a_shell(cluster, "shell1").await?;
    tmux.keys(&["C-]"]).await?;
    tmux.shows("[shell1: detached; the container keeps running]").await?;
    tmux.is_as_it_was().await?;
    same("state", cluster.xdock_done("power shell1 state").await?.as_str(), "shell1: running\n")
}

async fn the_terminal_is_as_it_was_whatever_ends_the_console(cluster: &Cluster) -> Result<(), Failure> {
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let tmux = at_a_shell(cluster, "shell1").await?;
        cluster.sh("mn", &format!("kill -{signal} $(pgrep -x xdock)")).await?;
        tmux.is_as_it_was().await.map_err(|error| format!("after SIG{signal}: {error}"))?;
    }
    Ok(())
}

async fn the_terminal_is_as_it_was_when_a_stopped_console_is_killed(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let tmux = at_a_shell(cluster, "shell1").await?;
    cluster.sh("mn", "kill -TSTP $(pgrep -x xdock)").await?;
    tmux.is_as_it_was().await?;
    tmux.keys(&["fg", "Enter"]).await?;
    tmux.keys(&["Enter", "echo ba\"\"ck", "Enter"]).await?;
    tmux.shows("back").await?;
    cluster.sh("mn", "kill -TSTP $(pgrep -x xdock)").await?;
    eventually(cluster, "mn", "ps -o stat= -p $(pgrep -x xdock)", |said| said.starts_with('T')).await?;
    // nothing can be done after a SIGKILL: it has to be as it was before
    cluster.sh("mn", "kill -KILL $(pgrep -x xdock)").await?;
    tmux.is_as_it_was().await
}

async fn a_program_has_the_terminal_and_ends_the_console(cluster: &Cluster) -> Result<(), Failure> {
    let tmux = at_a_shell(cluster, "shell1 --exec").await?;
    tmux.keys(&["tty && stty size && exit 5", "Enter"]).await?;
    tmux.shows("20 90").await?;
    tmux.keys(&["echo status $?", "Enter"]).await?;
    tmux.shows("status 5").await?;
    tmux.is_as_it_was().await
}

async fn ctrl_bracket_leaves_while_a_host_is_gone(cluster: &Cluster) -> Result<(), Failure> {
    let tmux = at_a_shell(cluster, "shell1").await?;
    cluster.sh("host1", "systemctl reset-failed docker; systemctl stop docker docker.socket").await?;
    let left = async {
        // the rest is ssh's message, wrapped by the terminal
        tmux.shows_what_begins("[shell1: not connected: cannot reach the engine of host1:").await?;
        tmux.keys(&["C-]"]).await?;
        tmux.is_as_it_was().await
    };
    let left = left.await;
    cluster.sh("host1", "systemctl reset-failed docker; systemctl start docker.socket docker").await?;
    left
}
