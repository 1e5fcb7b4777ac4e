//! The network as ifupdown will make it at the next boot: our own file a bridge in `interfaces.d`, and the NIC gone from
//! everybody else's. Pure, but for [`Tree::read`].

use std::io;
use std::path::{Path, PathBuf};

use inventory::IfName;
use ipnet::IpNet;
use serde::Serialize;
use thiserror::Error;

use super::interfaces;
use crate::steps::network::plan::Words;
use crate::steps::network::resolve::Bridge;
use hostnet::Route;

use crate::files::Wanted;
use crate::render::{RenderError, Templates};

const TEMPLATE: &str = "etc/network/interfaces.d/bridge";
/// How a file of ours begins, also one of an overriding template.
const SIGNATURE: &str = "# Written by xdockhost";

/// The files can not be read.
#[derive(Debug, Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// ifupdown's files as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    directory: PathBuf,
    /// `interfaces` first, then those of `interfaces.d` by name.
    files: Vec<(PathBuf, String)>,
}

impl Tree {
    /// Reads them below `/etc/network`, or the directory of a test.
    ///
    /// # Errors
    /// One is there but can not be read.
    pub fn read(directory: &Path) -> Result<Self, ReadError> {
        let mut tree = Self { directory: directory.to_owned(), files: Vec::new() };
        let main = tree.main();
        if let Some(text) = read(&main)? {
            tree.files.push((main, text));
        }
        for path in listed(&tree.sourced())? {
            if let Some(text) = read(&path)? {
                tree.files.push((path, text));
            }
        }
        Ok(tree)
    }

    /// Whether ifupdown's main file is there.
    pub fn is_there(&self) -> bool {
        self.files.iter().any(|(path, _)| *path == self.main())
    }

    fn main(&self) -> PathBuf {
        self.directory.join("interfaces")
    }

    fn sourced(&self) -> PathBuf {
        self.directory.join("interfaces.d")
    }

    fn own(&self, bridge: &IfName) -> PathBuf {
        self.sourced().join(bridge.as_str())
    }

    fn text(&self, path: &Path) -> &str {
        self.files.iter().find(|(known, _)| known == path).map_or("", |(_, text)| text)
    }

    /// The NIC that our file of an earlier run puts into the bridge.
    pub fn remembered(&self, bridge: &IfName) -> Option<IfName> {
        let text = self.text(&self.own(bridge));
        interfaces::options(text, bridge.as_str()).iter().find_map(|option| {
            let words: Vec<&str> = option.split(' ').collect();
            match words.as_slice() {
                ["pre-up", "ip", "link", "set", "dev", port, "master", _] => port.parse().ok(),
                _ => None,
            }
        })
    }

    /// Whether a device gets its IPv4 address by DHCP.
    pub fn is_dhcp(&self, device: &IfName) -> bool {
        self.files
            .iter()
            .any(|(_, text)| interfaces::methods(text, device.as_str()).contains(&("inet", "dhcp")))
    }

    /// Whether ifupdown has a stanza of the device.
    pub fn names(&self, device: &IfName) -> bool {
        self.files.iter().any(|(_, text)| !interfaces::methods(text, device.as_str()).is_empty())
    }

    /// Options of somebody else's stanzas of the device that our file does not take over.
    pub fn lost_options(&self, device: &IfName) -> Vec<String> {
        const TAKEN: [&str; 7] =
            ["address", "netmask", "network", "broadcast", "gateway", "mtu", "hwaddress"];
        let is_lost = |option: &String| !TAKEN.iter().any(|taken| option.split(' ').next() == Some(*taken));
        let options = self.files.iter().flat_map(|(_, text)| interfaces::options(text, device.as_str()));
        options.filter(is_lost).collect()
    }

    /// Our routes of an earlier run.
    fn routes(&self, bridge: &IfName) -> Vec<String> {
        let options = interfaces::options(self.text(&self.own(bridge)), bridge.as_str());
        let route = |option: String| {
            let rest = option.strip_prefix("up ip route replace ")?;
            rest.strip_suffix(&format!(" dev {bridge}")).map(str::to_owned)
        };
        options.into_iter().filter_map(route).collect()
    }
}

fn read(path: &Path) -> Result<Option<String>, ReadError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError { path: path.to_owned(), source }),
    }
}

fn listed(directory: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ReadError { path: directory.to_owned(), source }),
    };
    let mut paths: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    Ok(paths)
}

/// What the template of a bridge gets.
#[derive(Debug, Serialize)]
struct Values<'a> {
    bridge: &'a str,
    port: &'a str,
    mtu: Option<u32>,
    networks: String,
    stanzas: Vec<Stanza>,
    routes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Stanza {
    family: &'static str,
    method: &'static str,
    address: Option<String>,
    gateway: Option<String>,
}

/// The files as they shall be, ours first: when the power goes between two of them, the next boot finds the NIC in both,
/// and our file takes it over; the other way round it would find it in none.
///
/// # Errors
/// The template is wrong.
pub fn wanted(
    tree: &Tree,
    bridges: &[(Bridge, Vec<Route>)],
    templates: &Templates,
    stamp: &str,
) -> Result<Vec<Wanted>, RenderError> {
    let mut files = Vec::new();
    for (bridge, carried) in bridges {
        let text = templates.render(TEMPLATE, &values(tree, bridge, carried))?;
        let path = tree.own(&bridge.name);
        let before = tree.text(&path);
        let foreign = !before.is_empty() && !before.starts_with(SIGNATURE);
        let backup = foreign.then(|| backup(tree, &path, stamp));
        files.push(Wanted { backup, ..Wanted::text(path, text) });
    }
    let ours: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let foreign = tree.files.iter().filter(|(path, _)| !ours.contains(path));
    files.extend(foreign.filter_map(|(path, text)| freed(tree, path, text, bridges, stamp)));
    if !tree.is_there() {
        files.push(Wanted::text(tree.main(), with_source(tree, "")));
    }
    Ok(files)
}

/// Somebody else's file without our NICs and bridges; `None` where it has none of them.
fn freed(
    tree: &Tree,
    path: &Path,
    text: &str,
    bridges: &[(Bridge, Vec<Route>)],
    stamp: &str,
) -> Option<Wanted> {
    let mut freed = text.to_owned();
    for (bridge, _) in bridges {
        freed = interfaces::without(&freed, bridge.port.as_str());
        freed = interfaces::without(&freed, bridge.name.as_str());
    }
    if path == tree.main() {
        freed = with_source(tree, &freed);
    }
    let backup = Some(backup(tree, path, stamp));
    (freed != text).then(|| Wanted { backup, ..Wanted::text(path, freed) })
}

/// Beside `interfaces.d`, never in it: ifupdown would read the copy too.
fn backup(tree: &Tree, path: &Path, stamp: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = if path == tree.main() { "" } else { "interfaces.d-" };
    tree.directory.join(format!("{prefix}{name}.xdock-{stamp}"))
}

fn with_source(tree: &Tree, text: &str) -> String {
    let directory = tree.sourced().display().to_string();
    if interfaces::sources(text, &directory) {
        return text.to_owned();
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}source {directory}/*\n")
}

fn values<'a>(tree: &Tree, bridge: &'a Bridge, carried: &[Route]) -> Values<'a> {
    let mut routes = tree.routes(&bridge.name);
    for route in carried.iter().filter(|route| route.destination.prefix_len() > 0) {
        let words = Words(route).to_string();
        if !routes.contains(&words) {
            routes.push(words);
        }
    }
    let networks: Vec<&str> = bridge.networks.iter().map(|network| network.as_str()).collect();
    Values {
        bridge: bridge.name.as_str(),
        port: bridge.port.as_str(),
        mtu: bridge.mtu,
        networks: networks.join(", "),
        stanzas: stanzas(tree, bridge),
        routes,
    }
}

/// A stanza an address; ifupdown allows several of one device and family.
fn stanzas(tree: &Tree, bridge: &Bridge) -> Vec<Stanza> {
    let dhcp = tree.is_dhcp(&bridge.port) || tree.is_dhcp(&bridge.name);
    let mut stanzas = Vec::new();
    if dhcp {
        stanzas.push(Stanza { family: "inet", method: "dhcp", address: None, gateway: None });
    }
    for (family, is_of) in [("inet", is_v4 as fn(&IpNet) -> bool), ("inet6", is_v6)] {
        let mut gateway = bridge.gateways.iter().find(|gateway| gateway.is_ipv4() == (family == "inet"));
        // what DHCP gives must not be given twice
        for address in bridge.addresses.iter().filter(|address| is_of(address) && !(dhcp && is_v4(address))) {
            let (address, gateway) = (Some(address.to_string()), gateway.take().map(ToString::to_string));
            stanzas.push(Stanza { family, method: "static", address, gateway });
        }
    }
    if stanzas.is_empty() {
        stanzas.push(Stanza { family: "inet", method: "manual", address: None, gateway: None });
    }
    stanzas
}

fn is_v4(address: &IpNet) -> bool {
    address.addr().is_ipv4()
}

fn is_v6(address: &IpNet) -> bool {
    address.addr().is_ipv6()
}
