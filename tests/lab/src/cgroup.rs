//! A cgroup of its own for every machine, in every hierarchy there is (version 1, 2 or both): without it the
//! systemd of each machine would manage the same tree. It is also the list of a machine's processes that
//! no crash of ours can lose: whatever is in it is the lab's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thiserror::Error;

use crate::name::LabName;

/// How a cgroup could not be made or removed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// Which hierarchies there are is not known.
    #[error("cannot read /proc/self/mounts")]
    Mounts(#[source] io::Error),
    /// Not made.
    #[error("cannot prepare cgroup {}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Still there.
    #[error("cannot remove cgroup {}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Still running after SIGKILL.
    #[error("processes of the lab do not end: {0}")]
    Survivors(String),
}

/// Makes one machine's cgroups, and says where they are.
///
/// # Errors
/// Names the cgroup.
pub fn make(lab: &LabName, part: &str) -> Result<Vec<PathBuf>, CgroupError> {
    let make_one = |root: PathBuf| {
        let of_lab = root.join(lab.prefix());
        let of_member = of_lab.join(part);
        let made = pass_on(&root, &of_lab).and_then(|()| pass_on(&of_lab, &of_member));
        made.map(|()| of_member).map_err(|source| CgroupError::Make { path: of_lab, source })
    };
    hierarchies()?.into_iter().map(make_one).collect()
}

/// A new cgroup has no CPUs in version 1, and no controllers in version 2, until its parent passes them on.
fn pass_on(parent: &Path, child: &Path) -> io::Result<()> {
    let controllers = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_ascii_whitespace() {
        // containers do not need controllers that cannot be delegated (rdma, misc)
        let _ = fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"));
    }
    fs::create_dir_all(child)?;
    for set in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (parent.join(set), child.join(set));
        if controllers.is_empty() && from.exists() {
            fs::write(to, fs::read(from)?)?;
        }
    }
    Ok(())
}

/// Kills everything in a lab's cgroups, or in one machine's, and waits until nothing is left.
///
/// # Errors
/// Names what survives.
pub async fn kill_all(lab: &LabName, part: Option<&str>) -> Result<(), CgroupError> {
    let places = places(lab, part)?;
    for _ in 0..1000 {
        let left: Vec<i32> = places.iter().flat_map(|place| processes(place)).collect();
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let left = places.iter().flat_map(|place| processes(place)).map(|pid| pid.to_string());
    Err(CgroupError::Survivors(left.collect::<Vec<_>>().join(", ")))
}

/// Removes a lab's cgroups, or one machine's.
///
/// # Errors
/// Names the first that stays.
pub fn remove(lab: &LabName, part: Option<&str>) -> Result<(), CgroupError> {
    for place in places(lab, part)? {
        remove_tree(&place).map_err(|source| CgroupError::Remove { path: place.clone(), source })?;
    }
    Ok(())
}

fn places(lab: &LabName, part: Option<&str>) -> Result<Vec<PathBuf>, CgroupError> {
    let place = |root: PathBuf| match part {
        Some(part) => root.join(lab.prefix()).join(part),
        None => root.join(lab.prefix()),
    };
    Ok(hierarchies()?.into_iter().map(place).filter(|place| place.is_dir()).collect())
}

/// rmdir, children first: a cgroup's files are not removed, they go with it.
fn remove_tree(place: &Path) -> io::Result<()> {
    for child in children(place) {
        remove_tree(&child)?;
    }
    match fs::remove_dir(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn children(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn processes(place: &Path) -> Vec<i32> {
    let own = fs::read_to_string(place.join("cgroup.procs")).unwrap_or_default();
    // 0 is a process of another PID namespace, which is invisible here: kill(0) would signal this process
    let own = own.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1);
    own.chain(children(place).iter().flat_map(|child| processes(child))).collect()
}

fn hierarchies() -> Result<Vec<PathBuf>, CgroupError> {
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(CgroupError::Mounts)?;
    Ok(parse_mounts(&mounts))
}

/// Only those below /sys/fs/cgroup: a lab's own mounts of the same hierarchies are elsewhere.
fn parse_mounts(mounts: &str) -> Vec<PathBuf> {
    let place = |line: &str| {
        let mut fields = line.split(' ');
        let (path, kind) = (fields.nth(1)?, fields.next()?);
        let ours = matches!(kind, "cgroup" | "cgroup2") && Path::new(path).starts_with("/sys/fs/cgroup");
        ours.then(|| PathBuf::from(path))
    };
    mounts.lines().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                      cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n\
                      cgroup /elsewhere cgroup rw,memory 0 0\n";
        assert_eq!(
            parse_mounts(mounts),
            [Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup/unified")]
        );
        assert_eq!(parse_mounts("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0"), [Path::new("/sys/fs/cgroup")]);
    }
}
