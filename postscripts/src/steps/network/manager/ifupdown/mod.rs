//! ifupdown: `/etc/network/interfaces` and what it sources (interfaces(5)).
//!
//! All our devices are in one file, lower ones first, because `ifup -a` takes them in the order in which they stand. They are made
//! with `ip`, so that no package is needed (bridge-utils, ifenslave, vlan), and so that `ifdown` leaves the bridge to the containers
//! on it.
//!
//! For the same reason an Open vSwitch bridge is made with `ovs-vsctl`, and not by the package's own hook (`ovs_type`, README.Debian of
//! openvswitch-switch): tried on Debian 12, that deletes the bridge with all its ports at `ifdown`, so that a restart of
//! networking.service would cut the containers off. ovs-vswitchd.service is ordered before networking.service; where it comes late
//! all the same, xdock-network.service gives the bridge its addresses.

pub mod ifstate;
pub mod interfaces;

use std::path::Path;

use hostnet::Route;
use inventory::IfName;
use serde::Serialize;

use super::dialect::{Dialect, Freed, Own, Place, Said};
use super::nic::Nic;
use super::tree::{File, Tree};
use super::view::View;
use crate::render::{RenderError, Templates};

const MAIN: &str = "/etc/network/interfaces";
const DIRECTORY: &str = "/etc/network/interfaces.d";
const OWN: &str = "/etc/network/interfaces.d/xdock";
const TEMPLATE: &str = "etc/network/interfaces.d/xdock";

/// Options that our stanzas have too.
const TAKEN: [&str; 10] = [
    "address",
    "netmask",
    "network",
    "broadcast",
    "gateway",
    "mtu",
    "hwaddress",
    "dns-nameservers",
    "dns-nameserver",
    "dns-search",
];

/// ifupdown.
pub(super) struct Ifupdown;

#[derive(Serialize)]
struct Values<'a> {
    devices: &'a [View],
}

impl Dialect for Ifupdown {
    fn places(&self) -> &'static [Place] {
        const { &[Place::all(MAIN), Place::all(DIRECTORY)] }
    }

    fn said(&self, file: &File, nic: &Nic) -> Option<Said> {
        let device = &nic.name;
        let methods = interfaces::methods(&file.text, device.as_str());
        if methods.is_empty() {
            return None;
        }
        let mut said = Said { exact: true, dhcp: methods.contains(&("inet", "dhcp")), ..Said::default() };
        for option in interfaces::options(&file.text, device.as_str()) {
            let words: Vec<&str> = option.split(' ').collect();
            match words.as_slice() {
                ["dns-nameservers" | "dns-nameserver", servers @ ..] => said.dns.extend(owned(servers)),
                ["dns-search", domains @ ..] => said.search.extend(owned(domains)),
                ["up", "ip", "route", "replace", route @ .., "dev", _] if file.is_ours() => {
                    said.routes.extend(read_route(route));
                }
                [first, ..] if !TAKEN.contains(first) => said.lost.push(option),
                _ => {}
            }
        }
        Some(said)
    }

    fn port_of(&self, file: &File, bridge: &IfName) -> Option<IfName> {
        let options = interfaces::options(&file.text, bridge.as_str());
        options.iter().find_map(|option| match option.split(' ').collect::<Vec<_>>().as_slice() {
            ["pre-up", "ip", "link", "set", "dev", port, "master", _]
            | ["pre-up", "ovs-vsctl", _, "--", "--may-exist", "add-port", _, port] => port.parse().ok(),
            _ => None,
        })
    }

    fn freed(&self, _: &Tree, file: &File, devices: &[Nic]) -> Freed {
        let mut text = file.text.clone();
        for device in devices {
            text = interfaces::without(&text, device.name.as_str());
        }
        if file.path == Path::new(MAIN) {
            text = with_source(&text);
        }
        if text == file.text { Freed::Same } else { Freed::Text(text) }
    }

    fn own(&self, tree: &Tree, views: &[View], templates: &Templates) -> Result<Vec<Own>, RenderError> {
        let mut files = vec![Own::open(OWN, templates.render(TEMPLATE, &Values { devices: views })?)];
        if !tree.files().iter().any(|file| file.path == Path::new(MAIN)) {
            files.push(Own::open(MAIN, with_source("")));
        }
        Ok(files)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// `ip route`'s words, as we write them.
fn read_route(words: &[&str]) -> Option<Route> {
    let [destination, rest @ ..] = words else { return None };
    let mut route = Route { destination: destination.parse().ok()?, gateway: None, metric: None };
    for pair in rest.chunks(2) {
        match pair {
            ["via", gateway] => route.gateway = gateway.parse().ok(),
            ["metric", metric] => route.metric = metric.parse().ok(),
            _ => return None,
        }
    }
    Some(route)
}

fn with_source(text: &str) -> String {
    if interfaces::sources(text, DIRECTORY) {
        return text.to_owned();
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}source {DIRECTORY}/*\n")
}
