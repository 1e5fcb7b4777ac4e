//! `vm.othersettings`: `key=value` items separated by `;` or `,` (quotes keep a value together, see [`super::items`]), or
//! Docker's own JSON.

mod docker_run;
mod files;
mod isolation;
mod limits;
mod ports;
#[cfg(test)]
mod tests;
mod text;

use std::str::FromStr;

use super::items::{self, Item};
use super::machine::command_words;
use crate::container::{Health, Link, Settings};

/// The keys, in the order in which messages list them.
const KEYS: [&str; 52] = [
    "port",
    "expose",
    "link",
    "extrahost",
    "hostname",
    "domain",
    "dns",
    "dnssearch",
    "dnsoption",
    "restart",
    "env",
    "label",
    "entrypoint",
    "user",
    "groupadd",
    "workdir",
    "init",
    "tty",
    "swap",
    "memoryreservation",
    "cpushares",
    "pids",
    "oomscoreadj",
    "shm",
    "ulimit",
    "sysctl",
    "tmpfs",
    "readonly",
    "device",
    "gpus",
    "capadd",
    "capdrop",
    "privileged",
    "securityopt",
    "antispoof",
    "extraaddress",
    "ipc",
    "pid",
    "userns",
    "cgroupns",
    "cgroupparent",
    "runtime",
    "logdriver",
    "logopt",
    "stopsignal",
    "stoptimeout",
    "health",
    "healthinterval",
    "healthtimeout",
    "healthstart",
    "healthstartinterval",
    "healthretries",
];

/// Keys whose further values may follow after a comma: `dns=10.0.0.1,10.0.0.2`.
const LISTS: [&str; 13] = [
    "port",
    "expose",
    "link",
    "extrahost",
    "dns",
    "dnssearch",
    "dnsoption",
    "groupadd",
    "device",
    "capadd",
    "capdrop",
    "securityopt",
    "extraaddress",
];

impl FromStr for Settings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return Ok(Self { docker: text::json(text)?, ..Self::default() });
        }
        let mut settings = Self::default();
        let mut before = String::new();
        for item in items::split(text)? {
            let key = settings.add(&before, &item).map_err(|rule| format!("item {:?}: {rule}", item.text))?;
            before = key.to_owned();
        }
        Ok(settings)
    }
}

/// What a container has once.
fn once<T>(key: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    match place {
        Some(_) => Err(format!("{key}= is there twice")),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}

/// What a container has once for each name.
fn named(key: &str, place: &mut Vec<(String, String)>, pair: (String, String)) -> Result<(), String> {
    if place.iter().any(|(name, _)| *name == pair.0) {
        return Err(format!("{key}={} is there twice", pair.0));
    }
    place.push(pair);
    Ok(())
}

impl Settings {
    /// Adds an item, or a further value of the item before it; the key that it belongs to.
    fn add<'a>(&mut self, before: &'a str, item: &'a Item) -> Result<&'a str, String> {
        let text = item.text.as_str();
        let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        let key = key.trim();
        match value {
            Some(value) if is_key(key) => self.add_value(key, value.trim()).map(|()| key),
            _ if item.after_comma && self.continues(before, text, value.is_some()) => {
                self.add_value(before, text.trim()).map(|()| before)
            }
            _ => Err(docker_run::hint(key, value).unwrap_or_else(keys)),
        }
    }

    /// Whether `text` is a further value of the item before. The name of another key is none: its value was forgotten.
    fn continues(&self, before: &str, text: &str, is_pair: bool) -> bool {
        match before {
            "tmpfs" => files::is_tmpfs_option(text),
            "sysctl" => is_pair && isolation::sysctl(text).is_ok(),
            before => !is_pair && LISTS.contains(&before) && !is_key(text),
        }
    }

    fn add_value(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "env" => self.env.push(text::environment(value)?),
            "label" => self.labels.push(text::label(value)?),
            "ulimit" => self.ulimits.push(value.parse()?),
            "sysctl" => named(key, &mut self.sysctls, isolation::sysctl(value)?)?,
            "logopt" => named(key, &mut self.log_options, text::log_option(value)?)?,
            "tmpfs" => files::add_tmpfs(&mut self.tmpfs, value)?,
            "docker" => self.docker.extend(text::json(value)?),
            key if LISTS.contains(&key) => {
                value.split(',').map(str::trim).try_for_each(|value| self.add_to_list(key, value))?;
            }
            key if key.starts_with("health") => self.add_health(key, value)?,
            key => self.add_single(key, value)?,
        }
        Ok(())
    }

    fn add_to_list(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "port" => self.ports.push(value.parse()?),
            "expose" => self.expose.push(value.parse()?),
            "link" => self.links.push(self.new_link(value)?),
            "extrahost" => self.extra_hosts.push(value.parse()?),
            "dns" => self.dns.push(text::address(value)?),
            "dnssearch" => self.dns_search.push(text::domain(value)?),
            "dnsoption" => self.dns_options.push(text::some(value)?),
            "groupadd" => self.groups.push(text::some(value)?),
            "device" => self.devices.push(value.parse()?),
            "capadd" => self.cap_add.push(text::capability(value)?),
            "capdrop" => self.cap_drop.push(text::capability(value)?),
            "extraaddress" => self.extra_addresses.push(text::address(value)?),
            "securityopt" => self.security_options.push(isolation::security_option(value)?),
            _ => return Err(keys()),
        }
        Ok(())
    }

    fn add_single(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "restart" => once(key, &mut self.restart, text::restart(value)?),
            "hostname" => once(key, &mut self.hostname, text::hostname(value)?),
            "domain" => once(key, &mut self.domain, text::domain(value)?),
            "entrypoint" => once(key, &mut self.entrypoint, command_words(value)?),
            "user" => once(key, &mut self.user, text::some(value)?),
            "workdir" => once(key, &mut self.workdir, text::path(value)?),
            "init" => once(key, &mut self.init, text::yes(value)?),
            "tty" => once(key, &mut self.tty, text::yes(value)?),
            "antispoof" => once(key, &mut self.antispoof, text::yes(value)?),
            "readonly" => once(key, &mut self.read_only, text::yes(value)?),
            "privileged" => once(key, &mut self.privileged, text::yes(value)?),
            "runtime" => once(key, &mut self.runtime, text::some(value)?),
            "logdriver" => once(key, &mut self.log_driver, text::some(value)?),
            "stopsignal" => once(key, &mut self.stop_signal, text::signal(value)?),
            "stoptimeout" => once(key, &mut self.stop_timeout, limits::seconds(value)?),
            key => self.add_limit(key, value),
        }
    }

    /// What the container may use, and what it shares with its host.
    fn add_limit(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "swap" => once(key, &mut self.swap, value.parse()?),
            "memoryreservation" => once(key, &mut self.memory_reservation, limits::amount(value)?),
            "cpushares" => once(key, &mut self.cpu_shares, limits::shares(value)?),
            "pids" => once(key, &mut self.pids, limits::count(value)?),
            "oomscoreadj" => once(key, &mut self.oom_score_adj, limits::oom_score(value)?),
            "shm" => once(key, &mut self.shm, limits::amount(value)?),
            "gpus" => once(key, &mut self.gpus, value.parse()?),
            "ipc" => once(key, &mut self.ipc, isolation::ipc(value)?),
            "pid" => once(key, &mut self.pid, isolation::host(key, value)?),
            "userns" => once(key, &mut self.userns, isolation::host(key, value)?),
            "cgroupns" => once(key, &mut self.cgroupns, isolation::cgroupns(value)?),
            "cgroupparent" => once(key, &mut self.cgroup_parent, text::some(value)?),
            _ => Err(keys()),
        }
    }

    fn add_health(&mut self, key: &str, value: &str) -> Result<(), String> {
        let health = self.health.get_or_insert_with(Health::default);
        match key {
            "health" => once(key, &mut health.test, text::some(value)?),
            "healthinterval" => once(key, &mut health.interval, limits::duration(value)?),
            "healthtimeout" => once(key, &mut health.timeout, limits::duration(value)?),
            "healthstart" => once(key, &mut health.start, limits::duration(value)?),
            "healthstartinterval" => once(key, &mut health.start_interval, limits::duration(value)?),
            "healthretries" => once(key, &mut health.retries, limits::count(value)?),
            _ => Err(keys()),
        }
    }

    fn new_link(&self, value: &str) -> Result<Link, String> {
        let link: Link = value.parse()?;
        match self.links.iter().find(|other| other.alias == link.alias) {
            Some(other) => Err(format!("{} is already the name of {}", link.alias, other.node)),
            None => Ok(link),
        }
    }
}

fn is_key(text: &str) -> bool {
    text == "docker" || KEYS.contains(&text)
}

fn keys() -> String {
    format!(
        "items are {}= and docker={{JSON}}, separated by ; or , (a value that contains one of these stands in quotes)",
        KEYS.join("= ")
    )
}
