//! `postgres://USER@HOST[:PORT]/DATABASE` and `mysql://...`, without a password.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use super::{Database, Engine, Server};

/// What must be escaped in a part of a URL (RFC 3986: all but "unreserved").
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What must be escaped in the path of a socket.
const PATH: &AsciiSet = &PART.remove(b'/');

/// Why a URL names no database. The URL itself is never shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatabaseUrlError {
    /// The URL has a password, which every user of the machine can read from the command line.
    #[error(
        "a database URL must not contain a password, because command lines are visible to everybody; write the password to a file that only root can read, and set password_file in [database] of xdock.toml"
    )]
    Password,
    /// A part is missing or has another form.
    #[error("invalid database URL: {problem}; the form is {scheme}://USER@HOST[:PORT]/DATABASE")]
    Form {
        /// Its scheme.
        scheme: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
}

impl FromStr for Database {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let engine = engine(scheme).unwrap_or(Engine::Postgres);
        let wrong = |problem| DatabaseUrlError::Form { scheme: engine.scheme(), problem };
        if engine_of(text).is_none() {
            return Err(wrong("unknown scheme"));
        }
        // a password may contain any character: look for it before anything else
        let user_end = rest.rfind('@');
        if rest.get(..user_end.unwrap_or_default()).is_some_and(|user| user.contains(':')) {
            return Err(DatabaseUrlError::Password);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, name) = rest.split_once('/').ok_or_else(|| wrong("no database"))?;
        let (user, host) = authority.rsplit_once('@').ok_or_else(|| wrong("no user"))?;
        let part = |text: &str, missing| decoded(text).filter(|text| !text.is_empty()).ok_or(wrong(missing));
        let mut database = Self {
            engine,
            server: server(engine, host).ok_or_else(|| wrong("invalid host or port"))?,
            name: part(name, "no database")?,
            user: part(user, "no user")?,
            password: None,
            plaintext: false,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            database.set(pair).map_err(wrong)?;
        }
        Ok(database)
    }
}

impl Database {
    fn set(&mut self, pair: &str) -> Result<(), &'static str> {
        match pair.split_once('=') {
            Some(("plaintext", "yes")) => self.plaintext = true,
            Some(("plaintext", "no")) => self.plaintext = false,
            Some(("socket", text)) => {
                let Server::Socket { path, .. } = &mut self.server else {
                    return Err("socket needs a URL without a host");
                };
                let text = decoded(text).filter(|text| text.starts_with('/')).ok_or("socket needs a path")?;
                *path = Some(text.into());
            }
            _ => return Err("the options are plaintext=yes and socket=PATH"),
        }
        Ok(())
    }
}

/// The engine that a URL names by its scheme.
pub(in crate::source) fn engine_of(text: &str) -> Option<Engine> {
    engine(text.split_once("://")?.0)
}

fn engine(scheme: &str) -> Option<Engine> {
    match scheme {
        "postgres" | "postgresql" => Some(Engine::Postgres),
        "mysql" | "mariadb" => Some(Engine::Mysql),
        _ => None,
    }
}

fn server(engine: Engine, text: &str) -> Option<Server> {
    // an IPv6 address stands in brackets
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port = match port {
        "" => engine.default_port(),
        port => port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
    };
    if text.is_empty() || (host.is_empty() && engine == Engine::Postgres) {
        return Some(Server::Socket { path: None, port });
    }
    let host = decoded(host).filter(|host| !host.is_empty() && !host.contains(['/', '[', ']', '@']))?;
    Some(Server::Tcp { host, port })
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}@", self.engine.scheme(), escaped(&self.user))?;
        let mut options = Vec::new();
        let port = match &self.server {
            Server::Tcp { host, port } => {
                if host.contains(':') {
                    write!(f, "[{host}]")?;
                } else {
                    write!(f, "{}", escaped(host))?;
                }
                port
            }
            Server::Socket { path, port } => {
                options
                    .extend(path.iter().map(|path| {
                        format!("socket={}", utf8_percent_encode(&path.to_string_lossy(), PATH))
                    }));
                port
            }
        };
        if *port != self.engine.default_port() {
            write!(f, ":{port}")?;
        }
        options.extend(self.plaintext.then(|| "plaintext=yes".to_owned()));
        let options = if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) };
        write!(f, "/{}{options}", escaped(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_and_printed() {
        for (text, printed) in [
            ("postgres://xdock@mn/xcatdb", "postgres://xdock@mn/xcatdb"),
            ("postgresql://xdock@mn:5432/xcatdb", "postgres://xdock@mn/xcatdb"),
            ("postgres://xdock@[fd00::1]:6000/xcatdb", "postgres://xdock@[fd00::1]:6000/xcatdb"),
            ("mariadb://xdock@127.0.0.1/xcatdb", "mysql://xdock@127.0.0.1/xcatdb"),
            ("mysql://xdock@/xcatdb", "mysql://xdock@/xcatdb"),
            ("postgres://xdock@:6000/xcatdb", "postgres://xdock@:6000/xcatdb"),
            ("mysql://a%40b@/x%3Fy?socket=/run/a%20b.sock", "mysql://a%40b@/x%3Fy?socket=/run/a%20b.sock"),
            ("postgres://xdock@db1/xcatdb?plaintext=yes", "postgres://xdock@db1/xcatdb?plaintext=yes"),
        ] {
            let database: Database = text.parse().unwrap();
            assert_eq!(database.to_string(), printed);
            assert_eq!(printed.parse(), Ok(database));
        }
    }

    #[test]
    fn a_password_is_refused_and_never_shown() {
        for text in [
            "postgres://xdock:geheim@mn/xcatdb",
            "mysql://xdock:ge/heim@mn/xcatdb",
            "postgres://xdock:ge?heim@mn/xcatdb",
            "postgres://xdock:ge@heim@mn/xcatdb",
            "postgres://xdock:@mn/xcatdb",
        ] {
            assert_eq!(text.parse::<Database>(), Err(DatabaseUrlError::Password), "{text}");
        }
        for text in ["postgres://xdock:geheim", "postgres://xdock@mn/xcatdb?password=geheim", "mysql:geheim"]
        {
            assert!(!text.parse::<Database>().unwrap_err().to_string().contains("geheim"), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused_with_the_reason() {
        for (text, problem) in [
            ("postgres://xdock@mn", "no database"),
            ("postgres://xdock@mn/", "no database"),
            ("postgres://mn/xcatdb", "no user"),
            ("postgres://@mn/xcatdb", "no user"),
            ("postgres://xdock@mn:0/xcatdb", "invalid host or port"),
            ("postgres://xdock@mn:x/xcatdb", "invalid host or port"),
            ("postgres://xdock@[fd00::1/xcatdb", "invalid host or port"),
            ("postgres://xdock@mn/xcatdb?socket=/run", "socket needs a URL without a host"),
            ("postgres://xdock@/xcatdb?socket=run", "socket needs a path"),
            ("postgres://xdock@/xcatdb?sslmode=off", "the options are plaintext=yes and socket=PATH"),
        ] {
            assert_eq!(
                text.parse::<Database>().unwrap_err().to_string(),
                format!("invalid database URL: {problem}; the form is postgres://USER@HOST[:PORT]/DATABASE")
            );
        }
    }
}
