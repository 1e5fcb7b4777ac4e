//! A machine on the wire that has a node's address.

use serde_json::Value;

use crate::support::{Host, at, run};

/// One that has no address yet; `sq0` is the host's end of its cable.
pub(crate) fn other_machine(host: &mut Host) -> String {
    let other_machine = host.container();
    host.ip(&format!("link add sq0 type veth peer name sq1 netns {other_machine}"));
    host.ip("link set sq0 up");
    run("ip", &format!("-n {other_machine} link set sq1 address 02:00:00:00:00:77 up"));
    other_machine
}

/// It takes an address, without asking whether somebody has it.
pub(crate) fn takes(other_machine: &str, address: &str) {
    run("ip", &format!("-n {other_machine} addr add {address} dev sq1 nodad"));
}

/// What a start of d1 at an address is refused with then.
pub(crate) fn refusal(address: &str) -> String {
    format!(
        "address {address} of d1 is in use on the wire by 02:00:00:00:00:77 (network mynet0): stop that machine, or change the address in the tables"
    )
}

/// The refusal of a start: the answer of the wire may come before or after that of CreateEndpoint.
pub(crate) fn refused(host: &Host, endpoint: &str, start: &Value) -> String {
    let created = host.call("NetworkDriver.CreateEndpoint", start);
    match created["Err"].as_str() {
        Some(refusal) => refusal.to_owned(),
        None => host.refused("NetworkDriver.Join", &at(endpoint)),
    }
}
