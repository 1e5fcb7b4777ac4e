//! Answers to dockerd, and their wire format.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::call::Driver;
use crate::mac::Mac;

/// A typed answer. [`Call`](crate::Call) says which call has which answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Success without data: `{}`. An empty body would be an error, because dockerd always decodes JSON.
    Empty,
    /// The drivers that this plugin implements.
    Implements(&'static [&'static str]),
    /// Capabilities of the network driver. The scope is always local: each host has its own network.
    NetworkCapabilities {
        /// Whether dockerd should call `GwAllocCheck` (Docker 28 and later; older engines ignore it).
        gateway_check: bool,
    },
    /// Whether dockerd should not allocate a gateway address.
    GatewayCheck {
        /// No IPv4 gateway.
        skip_ipv4: bool,
        /// No IPv6 gateway.
        skip_ipv6: bool,
    },
    /// An endpoint was created.
    Endpoint {
        /// Its MAC, only if the request had none: see [`NewEndpoint::mac_reply`](crate::NewEndpoint::mac_reply).
        mac: Option<Mac>,
    },
    /// Endpoint data for `docker inspect`.
    OperInfo(BTreeMap<String, String>),
    /// The interface to move into the container.
    Joined(Joined),
    /// Capabilities of the IPAM driver.
    IpamCapabilities {
        /// Whether dockerd chooses the MAC first; the network driver then cannot.
        requires_mac: bool,
        /// Whether dockerd repeats the requests for all pools and addresses when it starts.
        request_replay: bool,
    },
    /// Names of the address spaces.
    AddressSpaces {
        /// For local networks.
        local: String,
        /// For swarm networks.
        global: String,
    },
    /// A subnet was granted.
    Pool {
        /// Pool ID of later calls.
        id: String,
        /// The subnet. dockerd needs it even if the request named it.
        pool: IpNet,
    },
    /// A granted address with the subnet's prefix length.
    Address(IpNet),
}

/// The answer to `Join`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Interface name in the host's namespace, at most 15 characters.
    pub src_name: String,
    /// Prefix of its name in the container; libnetwork appends a number.
    pub dst_prefix: String,
    /// IPv4 default route.
    pub gateway: Option<IpAddr>,
    /// IPv6 default route.
    pub gateway6: Option<IpAddr>,
    /// No default route through this network, and no `docker_gwbridge`, which dockerd would create otherwise.
    pub disable_gateway_service: bool,
    /// Additional routes.
    pub static_routes: Vec<StaticRoute>,
}

/// A route in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoute {
    /// Destination.
    pub destination: IpNet,
    /// Next hop; `None`: on the link.
    pub next_hop: Option<IpAddr>,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// JSON body.
    pub body: Bytes,
}

impl Answer {
    /// An answer to one of the daemon's own commands.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into() }
    }

    /// An error outside a driver: `{"Err": "..."}`, the only key that dockerd reads if the status is not 200 (moby
    /// `pkg/plugins/client.go`).
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({ "Err": message }))
    }
}

/// The answer to a call of `driver`. A driver's error has status 200 and the key `Err`, or `Error` for the IPAM
/// driver (moby `libnetwork/ipams/remote/api/api.go`): dockerd reports it to the user and does not retry.
pub fn render(driver: Driver, result: &Result<Reply, String>) -> Answer {
    let body = match (result, driver) {
        (Ok(reply), _) => reply.to_json(),
        (Err(message), Driver::Ipam) => json!({ "Error": message }),
        (Err(message), Driver::Network | Driver::Plugin) => json!({ "Err": message }),
    };
    Answer::json(200, &body)
}

impl Reply {
    fn to_json(&self) -> Value {
        match self {
            Self::Empty => json!({}),
            Self::Implements(drivers) => json!({ "Implements": drivers }),
            Self::NetworkCapabilities { gateway_check } => {
                json!({ "Scope": "local", "ConnectivityScope": "local", "GwAllocChecker": gateway_check })
            }
            Self::GatewayCheck { skip_ipv4, skip_ipv6 } => {
                json!({ "SkipIPv4": skip_ipv4, "SkipIPv6": skip_ipv6 })
            }
            Self::Endpoint { mac: None } => json!({}),
            Self::Endpoint { mac: Some(mac) } => json!({ "Interface": { "MacAddress": mac.to_string() } }),
            Self::OperInfo(value) => json!({ "Value": value }),
            Self::Joined(joined) => joined.to_json(),
            Self::IpamCapabilities { requires_mac, request_replay } => {
                json!({ "RequiresMACAddress": requires_mac, "RequiresRequestReplay": request_replay })
            }
            Self::AddressSpaces { local, global } => {
                json!({ "LocalDefaultAddressSpace": local, "GlobalDefaultAddressSpace": global })
            }
            Self::Pool { id, pool } => json!({ "PoolID": id, "Pool": pool, "Data": {} }),
            Self::Address(address) => json!({ "Address": address, "Data": {} }),
        }
    }
}

impl Joined {
    fn to_json(&self) -> Value {
        let routes: Vec<Value> = self.static_routes.iter().map(StaticRoute::to_json).collect();
        json!({
            "InterfaceName": { "SrcName": self.src_name, "DstPrefix": self.dst_prefix },
            "Gateway": text_of(self.gateway),
            "GatewayIPv6": text_of(self.gateway6),
            "StaticRoutes": routes,
            "DisableGatewayService": self.disable_gateway_service,
        })
    }
}

impl StaticRoute {
    /// `RouteType`: 0 has a next hop, 1 is a connected route (moby `libnetwork/types/types.go`).
    fn to_json(&self) -> Value {
        let mut route = Map::new();
        route.insert("Destination".into(), json!(self.destination));
        route.insert("RouteType".into(), json!(u8::from(self.next_hop.is_none())));
        route.insert("NextHop".into(), json!(text_of(self.next_hop)));
        Value::Object(route)
    }
}

/// moby expects an empty string for an absent address.
fn text_of(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(reply: Reply) -> String {
        let answer = render(Driver::Network, &Ok(reply));
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    #[test]
    fn errors_have_the_key_of_their_driver() {
        let refused = Err("host1c1: not of this host".to_owned());
        for (driver, key) in [(Driver::Network, "Err"), (Driver::Plugin, "Err"), (Driver::Ipam, "Error")] {
            let expected = format!(r#"{{"{key}":"host1c1: not of this host"}}"#);
            assert_eq!(render(driver, &refused), Answer { status: 200, body: expected.into() });
        }
    }

    #[test]
    fn nothing_to_say_is_still_json() {
        assert_eq!(rendered(Reply::Empty), "{}");
        assert_eq!(rendered(Reply::Endpoint { mac: None }), "{}");
    }

    #[test]
    fn every_answer_has_mobys_names() {
        let pool = "10.77.0.0/16".parse().unwrap();
        for (reply, expected) in [
            (
                Reply::Implements(&["NetworkDriver", "IpamDriver"]),
                r#"{"Implements":["NetworkDriver","IpamDriver"]}"#,
            ),
            (
                Reply::NetworkCapabilities { gateway_check: true },
                r#"{"ConnectivityScope":"local","GwAllocChecker":true,"Scope":"local"}"#,
            ),
            (
                Reply::GatewayCheck { skip_ipv4: true, skip_ipv6: false },
                r#"{"SkipIPv4":true,"SkipIPv6":false}"#,
            ),
            (
                Reply::Endpoint { mac: Some(Mac([2, 0x42, 10, 0x4d, 9, 9])) },
                r#"{"Interface":{"MacAddress":"02:42:0a:4d:09:09"}}"#,
            ),
            (Reply::OperInfo([("node".into(), "host1c1".into())].into()), r#"{"Value":{"node":"host1c1"}}"#),
            (
                Reply::IpamCapabilities { requires_mac: false, request_replay: true },
                r#"{"RequiresMACAddress":false,"RequiresRequestReplay":true}"#,
            ),
            (
                Reply::AddressSpaces { local: "l".into(), global: "g".into() },
                r#"{"GlobalDefaultAddressSpace":"g","LocalDefaultAddressSpace":"l"}"#,
            ),
            (Reply::Pool { id: "p".into(), pool }, r#"{"Data":{},"Pool":"10.77.0.0/16","PoolID":"p"}"#),
            (Reply::Address("fd00::9/64".parse().unwrap()), r#"{"Address":"fd00::9/64","Data":{}}"#),
        ] {
            // the order of the keys depends on a feature of serde_json that others may turn on
            let value: Value = serde_json::from_str(&rendered(reply)).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(expected).unwrap());
        }
    }

    #[test]
    fn a_join_says_name_gateways_and_routes() {
        let route = |next_hop| StaticRoute { destination: "10.99.0.0/16".parse().unwrap(), next_hop };
        let joined = Joined {
            src_name: "xc0123456789".into(),
            dst_prefix: "mgt".into(),
            gateway: Some("10.77.0.1".parse().unwrap()),
            gateway6: None,
            disable_gateway_service: false,
            static_routes: vec![route(Some("10.77.0.2".parse().unwrap())), route(None)],
        };
        let value: Value = serde_json::from_str(&rendered(Reply::Joined(joined))).unwrap();
        let expected = json!({
            "InterfaceName": { "SrcName": "xc0123456789", "DstPrefix": "mgt" },
            "Gateway": "10.77.0.1",
            "GatewayIPv6": "",
            "StaticRoutes": [
                { "Destination": "10.99.0.0/16", "RouteType": 0, "NextHop": "10.77.0.2" },
                { "Destination": "10.99.0.0/16", "RouteType": 1, "NextHop": "" },
            ],
            "DisableGatewayService": false,
        });
        assert_eq!(value, expected);
    }
}
