//! No text of a cell makes a parser panic, and what is valid is read back as it was written.

use inventory::columns::{image_and_command, memory, primary_mac, volumes};
use inventory::{Cpus, DockerHost, Link, Network, NetworkRow, Nics, Settings};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Text that is rich in what the grammars give a meaning to.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9!|,;:=/.{}\\[\\]<> -]{0,40}",
        "\\PC{0,40}",
        "(eth[0-9]!10\\.[0-9]\\.[0-9]\\.1[,|]){0,4}"
    ]
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in cell(), other in cell()) {
        let _ = Nics::parse("n1", |column| Some(if column == "nicips" { text.clone() } else { other.clone() }));
        let _ = NetworkRow::from_line(&format!("netname={text}||net={other}||mask={text}||gateway={other}"));
        let _ = Network::from_lines([text.as_str(), other.as_str()]);
        let _ = (text.parse::<Cpus>(), text.parse::<DockerHost>(), text.parse::<Link>(), text.parse::<Settings>());
        let _ = (memory(&text), image_and_command(&text), primary_mac(&text), volumes(&text));
    }

    #[test]
    fn nics_are_read_as_they_are_written(nics in btree_map("[a-z]{1,15}", vec(any::<std::net::IpAddr>(), 1..3), 0..5)) {
        let entry = |(name, ips): (&String, &Vec<std::net::IpAddr>)| {
            let ips: Vec<String> = ips.iter().map(ToString::to_string).collect();
            format!("{name}!{}", ips.join("|"))
        };
        let text = nics.iter().map(entry).collect::<Vec<_>>().join(",");
        let read = Nics::parse("n1", |column| (column == "nicips").then(|| text.clone())).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = read.iter().map(|nic| (nic.name.to_string(), nic.ips.clone())).collect();
        prop_assert_eq!(nics, read);
    }

    #[test]
    fn a_subnet_is_read_from_its_netmask(address in any::<std::net::Ipv4Addr>(), length in 1..=32_u8) {
        let subnet = ipnet::Ipv4Net::new(address, length).map_err(|error| TestCaseError::fail(error.to_string()))?.trunc();
        let line = format!("netname=a||net={}||mask={}", subnet.network(), subnet.netmask());
        let row = NetworkRow::from_line(&line).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(row.subnet, ipnet::IpNet::V4(subnet));
    }
}
