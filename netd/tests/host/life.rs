//! The life of endpoints on a real kernel, with the calls that dockerd makes.

use crate::support::{Host, NETWORK, at, id, run};
use serde_json::{Value, json};

#[test]
fn a_start_gives_the_tables_address_and_mac_and_a_stop_leaves_nothing() {
    let mut host = Host::up();
    host.start();
    let implements = host.call("Plugin.Activate", &Value::Null);
    assert_eq!(implements, json!({"Implements": ["NetworkDriver", "IpamDriver"]}));
    let pool =
        json!({"AddressSpace": "local", "Pool": "10.99.0.0/16", "SubPool": "", "Options": {}, "V6": false});
    let pool = host.granted("IpamDriver.RequestPool", &pool);
    assert_eq!((&pool["PoolID"], &pool["Pool"]), (&json!("v4:10.99.0.0/16"), &json!("10.99.0.0/16")));
    let gateway = json!({"PoolID": "v4:10.99.0.0/16", "Address": "",
        "Options": {"RequestAddressType": "com.docker.network.gateway"}});
    assert_eq!(host.granted("IpamDriver.RequestAddress", &gateway)["Address"], "10.99.0.0/16");
    host.create_network();
    let endpoint = id('a');
    let created = host.begin(&endpoint, "d1", "10.99.1.1");
    assert_eq!(created, json!({"Interface": {"MacAddress": "02:42:0a:63:01:01"}}));
    let joined = host.join(&endpoint);
    let name = joined["InterfaceName"]["SrcName"].as_str().unwrap().to_owned();
    assert_eq!(joined["InterfaceName"]["DstPrefix"], "eth");
    assert_eq!(joined["DisableGatewayService"], true);
    assert_eq!(host.link(&name)["address"], "02:42:0a:63:01:01");
    let port = host.link(&name.replace("xc", "xh"));
    assert_eq!(port["master"], "mynet0");
    let container = host.container();
    host.ip(&format!("link set {name} netns {container}"));
    assert_eq!(host.status()["endpoints"][0]["state"], "joined");
    // dockerd brings it back after Leave
    host.granted("NetworkDriver.Leave", &at(&endpoint));
    run("ip", &format!("-n {container} link set {name} netns {}", host.pid()));
    host.granted("NetworkDriver.DeleteEndpoint", &at(&endpoint));
    host.until("the pair is deleted", |host| host.devices().is_empty());
    assert_eq!(host.records(), 0);
    host.granted("NetworkDriver.DeleteNetwork", &json!({"NetworkID": NETWORK}));
    assert_eq!(host.status()["networks"][0]["docker"], json!([]));
}
