//! Parses the path and body of a request into a [`Call`]. Pure; accepts any bytes without panicking.

mod ipam;
mod network;
mod ports;

use serde_json::Value;

use crate::call::{Call, IpamCall, NetworkCall};
use crate::error::CallError;
use crate::fields::{Fields, shortened};

/// Parses a request to `path`.
///
/// dockerd sends no `Content-Type`, and no body with calls that have no arguments; the body of such a call is
/// ignored.
///
/// # Errors
/// Names the field, its value and the reason; [`CallError::answer`] is the answer to send.
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

/// Parses the fields of one call.
type Reader<T> = fn(&Fields) -> Result<T, CallError>;

/// Decodes a JSON body and parses its fields.
fn body_of<T>(call: &'static str, body: &[u8], read: Reader<T>) -> Result<T, CallError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(CallError::EmptyBody { call });
    }
    let value: Value = serde_json::from_slice(body).map_err(|source| CallError::Json { call, source })?;
    read(&Fields::root(call, &value)?)
}
