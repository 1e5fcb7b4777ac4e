//! Published ports: `com.docker.network.portmap` of an endpoint's options (moby `daemon/libnetwork/types/types.go`,
//! `PortBinding`).

use crate::call::{PortBinding, Transport};
use crate::error::CallError;
use crate::fields::Fields;

const PORT_MAP: &str = "com.docker.network.portmap";

/// IANA protocol numbers, as Go's `types.Protocol` has them.
const TCP: u64 = 6;
const UDP: u64 = 17;
const SCTP: u64 = 132;

/// The bindings in an endpoint's options.
pub(super) fn bindings(options: &Fields) -> Result<Vec<PortBinding>, CallError> {
    options.objects(PORT_MAP)?.iter().map(binding).collect()
}

fn binding(fields: &Fields) -> Result<PortBinding, CallError> {
    let container = port(fields, "Port")?;
    Ok(PortBinding {
        transport: transport(fields)?,
        container: fields.present("Port", container)?,
        address: fields.address("HostIP")?,
        host: host(fields)?,
    })
}

fn transport(fields: &Fields) -> Result<Transport, CallError> {
    match fields.number("Proto")? {
        TCP => Ok(Transport::Tcp),
        UDP => Ok(Transport::Udp),
        SCTP => Ok(Transport::Sctp),
        _ => Err(fields.refuse("Proto", fields.get("Proto"), "6 (tcp), 17 (udp) or 132 (sctp) is needed")),
    }
}

/// Without `HostPort` the driver chooses any port. Without `HostPortEnd` the range is one port.
fn host(fields: &Fields) -> Result<Option<(u16, u16)>, CallError> {
    let Some(first) = port(fields, "HostPort")? else { return Ok(None) };
    let last = port(fields, "HostPortEnd")?.unwrap_or(first);
    if last < first {
        let rule = format!("a port not below HostPort {first} is needed");
        return Err(fields.refuse("HostPortEnd", fields.get("HostPortEnd"), &rule));
    }
    Ok(Some((first, last)))
}

/// A port; absent or 0: `None`.
fn port(fields: &Fields, name: &str) -> Result<Option<u16>, CallError> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    let number =
        number.ok_or_else(|| fields.refuse(name, Some(value), "a port from 0 to 65535 is needed"))?;
    Ok(Some(number).filter(|number| *number != 0))
}
