//! The options of a bond, from `nicextraparams`.

use serde::{Deserialize, Serialize};

use crate::nics::Nic;

/// Options of the kernel's bonding driver, by its own names (Documentation/networking/bonding.rst).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondOptions(Vec<(String, String)>);

/// xCAT's own default (`confignetwork`), and the link monitoring without which a bond does not see a pulled cable.
const DEFAULTS: [(&str, &str); 3] =
    [("mode", "802.3ad"), ("xmit_hash_policy", "layer2+3"), ("miimon", "100")];

const MODES: [&str; 7] =
    ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];

const KNOWN: [&str; 14] = [
    "mode",
    "miimon",
    "updelay",
    "downdelay",
    "lacp_rate",
    "xmit_hash_policy",
    "ad_select",
    "primary",
    "primary_reselect",
    "fail_over_mac",
    "arp_interval",
    "arp_ip_target",
    "min_links",
    "num_grat_arp",
];

impl BondOptions {
    /// `BONDING_OPTS=mode=1;miimon=50` (xCAT joins with `;`), or the options by their own names.
    ///
    /// # Errors
    /// The rule that is broken, for a message that names the column.
    pub(super) fn of(nic: &Nic) -> Result<Self, String> {
        let mut options: Vec<(String, String)> = Vec::new();
        for (key, value) in &nic.params {
            if key.eq_ignore_ascii_case("BONDING_OPTS") {
                for word in value.split(';').filter(|word| !word.is_empty()) {
                    let (key, value) =
                        word.split_once('=').ok_or_else(|| format!("{word:?} is not NAME=VALUE"))?;
                    options.push(checked(key, value)?);
                }
            } else if KNOWN.contains(&key.as_str()) {
                options.push(checked(key, value)?);
            }
        }
        let monitors = options.iter().any(|(key, _)| key == "arp_interval");
        let hashes = |mode: &str| matches!(mode, "802.3ad" | "balance-xor" | "balance-tlb");
        let mode = options.iter().find(|(key, _)| key == "mode").map_or("802.3ad", |(_, mode)| mode);
        let fitting = DEFAULTS.iter().filter(|(key, _)| match *key {
            "miimon" => !monitors,
            "xmit_hash_policy" => hashes(mode),
            _ => true,
        });
        let missing: Vec<(String, String)> = fitting
            .filter(|(key, _)| !options.iter().any(|(known, _)| known == key))
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        options.extend(missing);
        // the driver takes the mode before everything else
        options.sort_by_key(|(key, _)| key != "mode");
        Ok(Self(options))
    }

    /// Whether a key of `nicextraparams` is an option of the bonding driver.
    pub(super) fn is_option(key: &str) -> bool {
        key.eq_ignore_ascii_case("BONDING_OPTS") || KNOWN.contains(&key)
    }

    /// One option's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `mode`, by its name.
    pub fn mode(&self) -> &str {
        self.get("mode").unwrap_or("802.3ad")
    }

    /// All, `mode` first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn checked(key: &str, value: &str) -> Result<(String, String), String> {
    if !KNOWN.contains(&key) {
        return Err(format!("unknown bonding option {key:?}; known: {}", KNOWN.join(" ")));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._:,".contains(c);
    if value.is_empty() || !value.chars().all(plain) {
        return Err(format!("{value:?} is not a valid value of bonding option {key}"));
    }
    if key != "mode" {
        return Ok((key.to_owned(), value.to_owned()));
    }
    let by_number = value.parse::<usize>().ok().and_then(|number| MODES.get(number).copied());
    let by_name = MODES.into_iter().find(|mode| *mode == value);
    let mode = by_number.or(by_name).ok_or_else(|| {
        format!("unknown bonding mode {value:?}; known: {} (0 to 6 in this order)", MODES.join(" "))
    })?;
    Ok((key.to_owned(), mode.to_owned()))
}
