//! Converts `vm.othersettings` to fields of POST /containers/create. Missing items are omitted: image or engine
//! decide.

use inventory::{Device, ExtraHost, Gpus, Health, Settings, Swap, Tmpfs, Ulimit};
use serde_json::{Map, Value, json};

/// Settings of the program: fields of the body.
pub(super) fn config(settings: &Settings) -> Map<String, Value> {
    let own = |text: &Option<String>| text.as_deref().map(Value::from);
    fields([
        ("Env", list(&settings.env)),
        ("Entrypoint", settings.entrypoint.as_deref().map(Value::from)),
        ("User", own(&settings.user)),
        ("WorkingDir", own(&settings.workdir)),
        ("Tty", settings.tty.map(Value::from)),
        // a terminal without standard input would be useless
        ("OpenStdin", settings.tty.map(Value::from)),
        ("Domainname", own(&settings.domain)),
        ("StopSignal", own(&settings.stop_signal)),
        ("StopTimeout", settings.stop_timeout.map(Value::from)),
        ("Healthcheck", settings.health.as_ref().map(health)),
    ])
}

/// Settings of the host: fields of `HostConfig`.
pub(super) fn host(settings: &Settings, memory: Option<u64>) -> Map<String, Value> {
    let mut host = limits(settings, memory);
    host.extend(surroundings(settings));
    host
}

/// Environment of the container: names, files, namespaces, log.
fn surroundings(settings: &Settings) -> Map<String, Value> {
    let dns: Vec<String> = settings.dns.iter().map(ToString::to_string).collect();
    let own = |text: &Option<String>| text.as_deref().map(Value::from);
    fields([
        ("Dns", list(&dns)),
        ("DnsSearch", list(&settings.dns_search)),
        ("DnsOptions", list(&settings.dns_options)),
        ("Init", settings.init.map(Value::from)),
        ("Tmpfs", pairs(settings.tmpfs.iter().map(|Tmpfs { path, options }| (path, options)))),
        ("ReadonlyRootfs", settings.read_only.map(Value::from)),
        ("SecurityOpt", list(&settings.security_options)),
        ("GroupAdd", list(&settings.groups)),
        ("IpcMode", own(&settings.ipc)),
        ("PidMode", own(&settings.pid)),
        ("UsernsMode", own(&settings.userns)),
        ("CgroupnsMode", own(&settings.cgroupns)),
        ("CgroupParent", own(&settings.cgroup_parent)),
        ("Runtime", own(&settings.runtime)),
        ("LogConfig", log(settings)),
    ])
}

/// Log driver. The engine accepts options of its default driver with an empty name.
fn log(settings: &Settings) -> Option<Value> {
    let options = pairs(settings.log_options.iter().map(|(name, value)| (name, value)));
    if settings.log_driver.is_none() && options.is_none() {
        return None;
    }
    let driver = settings.log_driver.as_deref().unwrap_or_default();
    Some(json!({ "Type": driver, "Config": options.unwrap_or_else(|| json!({})) }))
}

/// Host name entry in the API's format.
pub(super) fn extra_host(ExtraHost { name, address }: &ExtraHost) -> String {
    format!("{name}:{address}")
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Option<Value> {
    let map: Map<String, Value> = pairs.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    (!map.is_empty()).then(|| map.into())
}

fn limits(settings: &Settings, memory: Option<u64>) -> Map<String, Value> {
    let all = |values: Vec<Value>| if values.is_empty() { None } else { Some(Value::Array(values)) };
    fields([
        ("RestartPolicy", settings.restart.as_deref().map(restart)),
        ("MemorySwap", settings.swap.map(|swap| memory_and(swap, memory))),
        ("PidsLimit", settings.pids.map(Value::from)),
        ("Ulimits", all(settings.ulimits.iter().map(ulimit).collect())),
        ("ShmSize", settings.shm.map(Value::from)),
        ("Devices", all(settings.devices.iter().map(device).collect())),
        ("DeviceRequests", settings.gpus.as_ref().map(|gpus| json!([request(gpus)]))),
        ("CapAdd", list(&settings.cap_add)),
        ("CapDrop", list(&settings.cap_drop)),
        ("Privileged", settings.privileged.map(Value::from)),
        ("MemoryReservation", settings.memory_reservation.map(Value::from)),
        ("CpuShares", settings.cpu_shares.map(Value::from)),
        ("OomScoreAdj", settings.oom_score_adj.map(Value::from)),
        ("Sysctls", pairs(settings.sysctls.iter().map(|(name, value)| (name, value)))),
    ])
}

fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn list(items: &[String]) -> Option<Value> {
    (!items.is_empty()).then(|| items.into())
}

/// `on-failure:3` as Docker's two fields; the inventory has validated it.
fn restart(policy: &str) -> Value {
    let (name, times) = policy.split_once(':').unwrap_or((policy, "0"));
    json!({ "Name": name, "MaximumRetryCount": times.parse::<u32>().unwrap_or(0) })
}

/// Docker expects the sum of memory and swap, or -1 for no limit; the inventory has validated that memory is set.
fn memory_and(swap: Swap, memory: Option<u64>) -> Value {
    match swap {
        Swap::Unlimited => (-1).into(),
        Swap::Bytes(bytes) => memory.unwrap_or_default().saturating_add(bytes).into(),
    }
}

fn ulimit(Ulimit { name, soft, hard }: &Ulimit) -> Value {
    let number = |limit: &Option<u32>| limit.map_or(Value::from(-1), Value::from);
    json!({ "Name": name, "Soft": number(soft), "Hard": number(hard) })
}

fn device(Device { host, container, permissions }: &Device) -> Value {
    json!({ "PathOnHost": host, "PathInContainer": container, "CgroupPermissions": permissions })
}

/// Request of `docker run --gpus` (docker/cli `opts/gpus.go`); the engine chooses the driver.
fn request(gpus: &Gpus) -> Value {
    let capabilities = json!([["gpu"]]);
    match gpus {
        Gpus::All => json!({ "Count": -1, "Capabilities": capabilities }),
        Gpus::Count(count) => json!({ "Count": count, "Capabilities": capabilities }),
        Gpus::Devices(devices) => json!({ "DeviceIDs": devices, "Capabilities": capabilities }),
    }
}

fn health(Health { test, interval, timeout, start, start_interval, retries }: &Health) -> Value {
    let test = test.as_deref().map(|line| match line {
        "none" => json!(["NONE"]),
        line => json!(["CMD-SHELL", line]),
    });
    let fields = fields([
        ("Test", test),
        ("Interval", interval.map(Value::from)),
        ("Timeout", timeout.map(Value::from)),
        ("StartPeriod", start.map(Value::from)),
        ("StartInterval", start_interval.map(Value::from)),
        ("Retries", retries.map(Value::from)),
    ]);
    fields.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_counted_with_memory() {
        assert_eq!(memory_and(Swap::Bytes(0), Some(64)), json!(64));
        assert_eq!(memory_and(Swap::Bytes(36), Some(64)), json!(100));
        assert_eq!(memory_and(Swap::Unlimited, None), json!(-1));
    }

    #[test]
    fn gpus_are_asked_for_as_docker_run_asks() {
        let gpu = json!([["gpu"]]);
        assert_eq!(request(&Gpus::All), json!({"Count": -1, "Capabilities": gpu}));
        assert_eq!(
            request(&Gpus::Devices(vec!["0".into(), "2".into()])),
            json!({"DeviceIDs": ["0", "2"], "Capabilities": gpu})
        );
    }

    #[test]
    fn nobody_is_asked_where_health_is_none() {
        let none = Health { test: Some("none".into()), ..Health::default() };
        assert_eq!(health(&none), json!({"Test": ["NONE"]}));
    }
}
