//! xCAT's console method under Debian's conserver, with the file that xCAT's makeconservercf writes (conserver.pm, `donodeent`):
//! type exec, the method with the node's name.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use super::console::eventually;
use super::fresh;
use super::tmux::{Tmux, install};

acceptance::promises![
    two_people_share_a_console_and_conserver_logs_it,
    conserver_s_console_goes_on_over_restarts,
    conserver_s_shells_end_with_it,
];

/// The certificates are left out: they are between conserver and its clients.
const HEAD: &str = "config * {\n  sslrequired no;\n}\naccess * {\n  trusted 127.0.0.1;\n}\ndefault * {\n  \
    logfile /var/log/consoles/&;\n  timestamp \"\";\n  rw *;\n  master localhost;\n  options !ondemand;\n}\n";

/// Where xCAT looks for console methods.
const METHOD: &str = "/opt/xcat/share/xcat/cons/docker";

/// A conserver with consoles of these nodes; the last one is gone, and its logs.
async fn serve(cluster: &Cluster, nodes: &[&str]) -> Result<(), Failure> {
    for program in ["/usr/sbin/conserver", "/usr/bin/console"] {
        install(cluster, program).await?;
    }
    let console = |node: &&str| {
        format!(
            "#xCAT BEGIN {node} CONS\nconsole {node} {{\n  type exec;\n  exec {METHOD} {node};\n}}\n#xCAT END {node} CONS\n"
        )
    };
    let text = format!("{HEAD}{}", nodes.iter().map(console).collect::<String>());
    cluster.write("mn", "/etc/conserver.cf", &text).await?;
    cluster.write("mn", METHOD, include_str!("../../../../../templates/xcat/cons/docker")).await?;
    stop(cluster).await?;
    // hardly a variable, as xCAT starts it
    let line = format!(
        "chmod 755 {METHOD}; rm -rf /var/log/consoles; mkdir -p /var/log/consoles /run/conserver; \
         env -i PATH=/usr/sbin:/usr/bin /usr/sbin/conserver -d -C /etc/conserver.cf -p 782 -M 127.0.0.1 -L /var/log/conserver.log"
    );
    cluster.sh("mn", &line).await?;
    eventually(cluster, "mn", "console -M 127.0.0.1 -p 782 -u 2>/dev/null || true", |said| {
        said.contains(" up ")
    })
    .await
    .map(drop)
}

async fn stop(cluster: &Cluster) -> Result<(), Failure> {
    cluster
        .sh(
            "mn",
            "test ! -e /run/conserver/conserver.pid || kill $(cat /run/conserver/conserver.pid) || true",
        )
        .await?;
    eventually(cluster, "mn", "pgrep -x conserver >/dev/null && echo there || echo gone", |said| {
        said == "gone"
    })
    .await?;
    eventually(cluster, "mn", "pgrep -x xdock >/dev/null && echo there || echo gone", |said| said == "gone")
        .await
        .map(drop)
}

/// Waits for a line in conserver's log of a node.
async fn logged(cluster: &Cluster, node: &str, line: &str) -> Result<(), Failure> {
    let is = |text: &str| text.lines().any(|found| found == line);
    eventually(cluster, "mn", &format!("tr -d '\\r' </var/log/consoles/{node}"), is).await.map(drop)
}

async fn two_people_share_a_console_and_conserver_logs_it(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "shell1").await?;
    serve(cluster, &["shell1"]).await?;
    let tmux = Tmux::open(cluster).await?;
    tmux.keys(&["console -M 127.0.0.1 -p 782 shell1", "Enter"]).await?;
    tmux.shows("[Enter `^Ec?' for help]").await?;
    tmux.keys(&["Enter", "echo fi\"\"rst", "Enter"]).await?;
    tmux.shows("first").await?;
    // the second one looks on, then takes over; Ctrl-] is the container's here
    cluster.sh("mn", "tmux split-window -d 'console -M 127.0.0.1 -p 782 -f shell1'").await?;
    eventually(cluster, "mn", "tmux capture-pane -p -t 1", |said| said.contains("[Enter `^Ec?' for help]"))
        .await?;
    cluster.sh("mn", "tmux send-keys -t 1 'C-]' 'C-u' 'echo se\"\"cond' Enter").await?;
    eventually(cluster, "mn", "tmux capture-pane -p -t 1", |said| said.lines().any(|line| line == "second"))
        .await?;
    tmux.shows("second").await?;
    logged(cluster, "shell1", "second").await?;
    // a client that is killed takes nobody else with it
    cluster.sh("mn", "kill -KILL $(pgrep -nx console)").await?;
    same(
        "console",
        cluster.sh("mn", "console -M 127.0.0.1 -p 782 -u 2>/dev/null | grep -c ' up '").await?.as_str(),
        "1",
    )?;
    tmux.keys(&["C-e", "c", "."]).await?;
    tmux.is_as_it_was().await?;
    stop(cluster).await
}

async fn conserver_s_console_goes_on_over_restarts(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "shell1").await?;
    serve(cluster, &["shell1"]).await?;
    let say = |text: &str| {
        format!(
            "(sleep 1; echo; echo 'echo {text}-$((6*7))'; sleep 2) | timeout 10 console -M 127.0.0.1 -p 782 -f shell1 >/dev/null 2>&1 || true"
        )
    };
    cluster.xdock_done("power shell1 restart").await?;
    logged(cluster, "shell1", "[shell1: started again]").await?;
    cluster.sh("host1", "systemctl reset-failed docker; systemctl restart docker").await?;
    logged(cluster, "shell1", "[shell1: connected again]").await?;
    cluster.sh("mn", &say("after")).await?;
    logged(cluster, "shell1", "after-42").await?;
    same(
        "consoles that conserver had to start again",
        cluster.sh("mn", "grep -c 'Console down' /var/log/consoles/shell1 || true").await?.as_str(),
        "0",
    )?;
    stop(cluster).await
}

async fn conserver_s_shells_end_with_it(cluster: &Cluster) -> Result<(), Failure> {
    fresh(cluster, "plain1").await?;
    serve(cluster, &["plain1"]).await?;
    let shells = "docker top plain1 -o pid,args | grep -c ' [a-z/]*ash$' || true";
    eventually(cluster, "host1", shells, |said| said == "1").await?;
    stop(cluster).await?;
    eventually(cluster, "host1", shells, |said| said == "0").await.map(drop)
}
