//! The service manager keeps the sockets over a restart, an upgrade or a crash of netd (sd_notify(3), `FDSTORE`).
//! Requests that arrive meanwhile wait in them.

use std::os::fd::AsFd as _;

use sd_notify::NotifyState::{Custom, FdName, FdStore, FdStoreRemove};
use tracing::warn;

use super::sockets::Sockets;

/// Stores the sockets under a name. Without a service manager this does nothing.
pub(super) fn put(name: &str, sockets: &Sockets) {
    // the manager must not watch them: a container could make it drop one by an error on it
    let unwatched = Custom("FDPOLL=0");
    for socket in [sockets.udp.as_fd(), sockets.tcp.as_fd()] {
        if let Err(error) = sd_notify::notify_with_fds(&[FdStore, FdName(name), unwatched.clone()], &[socket])
        {
            warn!(
                "the service manager does not keep DNS socket {name}: {error}; requests fail while netd restarts"
            );
        }
    }
}

/// Removes the sockets with this name: the manager closes its copies.
pub(super) fn remove(name: &str) {
    if let Err(error) = sd_notify::notify(&[FdStoreRemove, FdName(name)]) {
        warn!("the service manager keeps DNS socket {name}: {error}");
    }
}
