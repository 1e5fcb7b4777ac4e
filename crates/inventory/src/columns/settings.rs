//! `vm.othersettings`: Docker's own JSON, or `key=value` items separated by `;` or `,`.

use std::net::IpAddr;
use std::str::FromStr;

use crate::container::{Link, Settings};

const ITEMS: &str = "items are port=, link=, restart= and env=, separated by ; or , (a value that contains one of these needs the form {docker's JSON})";

impl FromStr for Settings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            let docker = serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))?;
            return Ok(Self { docker, ..Self::default() });
        }
        let mut settings = Self::default();
        for item in text.split([';', ',']).map(str::trim).filter(|item| !item.is_empty()) {
            settings.add(item).map_err(|rule| format!("item {item:?}: {rule}"))?;
        }
        Ok(settings)
    }
}

impl Settings {
    fn add(&mut self, item: &str) -> Result<(), String> {
        let (key, value) = item.split_once('=').ok_or(ITEMS)?;
        let value = value.trim();
        match key.trim() {
            "port" => self.ports.push(port(value)?),
            "link" => self.links.push(self.new_link(value)?),
            "env" => self.env.push(environment(value)?),
            "restart" if self.restart.is_some() => return Err("restart= is there twice".to_owned()),
            "restart" => self.restart = Some(restart(value)?),
            _ => return Err(ITEMS.to_owned()),
        }
        Ok(())
    }

    fn new_link(&self, value: &str) -> Result<Link, String> {
        let link: Link = value.parse()?;
        match self.links.iter().find(|other| other.alias == link.alias) {
            Some(other) => Err(format!("{} is already the name of {}", link.alias, other.node)),
            None => Ok(link),
        }
    }
}

impl FromStr for Link {
    type Err = String;

    /// `NODE` or `NODE:ALIAS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (node, alias) = text.split_once(':').unwrap_or((text, text));
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if alias.is_empty() || alias.len() > 253 || !alias.bytes().all(letter) {
            return Err(format!("{alias:?} is no host name: letters, digits, '.', '_' and '-' are needed"));
        }
        Ok(Self { node: node.parse().map_err(|error| format!("{error}"))?, alias: alias.to_owned() })
    }
}

/// `[IP:]HOSTPORT:PORT[/PROTO]`, an IPv6 address in brackets.
fn port(text: &str) -> Result<String, String> {
    let form = || "the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp]".to_owned();
    let (ends, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (rest, inner) = ends.rsplit_once(':').ok_or_else(form)?;
    let (address, outer) = match rest.rsplit_once(':') {
        Some((address, outer)) => (Some(address), outer),
        None => (None, rest),
    };
    let number = |text: &str| text.parse::<u16>().is_ok_and(|port| port != 0);
    let known = ["tcp", "udp", "sctp"].contains(&protocol);
    if number(inner) && number(outer) && known && address.is_none_or(is_address) {
        return Ok(text.to_owned());
    }
    Err(form())
}

fn is_address(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(six) => six.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()),
        None => text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()),
    }
}

fn restart(text: &str) -> Result<String, String> {
    let retries = text.strip_prefix("on-failure:").is_some_and(|count| count.parse::<u16>().is_ok());
    if retries || ["no", "always", "unless-stopped", "on-failure"].contains(&text) {
        return Ok(text.to_owned());
    }
    Err("restart is one of no, always, unless-stopped, on-failure, on-failure:COUNT".to_owned())
}

fn environment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("the form is env=NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_json_are_both_taken() {
        let settings: Settings =
            "port=8080:80; port=[::1]:53:53/udp,link=host2c1:db;restart=on-failure:3;env=A=b=c"
                .parse()
                .unwrap();
        assert_eq!(settings.ports, ["8080:80", "[::1]:53:53/udp"]);
        assert_eq!(settings.links, [Link { node: "host2c1".parse().unwrap(), alias: "db".to_owned() }]);
        assert_eq!(settings.restart.as_deref(), Some("on-failure:3"));
        assert_eq!(settings.env, ["A=b=c"]);
        let settings: Settings = r#"{"Tty":true}"#.parse().unwrap();
        assert_eq!(settings.docker.get("Tty"), Some(&serde_json::Value::Bool(true)));
    }

    #[test]
    fn a_bad_item_is_told_with_its_rule() {
        for (text, rule) in [
            ("port=80", "item \"port=80\": the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp]"),
            ("port=::1:80:80", "item \"port=::1:80:80\": the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp]"),
            (
                "restart=maybe",
                "item \"restart=maybe\": restart is one of no, always, unless-stopped, on-failure, on-failure:COUNT",
            ),
            ("link=a:x;link=b:x", "item \"link=b:x\": x is already the name of a"),
            (
                "link=a:",
                "item \"link=a:\": \"\" is no host name: letters, digits, '.', '_' and '-' are needed",
            ),
            ("env=A", "item \"env=A\": the form is env=NAME=VALUE"),
            (
                "env=A=1,2",
                "item \"2\": items are port=, link=, restart= and env=, separated by ; or , (a value that contains one of these needs the form {docker's JSON})",
            ),
        ] {
            assert_eq!(text.parse::<Settings>(), Err(rule.to_owned()));
        }
        let error = r#"{"Tty":"#.parse::<Settings>().unwrap_err();
        assert_eq!(error, "no JSON object: EOF while parsing a value at line 1 column 7");
    }
}
