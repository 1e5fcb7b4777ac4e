//! What `vm.othersettings` says of a container.

use std::net::IpAddr;

use serde::Serialize;

use super::Link;
use super::ports::{ExposedPorts, PublishedPorts};

/// `vm.othersettings`: `key=value` items, and Docker's own JSON for what has no item.
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
    /// `label=NAME=VALUE` items.
    pub labels: Vec<(String, String)>,
    /// `swap=AMOUNT|unlimited`, beside `vm.memory`.
    pub swap: Option<Swap>,
    /// `pids=NUMBER`: processes and threads at most.
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
    /// `health=` and its companions.
    pub health: Option<Health>,
    /// Docker's JSON for POST /containers/create, merged below what the other columns and items say.
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

/// How much swap a container gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Swap {
    /// So many bytes besides its memory; 0: none.
    Bytes(u64),
    /// What there is.
    Unlimited,
}

/// A limit of getrlimit(2); `None`: unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// Its name as setrlimit has it without `RLIMIT_`, in small letters: `nofile`.
    pub name: String,
    /// What a process gets.
    pub soft: Option<u32>,
    /// To what it may raise it.
    pub hard: Option<u32>,
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Its path on the host.
    pub host: String,
    /// Its path in the container.
    pub container: String,
    /// What may be done with it: of `rwm` (read, write, mknod) some.
    pub permissions: String,
}

/// GPUs, as `docker run --gpus` has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Gpus {
    /// All of the host.
    All,
    /// So many.
    Count(u32),
    /// These, by number or UUID.
    Devices(Vec<String>),
}

/// How a container is asked whether it is well. Durations in nanoseconds; `None`: the image's, else Docker's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `health=`: a line of shell that ends with 0 where it is; `none`: it is not asked; `None`: the image's own.
    pub test: Option<String>,
    /// `healthinterval=`.
    pub interval: Option<u64>,
    /// `healthtimeout=`.
    pub timeout: Option<u64>,
    /// `healthstart=`: failures do not count so long.
    pub start: Option<u64>,
    /// `healthstartinterval=`: time between checks during `healthstart` (engine 25.0 and later).
    pub start_interval: Option<u64>,
    /// `healthretries=`.
    pub retries: Option<u32>,
}
