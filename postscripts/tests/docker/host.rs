//! A host in a root directory: busybox, the program, and scripts that print their arguments.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::management::ManagementNode;

const PROGRAM: &str = env!("CARGO_BIN_EXE_xdockhost");
const BUSYBOX: &str = "/bin/busybox";
pub(crate) const OTHERPKGS: &str = "/install/post/otherpkgs/OS/x86_64";

/// systemd with one engine: `/active` is there while it runs, `/disabled` while it does not start at boot.
const SYSTEMCTL: &str = r#"
case $1 in
show)
    case $2 in *ExecStart*) [ ! -e /unit ] || cat /unit; exit 0 ;; esac
    shift 2
    for unit; do
        state=inactive; [ -e /active ] && state=active
        file=enabled; [ -e /disabled ] && file=disabled
        printf 'ActiveState=%s\nUnitFileState=%s\n\n' $state $file
    done ;;
start) : >/active ;;
enable) rm -f /disabled ;;
esac
exit 0"#;

/// An engine whose answers are files.
const DOCKER: &str = r#"
case $1 in
version) echo 27.5.1 ;;
info) case $3 in *DockerRootDir*) cat /roots ;; *) cat /live-restore ;; esac ;;
esac"#;

/// What a run of the program did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct Host {
    root: TempDir,
}

impl Host {
    /// A host of a recorded distribution; it has no engine yet.
    pub(crate) fn of(distribution: &str) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this test needs root (chroot); run the tests as root");
        assert!(Path::new(BUSYBOX).exists(), "this test needs busybox-static; see tests/prepare");
        let host = Self { root: tempfile::tempdir().unwrap() };
        for directory in ["bin", "usr/bin", "usr/sbin", "etc", "tmp"] {
            fs::create_dir_all(host.path(directory)).unwrap();
        }
        fs::copy(BUSYBOX, host.path("bin/busybox")).unwrap();
        for applet in ["sh", "cat", "rm", "basename", "grep", "sleep", "mkdir"] {
            symlink("/bin/busybox", host.path("bin").join(applet)).unwrap();
        }
        fs::copy(PROGRAM, host.path("xdockhost")).unwrap();
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/os-release").join(distribution);
        fs::copy(recorded, host.path("etc/os-release")).unwrap();
        host.write("live-restore", "true 0\n");
        // the host's own copy of the program; the network step keeps it of the management node's release
        host.write("opt/xdock/bin/xdockhost", "");
        host.write("roots", "/var/lib/docker\toverlay2\n");
        host.script("systemctl", SYSTEMCTL).script("docker", DOCKER)
    }

    /// Adds a program that tells how it was called, and then is this script.
    pub(crate) fn script(self, name: &str, script: &str) -> Self {
        let text = format!("#!/bin/sh\necho \"$(basename \"$0\") $*\" >>/called\n{script}\n");
        let path = self.path("usr/bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Adds dpkg and an apt-get that finds and installs anything.
    pub(crate) fn with_apt(self) -> Self {
        let install = r#"
case "$*" in
*" update") echo "Hit:1 http://mirror stable InRelease" ;;
*) mkdir -p /var/lib/dpkg; found=
   for name; do
       [ -z "$found" ] || printf 'Package: %s\nStatus: install ok installed\n\n' "$name" >>/var/lib/dpkg/status
       [ "$name" != --yes ] || found=yes
   done
   : >/active; : >/usr/sbin/dockerd ;;
esac"#;
        self.script("dpkg", "").script("apt-get", install)
    }

    /// Adds rpm, and a package manager with its name that does as the script says.
    pub(crate) fn with_rpm(self, manager: &str, script: &str) -> Self {
        // rpm -q --qf FORMAT NAME...
        let rpm = "shift 3; touch=; for name; do grep -qx \"$name\" /rpms && echo $name || touch=1; done; [ -z \"$touch\" ]";
        self.write("disabled", "");
        self.write("rpms", "");
        self.script("rpm", rpm).script(manager, script)
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// `xdockhost docker WORDS` as xCAT runs it.
    pub(crate) fn run(&self, mn: &ManagementNode, words: &[&str]) -> Ran {
        self.run_with(mn, words, &[])
    }

    /// The same with more variables.
    pub(crate) fn run_with(&self, mn: &ManagementNode, words: &[&str], more: &[(&str, &str)]) -> Ran {
        let output = Command::new("chroot")
            .arg(self.root.path())
            .args(["/xdockhost", "docker"])
            .args(words)
            .env_clear()
            .envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("NODE", "host1"), ("IPADDR", "10.99.0.11")])
            .envs([("MASTER_IP", "127.0.0.1"), ("OSVER", "OS"), ("ARCH", "x86_64"), ("NETWORKS_LINES", "1")])
            .env("NETWORKS_LINE1", "netname=mynet0||net=10.99.0.0||mask=255.255.0.0")
            .env("HTTPPORT", mn.port.to_string())
            .envs(more.iter().copied())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// How programs were called since the last time, with the management node's address as `MN`, and without questions
    /// to systemd and rpm.
    pub(crate) fn called(&self, mn: &ManagementNode) -> Vec<String> {
        let text = fs::read_to_string(self.path("called")).unwrap_or_default();
        let _ = fs::remove_file(self.path("called"));
        let asks = |line: &&str| {
            ["systemctl show ", "rpm -q ", " ", "docker ", "journalctl "]
                .iter()
                .any(|ask| line.starts_with(ask))
        };
        text.lines().filter(|line| !asks(line)).map(|line| line.replace(&mn.url(""), "MN")).collect()
    }
}
