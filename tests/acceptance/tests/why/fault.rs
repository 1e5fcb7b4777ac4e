//! A fault: put in by hand, named by `xdock why`, taken out again.

use std::time::{Duration, Instant};

use acceptance::container::interfaces;
use acceptance::{Cluster, Failure, Ran};

/// A fault, and the line that names it.
#[derive(Debug)]
pub(crate) struct Fault<'a> {
    /// The two ends.
    pub(crate) between: (&'a str, &'a str),
    /// The host on which it is put in.
    pub(crate) on: &'a str,
    /// Shell commands that put it in and take it out.
    pub(crate) put_in: String,
    pub(crate) take_out: String,
}

/// What repairs the host's network meanwhile stops. A daemon that is stopped by a signal answers nobody.
const FREEZE: &str = "systemctl stop xdock-network-watch 2>/dev/null; systemctl kill -s STOP netd";
const THAW: &str =
    "systemctl kill -s CONT netd; systemctl start xdock-network-watch 2>/dev/null; netd reconcile";

impl<'a> Fault<'a> {
    pub(crate) fn new(between: (&'a str, &'a str), on: &'a str, put_in: &str, take_out: &str) -> Self {
        Self { between, on, put_in: put_in.to_owned(), take_out: take_out.to_owned() }
    }

    /// The fault is named: `xdock why` exits with 1, and its last line contains `text`.
    pub(crate) async fn named(self, cluster: &Cluster, text: &str) -> Result<(), Failure> {
        let ran = self.tried(cluster).await?;
        let last = ran.stdout.lines().last().unwrap_or_default();
        if ran.code != 1 || !last.contains(text) {
            return Err(format!("{text:?} is not named: {ran:?}").into());
        }
        reach(cluster, self.between).await
    }

    /// Packets arrive in spite of the fault, and a line before the last one names it.
    pub(crate) async fn noted(self, cluster: &Cluster, text: &str) -> Result<(), Failure> {
        let ran = self.tried(cluster).await?;
        if ran.code != 0
            || !ran.stdout.lines().any(|line| line.starts_with("also wrong: ") && line.contains(text))
        {
            return Err(format!("{text:?} is not noted: {ran:?}").into());
        }
        reach(cluster, self.between).await
    }

    /// What `xdock why` says while the fault is there.
    pub(crate) async fn tried(&self, cluster: &Cluster) -> Result<Ran, Failure> {
        reach(cluster, self.between).await?;
        cluster.sh(self.on, FREEZE).await?;
        let put_in = cluster.sh(self.on, &self.put_in).await;
        let ran = why(cluster, self.between).await;
        let taken_out = cluster.sh(self.on, &self.take_out).await;
        // a pass that fails is repeated
        let thawed = cluster.run(self.on, THAW).await;
        put_in?;
        taken_out?;
        thawed?;
        ran
    }
}

/// `xdock why -q A B`.
pub(crate) async fn why(cluster: &Cluster, (from, to): (&str, &str)) -> Result<Ran, Failure> {
    cluster.xdock(&format!("why -q {from} {to}")).await
}

/// Waits until a pair is healthy again, with nothing wrong beside.
pub(crate) async fn reach(cluster: &Cluster, between: (&str, &str)) -> Result<(), Failure> {
    let (to, _port) = between.1.split_once(':').unwrap_or((between.1, ""));
    // the alias of host1l1's link
    let to = if to == "partner" { "host2l1" } else { to };
    let wanted = format!("{} and {to} reach each other\n", between.0);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let ran = why(cluster, between).await?;
        match ran {
            Ran { code: 0, stdout, .. } if stdout == wanted => return Ok(()),
            ran if Instant::now() > deadline => return Err(format!("still not healthy: {ran:?}").into()),
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Waits until the last line for a pair contains `text`.
pub(crate) async fn says(cluster: &Cluster, between: (&str, &str), text: &str) -> Result<(), Failure> {
    let ran = why(cluster, between).await?;
    let last = ran.stdout.lines().last().unwrap_or_default();
    if ran.code == 1 && last.contains(text) {
        Ok(())
    } else {
        Err(format!("{text:?} is not named: {ran:?}").into())
    }
}

/// The port of a container on its host.
pub(crate) async fn port(cluster: &Cluster, host: &str, node: &str) -> Result<String, Failure> {
    let line = format!("netd status | sed -n 's/^{node}: .* port \\([^ ]*\\) .*/\\1/p'");
    Ok(cluster.sh(host, &line).await?.trim().to_owned())
}

/// The MAC of a container.
pub(crate) async fn mac(cluster: &Cluster, host: &str, node: &str) -> Result<String, Failure> {
    let found = interfaces(cluster, host, node).await?;
    Ok(found.first().ok_or_else(|| format!("{node} has no interface"))?.mac.clone())
}
