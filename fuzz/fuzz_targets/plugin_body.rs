//! Any bytes on the plugin's socket: a call, or an answer in JSON that is short and has an `Err`.
//!
//! The first byte chooses the path, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugin::{Call, NetworkCall, parse};

const PATHS: [&str; 21] = [
    "/Plugin.Activate",
    "/NetworkDriver.GetCapabilities",
    "/NetworkDriver.GwAllocCheck",
    "/NetworkDriver.CreateNetwork",
    "/NetworkDriver.DeleteNetwork",
    "/NetworkDriver.CreateEndpoint",
    "/NetworkDriver.EndpointOperInfo",
    "/NetworkDriver.Join",
    "/NetworkDriver.Leave",
    "/NetworkDriver.DeleteEndpoint",
    "/NetworkDriver.ProgramExternalConnectivity",
    "/NetworkDriver.RevokeExternalConnectivity",
    "/NetworkDriver.DiscoverNew",
    "/NetworkDriver.DiscoverDelete",
    "/IpamDriver.GetCapabilities",
    "/IpamDriver.GetDefaultAddressSpaces",
    "/IpamDriver.RequestPool",
    "/IpamDriver.ReleasePool",
    "/IpamDriver.RequestAddress",
    "/IpamDriver.ReleaseAddress",
    "/Unknown.Call",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    match parse(PATHS[usize::from(*choice) % PATHS.len()], body) {
        Ok(Call::Network(NetworkCall::CreateEndpoint(new))) => {
            // an answer that repeats a MAC of the request is an error for dockerd
            assert!(
                new.fixed_mac.is_none() || new.asked_mac.is_none_or(|asked| Some(asked) == new.fixed_mac)
            );
        }
        Ok(_) => {}
        Err(error) => {
            let answer = error.answer();
            let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(json["Err"].as_str().is_some_and(|text| !text.is_empty()));
            assert!(matches!(answer.status, 400 | 404) && answer.body.len() < 4096);
        }
    }
});
