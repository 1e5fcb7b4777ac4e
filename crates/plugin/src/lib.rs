//! Docker's plugin protocol: requests, answers and a server on a unix socket.
//!
//! [`parse`] turns a request into a [`Call`], [`render`] turns a [`Reply`] into an answer, and [`serve`] is
//! the HTTP server between them. A daemon can serve its own commands on the same socket: the handler gets
//! each request's path first.

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
    NewEndpoint, NewNetwork, Pool, PoolRequest, PortBinding, Purpose, Transport,
};
pub use dispatch::dispatch;
pub use error::CallError;
pub use id::{EndpointId, IdError, NetworkId};
pub use listener::{KeptSocket, ListenError, Listener, listener};
pub use mac::{Mac, MacError};
pub use parse::parse;
pub use reply::{Answer, Joined, Reply, StaticRoute, render};
pub use server::{Limits, serve};
