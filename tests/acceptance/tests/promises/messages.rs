//! Problems of a host are reported in one line with the remedy, and root's login files do no harm.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

acceptance::promises![
    login_files_that_print_and_another_shell_of_root_do_no_harm,
    another_host_key_is_one_line_with_the_command_that_repairs_it,
    a_missing_docker_command_or_netd_is_reported_with_the_command_that_installs_it,
];

/// Exit status and all that a command says, with the connections that earlier ones left given up.
async fn says(cluster: &Cluster, words: &str) -> Result<(i32, String), Failure> {
    let close = "for kept in /run/xdock-ssh/*; do ssh -q -O exit -o ControlPath=$kept host3 || true; done";
    cluster.sh("mn", close).await?;
    let ran = cluster.xdock(words).await?;
    Ok((ran.code, format!("{}{}", ran.stdout, ran.stderr)))
}

async fn login_files_that_print_and_another_shell_of_root_do_no_harm(
    cluster: &Cluster,
) -> Result<(), Failure> {
    cluster
        .sh("host3", "cp /root/.bashrc /root/kept; sed -i '1i echo hello; echo \"no tty\" >&2' /root/.bashrc")
        .await?;
    let tried = undisturbed(cluster).await;
    cluster.sh("host3", "usermod -s /bin/sh root").await?;
    let other = undisturbed(cluster).await;
    cluster.sh("host3", "usermod -s /bin/bash root; printf 'echo hello\\nexit 0\\n' > /root/.bashrc").await?;
    let ended = says(cluster, "power host3c1 state").await;
    cluster.sh("host3", "mv /root/kept /root/.bashrc").await?;
    tried.and(other)?;
    let message = "host3c1: Error: cannot reach the engine of host3: ssh root@host3: root's login files on the host print text and start no command (first line: \"hello\"); disable them for non-interactive shells\n";
    same("login files that end the session", &ended?, &(1, message.to_owned()))
}

async fn undisturbed(cluster: &Cluster) -> Result<(), Failure> {
    same("power", &says(cluster, "power host3c1 state").await?, &(0, "host3c1: running\n".to_owned()))?;
    let (code, status) = says(cluster, "host host3 status").await?;
    same("host status", &(code, status.contains(", netd ok, disk ")), &(0, true))?;
    same("sync", &says(cluster, "sync host3").await?.0, &0)
}

async fn another_host_key_is_one_line_with_the_command_that_repairs_it(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // another key of host3 than it has, and a user who wants to be sure
    let known = "ssh-keyscan -t ed25519 host1 2>/dev/null | sed 's/^host1/host3/' > /root/other-key";
    cluster.sh("mn", known).await?;
    let toml =
        "[ssh]\\noptions = [\\\"StrictHostKeyChecking=yes\\\", \\\"UserKnownHostsFile=/root/other-key\\\"]";
    cluster.sh("mn", &format!("printf \"{toml}\\n\" > /root/strict.toml")).await?;
    let why = "no ssh connection to root@host3: its host key has changed; if host3 was reinstalled, run \"ssh-keygen -f /root/other-key -R host3\" (with xCAT \"makeknownhosts host3\")\n";
    let status = says(cluster, "--config /root/strict.toml host host3 status").await?;
    same("host status", &status, &(1, format!("host3: Error: cannot reach the engine of host3: {why}")))?;
    let power = says(cluster, "--config /root/strict.toml power host3c1,host3c2,host3c3 state").await?;
    let message = format!(
        "host3c1: Error: cannot reach the engine of host3: {why}host3c[2-3]: Error: the same as host3c1\n"
    );
    same("power of three containers", &power, &(1, message))?;
    let (code, synced) = says(cluster, "--config /root/strict.toml sync host3").await?;
    same("sync", &(code, synced), &(1, format!("host3: Error: cannot deliver the tables to host3: {why}")))?;
    // and the remedy of the line works
    cluster
        .sh(
            "mn",
            "ssh-keygen -f /root/other-key -R host3 && ssh-keyscan host3 >> /root/other-key 2>/dev/null",
        )
        .await?;
    let repaired = says(cluster, "--config /root/strict.toml power host3c1 state").await?;
    same("with the right key", &repaired, &(0, "host3c1: running\n".to_owned()))
}

async fn a_missing_docker_command_or_netd_is_reported_with_the_command_that_installs_it(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let hidden = "mv /usr/bin/docker /usr/bin/docker.away";
    cluster.sh("host3", hidden).await?;
    let docker = says(cluster, "power host3c1,host3c2 state").await;
    cluster
        .sh("host3", "mv /usr/bin/docker.away /usr/bin/docker; mv /usr/local/bin/netd /root/netd.away")
        .await?;
    let netd = says(cluster, "sync host3").await;
    cluster.sh("host3", "mv /root/netd.away /usr/local/bin/netd").await?;
    let message = "host3c1: Error: cannot reach the engine of host3: ssh root@host3: the docker command, which xdock needs over ssh, is not installed; run \"updatenode host3 -P xdock\"\nhost3c2: Error: the same as host3c1\n";
    same("without docker", &docker?, &(1, message.to_owned()))?;
    let message = "host3: Error: netd is not installed on host3; run \"updatenode host3 -P xdock\"\n";
    same("without netd", &netd?, &(1, message.to_owned()))
}
