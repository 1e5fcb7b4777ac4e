//! Settings of a container in `vm.othersettings`.

use std::net::IpAddr;

use serde::Serialize;

use super::Link;
use super::ports::{ExposedPorts, PublishedPorts};

/// `vm.othersettings`: `key=value` items, and Docker's JSON for everything else.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Settings {
    /// `port=[IP:]HOSTPORT:PORT[/PROTO]` items.
    pub ports: Vec<PublishedPorts>,
    /// `expose=PORT[-PORT][/PROTO]` items.
    pub expose: Vec<ExposedPorts>,
    /// `link=NODE[:ALIAS]` items.
    pub links: Vec<Link>,
    /// `restart=`: no, always, unless-stopped, `on-failure[:N]`.
    pub restart: Option<String>,
    /// `env=NAME=VALUE` items.
    pub env: Vec<String>,
    /// `entrypoint=WORDS`, in the form of a command.
    pub entrypoint: Option<Vec<String>>,
    /// `user=NAME[:GROUP]`.
    pub user: Option<String>,
    /// `workdir=PATH`, absolute.
    pub workdir: Option<String>,
    /// `hostname=`; `None`: the node's name.
    pub hostname: Option<String>,
    /// `extrahost=NAME:ADDRESS` items: lines of /etc/hosts.
    pub extra_hosts: Vec<ExtraHost>,
    /// `init=yes`: the engine's init is PID 1, forwards signals and reaps processes.
    pub init: Option<bool>,
    /// `tty=yes`: a terminal, with standard input open.
    pub tty: Option<bool>,
    /// `domain=`.
    pub domain: Option<String>,
    /// `dns=ADDRESS` items.
    pub dns: Vec<IpAddr>,
    /// `dnssearch=DOMAIN` items.
    pub dns_search: Vec<String>,
    /// `dnsoption=OPTION` items (resolv.conf(5)).
    pub dns_options: Vec<String>,
    /// `antispoof=no`: netd does not filter what the container sends.
    pub antispoof: Option<bool>,
    /// `extraaddress=ADDRESS` items: addresses that the container may use beside its own.
    pub extra_addresses: Vec<IpAddr>,
    /// `label=NAME=VALUE` items.
    pub labels: Vec<(String, String)>,
    /// `swap=AMOUNT|unlimited`, beside `vm.memory`.
    pub swap: Option<Swap>,
    /// `pids=NUMBER`: maximum number of processes and threads.
    pub pids: Option<u32>,
    /// `ulimit=NAME=SOFT[:HARD]` items.
    pub ulimits: Vec<Ulimit>,
    /// `shm=AMOUNT`: size of /dev/shm in bytes.
    pub shm: Option<u64>,
    /// `device=PATH[:PATH][:rwm]` items.
    pub devices: Vec<Device>,
    /// `tmpfs=PATH[:OPTIONS]` items.
    pub tmpfs: Vec<Tmpfs>,
    /// `readonly=yes`: the root file system is mounted read-only.
    pub read_only: Option<bool>,
    /// `sysctl=NAME=VALUE` items.
    pub sysctls: Vec<(String, String)>,
    /// `memoryreservation=AMOUNT`: soft limit in bytes.
    pub memory_reservation: Option<u64>,
    /// `cpushares=NUMBER`: relative weight, 2 to 262144.
    pub cpu_shares: Option<u32>,
    /// `oomscoreadj=NUMBER`, -1000 to 1000 (proc(5)).
    pub oom_score_adj: Option<i16>,
    /// `logdriver=NAME`; `None`: the engine's default.
    pub log_driver: Option<String>,
    /// `logopt=NAME=VALUE` items.
    pub log_options: Vec<(String, String)>,
    /// `securityopt=OPTION` items, in the API's form.
    pub security_options: Vec<String>,
    /// `groupadd=GROUP` items: supplementary groups.
    pub groups: Vec<String>,
    /// `cgroupparent=PATH`, or the name of a systemd slice.
    pub cgroup_parent: Option<String>,
    /// `ipc=private|shareable|host|none`.
    pub ipc: Option<String>,
    /// `pid=host`: the container sees the host's processes.
    pub pid: Option<String>,
    /// `userns=host`: no mapping of user IDs, where the engine maps them.
    pub userns: Option<String>,
    /// `cgroupns=private|host`.
    pub cgroupns: Option<String>,
    /// `runtime=NAME`: another OCI runtime of the engine.
    pub runtime: Option<String>,
    /// `gpus=all|NUMBER|device=ID,ID`.
    pub gpus: Option<Gpus>,
    /// `capadd=NAME` items (capabilities(7) without `CAP_`, or ALL).
    pub cap_add: Vec<String>,
    /// `capdrop=NAME` items.
    pub cap_drop: Vec<String>,
    /// `privileged=yes`.
    pub privileged: Option<bool>,
    /// `stopsignal=`: SIGTERM, or a number.
    pub stop_signal: Option<String>,
    /// `stoptimeout=SECONDS` between the stop signal and SIGKILL.
    pub stop_timeout: Option<u32>,
    /// `health=` and related items.
    pub health: Option<Health>,
    /// Docker's JSON for POST /containers/create. Other columns and items override it.
    pub docker: serde_json::Map<String, serde_json::Value>,
}

/// A line of the container's /etc/hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
}

/// A file system in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tmpfs {
    /// Absolute path in the container.
    pub path: String,
    /// Mount options (tmpfs(5)), separated by commas; may be empty.
    pub options: String,
}

/// Swap of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Swap {
    /// Bytes in addition to its memory; 0: no swap.
    Bytes(u64),
    /// All swap of the host.
    Unlimited,
}

/// A limit of getrlimit(2); `None`: unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// Name in lower case without `RLIMIT_`: `nofile`.
    pub name: String,
    /// Soft limit.
    pub soft: Option<u32>,
    /// Hard limit.
    pub hard: Option<u32>,
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Path on the host.
    pub host: String,
    /// Path in the container.
    pub container: String,
    /// Permissions: any of `rwm` (read, write, mknod).
    pub permissions: String,
}

/// GPUs, as in `docker run --gpus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Gpus {
    /// All GPUs of the host.
    All,
    /// Number of GPUs.
    Count(u32),
    /// Indexes or UUIDs of GPUs.
    Devices(Vec<String>),
}

/// Health check of a container. Durations in nanoseconds; `None`: the image's value, else Docker's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `health=`: shell command with exit status 0 if the container is healthy; `none`: no check; `None`: the image's check.
    pub test: Option<String>,
    /// `healthinterval=`.
    pub interval: Option<u64>,
    /// `healthtimeout=`.
    pub timeout: Option<u64>,
    /// `healthstart=`: start period in which failures do not count.
    pub start: Option<u64>,
    /// `healthstartinterval=`: time between checks during `healthstart` (engine 25.0 and later).
    pub start_interval: Option<u64>,
    /// `healthretries=`.
    pub retries: Option<u32>,
}
