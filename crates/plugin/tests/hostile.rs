//! Hostile input over a real unix socket: every call, every kind of nonsense. Each gets an error that says what is
//! wrong, none reaches the domain, and the server goes on.

#[cfg(test)]
mod served;

use plugin::Limits;
use serde_json::{Value, json};
use served::{Served, post};

const WITHOUT_ARGUMENTS: [&str; 4] = [
    "Plugin.Activate",
    "NetworkDriver.GetCapabilities",
    "IpamDriver.GetCapabilities",
    "IpamDriver.GetDefaultAddressSpaces",
];

const WITH_ARGUMENTS: [&str; 16] = [
    "NetworkDriver.GwAllocCheck",
    "NetworkDriver.CreateNetwork",
    "NetworkDriver.DeleteNetwork",
    "NetworkDriver.CreateEndpoint",
    "NetworkDriver.EndpointOperInfo",
    "NetworkDriver.Join",
    "NetworkDriver.Leave",
    "NetworkDriver.DeleteEndpoint",
    "NetworkDriver.ProgramExternalConnectivity",
    "NetworkDriver.RevokeExternalConnectivity",
    "NetworkDriver.DiscoverNew",
    "NetworkDriver.DiscoverDelete",
    "IpamDriver.RequestPool",
    "IpamDriver.ReleasePool",
    "IpamDriver.RequestAddress",
    "IpamDriver.ReleaseAddress",
];

const NETWORK: &str = "13b1000000000000000000000000000000000000000000000000000000000000";
const ENDPOINT: &str = "dcff000000000000000000000000000000000000000000000000000000000000";

fn error(text: &str) -> Value {
    json!({ "Err": text })
}

#[test]
fn an_empty_body_is_refused_at_once_where_arguments_are_needed() {
    let served = Served::start(Limits::default());
    for call in WITH_ARGUMENTS {
        for body in ["", " \r\n\t"] {
            let expected = format!(
                "{call}: the request body is empty: docker retries a call that was interrupted; \
                 start the container again"
            );
            assert_eq!(served.post(&format!("/{call}"), body.as_bytes()), (400, error(&expected)));
        }
    }
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn a_call_without_arguments_takes_any_body() {
    let served = Served::start(Limits::default());
    for call in WITHOUT_ARGUMENTS {
        for body in ["", "{}", "null", "nonsense"] {
            assert_eq!(served.post(&format!("/{call}"), body.as_bytes()), (200, json!({})));
        }
    }
}

#[test]
fn truncated_json_is_refused_with_its_place() {
    let served = Served::start(Limits::default());
    for call in WITH_ARGUMENTS {
        let expected =
            format!("{call}: the request body is not JSON: EOF while parsing a value at line 1 column 13");
        assert_eq!(served.post(&format!("/{call}"), br#"{"NetworkID":"#), (400, error(&expected)));
    }
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn json_that_is_no_object_is_refused() {
    let served = Served::start(Limits::default());
    for call in WITH_ARGUMENTS {
        for body in ["[]", "null", "7", "\"text\""] {
            let expected = format!("{call}: the request is {body}: a JSON object is needed");
            assert_eq!(served.post(&format!("/{call}"), body.as_bytes()), (400, error(&expected)));
        }
    }
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn bytes_that_are_no_text_and_nesting_without_end_are_refused() {
    let served = Served::start(Limits::default());
    for call in WITH_ARGUMENTS {
        for body in [&b"\xff\xfe\x00\x01"[..], &b"{\"NetworkID\":\"\xff\"}"[..], &b"[".repeat(100_000)] {
            let (status, answer) = served.post(&format!("/{call}"), body);
            assert_eq!(status, 400);
            let text = answer["Err"].as_str().unwrap();
            assert!(text.starts_with(&format!("{call}: the request body is not JSON: ")), "{text}");
        }
    }
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn ten_megabytes_are_refused_and_the_connection_stays_open() {
    let served = Served::start(Limits::default());
    let body = vec![b' '; 10_000_000];
    let mut stream = served.connect();
    for call in WITH_ARGUMENTS.into_iter().chain(WITHOUT_ARGUMENTS).chain(["Unknown.Call"]) {
        let answer = post(&mut stream, &format!("/{call}"), &body);
        assert_eq!(answer, (413, error("the request body is longer than 1048576 bytes")), "{call}");
    }
    assert_eq!(served.calls(), 0);
    assert_eq!(post(&mut stream, "/Plugin.Activate", b""), (200, json!({})));
}

#[test]
fn an_unknown_path_is_not_found() {
    let served = Served::start(Limits::default());
    for path in [
        "/",
        "/Plugin.activate",
        "/Plugin.Activate/",
        "//Plugin.Activate",
        "/NetworkDriver.AllocateNetwork",
        "/NetworkDriver.FreeNetwork",
        "/VolumeDriver.List",
        "/NetworkDriver.",
    ] {
        assert_eq!(served.post(path, b"{}"), (404, error(&format!("{path}: unknown call"))));
    }
    let long = format!("/{}", "x".repeat(5000));
    let shown = format!("/{}...: unknown call", "x".repeat(119));
    assert_eq!(served.post(&long, b"{}"), (404, error(&shown)));
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn wrong_types_and_values_are_refused_with_field_and_value() {
    let served = Served::start(Limits::default());
    for (call, body, text) in wrong_values() {
        let expected = format!("{call}: {text}");
        let answer = served.post(&format!("/{call}"), body.to_string().as_bytes());
        assert_eq!(answer, (400, error(&expected)), "{call} {body}");
    }
    assert_eq!(served.calls(), 0);
    served.still_answers();
}

#[test]
fn identifiers_that_are_none_are_refused_by_every_call_that_has_them() {
    let served = Served::start(Limits::default());
    for call in &WITH_ARGUMENTS[1..10] {
        for id in [json!("../../etc/passwd"), json!("13B1"), json!("")] {
            let rule =
                if id == "" { "it is required" } else { "64 lower-case hexadecimal digits are needed" };
            let body = json!({ "NetworkID": id, "EndpointID": ENDPOINT });
            let expected = format!("{call}: NetworkID is {id}: {rule}");
            assert_eq!(
                served.post(&format!("/{call}"), body.to_string().as_bytes()),
                (400, error(&expected))
            );
        }
        let body = json!({ "NetworkID": 7, "EndpointID": ENDPOINT });
        let expected = format!("{call}: NetworkID is 7: text is needed");
        assert_eq!(served.post(&format!("/{call}"), body.to_string().as_bytes()), (400, error(&expected)));
    }
    assert_eq!(served.calls(), 0);
}

#[test]
fn every_method_but_post_is_refused() {
    use std::io::Write as _;
    let served = Served::start(Limits::default());
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let mut stream = served.connect();
        write!(stream, "{method} /Plugin.Activate HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(served::answer(&mut stream), (405, error("only POST is served here")));
    }
    assert_eq!(served.calls(), 0);
}

/// A body with both identifiers, and `more`.
#[cfg(test)]
fn ids(mut more: Value) -> Value {
    more["NetworkID"] = NETWORK.into();
    more["EndpointID"] = ENDPOINT.into();
    more
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong_values() -> Vec<(&'static str, Value, &'static str)> {
    let mac = "com.docker.network.endpoint.macaddress";
    let ports = |ports: Value| ids(json!({ "Options": { "com.docker.network.portmap": ports } }));
    vec![
        ("NetworkDriver.GwAllocCheck", json!({ "Options": 7 }), "Options is 7: a JSON object is needed"),
        (
            "NetworkDriver.GwAllocCheck",
            json!({ "Options": { "com.docker.network.internal": "yes" } }),
            "Options.com.docker.network.internal is \"yes\": true or false is needed",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "Options": { "com.docker.network.generic": { "netd.network": ["mynet0"] } } })),
            "Options.com.docker.network.generic.netd.network is [\"mynet0\"]: text is needed",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "IPv4Data": {} })),
            "IPv4Data is {}: a JSON array is needed",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "IPv4Data": [{ "Pool": "10.77.0.0/16" }, null] })),
            "IPv4Data[1] is null: a JSON object is needed",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "IPv4Data": [{}] })),
            "IPv4Data[0].Pool is absent: it is required",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "IPv4Data": [{ "Pool": "10.77.0.0/33" }] })),
            "IPv4Data[0].Pool is \"10.77.0.0/33\": an address with its prefix length such as 10.1.0.0/16 is needed",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "IPv6Data": [{ "Pool": "10.77.0.0/16" }] })),
            "IPv6Data[0].Pool is \"10.77.0.0/16\": an IPv6 address is needed",
        ),
        (
            "NetworkDriver.CreateNetwork",
            ids(json!({ "IPv4Data": [{ "Pool": "10.77.0.0/16", "AuxAddresses": { "nas": "10.77.0.9" } }] })),
            "IPv4Data[0].AuxAddresses.nas is \"10.77.0.9\": an address with its prefix length such as 10.1.0.0/16 \
             is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ids(json!({ "Interface": "eth0" })),
            "Interface is \"eth0\": a JSON object is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ids(json!({ "Interface": { "Address": "fd00::1/64" } })),
            "Interface.Address is \"fd00::1/64\": an IPv4 address is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ids(json!({ "Interface": { "AddressIPv6": "10.1.1.1/16" } })),
            "Interface.AddressIPv6 is \"10.1.1.1/16\": an IPv6 address is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ids(json!({ "Interface": { "MacAddress": "02:42" } })),
            "Interface.MacAddress is \"02:42\": a MAC address such as 02:42:0a:63:01:02 is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ids(json!({ "Options": { mac: "AkIK" } })),
            "Options.com.docker.network.endpoint.macaddress is \"AkIK\": a MAC address such as 02:42:0a:63:01:02 \
             is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ids(
                json!({ "Interface": { "MacAddress": "02:42:0a:63:01:03" }, "Options": { mac: "AkIKYwEC" } }),
            ),
            "Options.com.docker.network.endpoint.macaddress is \"AkIKYwEC\": it differs from \
             Interface.MacAddress 02:42:0a:63:01:03; give one of them",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!("80:80")),
            "Options.com.docker.network.portmap is \"80:80\": a JSON array is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 6, "Port": 80 }, 80])),
            "Options.com.docker.network.portmap[1] is 80: a JSON object is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 6, "HostPort": 80 }])),
            "Options.com.docker.network.portmap[0].Port is absent: it is required",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 6, "Port": 65536 }])),
            "Options.com.docker.network.portmap[0].Port is 65536: a port from 0 to 65535 is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 6, "Port": 80, "HostPort": "8080; reboot" }])),
            "Options.com.docker.network.portmap[0].HostPort is \"8080; reboot\": a port from 0 to 65535 is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 6, "Port": 80, "HostPort": 8080, "HostPortEnd": 8079 }])),
            "Options.com.docker.network.portmap[0].HostPortEnd is 8079: a port not below HostPort 8080 is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 1, "Port": 80 }])),
            "Options.com.docker.network.portmap[0].Proto is 1: 6 (tcp), 17 (udp) or 132 (sctp) is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": "tcp", "Port": 80 }])),
            "Options.com.docker.network.portmap[0].Proto is \"tcp\": a number is needed",
        ),
        (
            "NetworkDriver.CreateEndpoint",
            ports(json!([{ "Proto": 6, "Port": 80, "HostIP": "host1" }])),
            "Options.com.docker.network.portmap[0].HostIP is \"host1\": an IP address such as 10.1.0.5 is needed",
        ),
        (
            "NetworkDriver.EndpointOperInfo",
            json!({ "NetworkID": NETWORK }),
            "EndpointID is absent: it is required",
        ),
        ("NetworkDriver.Join", ids(json!({})), "SandboxKey is absent: it is required"),
        ("NetworkDriver.Join", ids(json!({ "SandboxKey": {} })), "SandboxKey is {}: text is needed"),
        ("NetworkDriver.Leave", json!({ "NetworkID": NETWORK, "EndpointID": "x" }), ENDPOINT_RULE),
        ("NetworkDriver.DeleteEndpoint", json!({ "NetworkID": NETWORK, "EndpointID": "x" }), ENDPOINT_RULE),
        (
            "NetworkDriver.DiscoverNew",
            json!({ "DiscoveryType": -1 }),
            "DiscoveryType is -1: a number is needed",
        ),
        (
            "NetworkDriver.DiscoverDelete",
            json!({ "DiscoveryType": 1, "DiscoveryData": { "Address": "host1" } }),
            "DiscoveryData.Address is \"host1\": an IP address such as 10.1.0.5 is needed",
        ),
        (
            "IpamDriver.RequestPool",
            json!({ "Pool": "10.77.0.0/16", "V6": true }),
            "Pool is \"10.77.0.0/16\": V6 is true, but this is the other address family",
        ),
        ("IpamDriver.RequestPool", json!({ "V6": 1 }), "V6 is 1: true or false is needed"),
        ("IpamDriver.RequestPool", json!({ "Options": { "a": 1 } }), "Options.a is 1: text is needed"),
        ("IpamDriver.ReleasePool", json!({ "PoolID": "" }), "PoolID is \"\": it is required"),
        ("IpamDriver.RequestAddress", json!({ "PoolID": ["p"] }), "PoolID is [\"p\"]: text is needed"),
        (
            "IpamDriver.RequestAddress",
            json!({ "PoolID": "p", "Address": "10.77.9.9/16" }),
            "Address is \"10.77.9.9/16\": an IP address such as 10.1.0.5 is needed",
        ),
        (
            "IpamDriver.RequestAddress",
            json!({ "PoolID": "p", "Options": { "RequestAddressType": "dhcp" } }),
            "Options.RequestAddressType is \"dhcp\": only com.docker.network.gateway is supported",
        ),
        ("IpamDriver.ReleaseAddress", json!({ "PoolID": "p" }), "Address is absent: it is required"),
    ]
}

const ENDPOINT_RULE: &str = "EndpointID is \"x\": 64 lower-case hexadecimal digits are needed";
