//! ifupdown: `/etc/network/interfaces` and what it sources (interfaces(5)).

pub mod files;
pub mod ifstate;
pub mod interfaces;
