//! Engines listen for who has a certificate, and for nobody else; and hosts that do not answer cost others nothing.

mod broken;

use acceptance::cluster::Ran;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use lab::Power;

acceptance::promises![
    an_enrolled_engine_is_spoken_to_by_tls_and_its_containers_go_on,
    who_is_not_to_be_trusted_is_refused_and_told_which,
    what_netd_would_not_let_start_is_not_left,
    a_killed_enrolment_leaves_an_engine_that_answers,
    a_hundred_containers_of_five_hosts_of_which_three_are_broken,
];

use broken::a_hundred_containers_of_five_hosts_of_which_three_are_broken;

/// Settings with an authority of these promises' own: for all others host1 stays what it is.
const SETTINGS: &str = "/root/tls/xdock.toml";
const PORT: &str = "10.99.0.11:2376";

/// A container that idles, and a hundred containers.
pub(crate) fn rows(tables: Tables) -> Tables {
    broken::rows(tables.container("enr1", "host1", "10.99.1.60", &[]))
}

async fn settings(cluster: &Cluster, name: &str, text: &str) -> Result<String, Failure> {
    let path = format!("/root/tls/{name}.toml");
    cluster.write("mn", &path, text).await?;
    Ok(path)
}

async fn tls(cluster: &Cluster, words: &str) -> Result<Ran, Failure> {
    cluster.xdock(&format!("--config {SETTINGS} {words}")).await
}

/// The words of a run that must end with 0.
async fn done(cluster: &Cluster, words: &str) -> Result<String, Failure> {
    let ran = tls(cluster, words).await?;
    if ran.code == 0 { Ok(ran.stdout) } else { Err(format!("xdock {words}: {ran:?}").into()) }
}

/// The line of standard error of a run that must end with 1 and say nothing else.
async fn refused(cluster: &Cluster, words: &str) -> Result<String, Failure> {
    let ran = cluster.xdock(words).await?;
    same("exit status and output", &(ran.code, ran.stdout.as_str()), &(1, ""))?;
    Ok(ran.stderr)
}

fn begins(message: &str, wanted: &str) -> Result<(), Failure> {
    if message.starts_with(wanted) { Ok(()) } else { Err(format!("not {wanted:?} but {message:?}").into()) }
}

async fn enrolled(cluster: &Cluster) -> Result<(), Failure> {
    settings(cluster, "xdock", "[tls]\ndirectory = \"/root/tls/ca\"\n").await?;
    done(cluster, "host host1 enroll").await.map(drop)
}

async fn an_enrolled_engine_is_spoken_to_by_tls_and_its_containers_go_on(
    cluster: &Cluster,
) -> Result<(), Failure> {
    settings(cluster, "xdock", "[tls]\ndirectory = \"/root/tls/ca\"\n").await?;
    done(cluster, "mk enr1 --start").await?;
    let started = "docker inspect -f '{{.State.StartedAt}} {{.State.Pid}}' enr1";
    let before = cluster.sh("host1", started).await?;
    let would = "host1: would get a certificate for host1, host1.lab.test, 10.99.0.11 and listen on 10.99.0.11:2376 (it has no certificate)\n";
    same("a dry run", done(cluster, "host host1 enroll --dry-run").await?.as_str(), would)?;
    let first = done(cluster, "host host1 enroll").await?;
    same("the first", first.as_str(), "host1: enrolled, 397 days left\n")?;
    let second = done(cluster, "host host1 enroll").await?;
    same("the second", second.as_str(), "host1: already enrolled, 397 days left\n")?;
    same("the container", &cluster.sh("host1", started).await?, &before)?;

    // the key is the host's, and root's
    let modes = cluster.sh("host1", "cd /var/lib/xdock/engine && stat -c '%a %U %n' . *").await?;
    same("files", modes.as_str(), "700 root .\n644 root ca.pem\n600 root engine.pem")?;
    let key = cluster.sh("host1", "sed -n 2p /var/lib/xdock/engine/engine.pem").await?;
    let found = format!("grep -rlF -e '{key}' /root /var/lib /var/log /etc /tmp /run || true");
    same("the key on the management node", cluster.sh("mn", &found).await?.as_str(), "")?;

    // the docker step has nothing against it
    let step = cluster.xdockhost(&cluster.tables, "host1", "docker unsigned=yes").await?;
    same("the docker step", step.stdout.as_str(), "xdock: docker: nothing to do\n")?;
    let status = done(cluster, "host host1 status --json").await?;
    let status: serde_json::Value = serde_json::from_str(&status)?;
    let way = (status.get("way"), status.get("days"));
    same("the way and its days", &way, &(Some(&"tls".into()), Some(&397.into())))?;
    done(cluster, "rm -f enr1").await?;

    // and it is so after a boot
    cluster.lab.power("host1", Power::Cut).await?;
    cluster.lab.power("host1", Power::On).await?;
    cluster.sh("host1", "until systemctl -q is-active docker; do sleep 0.1; done").await?;
    done(cluster, "ls host1").await.map(drop)
}

/// An engine may answer where ssh, by which netd gets the tables, does not.
async fn what_netd_would_not_let_start_is_not_left(cluster: &Cluster) -> Result<(), Failure> {
    enrolled(cluster).await?;
    let none = "systemctl stop ssh ssh.socket";
    cluster.sh("host1", none).await?;
    let tried = without_ssh(cluster).await;
    cluster.sh("host1", "systemctl start ssh").await?;
    tried?;
    same("mk", done(cluster, "mk enr1").await?.as_str(), "enr1: success\n")?;
    done(cluster, "rm enr1").await.map(drop)
}

async fn without_ssh(cluster: &Cluster) -> Result<(), Failure> {
    // those that earlier commands left
    let close = "for kept in /run/xdock-ssh/*; do ssh -O exit -o ControlPath=$kept host1 || true; done";
    cluster.sh("mn", close).await?;
    let message = "enr1: Error: cannot deliver the tables to host1: no ssh connection to root@host1: \
        connection refused on port 22; is sshd running there?\n";
    for words in ["mk enr1", "mk enr1 --start"] {
        same(words, refused(cluster, &format!("--config {SETTINGS} {words}")).await?.as_str(), message)?;
    }
    let state = refused(cluster, &format!("--config {SETTINGS} power enr1 state")).await?;
    begins(&state, "enr1: Error: No such container: enr1")
}

async fn plaintext(cluster: &Cluster) -> Result<(), Failure> {
    let plain =
        format!("exec 3<>/dev/tcp/{}; printf 'GET /version HTTP/1.0' >&3; cat <&3", PORT.replace(':', "/"));
    let said = cluster.sh("mn", &format!("bash -c \"{}\"", plain.replace('"', "\\\""))).await?;
    begins(&said, "HTTP/1.0 400 Bad Request")?;
    same("without TLS", &said.ends_with("Client sent an HTTP request to an HTTPS server."), &true)
}

/// Who may not see what is revoked trusts nobody.
async fn blind(cluster: &Cluster) -> Result<(), Failure> {
    let copied = "mkdir -p /tmp/tls && cp /root/tls/ca/*.pem /tmp/tls && chmod -R a+rX /tmp/tls && rm /tmp/tls/ca-key.pem";
    cluster.sh("mn", copied).await?;
    let blind = "[engines]\nhost1 = \"tcp://host1:2376\"\n[tls]\ndirectory = \"/root/tls/ca\"\nca = \"/tmp/tls/ca.pem\"\ncert = \"/tmp/tls/cert.pem\"\nkey = \"/tmp/tls/key.pem\"\n";
    cluster.write("mn", "/tmp/tls/xdock.toml", blind).await?;
    let nobody = "setpriv --reuid=65534 --clear-groups xdock --config /tmp/tls/xdock.toml host host1 status 2>&1 || true; rm -r /tmp/tls";
    begins(
        &cluster.sh("mn", nobody).await?,
        "host1: Error: cannot read the list of revoked certificates; run xdock as root of the management node: cannot read /root/tls/ca/issued.json: ",
    )
}

async fn who_is_not_to_be_trusted_is_refused_and_told_which(cluster: &Cluster) -> Result<(), Failure> {
    enrolled(cluster).await?;
    plaintext(cluster).await?;

    // another's authority: host2 is enrolled by it
    let other = settings(cluster, "other", "[tls]\ndirectory = \"/root/tls/other\"\n").await?;
    cluster.xdock_done(&format!("--config {other} host host2 enroll")).await?;
    let mixed = "[engines]\nhost1 = \"tcp://host1:2376\"\nhost2 = \"tcp://host2:2376\"\nalias1 = \"tcp://alias1:2376\"\n[tls]\ndirectory = \"/root/tls/ca\"\n";
    let mixed = settings(cluster, "mixed", mixed).await?;
    let message = refused(cluster, &format!("--config {mixed} host host2 status")).await?;
    begins(
        &message,
        "host2: Error: cannot reach the engine of host2: no TLS session with host2: its certificate is not signed by /root/tls/ca/ca.pem; xdock host host2 enroll issues a new one: ",
    )?;
    // another name for host1: no host of such tables is given a certificate
    let alias = [("ip", "10.99.0.11"), ("mgt", "ipmi"), ("groups", "aliases")];
    cluster.write_tables(&cluster.tables.clone().object("alias1", "node", &alias)).await?;
    let message = refused(cluster, &format!("--config {mixed} host alias1 status")).await;
    cluster.write_tables(&cluster.tables).await?;
    let message = message?;
    begins(
        &message,
        "alias1: Error: cannot reach the engine of alias1: no TLS session with alias1: its certificate is for another name; ",
    )?;
    let stranger = "[engines]\nhost1 = \"tcp://host1:2376\"\n[tls]\ndirectory = \"/root/tls/ca\"\ncert = \"/root/tls/other/cert.pem\"\nkey = \"/root/tls/other/key.pem\"\n";
    let stranger = settings(cluster, "stranger", stranger).await?;
    let message = refused(cluster, &format!("--config {stranger} host host1 status")).await?;
    begins(
        &message,
        "host1: Error: cannot reach the engine of host1: the engine rejects our certificate /root/tls/other/cert.pem (",
    )?;

    blind(cluster).await?;
    same("revoked", done(cluster, "host host1 enroll --revoke").await?.as_str(), "host1: revoked\n")?;
    let message = refused(cluster, &format!("--config {SETTINGS} host host1 status")).await?;
    same(
        "why",
        message.as_str(),
        "host1: Error: cannot reach the engine of host1: no TLS session with host1: its certificate is revoked; xdock host host1 enroll issues a new one: invalid peer certificate: Revoked\n",
    )?;
    let again = done(cluster, "host host1 enroll").await?;
    same("a new key", again.as_str(), "host1: enrolled, 397 days left\n")?;
    done(cluster, "ls host1").await.map(drop)
}

/// Killed where the new files lie there and nobody has read them, and while the engine starts with them.
async fn a_killed_enrolment_leaves_an_engine_that_answers(cluster: &Cluster) -> Result<(), Failure> {
    enrolled(cluster).await?;
    let pair = "stat -c %i /var/lib/xdock/engine/engine.pem";
    let written = format!("old=$({pair}); while [ \"$({pair})\" = \"$old\" ]; do :; done");
    let starting = "while systemctl -q is-active docker; do :; done".to_owned();
    for moment in [written, starting] {
        let kill = format!("{moment}; kill -9 $(pidof xdockhost)");
        let (ran, killed) =
            tokio::join!(tls(cluster, "host host1 enroll --renew"), cluster.sh("host1", &kill));
        killed?;
        same("the enrolment that was cut off", &ran?.code, &1)?;
        let settled = "until systemctl -q is-active docker; do sleep 0.1; done";
        cluster.sh("host1", settled).await?;
        done(cluster, "ls host1").await?;
        // as it comes up the next time
        cluster
            .sh("host1", "systemctl daemon-reload; systemctl reset-failed docker; systemctl restart docker")
            .await?;
        done(cluster, "ls host1").await?;
    }
    let after = done(cluster, "host host1 enroll --renew").await?;
    same("the next one", after.as_str(), "host1: enrolled, 397 days left\n")
}
