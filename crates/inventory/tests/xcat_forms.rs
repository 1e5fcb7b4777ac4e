//! Forms that xCAT itself writes: expressions in an entry of a `nics` column, and names that `makenetworks` gives.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can not go on has failed"
)]

use std::net::IpAddr;
use std::path::Path;

use inventory::stanza::StanzaFile;
use inventory::{Inventory, InventoryUrl, Network, Nics, Snapshot, check};
use rusqlite::Connection;

const NETWORKS: &str = "\
mynet0:
    objtype=network
    net=10.99.0.0
    mask=255.255.0.0

30_0_0_0-255_0_0_0:
    objtype=network
    net=30.0.0.0
    mask=255.0.0.0

host1:
    objtype=node
    ip=10.99.0.11
    nictypes.br1=bridge
    nicdevices.br1=eth1
    nicnetworks.br1=30_0_0_0-255_0_0_0
    nicips.br1=30.0.250.1

compute1:
    objtype=node
    groups=regex
    mgt=docker
    vmhost=host1
    ip=10.99.1.1
    provmethod=busybox

compute107:
    objtype=node
    groups=regex
    mgt=docker
    vmhost=host1
    ip=10.99.1.107
    provmethod=busybox
";

fn with_group(attributes: &[&str]) -> Inventory {
    let lines: String = attributes.iter().map(|line| format!("    {line}\n")).collect();
    Inventory::from_stanzas(&format!("{NETWORKS}\nregex:\n    objtype=group\n{lines}")).unwrap()
}

fn second_address(tables: &Inventory, node: &str) -> IpAddr {
    let spec = tables.container(&node.parse().unwrap()).unwrap();
    *spec.attachments.get(1).unwrap().addresses.first().unwrap()
}

/// xcat2/xcat-core #3606: the group's row, as its `tabdump` shows it.
#[test]
fn an_entry_of_a_groups_nicips_may_be_an_expression() {
    let per_entry = [r"nicips.eth1=|\D+(\d+)|30.0.0.($1%100)|", "nicnetworks.eth1=30_0_0_0-255_0_0_0"];
    let column = [r"nicips=eth1!|\D+(\d+)|30.0.0.($1%100)|", "nicnetworks=eth1!30_0_0_0-255_0_0_0"];
    let whole = [r"nicips=|\D+(\d+)|eth1!30.0.0.($1%100)|", "nicnetworks=|eth1!30_0_0_0-255_0_0_0|"];
    for attributes in [per_entry, column, whole] {
        let tables = with_group(&attributes);
        assert_eq!(check(&tables), [], "{attributes:?}");
        assert_eq!(second_address(&tables, "compute1").to_string(), "30.0.0.1");
        assert_eq!(second_address(&tables, "compute107").to_string(), "30.0.0.7");
        let shown = tables.attribute("compute107", "nicips.eth1").unwrap();
        assert_eq!(shown.as_deref(), Some("30.0.0.7"), "{attributes:?}");
        let selected = tables.select("nics.nicips=~30.0.0.7").unwrap();
        assert_eq!(selected.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["compute107"]);
    }
}

#[test]
fn every_nics_column_takes_expressions_with_commas_and_several_values() {
    let tables = with_group(&[
        r"nicips.eth1=|\D+(\d+)|30.0.0.($1%100)|30.1.0.(dim2idx(1,4,1)+$1)|",
        r"nicaliases.eth1=|\D+(\d+)|c($1)-ib0 c($1)-x|",
        r"nichostnamesuffixes.eth1=/\z/-eth1/",
        r"nicextraparams.eth1=|\D+(\d+)|MTU=(1300+$1)|",
        r"nictypes.eth1=|(.*)|Ethernet|",
        r"nicdevices.bond1=|compute(\d+)|ens($1)f0@ens($1)f1|",
    ]);
    let shown = |name: &str| tables.attribute("compute7", name).unwrap().unwrap_or_default();
    let shown_of_107 = |name: &str| tables.attribute("compute107", name).unwrap().unwrap_or_default();
    assert_eq!(shown("nicips.eth1"), "", "no such node");
    assert_eq!(shown_of_107("nicips.eth1"), "30.0.0.7|30.1.0.108");
    assert_eq!(shown_of_107("nicaliases.eth1"), "c107-ib0 c107-x");
    assert_eq!(shown_of_107("nichostnamesuffixes.eth1"), "compute107-eth1");
    assert_eq!(shown_of_107("nicextraparams.eth1"), "MTU=1407");
    assert_eq!(shown_of_107("nictypes.eth1"), "Ethernet");
    assert_eq!(shown_of_107("nicdevices.bond1"), "ens107f0@ens107f1");
}

#[test]
fn an_expression_that_cannot_be_computed_is_reported_with_column_and_row() {
    let tables = with_group(&[r"nicips.eth1=|\D+(\d+)|30.0.0.($1/0)|"]);
    let found: Vec<String> = check(&tables).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            r#"error: nics.nicips in regex in the stanza text line 35 cannot be computed; correct the value there: ($1/0) in the value "|\\D+(\\d+)|30.0.0.($1/0)|" cannot be computed for compute1: division by zero; the same applies to compute107"#
        ]
    );
}

/// xCAT computes `nicips` for a postscript, and leaves the other columns as the table has them.
#[test]
fn a_postscripts_variables_may_have_expressions_too() {
    let nics = Nics::from_environment("host7", |name| match name {
        "NICIPS" => Some("eth1!30.0.0.7".to_owned()),
        "NICEXTRAPARAMS" => Some(r"eth1!|\D+(\d+)|MTU=(1300+$1)|".to_owned()),
        _ => None,
    })
    .unwrap();
    let nic = nics.get("eth1").unwrap();
    assert_eq!((nic.ips[0].to_string(), nic.param("mtu")), ("30.0.0.7".to_owned(), Some("1307")));
    let wrong = Nics::from_environment("host7", |name| {
        (name == "NICDEVICES").then(|| r"br0!|host(\d+)|ens($2)|".to_owned())
    });
    assert_eq!(
        wrong.unwrap_err().to_string(),
        r#"nics.nicdevices=br0!|host(\d+)|ens($2)| of host7: ($2) in the value "|host(\\d+)|ens($2)|" cannot be computed for host7: the regular expression has no group $2"#
    );
}

#[test]
fn xcats_own_table_reads_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/etc-xcat");
    for file in std::fs::read_dir(samples).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
    }
    let row = r"INSERT INTO nics (node, nicips, nicnetworks) VALUES ('docker', 'eth1!|\D+(\d+)|10.98.5.($1%100)|', 'eth1!net98');";
    let table = Connection::open(directory.path().join("nics.sqlite")).unwrap();
    table.execute_batch(row).unwrap();
    let tables = Inventory::open(&InventoryUrl::Xcat(directory.path().to_owned())).unwrap();
    assert_eq!(second_address(&tables, "d1").to_string(), "10.98.5.1");
    assert_eq!(second_address(&tables, "d2").to_string(), "10.98.5.2");
}

/// xcat2/xcat-core #1826: `makenetworks` calls an IPv6 network by its prefix.
const IPV6: &str = "\
fd55:1234::/64:
    objtype=network
    net=fd55:1234::/64
    mask=/64
    mgtifname=eth0

10_99_0_0-255_255_0_0:
    objtype=network
    net=10.99.0.0
    mask=255.255.0.0

host1:
    objtype=node
    ip=10.99.0.11
    nictypes.br6=bridge
    nicdevices.br6=eth1
    nicnetworks.br6=fd55:1234::/64
    nicips.br6=fd55:1234::11

host2:
    objtype=node
    ip=fd55:1234::12

d1:
    objtype=node
    mgt=docker
    vmhost=host1
    ip=10.99.1.1
    vmnics=10_99_0_0-255_255_0_0,fd55:1234::/64
    nicips.eth1=fd55:1234::1:1
    nicnetworks.eth1=fd55:1234::/64
    provmethod=busybox
";

#[test]
fn a_network_may_have_the_name_that_makenetworks_gives() {
    let tables = Inventory::from_stanzas(IPV6).unwrap();
    assert_eq!(check(&tables), []);
    assert_eq!(
        tables.host_plan(&"host1".parse().unwrap()).unwrap().to_string(),
        "host1\n  bridge br0a630000 over the interface that has 10.99.0.11\n    address  10.99.0.11/16\n    network  \
         10_99_0_0-255_255_0_0 10.99.0.0/16\n  bridge br6 over eth1\n    address  fd55:1234::11/64\n    network  \
         fd55:1234::/64 fd55:1234::/64"
    );
    assert_eq!(
        tables.host_plan(&"host2".parse().unwrap()).unwrap().to_string(),
        "host2\n  bridge br123400000000 over the interface that has fd55:1234::12\n    address  fd55:1234::12/64\n    \
         network  fd55:1234::/64 fd55:1234::/64"
    );
    let spec = tables.container(&"d1".parse().unwrap()).unwrap();
    let networks: Vec<&str> = spec.attachments.iter().map(|on| on.network.as_str()).collect();
    assert_eq!(networks, ["10_99_0_0-255_255_0_0", "fd55:1234::/64"]);
    let snapshot = tables.snapshot(&"host1".parse().unwrap(), 7).unwrap();
    assert_eq!(Snapshot::parse(snapshot.to_text().as_bytes()).unwrap(), snapshot);
}

#[test]
fn such_a_network_is_read_from_xcats_table_and_from_a_postscripts_variables() {
    let directory = tempfile::tempdir().unwrap();
    let file = |table: &str| Connection::open(directory.path().join(format!("{table}.sqlite"))).unwrap();
    file("nodelist").execute_batch("CREATE TABLE nodelist (node, groups, disable);").unwrap();
    let row = "CREATE TABLE networks (netname, net, mask, gateway, disable);
        INSERT INTO networks VALUES ('fd55:1234::/64', 'fd55:1234::/64', '/64', '<xcatmaster>', NULL);";
    file("networks").execute_batch(row).unwrap();
    let tables = Inventory::open(&InventoryUrl::Xcat(directory.path().to_owned())).unwrap();
    assert_eq!(check(&tables), []);
    let [network] = &Network::from_lines([
        "netname=fd55:1234::/64||net=fd55:1234::/64||mask=/64||mgtifname=eth0||gateway=<xcatmaster>||",
    ])
    .unwrap()[..] else {
        panic!("one network")
    };
    assert_eq!(
        (network.name.as_str(), network.subnets[0].to_string().as_str()),
        ("fd55:1234::/64", "fd55:1234::/64")
    );
}

#[test]
fn def_writes_such_a_network_and_no_such_node() {
    let directory = tempfile::tempdir().unwrap();
    let file = StanzaFile::new(&directory.path().join("cluster.stanza"));
    let attributes = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let network = attributes(&[("objtype", "network"), ("net", "fd55:1234::"), ("mask", "64")]);
    file.define(&["fd55:1234::/64".to_owned()], &network).unwrap();
    file.define(&["fd55:1234::/64".to_owned()], &attributes(&[("objtype", "network"), ("mtu", "1400")]))
        .unwrap();
    let text = std::fs::read_to_string(directory.path().join("cluster.stanza")).unwrap();
    assert!(text.contains("\nfd55:1234::/64:\n    objtype=network\n") && text.contains("mtu=1400"), "{text}");
    let node = file.define(&["a:b".to_owned()], &attributes(&[("mgt", "docker")])).unwrap_err();
    assert_eq!(
        node.to_string(),
        "invalid node name \"a:b\": 1 to 128 letters, digits, '.', '_' or '-', the first a letter or digit"
    );
}
