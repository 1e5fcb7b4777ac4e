//! The forwarding database of a bridge. It is not in the switch's database, only in ovs-vswitchd.

use std::time::Duration;

use inventory::MacAddr;
use process::{Command, ExecuteError};

/// ovs-vswitchd answers from memory.
const TIMEOUT: Duration = Duration::from_secs(2);

/// An entry of a bridge's forwarding database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FdbEntry {
    /// OpenFlow number of the port behind which the MAC is.
    pub ofport: Option<i64>,
    /// Its VLAN; 0: untagged.
    pub vlan: u16,
    /// The MAC.
    pub mac: MacAddr,
    /// Set by hand or by a program, not learned.
    pub fixed: bool,
    /// Time since the last frame from the MAC.
    pub age: Option<Duration>,
}

/// Reads the forwarding database of a bridge (ovs-vswitchd(8), `fdb/show`).
///
/// # Errors
/// ovs-vswitchd does not answer, or has no such bridge.
pub async fn forwarding_database(bridge: &str) -> Result<Vec<FdbEntry>, ExecuteError> {
    let seconds = TIMEOUT.as_secs().to_string();
    let command = Command::new("ovs-appctl", TIMEOUT * 2).args(["-T", &seconds, "fdb/show", bridge]);
    Ok(parse(&command.execute().await?.text()))
}

/// A line is ` port  VLAN  MAC                Age`.
fn parse(text: &str) -> Vec<FdbEntry> {
    text.lines().skip(1).filter_map(entry).collect()
}

fn entry(line: &str) -> Option<FdbEntry> {
    let mut words = line.split_ascii_whitespace();
    let (port, vlan, mac, age) = (words.next()?, words.next()?, words.next()?, words.next()?);
    // OFPP_LOCAL
    let ofport = if port == "LOCAL" { Some(65534) } else { port.parse().ok() };
    Some(FdbEntry {
        ofport,
        vlan: vlan.parse().ok()?,
        mac: mac.parse().ok()?,
        fixed: age == "static",
        age: age.parse().ok().map(Duration::from_secs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_an_entry() {
        let text = " port  VLAN  MAC                Age\nLOCAL     0  02:42:0a:63:00:0b    1\n    2    71  02:42:0a:47:01:02    0\n    3    72  02:42:0a:47:01:03  static\n";
        let entries = parse(text);
        assert_eq!(
            entries.iter().map(|entry| entry.ofport).collect::<Vec<_>>(),
            [Some(65534), Some(2), Some(3)]
        );
        assert_eq!((entries[1].vlan, entries[1].mac.to_string().as_str()), (71, "02:42:0a:47:01:02"));
        assert_eq!(entries.iter().map(|entry| entry.fixed).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(parse("ovs-vswitchd: no such bridge\n"), []);
        assert_eq!(parse(" port  VLAN  MAC                Age\n? x\n\n"), []);
    }
}
