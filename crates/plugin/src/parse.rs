//! From a path and a body to a [`Call`]. Pure; whatever the bytes are, it returns.

mod ipam;
mod network;

use serde_json::Value;

use crate::call::{Call, IpamCall, NetworkCall};
use crate::error::CallError;
use crate::fields::{Fields, shortened};

/// Reads a request to `path`.
///
/// dockerd sends no `Content-Type`, and no body at all with a call that has no arguments; such a call's body is
/// not looked at.
///
/// # Errors
/// Says what is wrong with which value of which field; [`CallError::answer`] is what to send back.
pub fn parse(path: &str, body: &[u8]) -> Result<Call, CallError> {
    let unknown = || CallError::UnknownPath { path: shortened(path) };
    let call = path.strip_prefix('/').ok_or_else(unknown)?;
    without_arguments(call)
        .map(Ok)
        .or_else(|| network::read(call, body))
        .or_else(|| ipam::read(call, body))
        .unwrap_or_else(|| Err(unknown()))
}

fn without_arguments(call: &str) -> Option<Call> {
    match call {
        "Plugin.Activate" => Some(Call::Activate),
        "NetworkDriver.GetCapabilities" => Some(Call::Network(NetworkCall::GetCapabilities)),
        "IpamDriver.GetCapabilities" => Some(Call::Ipam(IpamCall::GetCapabilities)),
        "IpamDriver.GetDefaultAddressSpaces" => Some(Call::Ipam(IpamCall::GetDefaultAddressSpaces)),
        _ => None,
    }
}

/// How the fields of one call are read.
type Reader<T> = fn(&Fields) -> Result<T, CallError>;

/// Decodes the body, and reads it with the call's reader.
fn body_of<T>(call: &'static str, body: &[u8], read: Reader<T>) -> Result<T, CallError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(CallError::EmptyBody { call });
    }
    let value: Value = serde_json::from_slice(body).map_err(|source| CallError::Json { call, source })?;
    read(&Fields::root(call, &value)?)
}
