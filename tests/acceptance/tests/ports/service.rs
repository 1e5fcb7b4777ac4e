//! A service in `web` that answers with the address of its client, and clients.

use std::time::{Duration, Instant};

use acceptance::container::inside;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

/// How long a published port may take to be back.
const BACK: Duration = Duration::from_secs(30);

/// TCP on port 80 and UDP on 7001, both families. It reads before it answers: data that nobody read makes the kernel reset the
/// connection, and a switch in user space may deliver the reset before the answer.
const SERVER: &str = r#"use Socket qw(:all);
sub bound { my ($type, $port) = @_; socket(my $s, AF_INET6, $type, 0) or die $!; setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($s, pack_sockaddr_in6($port, inet_pton(AF_INET6, "::"))) or die $!; return $s }
sub who { my ($port, $address) = unpack_sockaddr_in6(shift); my $text = inet_ntop(AF_INET6, $address); $text =~ s/^::ffff://; return "$text\n" }
if (fork) { my $s = bound(SOCK_STREAM, 80); listen($s, 99); while (my $from = accept(my $c, $s)) { sysread($c, my $asked, 99); syswrite($c, who($from)); close($c) } }
else { my $s = bound(SOCK_DGRAM, 7001); while (1) { my $from = recv($s, my $text, 99, 0); send($s, who($from), 0, $from) if $from } }
"#;

/// Starts the service in the network namespaces of `web` and `sw`. It ends with the container's next start.
pub(crate) async fn start(cluster: &Cluster) -> Result<(), Failure> {
    cluster.write("host1", "/root/server.pl", SERVER).await?;
    start_in(cluster, "web").await?;
    start_in(cluster, "sw").await?;
    becomes(cluster, "host1", None, "10.96.1.1:80", "10.96.0.11").await?;
    becomes(cluster, "host1", None, "10.99.1.1:80", "10.99.0.11").await
}

pub(crate) async fn start_in(cluster: &Cluster, container: &str) -> Result<(), Failure> {
    let line = inside(container, "perl /root/server.pl");
    cluster
        .sh(
            "host1",
            &format!(
                "systemctl stop {container}-service 2>/dev/null; systemd-run -q --unit {container}-service sh -c \"{}\"",
                line.replace('"', "\\\"").replace('$', "\\$")
            ),
        )
        .await
        .map(drop)
}

/// What the service says to a client on a machine, or in a container on it: the address that it sees. Empty: no answer.
pub(crate) async fn seen(
    cluster: &Cluster,
    host: &str,
    container: Option<&str>,
    to: &str,
) -> Result<String, Failure> {
    let (protocol, to) = to.split_once('/').unwrap_or(("tcp", to));
    let (address, port) = to.rsplit_once(':').ok_or("no port")?;
    let client = format!(
        "timeout 3 bash -c 'exec 3<>/dev/{protocol}/{address}/{port} && echo hello >&3 && head -n 1 <&3' 2>/dev/null || true"
    );
    let line = match container {
        None => client,
        Some(name) => inside(name, &format!("sh -c \"{client}\"")),
    };
    Ok(cluster.sh(host, &line).await?.trim().to_owned())
}

/// Checks which address the service sees.
pub(crate) async fn sees(
    cluster: &Cluster,
    host: &str,
    container: Option<&str>,
    to: &str,
    expected: &str,
) -> Result<(), Failure> {
    let what = format!("{} of {host} to {to}", container.unwrap_or("a program"));
    same(&what, seen(cluster, host, container, to).await?.as_str(), expected)
}

/// Waits until it sees that address.
pub(crate) async fn becomes(
    cluster: &Cluster,
    host: &str,
    container: Option<&str>,
    to: &str,
    expected: &str,
) -> Result<(), Failure> {
    let deadline = Instant::now() + BACK;
    loop {
        match sees(cluster, host, container, to, expected).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(200)).await,
            ended => return ended,
        }
    }
}
