//! A client of the OVSDB protocol: RFC 7047, and what ovsdb-server(7) adds to it.
//!
//! [`Client`] is a database: [`Client::transact`] changes it, [`Client::monitor`] keeps a part of it at hand. A task in
//! the background owns the connection, answers the server's echo, notices a dead server, and connects again; monitors
//! and locks go on after that by themselves.
//!
//! ```no_run
//! use ovsdb::{Client, Condition, MonitorRequest, Mutation, Options, Row, Transaction, Value};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new("Open_vSwitch").remotes(vec!["unix:/run/openvswitch/db.sock".parse()?]);
//! let client = Client::connect(options).await?;
//!
//! let tx = Transaction::new()
//!     .insert("Bridge", Row::new().with("name", "br0"), Some("bridge"))
//!     .mutate("Open_vSwitch", [], [Mutation::insert("bridges", Value::named("bridge"))]);
//! let results = client.transact(tx).await?;
//! println!("made row {:?}", results.first().and_then(|result| result.uuid()));
//!
//! let bridges = MonitorRequest::table("Bridge").columns(["name", "datapath_id"]);
//! let mut monitor = client.monitor(vec![bridges.when([Condition::equal("name", "br0")])]).await?;
//! for row in monitor.rows("Bridge").values() {
//!     println!("{} has datapath {:?}", row.string("name")?, row.optional_string("datapath_id")?);
//! }
//! for update in monitor.changed().await? {
//!     println!("{}: {:?}", update.uuid, update.change);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod condition;
mod error;
mod framer;
mod lock;
mod message;
mod monitor;
mod options;
mod outcome;
mod remote;
mod row;
mod schema;
mod session;
mod tls;
mod transaction;
mod transport;
mod value;

pub use client::{Client, Status, Submitted};
pub use condition::{Condition, Function, Mutation, Mutator};
pub use error::{ConnectionError, Error, TlsError, Unfit};
pub use framer::{Framer, FramerError, Limits};
pub use lock::Lock;
pub use message::{Message, MessageError};
pub use monitor::{Change, Monitor, MonitorRequest, Update};
pub use options::{MonitorMethod, Options, Resolver, Tls};
pub use outcome::OperationResult;
pub use remote::{Host, Remote, RemoteError};
pub use row::{Row, RowError};
pub use schema::{AtomKind, BaseType, ColumnSchema, ColumnType, DatabaseSchema, SchemaError, TableSchema};
pub use transaction::{Transaction, Until, Wait};
pub use value::{Atom, NotationError, Uuid, UuidError, Value};

/// The example of the README is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
