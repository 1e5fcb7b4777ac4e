//! `xdockhost engine request` and `engine install`: the host's side of `xdock host HOST enroll`.
//!
//! ```text
//! keys.rs      the key that is made here and stays here, and its certificate
//! unit.rs      the command line of the engine's unit, with a port and what secures it (pure)
//! install.rs   files, then the drop-in, then a new start; or all as it was
//! error.rs
//! ```
//!
//! Key and certificate are one file, and port and TLS are one line of another: whoever kills this leaves the old or the new of
//! each, and none of the four combinations lets anybody in without a certificate.

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

/// Does its part; what the management node reads is on standard output.
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

/// Where the engine listens with TLS, by our drop-in.
///
/// # Errors
/// The drop-in cannot be read.
pub(crate) fn listens() -> Result<Option<String>, FileError> {
    let text = durable::read_text(Path::new(install::DROP_IN))?;
    Ok(text.and_then(|text| unit::port(&text).map(str::to_owned)))
}
