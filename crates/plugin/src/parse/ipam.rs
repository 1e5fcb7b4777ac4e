//! Calls of the IPAM driver. Option keys are from moby `daemon/libnetwork/ipamapi/labels.go`.

use ipnet::IpNet;

use super::{Reader, body_of};
use crate::call::{AddressRequest, Call, IpamCall, PoolRequest, Purpose};
use crate::error::CallError;
use crate::fields::Fields;

const ADDRESS_TYPE: &str = "RequestAddressType";
const GATEWAY: &str = "com.docker.network.gateway";
const NAME: &str = "com.docker.network.endpoint.name";
const MAC_ADDRESS: &str = "com.docker.network.endpoint.macaddress";

/// Parses a call of the IPAM driver; `None` for other calls.
pub(super) fn read(call: &str, body: &[u8]) -> Option<Result<Call, CallError>> {
    let (call, reader) = reader_of(call)?;
    Some(body_of(call, body, reader).map(Call::Ipam))
}

fn reader_of(call: &str) -> Option<(&'static str, Reader<IpamCall>)> {
    Some(match call {
        "IpamDriver.RequestPool" => {
            ("IpamDriver.RequestPool", |f| pool_request(f).map(IpamCall::RequestPool))
        }
        "IpamDriver.ReleasePool" => {
            ("IpamDriver.ReleasePool", |f| Ok(IpamCall::ReleasePool { pool: pool_id(f)? }))
        }
        "IpamDriver.RequestAddress" => {
            ("IpamDriver.RequestAddress", |f| address_request(f).map(IpamCall::RequestAddress))
        }
        "IpamDriver.ReleaseAddress" => ("IpamDriver.ReleaseAddress", |f| release(f)),
        _ => return None,
    })
}

fn pool_id(fields: &Fields) -> Result<String, CallError> {
    fields.required("PoolID")
}

fn pool_request(fields: &Fields) -> Result<PoolRequest, CallError> {
    let v6 = fields.flag("V6")?;
    Ok(PoolRequest {
        address_space: fields.text("AddressSpace")?.to_owned(),
        pool: subnet(fields, "Pool", v6)?,
        sub_pool: subnet(fields, "SubPool", v6)?,
        options: fields.object("Options")?.texts()?,
        v6,
    })
}

fn subnet(fields: &Fields, name: &str, v6: bool) -> Result<Option<IpNet>, CallError> {
    let net = fields.net(name)?;
    match net {
        Some(net) if matches!(net, IpNet::V6(_)) != v6 => Err(fields.refuse(
            name,
            fields.get(name),
            &format!("V6 is {v6}, but this is the other address family"),
        )),
        _ => Ok(net),
    }
}

fn address_request(fields: &Fields) -> Result<AddressRequest, CallError> {
    Ok(AddressRequest {
        pool: pool_id(fields)?,
        address: fields.address("Address")?,
        purpose: purpose(&fields.object("Options")?)?,
    })
}

fn release(fields: &Fields) -> Result<IpamCall, CallError> {
    let address = fields.present("Address", fields.address("Address")?)?;
    Ok(IpamCall::ReleaseAddress { pool: pool_id(fields)?, address })
}

fn purpose(options: &Fields) -> Result<Purpose, CallError> {
    let name: Option<String> = options.parsed(NAME)?;
    let mac = options.parsed(MAC_ADDRESS)?;
    match options.text(ADDRESS_TYPE)? {
        GATEWAY => Ok(Purpose::Gateway),
        "" if name.is_none() && mac.is_none() => Ok(Purpose::Plain),
        "" => Ok(Purpose::Endpoint { name, mac }),
        _ => {
            let rule = format!("only {GATEWAY} is supported");
            Err(options.refuse(ADDRESS_TYPE, options.get(ADDRESS_TYPE), &rule))
        }
    }
}
