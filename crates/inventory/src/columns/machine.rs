//! `vm.host`, `nodetype.provmethod` and `mac.mac`.

use std::str::FromStr;

use super::image;
use crate::container::DockerHost;
use crate::mac::MacAddr;

impl FromStr for DockerHost {
    type Err = String;

    /// `host1`, or xCAT's form `host1:2376`. Port 2375 is Docker's port without TLS. xCAT's documentation and old
    /// tables use it everywhere. xdock does not connect to it, so `host1:2375` means the same as `host1`.
    fn from_str(text: &str) -> Result<Self, String> {
        refuse_urls(text)?;
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        let name = name.parse().map_err(|error| format!("the form is HOST or HOST:PORT; {error}"))?;
        let port = port.map(|port| {
            port.parse().ok().filter(|port| *port != 0).ok_or("the port after the ':' must be 1 to 65535")
        });
        Ok(Self { name, port: port.transpose()?.filter(|port| *port != Self::PLAIN_PORT) })
    }
}

impl DockerHost {
    /// Docker's port without TLS (IANA `docker`).
    pub const PLAIN_PORT: u16 = 2375;

    /// Whether a cell of `vm.host` has Docker's port without TLS.
    pub(crate) fn has_plain_port(text: &str) -> bool {
        text.rsplit_once(':').is_some_and(|(_, port)| port.parse() == Ok(Self::PLAIN_PORT))
    }
}

/// Refuses URLs such as `tcp://host1:2375` and `unix:///run/docker.sock`, which other programs use for a Docker host.
fn refuse_urls(text: &str) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(()) };
    let host = rest.split([':', '/']).next().filter(|host| !host.is_empty()).unwrap_or("HOST");
    let host = host.rsplit('@').next().unwrap_or(host);
    Err(format!(
        "a node name is needed here, not a URL: write {host}; for {scheme}://, put the URL into [engines] of /etc/xdock/xdock.toml"
    ))
}

/// `nodetype.provmethod` of a container: `IMAGE[!WORD,WORD,...]` or `IMAGE!["WORD","WORD"]`.
///
/// # Errors
/// The rule that `text` breaks.
pub fn image_and_command(text: &str) -> Result<(String, Option<Vec<String>>), String> {
    let (image, command) = text.split_once('!').unwrap_or((text, ""));
    image::check(image)?;
    let command = if command.is_empty() { None } else { Some(command_words(command)?) };
    Ok((image.to_owned(), command))
}

/// Arguments of a command in `provmethod`, `entrypoint=` and `mk command=`: split at every comma, as xCAT does. A
/// command whose arguments contain commas is a JSON list, as in a Dockerfile: `["sh","-c","echo a, b"]`.
///
/// # Errors
/// The rule that `text` breaks.
pub fn command_words(text: &str) -> Result<Vec<String>, String> {
    if !text.starts_with('[') || !text.ends_with(']') {
        return Ok(text.split(',').map(str::to_owned).collect());
    }
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) if words.is_empty() => Err("the list of the command's words is empty".to_owned()),
        Ok(words) => Ok(words),
        Err(error) => Err(format!("a command in brackets is a JSON list of words: {error}")),
    }
}

/// `mac.mac`: `MAC[!HOSTNAME]|MAC...`; the first that is not marked `*NOIP*` (xCAT: an interface without an address).
///
/// # Errors
/// The rule that `text` breaks.
pub fn primary_mac(text: &str) -> Result<Option<MacAddr>, String> {
    let mut entries = text.split('|').map(|entry| entry.split_once('!').unwrap_or((entry, "")));
    let first = entries.find(|(_, name)| name.trim() != "*NOIP*").map(|(mac, _)| mac.trim());
    first.filter(|mac| !mac.is_empty()).map(str::parse).transpose().map_err(|error| format!("{error}"))
}

/// All MAC addresses of `mac.mac`, one for each NIC of a machine. Invalid ones are ignored.
pub fn all_macs(text: &str) -> Vec<MacAddr> {
    let macs = text.split('|').map(|entry| entry.split_once('!').map_or(entry, |(mac, _)| mac));
    macs.filter_map(|mac| mac.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docker_host_has_a_name_and_maybe_a_port() {
        for (text, port) in
            [("dh1", None), ("dh1:2376", Some(2376)), ("dh1:4243", Some(4243)), ("dh1:2375", None)]
        {
            let host: DockerHost = text.parse().unwrap();
            assert_eq!((host.name.as_str(), host.port), ("dh1", port), "{text}");
        }
        for port in ["dh1:", "dh1:0", "dh1:65536", "dh1:x"] {
            let rule = "the port after the ':' must be 1 to 65535".to_owned();
            assert_eq!(port.parse::<DockerHost>(), Err(rule), "{port}");
        }
        for (url, host, scheme) in [
            ("tcp://dh1:2375", "dh1", "tcp"),
            ("https://dh1", "dh1", "https"),
            ("ssh://root@dh1", "dh1", "ssh"),
            ("unix:///run/docker.sock", "HOST", "unix"),
        ] {
            let rule = format!(
                "a node name is needed here, not a URL: write {host}; for {scheme}://, put the URL into [engines] of /etc/xdock/xdock.toml"
            );
            assert_eq!(url.parse::<DockerHost>(), Err(rule));
        }
    }

    #[test]
    fn the_command_begins_at_the_first_exclamation_mark() {
        let (image, command) = image_and_command("bb!/bin/sh,-c,echo hi!").unwrap();
        assert_eq!(image, "bb");
        assert_eq!(command.unwrap(), ["/bin/sh", "-c", "echo hi!"]);
        assert_eq!(image_and_command("mn:5000/a/b:1"), Ok(("mn:5000/a/b:1".to_owned(), None)));
        assert!(image_and_command("!sh").unwrap_err().starts_with("the form is IMAGE or IMAGE!COMMAND"));
    }

    #[test]
    fn a_command_in_brackets_may_have_commas_in_its_words() {
        let (_, command) = image_and_command(r#"bb!["sh","-c","echo a, \"b\""]"#).unwrap();
        assert_eq!(command.unwrap(), ["sh", "-c", "echo a, \"b\""]);
        assert_eq!(
            command_words("[sh]"),
            Err("a command in brackets is a JSON list of words: expected value at line 1 column 2".to_owned())
        );
        assert_eq!(command_words("[]"), Err("the list of the command's words is empty".to_owned()));
        assert_eq!(command_words("[,-f,/x").unwrap(), ["[", "-f", "/x"]);
    }

    #[test]
    fn interfaces_without_an_address_are_passed_over() {
        let text = "02:42:0a:63:01:01!*NOIP*|02:42:0a:63:01:02!d2-eth1|02:42:0a:63:01:03";
        assert_eq!(primary_mac(text).unwrap().unwrap().to_string(), "02:42:0a:63:01:02");
        assert_eq!(primary_mac("02:42:0a:63:01:01!*NOIP*"), Ok(None));
        assert!(primary_mac("02:42").unwrap_err().starts_with("invalid MAC address \"02:42\""));
    }
}
