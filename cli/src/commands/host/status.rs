//! `host status`: the state of each host, one per line. Engine, netd and disk are queried in parallel, so that a host
//! that is down costs one timeout.

use std::time::Duration;

use process::ExecuteError;
use serde_json::{Map, Value, json};

use super::Chosen;
use crate::app::App;
use crate::engine::{About, Address, EngineError, SessionError};
use crate::enroll::{self, Ledger, Standing};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Group, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::plan;
use crate::targets;
use chain::chain;

/// Timeout of a program on the host, without the connection.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(chosen: &Chosen, app: &mut App) -> Result<Done, CommandError> {
    let targets = targets::groups(&chosen.locations(), &chosen.hosts, app, &chosen.inventory)?;
    let ledger = app.settings.ledger()?.clone();
    let work = |group: Group, replies: Replies| {
        let ledger = &ledger;
        async move {
            let outcome = Report::of(&group.host, ledger).await.outcome();
            replies.end_all(&group.members, &outcome);
        }
    };
    let failed = fleet::run(targets, &chosen.hosts, Sequence::Noderange, &mut app.printer, work).await;
    Ok(Done::of(failed))
}

/// State of a host: each part, or the reason why it is unknown.
#[derive(Debug)]
struct Report {
    engine: Result<About, String>,
    way: Way,
    netd: Result<Netd, String>,
    disk: Result<Disk, String>,
    /// Problems of its containers and networks.
    containers: Result<Vec<String>, String>,
}

/// Transport of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Unix,
    Ssh,
    /// Remaining days of its certificate, if we issued it.
    Tls(Option<i64>),
}

/// State that netd reports.
#[derive(Debug, Default, PartialEq, Eq)]
struct Netd {
    snapshot: Option<u64>,
    endpoints: usize,
    problems: Vec<String>,
}

/// In bytes.
#[derive(Debug, PartialEq, Eq)]
struct Disk {
    root: String,
    used: u64,
    free: u64,
}

impl Report {
    async fn of(host: &Host, ledger: &Ledger) -> Self {
        let way = match (&host.address, ledger.standing(host.name.as_str())) {
            (Address::Unix(_), _) => Way::Unix,
            (Address::Ssh { .. }, _) => Way::Ssh,
            (Address::Tcp { .. }, Standing::Enrolled(issued)) => {
                Way::Tls(Some(enroll::days_left(issued, enroll::now())))
            }
            (Address::Tcp { .. }, _) => Way::Tls(None),
        };
        let engine_and_disk = async {
            let engine = host.engine.about().await;
            let disk = match &engine {
                Ok(about) => disk(host, &about.root).await,
                Err(_) => Err(String::new()),
            };
            // a dead engine costs one timeout
            let containers = match &engine {
                Ok(_) => containers(host).await.map_err(|error| chain(&error)),
                Err(_) => Ok(Vec::new()),
            };
            (engine.map_err(|error: EngineError| chain(&error)), disk, containers)
        };
        let ((engine, disk, containers), netd) = tokio::join!(engine_and_disk, netd(host));
        Self { engine, way, netd, disk, containers }
    }

    fn outcome(&self) -> Outcome {
        let mut texts = Vec::new();
        let mut good = true;
        match &self.engine {
            Ok(about) => texts.push(format!("engine {}, API {}", about.version, about.api)),
            // the other parts fail for the same reason
            Err(error) => return Outcome::Failed(error.clone(), None),
        }
        texts.push(match self.way {
            Way::Unix => "unix".to_owned(),
            Way::Ssh => "ssh".to_owned(),
            Way::Tls(Some(days)) => format!("tls {days} days"),
            Way::Tls(None) => "tls".to_owned(),
        });
        let both = self.unreached();
        match &self.netd {
            _ if both.is_some() => {}
            Ok(netd) => {
                let version = netd.snapshot.map_or("no snapshot".to_owned(), |v| format!("snapshot {v}"));
                texts.push(version);
                good &= netd.problems.is_empty();
                texts.push(match netd.problems.as_slice() {
                    [] => "netd ok".to_owned(),
                    problems => format!("netd: {}", problems.join("; ")),
                });
            }
            Err(error) => {
                good = false;
                texts.push(format!("netd does not answer: {error}"));
            }
        }
        if let Some(error) = both {
            good = false;
            texts.push(format!("netd and disk unknown: {error}"));
        }
        match &self.disk {
            _ if both.is_some() => {}
            Ok(Disk { root, used, free }) => {
                texts.push(format!("disk {} of {} ({root})", size(*used), size(used + free)));
            }
            Err(error) => {
                good = false;
                texts.push(format!("disk unknown: {error}"));
            }
        }
        match self.containers.as_deref() {
            Ok([]) => {}
            Ok(problems) => {
                good = false;
                texts.push(format!("containers: {}", problems.join("; ")));
            }
            Err(error) => {
                good = false;
                texts.push(format!("containers unknown: {error}"));
            }
        }
        let text = texts.join(", ");
        if good { Outcome::Status(text, self.fields()) } else { Outcome::Failed(text, None) }
    }

    /// Common reason why netd and disk are unknown.
    fn unreached(&self) -> Option<&String> {
        match (&self.netd, &self.disk) {
            (Err(netd), Err(disk)) if netd == disk => Some(netd),
            _ => None,
        }
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        if let Ok(about) = &self.engine {
            fields.insert("engine".into(), json!(about.version));
            fields.insert("api".into(), json!(about.api));
        }
        let (way, days) = match self.way {
            Way::Unix => ("unix", None),
            Way::Ssh => ("ssh", None),
            Way::Tls(days) => ("tls", days),
        };
        fields.insert("way".into(), json!(way));
        fields.extend(days.map(|days| ("days".to_owned(), json!(days))));
        if let Ok(netd) = &self.netd {
            fields.insert("snapshot".into(), json!(netd.snapshot));
            fields.insert("endpoints".into(), json!(netd.endpoints));
            fields.insert("problems".into(), json!(netd.problems));
        }
        if let Ok(Disk { root, used, free }) = &self.disk {
            fields.insert("disk".into(), json!({ "root": root, "used": used, "free": free }));
        }
        fields
    }
}

async fn containers(host: &Host) -> Result<Vec<String>, EngineError> {
    let (listed, networks) = tokio::try_join!(host.engine.containers(), host.engine.networks())?;
    Ok(plan::survey(&listed, &networks))
}

async fn netd(host: &Host) -> Result<Netd, String> {
    let ran = host.programs.netd(&["status", "--json"], Vec::new(), PROGRAM_TIMEOUT).await;
    let text = ran.map_err(|error| why(&error))?.text();
    understand(&text).ok_or_else(|| "unknown output of xdockhost netd: it is from another release".to_owned())
}

fn understand(text: &str) -> Option<Netd> {
    let status: Value = serde_json::from_str(text).ok()?;
    let problems = status.get("problems")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned);
    Some(Netd {
        snapshot: status.pointer("/snapshot/version").and_then(Value::as_u64),
        endpoints: status.get("endpoints").and_then(Value::as_array).map_or(0, Vec::len),
        problems: problems.collect(),
    })
}

async fn disk(host: &Host, root: &str) -> Result<Disk, String> {
    let words = ["df", "-B1", "--output=used,avail", root];
    let ran = host.programs.run(&words, Vec::new(), PROGRAM_TIMEOUT).await;
    let text = ran.map_err(|error| why(&error))?.text();
    let mut numbers = text.lines().last().unwrap_or_default().split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(used)), Some(Ok(free))) => Ok(Disk { root: root.to_owned(), used, free }),
        _ => Err(format!("df says {text:?}")),
    }
}

/// Error output of the program, without its arguments.
fn why(error: &SessionError) -> String {
    match error {
        SessionError::Run(ExecuteError::Status { stderr, .. }) if !stderr.trim().is_empty() => {
            stderr.trim().replace('\n', "; ")
        }
        other => chain(other),
    }
}

/// With one decimal, like `df -h`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let mut size = bytes as f64;
    let mut unit = UNITS.iter();
    let mut name = unit.next();
    while size >= 1024.0
        && let Some(next) = unit.next()
    {
        size /= 1024.0;
        name = Some(next);
    }
    format!("{size:.1}{}", name.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let about = About { version: "20.10.24".into(), api: "1.41".into(), root: "/var/lib/docker".into() };
        let disk = Disk { root: about.root.clone(), used: 3 << 29, free: 5 << 29 };
        let netd = Netd { snapshot: Some(17), endpoints: 2, problems: vec![] };
        Report {
            engine: Ok(about),
            way: Way::Tls(Some(397)),
            netd: Ok(netd),
            disk: Ok(disk),
            containers: Ok(vec![]),
        }
    }

    #[test]
    fn a_line_says_how_a_host_is() {
        let line = "engine 20.10.24, API 1.41, tls 397 days, snapshot 17, netd ok, disk 1.5G of 4.0G (/var/lib/docker)";
        let Outcome::Status(text, fields) = report().outcome() else { panic!() };
        assert_eq!(text, line);
        let json = r#"{"api":"1.41","days":397,"disk":{"free":2684354560,"root":"/var/lib/docker","used":1610612736},"endpoints":2,"engine":"20.10.24","problems":[],"snapshot":17,"way":"tls"}"#;
        assert_eq!(Value::Object(fields).to_string(), json);
        let ssh = Report { way: Way::Ssh, ..report() }.outcome();
        let Outcome::Status(text, _) = ssh else { panic!() };
        assert_eq!(text, line.replace("tls 397 days", "ssh"));
    }

    #[test]
    fn what_is_wrong_makes_a_failure_and_hides_nothing_else() {
        let netd = understand(r#"{"problems":["port xc1 has no record"],"endpoints":[],"snapshot":null}"#);
        let sick = Report { netd: Ok(netd.unwrap()), disk: Err("no df".into()), ..report() };
        let told = "engine 20.10.24, API 1.41, tls 397 days, no snapshot, netd: port xc1 has no record, disk unknown: no df";
        assert_eq!(sick.outcome(), Outcome::Failed(told.into(), None));
        let problems = vec!["d1: network mynet0 was removed".to_owned(), "d2: x".to_owned()];
        let Outcome::Failed(told, _) = (Report { containers: Ok(problems), ..report() }).outcome() else {
            panic!()
        };
        assert!(told.ends_with(", containers: d1: network mynet0 was removed; d2: x"), "{told}");
        let ssh = || "no ssh connection to root@host1: no route to it; is it up?".to_owned();
        let cut_off = Report { netd: Err(ssh()), disk: Err(ssh()), ..report() };
        let told = "engine 20.10.24, API 1.41, tls 397 days, netd and disk unknown: no ssh connection to root@host1: no route to it; is it up?";
        assert_eq!(cut_off.outcome(), Outcome::Failed(told.into(), None));
        let dead = Report { engine: Err("cannot reach".into()), disk: Err(String::new()), ..report() };
        assert_eq!(dead.outcome(), Outcome::Failed("cannot reach".into(), None));
    }
}
