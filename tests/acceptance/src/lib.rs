//! The promises of xdock, tried on real hosts.
