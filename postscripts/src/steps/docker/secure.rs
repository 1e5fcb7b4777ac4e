//! `xdockhost engine request` and `engine install`: the host's part of `xdock host HOST enroll`.
//!
//! ```text
//! keys.rs      the key, which never leaves the host, and its certificate
//! unit.rs      the command line of the engine's unit, with port and TLS (pure)
//! install.rs   writes files, then the drop-in, then restarts; or rolls back
//! error.rs
//! ```
//!
//! Key and certificate are one file, and port and TLS are one line of another file. So a killed run leaves
//! the old or the new state of each, and none of the four combinations accepts a client without a
//! certificate.

mod error;
mod install;
mod keys;
mod unit;

use std::process::ExitCode;

use durable::FileError;

pub use self::error::SecureError;

use crate::args::EngineCall;
use crate::lock;
use crate::log::{Log, say};
use std::path::Path;

const NAME: &str = "engine";

/// Runs a command. Its result is on standard output, for the management node.
pub async fn run(call: EngineCall, log: Log) -> ExitCode {
    let _locked = match lock::take(Path::new(lock::PATH)).await {
        Ok(locked) => locked,
        Err(error) => {
            log.failure(NAME, &error);
            return ExitCode::FAILURE;
        }
    };
    let ended = match call {
        EngineCall::Request => keys::request(Path::new(keys::DIRECTORY)),
        EngineCall::Install => install::run(&log).await,
    };
    match ended {
        Ok(text) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.failure(NAME, &error);
            ExitCode::FAILURE
        }
    }
}

/// Address of the engine's TLS port, according to our drop-in.
///
/// # Errors
/// The drop-in cannot be read.
pub(crate) fn listens() -> Result<Option<String>, FileError> {
    let text = durable::read_text(Path::new(install::DROP_IN))?;
    Ok(text.and_then(|text| unit::port(&text).map(str::to_owned)))
}
