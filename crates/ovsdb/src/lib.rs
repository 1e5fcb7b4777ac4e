//! Client of the OVSDB protocol: RFC 7047, and the extensions of ovsdb-server(7).
//!
//! [`Client`] is a connection to one database: [`Client::transact`] changes it, and [`Client::monitor`] keeps a copy
//! of a part of it. A background task owns the connection, answers the server's echo requests, detects a dead server,
//! and reconnects; monitors continue after that.
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
//! println!("inserted row {:?}", results.first().and_then(|result| result.uuid()));
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

pub use client::{Client, Status};
pub use condition::{Condition, Function, Mutation, Mutator};
pub use error::{ConnectionError, Error, TlsError, UnusableServer};
pub use framer::{Framer, FramerError, Limits};
pub use message::{Message, MessageError};
pub use monitor::{Change, Monitor, MonitorRequest, Update};
pub use options::{MonitorMethod, Options, Resolver, Tls};
pub use outcome::OperationResult;
pub use remote::{Host, Remote, RemoteError};
pub use row::{Row, RowError};
pub use schema::{AtomKind, BaseType, ColumnSchema, ColumnType, DatabaseSchema, SchemaError, TableSchema};
pub use transaction::{Transaction, Until, Wait};
pub use value::{Atom, NotationError, Uuid, UuidError, Value};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
