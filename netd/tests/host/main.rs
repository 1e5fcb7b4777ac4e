//! netd on a real kernel: the daemon in a network namespace of its own, and dockerd's calls over its socket.

mod control;
mod hostile;
mod life;
mod repair;
mod support;
mod survival;
