//! An Open vSwitch of a test's own: ovsdb-server and ovs-vswitchd with the userspace datapath, in the network
//! namespace of the thread that starts them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support: a failure here fails the test"
)]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where packages put the schema.
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// The two daemons. They end with this.
pub(crate) struct Daemons {
    dir: tempfile::TempDir,
    server: Option<Child>,
    vswitchd: Option<Child>,
}

impl Daemons {
    /// Both, with an empty database.
    pub(crate) fn start() -> Self {
        let mut daemons =
            Self { dir: tempfile::tempdir_in("/dev/shm").unwrap(), server: None, vswitchd: None };
        daemons.create_database();
        daemons.start_server();
        daemons.vsctl("--no-wait init");
        daemons.start_vswitchd();
        daemons
    }

    pub(crate) fn create_database(&self) {
        let database = self.path("conf.db");
        let _ = std::fs::remove_file(&database);
        let words = ["create", database.to_str().unwrap(), SCHEMA];
        let made = Command::new("ovsdb-tool").args(words).output();
        let made = made.unwrap_or_else(|error| panic!("install openvswitch-switch: ovsdb-tool: {error}"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    pub(crate) fn start_server(&mut self) {
        let _ = std::fs::remove_file(self.path("db.sock"));
        let mut command = self.daemon("ovsdb-server");
        command.arg(self.path("conf.db")).arg(format!("--remote=punix:{}", self.path("db.sock").display()));
        self.server = Some(command.spawn().unwrap());
        self.until("ovsdb-server listens", || {
            std::os::unix::net::UnixStream::connect(self.path("db.sock")).is_ok()
        });
    }

    pub(crate) fn start_vswitchd(&mut self) {
        let mut command = self.daemon("ovs-vswitchd");
        command.arg(self.remote()).arg("--disable-system");
        self.vswitchd = Some(command.spawn().unwrap());
    }

    /// Another ovs-vswitchd than [`Daemons::start_vswitchd`]'s, in a named namespace.
    pub(crate) fn vswitchd_again(&self, namespace: &str) -> Child {
        let daemon = self.daemon("ovs-vswitchd");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(daemon.get_program()).args(daemon.get_args());
        command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.arg(self.remote()).arg("--disable-system").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).spawn().unwrap()
    }

    /// kill -9.
    pub(crate) fn kill_server(&mut self) {
        end(&mut self.server);
    }

    /// kill -9.
    pub(crate) fn kill_vswitchd(&mut self) {
        end(&mut self.vswitchd);
    }

    pub(crate) fn remote(&self) -> String {
        format!("unix:{}", self.path("db.sock").display())
    }

    /// `ovs-vsctl`, which waits until ovs-vswitchd has done it.
    pub(crate) fn vsctl(&self, words: &str) -> String {
        let mut command = Command::new("ovs-vsctl");
        command.arg(format!("--db={}", self.remote())).arg("--timeout=60").args(words.split(' '));
        let output = command.output().unwrap();
        assert!(output.status.success(), "ovs-vsctl {words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// `ovs-ofctl` with a command and a bridge.
    pub(crate) fn ofctl(&self, words: &str) -> String {
        self.try_ofctl(words).unwrap_or_else(|| panic!("ovs-ofctl {words} failed"))
    }

    /// `None`: ovs-vswitchd does not answer.
    pub(crate) fn try_ofctl(&self, words: &str) -> Option<String> {
        let (command, rest) = words.split_once(' ').unwrap();
        let (bridge, flow) = rest.split_once(' ').map_or((rest, None), |(bridge, flow)| (bridge, Some(flow)));
        let socket = format!("unix:{}", self.path(&format!("{bridge}.mgmt")).display());
        let output = Command::new("ovs-ofctl").args([command, &socket]).args(flow).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// `ovs-appctl` to ovs-vswitchd.
    pub(crate) fn appctl(&self, words: &str) -> String {
        let mut command = Command::new("ovs-appctl");
        command.arg(format!("--target={}", self.path("ovs-vswitchd.ctl").display())).args(words.split(' '));
        let output = command.output().unwrap();
        assert!(output.status.success(), "ovs-appctl {words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn daemon(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let log = std::fs::File::create(self.path(&format!("{program}.log"))).unwrap();
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"] {
            command.env(variable, self.dir.path());
        }
        command.arg(format!("--unixctl={}", self.path(&format!("{program}.ctl")).display()));
        command.args(["--no-chdir", "-vconsole:warn", "-vsyslog:off"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !holds() {
            let log = std::fs::read_to_string(self.path("ovsdb-server.log")).unwrap_or_default();
            assert!(Instant::now() < end, "never: {what}\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        end(&mut self.vswitchd);
        end(&mut self.server);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}
