//! Calls of the network driver. Option keys are from moby `daemon/libnetwork/netlabel/labels.go`.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Reader, body_of, ports};
use crate::call::{
    Call, Discovery, EndpointRef, Join, NetworkCall, NetworkOptions, NewEndpoint, NewNetwork, Pool,
};
use crate::error::CallError;
use crate::fields::Fields;
use crate::mac::Mac;

const GENERIC: &str = "com.docker.network.generic";
const INTERNAL: &str = "com.docker.network.internal";
const MAC_ADDRESS: &str = "com.docker.network.endpoint.macaddress";

/// moby `libnetwork/discoverapi/discoverapi.go`: `NodeDiscovery`.
const NODE_DISCOVERY: u64 = 1;

/// Parses a call of the network driver; `None` for other calls.
pub(super) fn read(call: &str, body: &[u8]) -> Option<Result<Call, CallError>> {
    let (call, reader) = reader_of(call)?;
    Some(body_of(call, body, reader).map(Call::Network))
}

fn reader_of(call: &str) -> Option<(&'static str, Reader<NetworkCall>)> {
    Some(match call {
        "NetworkDriver.GwAllocCheck" => {
            ("NetworkDriver.GwAllocCheck", |f| options(f).map(NetworkCall::GwAllocCheck))
        }
        "NetworkDriver.CreateNetwork" => {
            ("NetworkDriver.CreateNetwork", |f| new_network(f).map(NetworkCall::CreateNetwork))
        }
        "NetworkDriver.DeleteNetwork" => {
            ("NetworkDriver.DeleteNetwork", |f| f.required("NetworkID").map(NetworkCall::DeleteNetwork))
        }
        "NetworkDriver.CreateEndpoint" => {
            ("NetworkDriver.CreateEndpoint", |f| new_endpoint(f).map(NetworkCall::CreateEndpoint))
        }
        "NetworkDriver.EndpointOperInfo" => {
            ("NetworkDriver.EndpointOperInfo", |f| endpoint(f).map(NetworkCall::EndpointOperInfo))
        }
        "NetworkDriver.Join" => ("NetworkDriver.Join", |f| join(f).map(NetworkCall::Join)),
        "NetworkDriver.Leave" => ("NetworkDriver.Leave", |f| endpoint(f).map(NetworkCall::Leave)),
        "NetworkDriver.DeleteEndpoint" => {
            ("NetworkDriver.DeleteEndpoint", |f| endpoint(f).map(NetworkCall::DeleteEndpoint))
        }
        "NetworkDriver.ProgramExternalConnectivity" => ("NetworkDriver.ProgramExternalConnectivity", |f| {
            endpoint(f).map(NetworkCall::ProgramExternalConnectivity)
        }),
        "NetworkDriver.RevokeExternalConnectivity" => ("NetworkDriver.RevokeExternalConnectivity", |f| {
            endpoint(f).map(NetworkCall::RevokeExternalConnectivity)
        }),
        "NetworkDriver.DiscoverNew" => {
            ("NetworkDriver.DiscoverNew", |f| discovery(f).map(NetworkCall::DiscoverNew))
        }
        "NetworkDriver.DiscoverDelete" => {
            ("NetworkDriver.DiscoverDelete", |f| discovery(f).map(NetworkCall::DiscoverDelete))
        }
        _ => return None,
    })
}

fn options(fields: &Fields) -> Result<NetworkOptions, CallError> {
    let options = fields.object("Options")?;
    Ok(NetworkOptions { generic: options.object(GENERIC)?.texts()?, internal: options.flag(INTERNAL)? })
}

fn new_network(fields: &Fields) -> Result<NewNetwork, CallError> {
    Ok(NewNetwork {
        network: fields.required("NetworkID")?,
        options: options(fields)?,
        ipv4: pools(fields, "IPv4Data", Family::V4)?,
        ipv6: pools(fields, "IPv6Data", Family::V6)?,
    })
}

fn pools(fields: &Fields, name: &str, family: Family) -> Result<Vec<Pool>, CallError> {
    fields.objects(name)?.iter().map(|item| pool(item, family)).collect()
}

fn pool(fields: &Fields, family: Family) -> Result<Pool, CallError> {
    let pool = subnet(fields, "Pool", family)?;
    let auxiliary = fields.object("AuxAddresses")?;
    Ok(Pool {
        address_space: fields.text("AddressSpace")?.to_owned(),
        pool: fields.present("Pool", pool)?,
        gateway: subnet(fields, "Gateway", family)?,
        auxiliary: auxiliary
            .names()
            .map(|name| Ok((name.clone(), auxiliary.present(name, auxiliary.net(name)?)?)))
            .collect::<Result<_, CallError>>()?,
    })
}

fn endpoint(fields: &Fields) -> Result<EndpointRef, CallError> {
    Ok(EndpointRef { network: fields.required("NetworkID")?, endpoint: fields.required("EndpointID")? })
}

fn new_endpoint(fields: &Fields) -> Result<NewEndpoint, CallError> {
    let id = endpoint(fields)?;
    let interface = fields.object("Interface")?;
    let options = fields.object("Options")?;
    let fixed_mac: Option<Mac> = interface.parsed("MacAddress")?;
    let asked_mac = options.parsed_with(MAC_ADDRESS, Mac::from_option)?;
    if let (Some(fixed), Some(asked)) = (fixed_mac, asked_mac)
        && fixed != asked
    {
        let rule = format!("it differs from Interface.MacAddress {fixed}; give one of them");
        return Err(options.refuse(MAC_ADDRESS, options.get(MAC_ADDRESS), &rule));
    }
    Ok(NewEndpoint {
        id,
        ipv4: subnet(&interface, "Address", Family::V4)?,
        ipv6: subnet(&interface, "AddressIPv6", Family::V6)?,
        fixed_mac,
        asked_mac,
        ports: ports::bindings(&options)?,
        options: driver_options(&options),
    })
}

/// Docker's own options (port maps, exposed ports) are in the same object and are not text: only text options
/// are driver options.
fn driver_options(options: &Fields) -> BTreeMap<String, String> {
    let texts =
        options.names().filter_map(|name| Some((name.clone(), options.get(name)?.as_str()?.to_owned())));
    texts.filter(|(name, _)| name != MAC_ADDRESS).collect()
}

fn join(fields: &Fields) -> Result<Join, CallError> {
    Ok(Join { id: endpoint(fields)?, sandbox: fields.required("SandboxKey")? })
}

fn discovery(fields: &Fields) -> Result<Discovery, CallError> {
    match fields.number("DiscoveryType")? {
        NODE_DISCOVERY => {
            let data = fields.object("DiscoveryData")?;
            let address = data.present("Address", data.address("Address")?)?;
            Ok(Discovery::Node { address, this_host: data.flag("Self")? })
        }
        kind => Ok(Discovery::Other { kind }),
    }
}

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

/// An address with a prefix length, of the given family.
fn subnet(fields: &Fields, name: &str, family: Family) -> Result<Option<IpNet>, CallError> {
    let net = fields.net(name)?;
    match (net, family) {
        (Some(IpNet::V6(_)), Family::V4) => {
            Err(fields.refuse(name, fields.get(name), "an IPv4 address is needed"))
        }
        (Some(IpNet::V4(_)), Family::V6) => {
            Err(fields.refuse(name, fields.get(name), "an IPv6 address is needed"))
        }
        _ => Ok(net),
    }
}
