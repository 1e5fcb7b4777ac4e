//! `vm.othersettings`: `key=value` items separated by `;` or `,` (quotes keep a value together, see [`super::items`]), or
//! Docker's own JSON.

mod limits;
mod ports;
#[cfg(test)]
mod tests;
mod words;

use std::str::FromStr;

use super::items;
use super::machine::command_words;
use crate::container::{Health, Link, Settings};

/// The keys, in the order in which they are told.
const KEYS: [&str; 29] = [
    "port",
    "link",
    "restart",
    "env",
    "entrypoint",
    "user",
    "workdir",
    "tty",
    "domain",
    "dns",
    "dnssearch",
    "dnsoption",
    "label",
    "swap",
    "pids",
    "ulimit",
    "shm",
    "device",
    "gpus",
    "capadd",
    "capdrop",
    "privileged",
    "stopsignal",
    "stoptimeout",
    "health",
    "healthinterval",
    "healthtimeout",
    "healthstart",
    "healthretries",
];

impl FromStr for Settings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return Ok(Self { docker: words::json(text)?, ..Self::default() });
        }
        let mut settings = Self::default();
        for item in items::split(text)? {
            settings.add(&item).map_err(|rule| format!("item {item:?}: {rule}"))?;
        }
        Ok(settings)
    }
}

/// What is said at most once.
fn once<T>(key: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    match place {
        Some(_) => Err(format!("{key}= is there twice")),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}

impl Settings {
    fn add(&mut self, item: &str) -> Result<(), String> {
        let (key, value) = item.split_once('=').ok_or_else(keys)?;
        let (key, value) = (key.trim(), value.trim());
        match key {
            "port" => self.ports.push(ports::port(value)?),
            "link" => self.links.push(self.new_link(value)?),
            "env" => self.env.push(words::environment(value)?),
            "dns" => self.dns.push(words::address(value)?),
            "dnssearch" => self.dns_search.push(words::domain(value)?),
            "dnsoption" => self.dns_options.push(words::said(value)?),
            "label" => self.labels.push(words::label(value)?),
            "ulimit" => self.ulimits.push(value.parse()?),
            "device" => self.devices.push(value.parse()?),
            "capadd" => self.cap_add.push(words::capability(value)?),
            "capdrop" => self.cap_drop.push(words::capability(value)?),
            "docker" => self.docker.extend(words::json(value)?),
            key if key.starts_with("health") => self.add_health(key, value)?,
            key => self.add_single(key, value)?,
        }
        Ok(())
    }

    fn add_single(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "restart" => once(key, &mut self.restart, words::restart(value)?),
            "entrypoint" => once(key, &mut self.entrypoint, command_words(value)?),
            "user" => once(key, &mut self.user, words::said(value)?),
            "workdir" => once(key, &mut self.workdir, words::path(value)?),
            "tty" => once(key, &mut self.tty, words::yes(value)?),
            "privileged" => once(key, &mut self.privileged, words::yes(value)?),
            "domain" => once(key, &mut self.domain, words::domain(value)?),
            "swap" => once(key, &mut self.swap, value.parse()?),
            "pids" => once(key, &mut self.pids, limits::count(value)?),
            "shm" => once(key, &mut self.shm, limits::amount(value)?),
            "gpus" => once(key, &mut self.gpus, value.parse()?),
            "stopsignal" => once(key, &mut self.stop_signal, words::signal(value)?),
            "stoptimeout" => once(key, &mut self.stop_timeout, limits::seconds(value)?),
            _ => Err(keys()),
        }
    }

    fn add_health(&mut self, key: &str, value: &str) -> Result<(), String> {
        let health = self.health.get_or_insert_with(Health::default);
        match key {
            "health" => once(key, &mut health.test, words::said(value)?),
            "healthinterval" => once(key, &mut health.interval, limits::duration(value)?),
            "healthtimeout" => once(key, &mut health.timeout, limits::duration(value)?),
            "healthstart" => once(key, &mut health.start, limits::duration(value)?),
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

fn keys() -> String {
    format!(
        "items are {}= and docker={{JSON}}, separated by ; or , (a value that contains one of these stands in quotes)",
        KEYS.join("= ")
    )
}
