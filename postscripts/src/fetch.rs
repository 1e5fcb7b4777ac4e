//! Fetches files of the management node over HTTP, as xCAT serves `/install`. Only this module uses the HTTP
//! client.
//!
//! A node that is being deployed has only plain HTTP. Programs from there are checked against the digests of
//! the manifest.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use ureq::Agent;

/// Timeout of a whole file: the network is fast, but the management node may be busy.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);
/// Larger than every file of xdock, so that a wrong server cannot fill the memory.
const SIZE_LIMIT: u64 = 64 << 20;

/// A file cannot be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The server refused or did not answer.
    #[error("cannot fetch {url}")]
    Get {
        /// The file.
        url: String,
        /// Cause.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The file does not exist.
    #[error("{url} does not exist; run \"xdock init\" on the management node")]
    Missing {
        /// The file.
        url: String,
    },
    /// The manifest does not list the file.
    #[error("{url} does not list {name}; run \"xdock init\" on the management node")]
    Unlisted {
        /// The manifest.
        url: String,
        /// The file.
        name: String,
    },
    /// The content does not match the manifest.
    #[error(
        "{url} has digest {found}, but the manifest has {expected}; run \"xdock init\" on the management node"
    )]
    Digest {
        /// The file.
        url: String,
        /// Digest of the content.
        found: String,
        /// Digest in the manifest.
        expected: String,
    },
}

/// The management node's web server.
#[derive(Debug, Clone)]
pub struct Server {
    base: String,
    agent: Agent,
}

impl Server {
    /// The server at `MASTER_IP` and `HTTPPORT`.
    pub fn new(master: IpAddr, port: u16) -> Self {
        let base = format!("http://{}", std::net::SocketAddr::new(master, port));
        // a proxy in the environment is for external servers
        let config =
            Agent::config_builder().proxy(None).timeout_global(Some(FETCH_TIMEOUT)).max_redirects(0).build();
        Self { base, agent: config.into() }
    }

    /// The URL of a path that starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Content of a file; `None` if it does not exist.
    ///
    /// # Errors
    /// No answer in time, or an error other than 404.
    pub fn find(&self, path: &str) -> Result<Option<Vec<u8>>, FetchError> {
        let url = self.url(path);
        let got = self
            .agent
            .get(&url)
            .call()
            .and_then(|mut answer| answer.body_mut().with_config().limit(SIZE_LIMIT).read_to_vec());
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ureq::Error::StatusCode(404)) => Ok(None),
            Err(source) => Err(FetchError::Get { url, source: Box::new(source) }),
        }
    }

    /// Whether a file exists, without fetching it.
    ///
    /// # Errors
    /// As [`Server::find`].
    pub fn has(&self, path: &str) -> Result<bool, FetchError> {
        let url = self.url(path);
        match self.agent.head(&url).call() {
            Ok(_) => Ok(true),
            Err(ureq::Error::StatusCode(404)) => Ok(false),
            Err(source) => Err(FetchError::Get { url, source: Box::new(source) }),
        }
    }

    /// The manifest of a directory.
    ///
    /// # Errors
    /// It does not exist, or no answer.
    pub fn manifest(&self, directory: &str) -> Result<Manifest, FetchError> {
        let path = format!("{directory}/manifest");
        let text = self.find(&path)?.ok_or_else(|| FetchError::Missing { url: self.url(&path) })?;
        Ok(Manifest::parse(self.url(&path), &String::from_utf8_lossy(&text)))
    }

    /// Content of a file in the directory, verified with its digest in the manifest.
    ///
    /// # Errors
    /// It does not exist, no answer, or another digest.
    pub fn verified(&self, directory: &str, name: &str, expected: &str) -> Result<Vec<u8>, FetchError> {
        let path = format!("{directory}/{name}");
        let bytes = self.find(&path)?.ok_or_else(|| FetchError::Missing { url: self.url(&path) })?;
        let found = digest(&bytes);
        if found == expected {
            return Ok(bytes);
        }
        Err(FetchError::Digest { url: self.url(&path), found, expected: expected.to_owned() })
    }
}

/// Digests of a directory's files, in the format of sha256sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    url: String,
    digests: BTreeMap<String, String>,
}

impl Manifest {
    fn parse(url: String, text: &str) -> Self {
        // two blanks, or a blank and a star for binary mode (coreutils' sha256sum)
        let entry = |line: &str| {
            let (digest, name) = line.split_once(' ')?;
            let name = name.strip_prefix([' ', '*'])?;
            Some((name.to_owned(), digest.to_ascii_lowercase()))
        };
        Self { url, digests: text.lines().filter_map(entry).collect() }
    }

    /// The digest of a file.
    ///
    /// # Errors
    /// The manifest does not list it.
    pub fn digest(&self, name: &str) -> Result<&str, FetchError> {
        let unlisted = || FetchError::Unlisted { url: self.url.clone(), name: name.to_owned() };
        self.digests.get(name).map(String::as_str).ok_or_else(unlisted)
    }
}

/// SHA-256 in lower-case hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// A server on a loopback port that answers requests one after the other from a list.
    fn serving(answers: Vec<(&'static str, Vec<u8>)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).unwrap();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            }
        });
        Server::new("127.0.0.1".parse().unwrap(), port)
    }

    #[test]
    fn a_file_is_what_the_manifest_promises() {
        let text = format!("{}  netd\n", digest(b"program"));
        let answers = vec![
            ("200 OK", text.into_bytes()),
            ("200 OK", b"program".to_vec()),
            ("200 OK", b"other".to_vec()),
        ];
        let server = serving(answers);
        let manifest = server.manifest("/install/xdock/x86_64").unwrap();
        let expected = manifest.digest("netd").unwrap();
        assert_eq!(server.verified("/install/xdock/x86_64", "netd", expected).unwrap(), b"program");
        let error = server.verified("/install/xdock/x86_64", "netd", expected).unwrap_err();
        let url = server.url("/install/xdock/x86_64/netd");
        let found = digest(b"other");
        let text = format!(
            "{url} has digest {found}, but the manifest has {expected}; run \"xdock init\" on the management node"
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(
            manifest.digest("vold").unwrap_err().to_string(),
            format!(
                "{} does not list vold; run \"xdock init\" on the management node",
                server.url("/install/xdock/x86_64/manifest")
            )
        );
    }

    #[test]
    fn what_is_not_there_is_no_error_where_that_is_allowed() {
        let server =
            serving(vec![("404 Not Found", vec![]), ("404 Not Found", vec![]), ("500 Oops", vec![])]);
        assert_eq!(server.find("/a").unwrap(), None);
        let error = server.manifest("/d").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} does not exist; run \"xdock init\" on the management node",
                server.url("/d/manifest")
            )
        );
        assert_eq!(server.find("/a").unwrap_err().to_string(), format!("cannot fetch {}", server.url("/a")));
    }

    #[test]
    fn both_forms_of_sha256sum_are_read() {
        let text = "AB  one\ncd *two\n\nnoise\n";
        let manifest = Manifest::parse("u".to_owned(), text);
        assert_eq!((manifest.digest("one").unwrap(), manifest.digest("two").unwrap()), ("ab", "cd"));
    }
}
