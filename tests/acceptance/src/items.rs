//! A good sample of the items that `docker run` has options for, as an engine and the kernel show them: tried on every engine that
//! a suite has.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::Failure;
use crate::soundness::same;

/// `vmothersettings` of the container that [`are_in_force`] looks at. All programs of it are in busybox.
pub const SETTINGS: &str = "hostname=web;domain=lab.test;extrahost=ldap:10.99.0.5;dns=10.99.0.1,10.99.0.2;init=yes;readonly=yes;\
    tmpfs=/scratch:size=1m,mode=1777;sysctl=net.core.somaxconn=123,net.ipv4.ip_unprivileged_port_start=7;ulimit=nofile=77:88;\
    logdriver=local;logopt=max-size=1m;securityopt=no-new-privileges;groupadd=65533;ipc=shareable;cgroupns=host;oomscoreadj=500;\
    cpushares=512;memoryreservation=32m;port=8000-8002:9000-9002/udp;expose=7000;capadd=NET_ADMIN,SYS_PTRACE;capdrop=MKNOD;\
    docker={\"HostConfig\":{\"OomKillDisable\":false},\"Labels\":{\"a\":\"b,c\"}}";

/// `vmstorage` of it.
pub const STORAGE: &str = "items:/items:ro,/etc:/mnt/etc:ro,z,rprivate";

/// A line of shell in the container, and what it prints.
const IN_CONTAINER: [(&str, &str); 14] = [
    ("hostname; hostname -f", "web\nweb.lab.test"),
    ("grep ldap /etc/hosts | tr '\\t' ' '", "10.99.0.5 ldap"),
    ("cat /proc/1/comm", "docker-init"),
    ("touch /x 2>&1", "touch: /x: Read-only file system"),
    ("grep -c ' / .*[ (]ro[,)]' /proc/mounts", "1"),
    (
        "touch /scratch/x && grep /scratch /proc/mounts | cut -d' ' -f1,3; stat -c %a /scratch",
        "tmpfs tmpfs\n1777",
    ),
    ("df -k /scratch | tail -1 | tr -s ' ' | cut -d' ' -f2", "1024"),
    ("cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_unprivileged_port_start", "123\n7"),
    ("grep 'open files' /proc/1/limits | tr -s ' ' | cut -d' ' -f4,5", "77 88"),
    ("grep NoNewPrivs /proc/1/status | tr '\\t' ' '", "NoNewPrivs: 1"),
    ("id -G | tr ' ' '\\n' | grep 65533", "65533"),
    ("cat /proc/1/oom_score_adj", "500"),
    (
        "touch /items/x 2>&1; ls /mnt/etc/hostname",
        "touch: /items/x: Read-only file system\n/mnt/etc/hostname",
    ),
    ("printf %x $((0x$(sed -n 's/CapBnd:.//p' /proc/1/status) & 0x8081000))", "81000"),
];

/// What `docker inspect` shows.
fn inspected() -> Vec<(&'static str, Value)> {
    vec![
        ("/Config/Hostname", json!("web")),
        ("/Config/ExposedPorts", json!({"7000/tcp": {}, "9000/udp": {}, "9001/udp": {}, "9002/udp": {}})),
        ("/Config/Labels/a", json!("b,c")),
        ("/HostConfig/PortBindings/9002~1udp", json!([{"HostIp": "", "HostPort": "8002"}])),
        ("/HostConfig/LogConfig", json!({"Type": "local", "Config": {"max-size": "1m"}})),
        ("/HostConfig/Dns", json!(["127.0.0.12", "10.99.0.1", "10.99.0.2"])),
        ("/HostConfig/IpcMode", json!("shareable")),
        ("/HostConfig/CgroupnsMode", json!("host")),
        ("/HostConfig/CpuShares", json!(512)),
        ("/HostConfig/MemoryReservation", json!(32 << 20)),
        ("/HostConfig/Binds", json!(["items:/items:ro", "/etc:/mnt/etc:ro,z,rprivate"])),
    ]
}

/// Makes and starts the container, looks at all of it, compares it again, and removes it.
///
/// # Errors
/// What is not so.
pub async fn are_in_force(cluster: &Cluster, host: &str, node: &str) -> Result<(), Failure> {
    let made = cluster.xdock(&format!("mk {node} --start")).await?;
    let said = (made.code, made.stdout.as_str(), made.stderr.as_str());
    same("mk", &said, &(0, format!("{node}: success\n").as_str(), ""))?;
    let found: Value = serde_json::from_str(&cluster.sh(host, &format!("docker inspect {node}")).await?)?;
    for (pointer, wanted) in inspected() {
        same(pointer, found.pointer(&format!("/0{pointer}")).unwrap_or(&Value::Null), &wanted)?;
    }
    for (line, wanted) in IN_CONTAINER {
        let quoted = format!("'{}'", line.replace('\'', r"'\''"));
        let ran = cluster.run(host, &format!("docker exec {node} sh -c {quoted}")).await?;
        same(line, ran.stdout.trim_end(), wanted)?;
    }
    // its log is read whatever driver keeps it, and nothing differs from the tables
    same("logs", &cluster.xdock(&format!("logs {node}")).await?.code, &0)?;
    let again = cluster.xdock_done(&format!("mk {node} --replace")).await?;
    same("mk --replace", again.as_str(), &format!("{node}: already created\n"))?;
    cluster
        .xdock_done(&format!("def {node} 'vmothersettings=hostname=other;sysctl=net.core.somaxconn=9'"))
        .await?;
    let differs = cluster.xdock(&format!("mk {node}")).await?;
    let fields = [
        "Hostname (web, now other)",
        "HostConfig.Sysctls.net.core.somaxconn (123, now 9)",
        "HostConfig.Tmpfs (",
    ];
    let message = fields.map(|field| differs.stderr.contains(field));
    same(&format!("what differs: {differs:?}"), &(differs.code, message), &(1, [true; 3]))?;
    cluster.write_tables(&cluster.tables).await?;
    cluster.xdock_done(&format!("rm -f --volumes {node}")).await.map(drop)
}
