//! A host with one NIC and a directory for its files, and its management node at the other end of the cable.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hostnet::Kernel;
use hostnet::netns::Namespace;
use postscripts::steps::network::backend::facts;
use postscripts::steps::network::guard::StateDir;
use postscripts::steps::network::observe::observe;
use tempfile::TempDir;

use crate::applier;

pub(crate) const MASTER: &str = "10.99.0.1:80";
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_xdockhost");
/// What happens at once may take this long on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);
pub(crate) const OLD: &str = "auto eth0\niface eth0 inet static\n    address 10.99.0.11/16\n";

pub(crate) struct Lab {
    pub(crate) host: Namespace,
    master: Namespace,
    _listener: TcpListener,
    directory: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::at(TempDir::new().unwrap())
    }

    pub(crate) fn at(directory: TempDir) -> Self {
        let (host, master) = (Namespace::new().unwrap(), Namespace::new().unwrap());
        host.run(|| ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "peer0"])).unwrap();
        on(&host, async |kernel| kernel.move_to(&"peer0".parse().unwrap(), &master).await.unwrap());
        for (namespace, device, address) in
            [(&host, "eth0", "10.99.0.11/16"), (&master, "peer0", "10.99.0.1/16")]
        {
            let made = || {
                ip(&["address", "add", address, "dev", device]);
                ip(&["link", "set", "dev", device, "up"]);
            };
            namespace.run(made).unwrap();
        }
        host.run(|| ip(&["route", "add", "default", "via", "10.99.0.1"])).unwrap();
        let listener = master.run(|| TcpListener::bind(MASTER).unwrap()).unwrap();
        let lab = Self { host, master, _listener: listener, directory };
        fs::create_dir_all(lab.files().join("interfaces.d")).unwrap();
        fs::write(lab.files().join("interfaces"), OLD).unwrap();
        lab
    }

    /// `/etc/network` of this host.
    pub(crate) fn files(&self) -> PathBuf {
        self.directory.path().join("etc")
    }

    pub(crate) fn state_dir(&self) -> StateDir {
        let state_dir = StateDir::custom(&self.directory.path().join("state"), Path::new(PROGRAM));
        // this machine's links need no time
        StateDir { cold_start_grace: Duration::from_secs(5), ..state_dir }
    }

    /// Everything that is old or new: the kernel's network, and each file with its content.
    pub(crate) fn all(&self) -> String {
        let mut lines = on(&self.host, async |kernel| facts(&observe(&kernel).await.unwrap(), |_| true));
        lines.sort();
        for directory in [self.files(), self.files().join("interfaces.d")] {
            let mut paths: Vec<PathBuf> =
                fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            // second names of old files are no network manager's business
            let hidden = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with('.');
            for path in paths.into_iter().filter(|path| path.is_file() && !hidden(path)) {
                let name = path.strip_prefix(self.files()).unwrap().display().to_string();
                lines.push(format!("{name}: {}", fs::read_to_string(&path).unwrap()));
            }
        }
        lines.join("\n")
    }

    /// Whether the host reaches a management node whose MAC it does not know.
    pub(crate) fn answers(&self) -> bool {
        let master: SocketAddr = MASTER.parse().unwrap();
        let asked = || {
            ip(&["neighbour", "flush", "all"]);
            TcpStream::connect_timeout(&master, SOON).is_ok()
        };
        self.host.run(asked).unwrap()
    }

    /// The management node no longer answers.
    pub(crate) fn silence(&self) {
        self.master.run(|| ip(&["link", "set", "dev", "peer0", "down"])).unwrap();
    }

    /// Starts the run that changes this host's network; see [`applier`].
    pub(crate) fn applier(&self, end: &str, after: usize) -> Applier {
        let start = || {
            Command::new("/proc/self/exe")
                .arg(applier::WORD)
                .args([self.directory.path().display().to_string()])
                .args([end, &after.to_string()])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let mut child = self.host.run(start).unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Applier { child, says }
    }

    /// Runs our program with these words, as a unit would.
    pub(crate) fn xdockhost(&self, word: &str) -> String {
        let state = format!("state={}", self.state_dir().state.display());
        let run = || Command::new(PROGRAM).args([word, &state]).output().unwrap();
        let output = self.host.run(run).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{word}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// The process that guards this host's change.
    pub(crate) fn guard(&self) -> i32 {
        until("the guard runs", || self.find_guard())
    }

    fn find_guard(&self) -> Option<i32> {
        let state = format!("state={}", self.state_dir().state.display());
        let is_it = |process: &PathBuf| {
            let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            words.starts_with(PROGRAM) && words.contains("\0guard\0") && words.contains(&state)
        };
        let mut all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        all.find(is_it)?.file_name()?.to_str()?.parse().ok()
    }

    /// Waits until nothing is pending, and the guard has looked a last time.
    pub(crate) fn until_settled(&self) {
        let change = self.state_dir().change();
        until("nothing is pending", || (!change.exists()).then_some(()));
        until("the guard has ended", || self.find_guard().is_none().then_some(()));
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.state_dir().state.join("xcat.log")).unwrap_or_default()
    }
}

/// The run that changes the network.
pub(crate) struct Applier {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Applier {
    /// The next line that it says; empty when it has ended.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Whether it ended well.
    pub(crate) fn ended(mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    pub(crate) fn process(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }
}

/// Waits for a state, not for a time.
pub(crate) fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not after {} s: {what}", SOON.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs with a connection to the kernel of that namespace.
pub(crate) fn on<T: Send>(namespace: &Namespace, work: impl AsyncFnOnce(Kernel) -> T + Send) -> T {
    let inside = || runtime().block_on(async { work(Kernel::open().unwrap()).await });
    namespace.run(inside).unwrap()
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().unwrap();
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
