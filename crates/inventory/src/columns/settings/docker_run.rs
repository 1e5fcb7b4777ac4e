//! Equivalents of the options of `docker run`. Administrators know these names, so an unknown item is looked up in
//! this table. The message names the equivalent item, column or command.

use Answer::{Column, Command, Json, Key, Never};

/// Equivalent of an option.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// An item, with an example of it.
    Key(&'static str),
    /// Another column, by its attribute.
    Column(&'static str),
    /// A command of xdock.
    Command(&'static str),
    /// Docker's own JSON.
    Json(&'static str),
    /// No equivalent, with the reason.
    Never(&'static str),
}

const WINDOWS: &str = "it is for Windows";
const CLIENT: &str = "it only concerns docker's own client";
const REMOVED: &str = "newer kernels and engines no longer have it";

/// Every option of docker 28.2 (`docker run --help`, recorded in tests/data), in its order.
const OPTIONS: [(&str, Answer); 104] = [
    ("add-host", Key("extrahost=db:10.99.2.1")),
    ("annotation", Json(r#"{"HostConfig":{"Annotations":{"a":"b"}}}"#)),
    ("attach", Command("xdock cons NODE")),
    ("blkio-weight", Json(r#"{"HostConfig":{"BlkioWeight":500}}"#)),
    (
        "blkio-weight-device",
        Json(r#"{"HostConfig":{"BlkioWeightDevice":[{"Path":"/dev/sda","Weight":500}]}}"#),
    ),
    ("cap-add", Key("capadd=NET_ADMIN")),
    ("cap-drop", Key("capdrop=MKNOD")),
    ("cgroup-parent", Key("cgroupparent=/batch")),
    ("cgroupns", Key("cgroupns=host")),
    ("cidfile", Never("xdock ls NODE --json has the container's ID")),
    ("cpu-count", Never(WINDOWS)),
    ("cpu-percent", Never(WINDOWS)),
    ("cpu-period", Json(r#"{"HostConfig":{"CpuPeriod":100000}}"#)),
    ("cpu-quota", Json(r#"{"HostConfig":{"CpuQuota":50000}}"#)),
    ("cpu-rt-period", Json(r#"{"HostConfig":{"CpuRealtimePeriod":1000000}}"#)),
    ("cpu-rt-runtime", Json(r#"{"HostConfig":{"CpuRealtimeRuntime":950000}}"#)),
    ("cpu-shares", Key("cpushares=512")),
    ("cpus", Column("vmcpus=1.5")),
    ("cpuset-cpus", Column("vmcpus=0-1")),
    ("cpuset-mems", Json(r#"{"HostConfig":{"CpusetMems":"0"}}"#)),
    ("detach", Command("xdock mk NODE --start")),
    ("detach-keys", Never("Ctrl-] always leaves xdock cons")),
    ("device", Key("device=/dev/fuse")),
    ("device-cgroup-rule", Json(r#"{"HostConfig":{"DeviceCgroupRules":["c 10:229 rwm"]}}"#)),
    (
        "device-read-bps",
        Json(r#"{"HostConfig":{"BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1048576}]}}"#),
    ),
    ("device-read-iops", Json(r#"{"HostConfig":{"BlkioDeviceReadIOps":[{"Path":"/dev/sda","Rate":100}]}}"#)),
    (
        "device-write-bps",
        Json(r#"{"HostConfig":{"BlkioDeviceWriteBps":[{"Path":"/dev/sda","Rate":1048576}]}}"#),
    ),
    (
        "device-write-iops",
        Json(r#"{"HostConfig":{"BlkioDeviceWriteIOps":[{"Path":"/dev/sda","Rate":100}]}}"#),
    ),
    ("disable-content-trust", Never(CLIENT)),
    ("dns", Key("dns=10.99.0.1")),
    ("dns-option", Key("dnsoption=ndots:2")),
    ("dns-search", Key("dnssearch=lab.test")),
    ("domainname", Key("domain=lab.test")),
    ("entrypoint", Key("entrypoint=/bin/sh")),
    ("env", Key("env=A=1")),
    ("env-file", Never("xdock does not read such files: write env=NAME=VALUE for each line")),
    ("expose", Key("expose=80/tcp")),
    ("gpus", Key("gpus=all")),
    ("group-add", Key("groupadd=audio")),
    ("health-cmd", Key("health='test -e /ok'")),
    ("health-interval", Key("healthinterval=30s")),
    ("health-retries", Key("healthretries=3")),
    ("health-start-interval", Key("healthstartinterval=1s")),
    ("health-start-period", Key("healthstart=1m")),
    ("health-timeout", Key("healthtimeout=5s")),
    ("help", Command("xdock def --help")),
    ("hostname", Key("hostname=web")),
    ("init", Key("init=yes")),
    ("interactive", Json(r#"{"OpenStdin":true}"#)),
    ("io-maxbandwidth", Never(WINDOWS)),
    ("io-maxiops", Never(WINDOWS)),
    ("ip", Column("ip=10.99.1.1")),
    ("ip6", Column("nicips.eth0=fd00::1")),
    ("ipc", Key("ipc=host")),
    ("isolation", Never(WINDOWS)),
    ("kernel-memory", Never(REMOVED)),
    ("label", Key("label=role=db")),
    ("label-file", Never("xdock does not read such files: write label=NAME=VALUE for each line")),
    ("link", Key("link=host2c1:db")),
    ("link-local-ip", Never("a container has the addresses of the tables only")),
    ("log-driver", Key("logdriver=local")),
    ("log-opt", Key("logopt=max-size=10m")),
    ("mac-address", Column("mac=02:42:0a:63:01:01")),
    ("memory", Column("vmmemory=512")),
    ("memory-reservation", Key("memoryreservation=256m")),
    ("memory-swap", Key("swap=64m")),
    ("memory-swappiness", Json(r#"{"HostConfig":{"MemorySwappiness":10}}"#)),
    ("mount", Column("vmstorage=data:/data")),
    ("name", Never("a container is named like its node")),
    ("network", Column("vmnics=mynet0")),
    ("network-alias", Key("link=host2c1:db")),
    ("no-healthcheck", Key("health=none")),
    ("oom-kill-disable", Json(r#"{"HostConfig":{"OomKillDisable":true}}"#)),
    ("oom-score-adj", Key("oomscoreadj=-500")),
    ("pid", Key("pid=host")),
    ("pids-limit", Key("pids=100")),
    ("platform", Never("name an image of the host's platform in provmethod")),
    ("privileged", Key("privileged=yes")),
    ("publish", Key("port=8000-8010:8000-8010")),
    ("publish-all", Never("ports that the engine chooses are not in the tables: write port=HOSTPORT:PORT")),
    ("pull", Never("xdock mk pulls an image that the host does not have")),
    ("quiet", Never(CLIENT)),
    ("read-only", Key("readonly=yes")),
    ("restart", Key("restart=always")),
    ("rm", Never("a node keeps its container until xdock rm NODE")),
    ("runtime", Key("runtime=runc")),
    ("security-opt", Key("securityopt=no-new-privileges")),
    ("shm-size", Key("shm=64m")),
    ("sig-proxy", Never(CLIENT)),
    ("stop-signal", Key("stopsignal=SIGINT")),
    ("stop-timeout", Key("stoptimeout=30")),
    ("storage-opt", Json(r#"{"HostConfig":{"StorageOpt":{"size":"10G"}}}"#)),
    ("sysctl", Key("sysctl=net.core.somaxconn=1024")),
    ("tmpfs", Key("tmpfs=/run:size=64m,mode=1777")),
    ("tty", Key("tty=yes")),
    ("ulimit", Key("ulimit=nofile=1024:2048")),
    (
        "use-api-socket",
        Never("it gives the container root on its host; mount the socket in vmstorage if you want that"),
    ),
    ("user", Key("user=nobody")),
    ("userns", Key("userns=host")),
    ("uts", Never("a node has a host name of its own: write hostname=NAME")),
    ("volume", Column("vmstorage=data:/data:ro")),
    ("volume-driver", Json(r#"{"HostConfig":{"VolumeDriver":"local"}}"#)),
    ("volumes-from", Never("name the volumes in vmstorage of both nodes")),
    ("workdir", Key("workdir=/srv")),
];

/// Short options such as `-w`, and other spellings of options.
const OTHERS: [(&str, &str); 21] = [
    ("a", "attach"),
    ("c", "cpu-shares"),
    ("d", "detach"),
    ("e", "env"),
    ("h", "hostname"),
    ("i", "interactive"),
    ("l", "label"),
    ("m", "memory"),
    ("p", "publish"),
    ("P", "publish-all"),
    ("q", "quiet"),
    ("t", "tty"),
    ("u", "user"),
    ("v", "volume"),
    ("w", "workdir"),
    ("net", "network"),
    ("net-alias", "network-alias"),
    ("ports", "publish"),
    ("volumes", "volume"),
    ("readonlyrootfs", "read-only"),
    ("dns-opt", "dns-option"),
];

/// Replacement for an unknown key; `None`: `docker run` does not have it either.
pub(super) fn hint(key: &str, value: Option<&str>) -> Option<String> {
    if super::is_key(key) {
        return value.is_none().then(|| format!("it has no value: {key}=VALUE"));
    }
    let name = key.trim_start_matches('-').replace('_', "-");
    let name = OTHERS.iter().find(|(other, _)| *other == name).map_or(name.as_str(), |(_, name)| name);
    let name = name.to_ascii_lowercase();
    let squeezed = name.replace('-', "");
    let is_meant = |option: &str| option == name || option.replace('-', "") == squeezed;
    let (option, answer) = OPTIONS.iter().find(|(option, _)| is_meant(option))?;
    Some(match answer {
        Key(example) => format!("docker run --{option} is the item {example}"),
        Column(attribute) => format!("docker run --{option} is the attribute {attribute}"),
        Command(command) => format!("docker run --{option} is not a setting of a node: see {command}"),
        Json(json) => format!("docker run --{option} has no item: write docker='{json}'"),
        Never(why) => format!("docker run --{option} does not apply to nodes: {why}"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::container::Settings;

    /// `docker run --help` of docker 28.2.2.
    const HELP: &str = include_str!("../../../tests/data/docker-run-help.txt");

    /// The long options and the letters of a help text.
    fn options() -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
        let is_option = |line: &&str| line.trim_start().starts_with('-') && !line.starts_with("       ");
        let lines = HELP.lines().filter(is_option).map(str::trim_start);
        let (mut long, mut short) = (BTreeSet::new(), BTreeSet::new());
        for line in lines {
            for word in line.split([' ', ',']).filter(|word| word.starts_with('-')).take(2) {
                match word.strip_prefix("--") {
                    Some(name) => drop(long.insert(name)),
                    None => short.extend(word.strip_prefix('-').filter(|name| name.len() == 1)),
                }
            }
        }
        (long, short)
    }

    #[test]
    fn every_option_of_docker_run_has_an_answer() {
        let (long, short) = options();
        assert_eq!((long.len(), short.len()), (OPTIONS.len(), 15));
        let known: BTreeSet<&str> = OPTIONS.iter().map(|(option, _)| *option).collect();
        assert_eq!(known, long);
        let letters: BTreeSet<&str> =
            OTHERS.iter().map(|(letter, _)| *letter).filter(|key| key.len() == 1).collect();
        assert_eq!(letters, short);
        assert!(OTHERS.iter().all(|(_, option)| known.contains(option)));
    }

    /// No option is swallowed: each is an item that sets something, or its message says what to write.
    #[test]
    fn every_answer_works_and_no_option_is_passed_over() {
        for (option, answer) in OPTIONS {
            let spoken = format!("--{option}=x");
            match answer {
                Key(example) => assert_ne!(example.parse(), Ok(Settings::default()), "{option}: {example}"),
                Json(json) => {
                    let settings: Settings = format!("docker={json}").parse().unwrap();
                    assert_eq!(settings.docker, serde_json::from_str(json).unwrap(), "{option}");
                }
                Column(_) | Command(_) | Never(_) => {}
            }
            let refused = spoken.parse::<Settings>().unwrap_err();
            assert!(refused.contains(&format!("docker run --{option} ")), "{refused}");
            let plain = format!("{option}=x").parse::<Settings>();
            let is_item = super::super::is_key(option);
            assert!(
                is_item || plain.is_err_and(|message| message.contains(&format!("--{option} "))),
                "{option}"
            );
        }
        for (letter, option) in OTHERS {
            let refused = format!("-{letter}=x").parse::<Settings>().unwrap_err();
            assert!(refused.contains(&format!("docker run --{option} ")), "{refused}");
        }
    }

    /// The reference that users read.
    const TABLES: &str = include_str!("../../../../../docs/tables.md");

    /// The code spans of a cell of Markdown.
    fn spans(cell: &str) -> Vec<&str> {
        cell.split('`').skip(1).step_by(2).collect()
    }

    #[test]
    fn every_item_is_documented_with_examples_that_work() {
        let table = TABLES.lines().skip_while(|line| !line.starts_with("| item |")).skip(2);
        let rows: Vec<Vec<&str>> =
            table.take_while(|line| line.starts_with('|')).map(|line| line.split('|').collect()).collect();
        let mut documented = BTreeSet::new();
        for row in &rows {
            let [_, items, _, options, examples, _] = row.as_slice() else { panic!("{row:?}") };
            documented.extend(spans(items));
            for example in spans(examples) {
                assert_ne!(example.parse(), Ok(Settings::default()), "{example}");
            }
            let is_option =
                |word: &&str| OPTIONS.iter().any(|(option, _)| word.strip_prefix("--") == Some(option));
            let words: Vec<&str> = spans(options).into_iter().flat_map(str::split_whitespace).collect();
            assert!(words.iter().all(is_option), "{words:?}");
        }
        let known: BTreeSet<&str> = super::super::KEYS.into_iter().chain(["docker"]).collect();
        assert_eq!(documented, known);
    }

    #[test]
    fn the_message_says_what_to_write() {
        for (text, message) in [
            ("add-host=a:1.2.3.4", "docker run --add-host is the item extrahost=db:10.99.2.1"),
            ("readOnly=true", "docker run --read-only is the item readonly=yes"),
            ("log_driver=x", "docker run --log-driver is the item logdriver=local"),
            ("cpus=2", "docker run --cpus is the attribute vmcpus=1.5"),
            ("-v=/a:/b", "docker run --volume is the attribute vmstorage=data:/data:ro"),
            (
                "rm=yes",
                "docker run --rm does not apply to nodes: a node keeps its container until xdock rm NODE",
            ),
            (
                "cpu-quota=1",
                "docker run --cpu-quota has no item: write docker='{\"HostConfig\":{\"CpuQuota\":50000}}'",
            ),
            ("init", "it has no value: init=VALUE"),
            ("dnssearch=lab.test,tty", "it has no value: tty=VALUE"),
        ] {
            let error = text.parse::<Settings>().unwrap_err();
            assert!(error.ends_with(message), "{error}\n{message}");
        }
    }
}
