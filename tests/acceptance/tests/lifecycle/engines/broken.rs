//! A hundred containers on five hosts: two are well, one swallows what it is sent, one refuses, one has another's certificate.

use std::time::{Duration, Instant};

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};

use super::{settings, tls};

/// `--timeout`.
const DEADLINE: Duration = Duration::from_secs(3);
/// Forty containers of two engines on two busy cores.
const WORK: Duration = Duration::from_secs(90);
/// What begins and ends a command.
const REST: Duration = Duration::from_secs(3);

/// Of each host that is not reached: the node whose line has the reason, the nodes that only refer to it, and the reason. Nodes are
/// sorted by name, so `many5` and `many6` of a healthy host come between.
const UNREACHED: [(&str, &str, &[&str], &str); 3] = [
    ("host3", "many41", &["many[42-49]", "many[50-59]", "many60"], SWALLOWS),
    ("host4", "many61", &["many[62-69]", "many[70-79]", "many80"], REFUSES),
    ("host5", "many100", &["many[81-89]", "many[90-99]"], OTHER_NAME),
];

/// The same for `ls`, which sorts numbers in names by value.
const UNREACHED_OF_LS: [(&str, &str, &[&str], &str); 3] = [
    ("host3", "many41", &["many[42-60]"], SWALLOWS),
    ("host4", "many61", &["many[62-80]"], REFUSES),
    ("host5", "many81", &["many[82-100]"], OTHER_NAME),
];

const SWALLOWS: &str = "no connection to host3 at 10.99.0.13:2376 within 3 s";
const REFUSES: &str = "cannot connect to host4 at 10.99.0.14:2376: Connection refused (os error 111)";
const OTHER_NAME: &str = "no TLS session with host5: its certificate is for another name";

pub(super) fn rows(tables: Tables) -> Tables {
    (0..100).fold(tables, |tables, number| {
        let (host, on_it) = (number / 20 + 1, number % 20 + 1);
        let (name, ip) = (format!("many{}", number + 1), format!("10.99.4{host}.{on_it}"));
        tables.container(&name, &format!("host{host}"), &ip, &[("groups", "many")])
    })
}

pub(super) async fn a_hundred_containers_of_five_hosts_of_which_three_are_broken(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let text = "[engines]\nhost3 = \"tcp://host3:2376\"\nhost4 = \"tcp://host4:2376\"\nhost5 = \"tcp://host5:2376\"\n[tls]\ndirectory = \"/root/tls/ca\"\n";
    let path = settings(cluster, "xdock", text).await?;
    let enrolled = tls(cluster, "host host1,host2 enroll").await?;
    same("enrolled", &enrolled.code, &0)?;
    cluster.sh("host3", "ip route replace blackhole 10.99.0.1/32").await?;
    let proxy = "systemd-run -q --unit=wrong systemd-socket-activate -l 2376 /lib/systemd/systemd-socket-proxyd 10.99.0.12:2376";
    cluster.sh("host5", proxy).await?;
    let tried = all(cluster, &path).await;
    cluster.sh("host3", "ip route del blackhole 10.99.0.1/32").await?;
    cluster.sh("host5", "systemctl stop wrong").await?;
    tried
}

async fn all(cluster: &Cluster, settings: &str) -> Result<(), Failure> {
    for (words, answer, work) in [
        ("mk many", "success", WORK),
        ("power many on", "success", WORK),
        ("ls many", "running", Duration::ZERO),
        ("power many state", "running", Duration::ZERO),
        ("power many restart", "success", WORK),
        ("power many off", "success", WORK),
        ("rm many", "success", WORK),
    ] {
        let begun = Instant::now();
        let ran =
            cluster.xdock(&format!("--config {settings} --timeout {} {words}", DEADLINE.as_secs())).await?;
        let took = begun.elapsed();
        eprintln!("  {words}: {} ms", took.as_millis());
        same("exit status", &ran.code, &1)?;
        let good: Vec<&str> = ran.stdout.lines().collect();
        let well = |line: &&&str| line.split_once(": ").is_some_and(|(_, said)| said.starts_with(answer));
        same(words, &(good.len(), good.iter().filter(well).count()), &(40, 40))?;
        let unreached = if words.starts_with("ls ") { UNREACHED_OF_LS } else { UNREACHED };
        for (host, first, others, why) in unreached {
            let lines =
                |wanted: &dyn Fn(&str) -> bool| ran.stderr.lines().filter(|line| wanted(line)).count();
            let message = format!("{first}: Error: cannot reach the engine of {host}: {why}");
            same(&format!("{message} in {}", ran.stderr), &lines(&|line| line.starts_with(&message)), &1)?;
            for nodes in others {
                let others = format!("{nodes}: Error: the same as {first}");
                same(&format!("{others} in {}", ran.stderr), &lines(&|line| line == others), &1)?;
            }
            let all = format!("the same as {first}");
            same(&all, &lines(&|line| line.ends_with(&all)), &others.len())?;
        }
        same(&format!("{words} within its time ({took:?})"), &(took < DEADLINE + work + REST), &true)?;
    }
    Ok(())
}
