//! Docker's plugin protocol: wire types, the unix-socket server, errors.
//!
//! [`parse`] turns a request into a [`Call`], [`render`] a [`Reply`] into the answer; [`serve`] does HTTP between
//! them and knows neither. A daemon serves its own control calls on the same socket by looking at the path first.

mod call;
mod dispatch;
mod error;
mod fields;
mod id;
mod listener;
mod mac;
mod parse;
mod reply;
mod server;

pub use call::{
    AddressRequest, Call, Discovery, Driver, EndpointRef, IpamCall, Join, NetworkCall, NetworkOptions,
    NewEndpoint, NewNetwork, Pool, PoolRequest, Purpose,
};
pub use dispatch::dispatch;
pub use error::CallError;
pub use id::{EndpointId, IdError, NetworkId};
pub use listener::{ListenError, Listener, listener};
pub use mac::{Mac, MacError};
pub use parse::parse;
pub use reply::{Answer, Joined, Reply, StaticRoute, render};
pub use server::{Limits, serve};
