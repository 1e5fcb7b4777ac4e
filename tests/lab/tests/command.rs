//! The promises of the command itself: it says who may use it, and a killed one can be cleared away. Needs root.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests, not their helpers"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn names_below(directory: &str, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).collect()
}

fn leftovers(lab: &str) -> Vec<String> {
    let prefix = format!("xdock-{lab}");
    let hierarchies =
        names_below("/sys/fs/cgroup", "").into_iter().map(|name| format!("/sys/fs/cgroup/{name}"));
    let cgroups = hierarchies.chain(["/sys/fs/cgroup".into()]).flat_map(|place| names_below(&place, &prefix));
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().filter(|line| line.contains(&format!("/{lab}/"))).map(str::to_owned);
    names_below("/run/netns", &prefix).into_iter().chain(cgroups).chain(mounts).collect()
}

#[test]
fn without_root_it_says_so_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    // where it was built, another user may not reach it
    let program = directory.path().join("lab");
    std::fs::copy(env!("CARGO_BIN_EXE_lab"), &program).unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let said = Command::new("setpriv").args(nobody).arg(&program).args(["up", "2"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stderr), "lab: lab needs root: run it as root or with sudo\n");
    assert_eq!(said.status.code(), Some(2));
}

#[test]
fn down_clears_away_what_a_killed_up_has_made() {
    let name = format!("k{}", std::process::id());
    let lab = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.args(["--name", &name]).args(words).stdout(Stdio::null());
        command
    };
    for milestone in
        [format!("/run/netns/xdock-{name}-fabric"), format!("/run/systemd/nspawn/propagate/xdock-{name}-mn")]
    {
        let mut up = lab(&["up", "1"]).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(600);
        while !Path::new(&milestone).exists() {
            assert!(
                Instant::now() < end && up.try_wait().unwrap().is_none(),
                "this test needs root; no {milestone}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        up.kill().unwrap();
        up.wait().unwrap();
        assert_ne!(leftovers(&name), Vec::<String>::new(), "it was killed in the middle");
        assert!(lab(&["down"]).status().unwrap().success());
        assert_eq!(leftovers(&name), Vec::<String>::new());
    }
}
