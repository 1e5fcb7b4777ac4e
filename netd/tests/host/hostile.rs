//! Input that no dockerd sends: an answer, and nothing changed.

use serde_json::{Value, json};

use crate::support::{Host, NETWORK, at, id, new_endpoint, new_network};

const CALLS: [&str; 20] = [
    "Plugin.Activate",
    "NetworkDriver.GetCapabilities",
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
    "IpamDriver.GetCapabilities",
    "IpamDriver.GetDefaultAddressSpaces",
    "IpamDriver.RequestPool",
    "IpamDriver.ReleasePool",
    "IpamDriver.RequestAddress",
    "IpamDriver.ReleaseAddress",
];

/// A host with one running container, and all that hostile input could change.
fn running() -> (Host, Value) {
    let mut host = Host::up();
    host.start();
    host.create_network();
    host.start_container(&id('a'), "d1", "10.99.1.1");
    host.until("the host is as it has to be", |host| host.netd(&["reconcile"]).stdout == b"nothing to do\n");
    let before = all(&host);
    (host, before)
}

fn all(host: &Host) -> Value {
    let status = host.status();
    json!([status["networks"], status["endpoints"], status["problems"], host.devices(), host.records()])
}

#[test]
fn noise_is_answered_and_changes_nothing() {
    let (host, before) = running();
    let long = format!("{{\"NetworkID\": \"{}\"}}", "x".repeat(10_000_000));
    let deep = "[".repeat(100_000);
    let noise = ["", "{", "[]", "null", "\"x\"", "{\"NetworkID\": 7}", "\u{0}\u{1}", &deep, &long];
    for call in
        CALLS.iter().copied().chain(["NetworkDriver.Nothing", "..", "Netd.LoadSnapshot", "Netd.Nothing"])
    {
        for body in noise {
            let (status, answer) = host.post(&format!("/{call}"), body);
            assert!([200, 400, 404, 413].contains(&status), "{call} {status} {answer}");
            assert!(
                serde_json::from_str::<Value>(&answer).is_ok_and(|answer| answer.is_object()),
                "{answer}"
            );
        }
    }
    assert_eq!(all(&host), before, "\n{}", host.log());
}

#[test]
fn unknown_identifiers_change_nothing() {
    let (host, before) = running();
    for call in ["Join", "Leave", "DeleteEndpoint", "EndpointOperInfo", "RevokeExternalConnectivity"] {
        let unknown = json!({"NetworkID": id('9'), "EndpointID": id('9'), "SandboxKey": "/x", "Options": {}});
        host.call(&format!("NetworkDriver.{call}"), &unknown);
        let elsewhere =
            json!({"NetworkID": id('9'), "EndpointID": id('a'), "SandboxKey": "/x", "Options": {}});
        host.call(&format!("NetworkDriver.{call}"), &elsewhere);
    }
    host.call("NetworkDriver.DeleteNetwork", &json!({"NetworkID": id('9')}));
    host.call("IpamDriver.ReleasePool", &json!({"PoolID": "v4:10.99.0.0/16"}));
    for (pool, address) in
        [("v4:10.99.0.0/16", "10.99.1.2"), ("x", "10.99.1.1"), ("v4:10.98.0.0/16", "10.99.1.1")]
    {
        host.call("IpamDriver.ReleaseAddress", &json!({"PoolID": pool, "Address": address}));
    }
    for path in ["../../../etc/passwd", "/", ""] {
        let (status, _) = host.post(
            "/NetworkDriver.DeleteEndpoint",
            &json!({"NetworkID": path, "EndpointID": path}).to_string(),
        );
        assert_eq!(status, 400);
    }
    assert_eq!(all(&host), before, "\n{}", host.log());
}

#[test]
fn repeated_and_reordered_calls_change_nothing_more() {
    let (host, _) = running();
    let start = new_endpoint(&id('b'), "d2", "10.99.1.2");
    assert_eq!(
        host.refused("NetworkDriver.Join", &at(&id('b'))),
        "endpoint bbbbbbbbbbbb is unknown to netd on this host: start the container again"
    );
    host.granted("NetworkDriver.DeleteEndpoint", &at(&id('b')));
    let first = host.granted("NetworkDriver.CreateEndpoint", &start);
    assert_eq!(host.granted("NetworkDriver.CreateEndpoint", &start), first);
    let joined = host.join(&id('b'));
    assert_eq!(host.join(&id('b')), joined);
    assert_eq!(host.granted("NetworkDriver.CreateEndpoint", &start), first);
    host.granted("NetworkDriver.CreateNetwork", &new_network());
    assert_eq!((host.devices().len(), host.records()), (3, 2), "{:?}", host.devices());
    for _ in 0..2 {
        host.stop(&id('b'), "10.99.1.2");
    }
    host.until("only the first is left", |host| host.devices().len() == 1 && host.records() == 1);
    assert_eq!(
        host.refused("NetworkDriver.CreateEndpoint", &new_endpoint(&id('a'), "d2", "10.99.1.2")),
        "endpoint aaaaaaaaaaaa already belongs to d1"
    );
    assert_eq!(host.status()["networks"][0]["docker"], json!([NETWORK]));
}

#[test]
fn the_socket_is_for_root_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut host = Host::up();
    host.start();
    let mode = std::fs::metadata(host.path("netd.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
