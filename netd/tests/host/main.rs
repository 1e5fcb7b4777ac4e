//! netd on a real kernel: the daemon in a network namespace of its own, and dockerd's calls over its socket.

mod life;
mod support;
