//! Where to connect: the usual unix sockets, and whether a server is on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};

use super::{Database, Engine, Problem, Server};

/// A place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A unix socket.
    Socket(PathBuf),
    /// A TCP port.
    Tcp(SocketAddr),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// Where distributions put PostgreSQL's sockets: Debian, Fedora and SUSE; PostgreSQL's own default.
const POSTGRES: [&str; 2] = ["/run/postgresql", "/tmp"];

/// Where distributions put MySQL's socket: Debian; Fedora; SUSE; MySQL's own default.
const MYSQL: [&str; 4] =
    ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/run/mysql/mysql.sock", "/tmp/mysql.sock"];

/// The places to try, in order.
pub(super) fn endpoints(database: &Database) -> Result<Vec<Endpoint>, Problem> {
    match &database.server {
        Server::Socket { path: Some(path), port } => {
            Ok(vec![Endpoint::Socket(socket(database.engine, path, *port))])
        }
        Server::Socket { path: None, port } => {
            usual(database.engine, *port, Path::exists).map(|path| vec![Endpoint::Socket(path)])
        }
        Server::Tcp { host, port } => {
            let found = (host.as_str(), *port).to_socket_addrs();
            let unresolved = |reason: String| Problem::Unresolved { host: host.clone(), reason };
            let found: Vec<SocketAddr> = found.map_err(|error| unresolved(error.to_string()))?.collect();
            if found.is_empty() {
                return Err(unresolved("it has no address".to_owned()));
            }
            if !database.plaintext && !found.iter().all(|address| is_this_machine(address.ip())) {
                return Err(Problem::Remote { host: host.clone() });
            }
            Ok(found.into_iter().map(Endpoint::Tcp).collect())
        }
    }
}

/// PostgreSQL names its socket by the port, in a directory.
fn socket(engine: Engine, path: &Path, port: u16) -> PathBuf {
    match engine {
        Engine::Postgres => path.join(format!(".s.PGSQL.{port}")),
        Engine::Mysql => path.to_owned(),
    }
}

fn usual(engine: Engine, port: u16, exists: impl Fn(&Path) -> bool) -> Result<PathBuf, Problem> {
    let paths: &[&str] = match engine {
        Engine::Postgres => &POSTGRES,
        Engine::Mysql => &MYSQL,
    };
    let sockets: Vec<PathBuf> = paths.iter().map(|path| socket(engine, Path::new(path), port)).collect();
    let looked_for = sockets.iter().map(|path| path.display().to_string()).collect();
    let found = sockets.into_iter().find(|path| exists(path));
    found.ok_or(Problem::NoSocket { product: engine.product(), looked_for })
}

/// Whether an address is one of this machine: the kernel sends from the address itself only to its own. No packet is sent.
fn is_this_machine(address: IpAddr) -> bool {
    if address.is_loopback() {
        return true;
    }
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Database {
        url.parse().unwrap()
    }

    #[test]
    fn sockets_are_looked_for_where_distributions_put_them() {
        let fedora = |path: &Path| path == Path::new("/var/lib/mysql/mysql.sock");
        assert_eq!(usual(Engine::Mysql, 3306, fedora), Ok("/var/lib/mysql/mysql.sock".into()));
        assert_eq!(
            usual(Engine::Postgres, 5432, |_| false).unwrap_err().to_string(),
            "found no socket of PostgreSQL at /run/postgresql/.s.PGSQL.5432 or /tmp/.s.PGSQL.5432. Check that it runs on this machine, or name the socket: socket=PATH in the URL"
        );
        assert_eq!(
            endpoints(&parsed("postgres://a@:6000/b?socket=/run/x")),
            Ok(vec![Endpoint::Socket("/run/x/.s.PGSQL.6000".into())])
        );
    }

    #[test]
    fn a_server_on_another_machine_needs_a_visible_choice() {
        // TEST-NET-1 (RFC 5737) is nobody's address
        let remote = endpoints(&parsed("mysql://a@192.0.2.1/b"));
        assert_eq!(remote, Err(Problem::Remote { host: "192.0.2.1".into() }));
        let chosen = endpoints(&parsed("mysql://a@192.0.2.1/b?plaintext=yes"));
        assert_eq!(chosen, Ok(vec![Endpoint::Tcp(([192, 0, 2, 1], 3306).into())]));
        let local = endpoints(&parsed("postgres://a@127.0.0.2:77/b"));
        assert_eq!(local, Ok(vec![Endpoint::Tcp(([127, 0, 0, 2], 77).into())]));
    }
}
