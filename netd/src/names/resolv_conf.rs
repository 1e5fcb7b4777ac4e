//! The host's name servers, from /etc/resolv.conf (resolv.conf(5)).

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::net::if_::if_nametoindex;

/// Port of name servers.
const PORT: u16 = 53;
/// Interval at which a change of the file is noticed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The file and its servers.
#[derive(Debug)]
pub(crate) struct ResolvConf {
    path: PathBuf,
    servers: Vec<SocketAddr>,
    changed: Option<SystemTime>,
    checked: Option<Instant>,
}

impl ResolvConf {
    /// The file at `path`. It is read when servers are needed.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), servers: Vec::new(), changed: None, checked: None }
    }

    /// The servers. A changed file is read again; one that cannot be read keeps the servers of before.
    pub(crate) fn servers(&mut self) -> &[SocketAddr] {
        if self.checked.is_none_or(|checked| checked.elapsed() >= CHECK_INTERVAL) {
            self.checked = Some(Instant::now());
            let changed = std::fs::metadata(&self.path).and_then(|meta| meta.modified()).ok();
            if (changed != self.changed || changed.is_none())
                && let Ok(text) = durable::read(&self.path)
            {
                self.servers = parse(&String::from_utf8_lossy(&text.unwrap_or_default()));
                self.changed = changed;
            }
        }
        &self.servers
    }
}

/// Address of a name server with the port.
pub(crate) fn server(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, PORT)
}

fn parse(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.filter_map(|rest| address(rest.trim())).collect()
}

/// An address, or a link-local one with its interface: `fe80::1%eth0`.
fn address(text: &str) -> Option<SocketAddr> {
    match text.split_once('%') {
        None => text.parse().ok().map(server),
        Some((address, interface)) => {
            let scope = if_nametoindex(interface).ok()?;
            Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, scope).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_in_their_order() {
        let text = "# comment\nsearch cluster.test\nnameserver 10.99.0.1\n nameserver\tfd00::1 \nnameserver x\noptions ndots:2\n";
        let shown: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.99.0.1:53", "[fd00::1]:53"]);
        assert_eq!(parse("nameserver fe80::1%lo\nnameserver fe80::1%no-such\n").len(), 1);
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_missing_one_has_no_servers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resolv.conf");
        let mut file = ResolvConf::at(&path);
        assert_eq!(file.servers().len(), 0);
        std::fs::write(&path, "nameserver 10.99.0.1\n").unwrap();
        file.checked = None;
        assert_eq!(file.servers().len(), 1);
        std::fs::remove_file(&path).unwrap();
        file.checked = None;
        assert_eq!(file.servers().len(), 0);
    }
}
