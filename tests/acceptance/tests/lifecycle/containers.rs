//! Containers are made as the tables say, message as they are, and made anew without loss.

use acceptance::cluster::Ran;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use serde_json::{Value, json};

acceptance::promises![
    every_item_is_in_the_engine_and_in_the_kernel,
    what_the_engine_ignores_is_told,
    one_that_dies_at_once_is_an_error_with_its_last_lines,
    one_that_ends_again_and_again_is_no_success,
    one_that_differs_is_told_with_its_fields_and_replaced_with_its_volumes,
    the_old_one_is_back_when_the_new_one_does_not_stay_up,
    one_that_runs_is_removed_with_force_only,
];

/// What needs no program in the image.
const ITEMS: &str = r#"env="A=1,2; 3";user=65534:65534;workdir=/tmp;tty=yes;domain=lab.test;dns=10.99.0.1;dnssearch=lab.test;dnsoption=ndots:2;label="role=db, main";swap=0;pids=100;ulimit=nofile=1024:2048;shm=16m;device=/dev/null:/dev/mynull:r;capadd=NET_ADMIN;capdrop=MKNOD;stopsignal=SIGKILL;stoptimeout=3;health="test -e /tmp";healthinterval=1s;restart=on-failure:3;port=8080:80;link=full2:db;docker='{"HostConfig":{"Init":true,"Annotations":{"a":"b"}}}'"#;

/// Each promise has rows of its own.
pub(crate) fn rows(tables: Tables) -> Tables {
    let command = |name: &'static str| ("provmethod", name);
    tables
        .container(
            "full1",
            "host1",
            "10.99.1.50",
            &[
                command(r#"busybox!["sh","-c","echo a, b; sleep 1000"]"#),
                ("vmcpus", "0.5"),
                ("vmmemory", "64"),
                ("vmstorage", "full:/full"),
                ("vmothersettings", ITEMS),
            ],
        )
        .container("full2", "host2", "10.99.2.50", &[("vmothersettings", "gpus=all;entrypoint=/bin/sh")])
        .container("dies1", "host1", "10.99.1.51", &[command("busybox!sh,-c,echo boom >&2; exit 3")])
        .container(
            "loops1",
            "host1",
            "10.99.1.52",
            &[command("busybox!sh,-c,exit 3"), ("vmothersettings", "restart=always")],
        )
        .container("anew1", "host1", "10.99.1.53", &[command(ANEW), ("vmstorage", "anew:/named")])
}

const ANEW: &str = "withvolume!sh,-c,trap exit TERM; while :; do sleep 1000 & wait; done";

fn said(ran: &Ran, code: i32, stdout: &str, stderr: &str) -> Result<(), Failure> {
    same(
        "status, output and errors",
        &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        &(code, stdout, stderr),
    )
}

async fn every_item_is_in_the_engine_and_in_the_kernel(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("mk full1,full2").await?;
    cluster.xdock_done("power full1 on").await?;
    let found: Value = serde_json::from_str(&cluster.sh("host1", "docker inspect full1").await?)?;
    for (pointer, wanted) in wanted() {
        same(pointer, found.pointer(&format!("/0{pointer}")).unwrap_or(&Value::Null), &wanted)?;
    }
    let gpus: Value = serde_json::from_str(&cluster.sh("host2", "docker inspect full2").await?)?;
    let at = |pointer: &str| gpus.pointer(pointer).unwrap_or(&Value::Null);
    same("GPUs", at("/0/HostConfig/DeviceRequests/0/Capabilities"), &json!([["gpu"]]))?;
    same("entrypoint", at("/0/Config/Entrypoint"), &json!(["/bin/sh"]))?;
    for (line, wanted) in [
        ("id -u; id -g; pwd; hostname; echo \"$A\"", "65534\n65534\n/tmp\nfull1\n1,2; 3"),
        ("hostname -f", "full1.lab.test"),
        // the engine's own resolver stands before dns=, which inspect shows
        (
            "grep -x -e 'search lab.test' -e 'options ndots:2' /etc/resolv.conf",
            "search lab.test\noptions ndots:2",
        ),
        ("grep 10.99.2.50 /etc/hosts", "10.99.2.50\tdb\n10.99.2.50\tfull2"),
        ("grep 'open files' /proc/1/limits | tr -s ' '", "Max open files 1024 2048 files "),
        ("df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2", "16384"),
        ("test -r /dev/mynull && echo there", "there"),
        ("cat /proc/1/comm", "docker-init"),
        ("mount | grep -c ' on /full '", "1"),
        // NET_ADMIN (bit 12) is there, MKNOD (bit 27) is not: a user's bounding set
        ("printf %x $((0x$(sed -n 's/CapBnd:.//p' /proc/1/status) & 0x8001000))", "1000"),
    ] {
        let said = cluster.sh("host1", &format!("docker exec full1 sh -c {}", quoted(line))).await?;
        same(line, said.trim_end_matches('\n'), wanted.trim_end())?;
    }
    limits(cluster).await?;
    cluster.xdock_done("rm -f full[1-2]").await.map(drop)
}

fn quoted(line: &str) -> String {
    format!("'{}'", line.replace('\'', r"'\''"))
}

/// What inspect shows.
fn wanted() -> Vec<(&'static str, Value)> {
    vec![
        ("/Config/Cmd", json!(["sh", "-c", "echo a, b; sleep 1000"])),
        ("/Config/User", json!("65534:65534")),
        ("/Config/Tty", json!(true)),
        ("/Config/OpenStdin", json!(true)),
        ("/Config/Labels/role", json!("db, main")),
        ("/Config/StopSignal", json!("SIGKILL")),
        ("/Config/StopTimeout", json!(3)),
        ("/Config/Healthcheck/Test", json!(["CMD-SHELL", "test -e /tmp"])),
        ("/Config/Healthcheck/Interval", json!(1_000_000_000)),
        ("/HostConfig/RestartPolicy", json!({"Name": "on-failure", "MaximumRetryCount": 3})),
        ("/HostConfig/NanoCpus", json!(500_000_000)),
        ("/HostConfig/MemorySwap", json!(64 << 20)),
        ("/HostConfig/PortBindings", json!({"80/tcp": [{"HostIp": "", "HostPort": "8080"}]})),
        ("/HostConfig/Dns", json!(["127.0.0.12", "10.99.0.1"])),
        ("/HostConfig/Devices/0/PathInContainer", json!("/dev/mynull")),
        ("/HostConfig/Init", json!(true)),
    ]
}

/// Its cgroup, by either version of the kernel's interface.
async fn limits(cluster: &Cluster) -> Result<(), Failure> {
    for (two, one, wanted) in [
        ("memory.max", "memory/memory.limit_in_bytes", "67108864"),
        ("pids.max", "pids/pids.max", "100"),
        ("cpu.max", "cpu/cpu.cfs_quota_us", "50000"),
    ] {
        let line = format!(
            "docker exec full1 sh -c 'cd /sys/fs/cgroup; cat {two} 2>/dev/null || cat {one}' | cut -d' ' -f1"
        );
        same(two, cluster.sh("host1", &line).await?.trim(), wanted)?;
    }
    Ok(())
}

async fn what_the_engine_ignores_is_told(cluster: &Cluster) -> Result<(), Failure> {
    let ignores = "the engine of host1 ignores HostConfig.Annotations.a (asked for \"b\", has nothing)";
    let message = |status: &str| format!("full1: {ignores}\nfull1: {status}\n");
    said(&cluster.xdock("mk full1").await?, 0, &message("success"), "")?;
    said(&cluster.xdock("mk full1").await?, 0, &message("already created"), "")?;
    // for scripts
    let error = format!("full1: Error: already created, with warnings: {ignores}\n");
    said(&cluster.xdock("mk full1 --strict").await?, 1, "", &error)?;
    let json = cluster.xdock_done("mk full1 --json").await?;
    let last: Value = serde_json::from_str(json.lines().last().unwrap_or_default())?;
    same("JSON", &last, &json!({"node": "full1", "status": "already created", "warnings": [ignores]}))?;
    cluster.xdock_done("rm -f full1").await.map(drop)
}

async fn one_that_dies_at_once_is_an_error_with_its_last_lines(cluster: &Cluster) -> Result<(), Failure> {
    let end = "dies1: Error: it ended immediately: exit status 3; the end of its log:\ndies1:   boom\n\
        hint: xdock logs dies1 shows its whole log\n";
    said(&cluster.xdock("mk dies1 --start").await?, 1, "", end)?;
    // as it was message
    said(&cluster.xdock("logs dies1").await?, 0, "dies1: boom\n", "")?;
    said(&cluster.xdock("power dies1 on").await?, 1, "", end)?;
    said(&cluster.xdock("power dies1 off").await?, 0, "dies1: container already stopped\n", "")?;
    cluster.xdock_done("rm dies1").await.map(drop)
}

async fn one_that_ends_again_and_again_is_no_success(cluster: &Cluster) -> Result<(), Failure> {
    let ran = cluster.xdock("mk loops1 --start").await?;
    let how = "loops1: Error: it ended immediately and Docker restarts it repeatedly (restart=)";
    same("exit status and error", &(ran.code, ran.stderr.starts_with(how)), &(1, true))?;
    cluster.xdock_done("power loops1 off").await?;
    same("state", cluster.xdock_done("power loops1 state").await?.as_str(), "loops1: exited\n")?;
    cluster.xdock_done("rm loops1").await.map(drop)
}

/// An image that has a volume without a name, and a container of it that wrote into both volumes.
async fn with_data(cluster: &Cluster) -> Result<(), Failure> {
    let build = "printf 'FROM busybox\\nVOLUME /data\\n' | docker build -q -t withvolume -";
    cluster.sh("host1", build).await?;
    cluster.xdock_done("mk anew1 --start").await?;
    cluster
        .sh("host1", "docker exec anew1 sh -c 'echo kept > /data/x; echo named > /named/y'")
        .await
        .map(drop)
}

async fn has_data(cluster: &Cluster) -> Result<(), Failure> {
    let line = "docker exec anew1 sh -c 'cat /data/x /named/y; ip -o -4 addr show eth0 | grep -o 10.99.1.53'";
    same("data and address", cluster.sh("host1", line).await?.as_str(), "kept\nnamed\n10.99.1.53")?;
    let names = cluster.sh("host1", "docker ps -a --format '{{.Names}}' | grep anew1").await?;
    same("containers", names.as_str(), "anew1")
}

async fn one_that_differs_is_told_with_its_fields_and_replaced_with_its_volumes(
    cluster: &Cluster,
) -> Result<(), Failure> {
    with_data(cluster).await?;
    said(&cluster.xdock("mk anew1").await?, 0, "anew1: already created\n", "")?;
    cluster.xdock_done("def anew1 vmmemory=32").await?;
    let differs = "HostConfig.Memory (not set, now 33554432)";
    let refused = format!(
        "anew1: Error: the container on host1 differs in {differs}; xdock mk --replace anew1 recreates it\n"
    );
    said(&cluster.xdock("mk anew1").await?, 1, "", &refused)?;
    let done = format!("anew1: differs in {differs}\nanew1: success\n");
    said(&cluster.xdock("mk anew1 --replace").await?, 0, &done, "")?;
    has_data(cluster).await?;
    said(&cluster.xdock("mk anew1 --replace").await?, 0, "anew1: already created\n", "")?;
    // what was kept over the replacement goes with the last of them
    cluster.xdock_done("rm -f --volumes anew1").await?;
    let nameless = "docker volume ls -q | grep -c -E '^[0-9a-f]{64}$' || true";
    same("volumes without a name", cluster.sh("host1", nameless).await?.as_str(), "0")?;
    cluster.write_tables(&cluster.tables).await
}

async fn the_old_one_is_back_when_the_new_one_does_not_stay_up(cluster: &Cluster) -> Result<(), Failure> {
    with_data(cluster).await?;
    cluster.xdock_done("def anew1 'provmethod=withvolume!sh,-c,echo bad; exit 4'").await?;
    let ran = cluster.xdock("mk anew1 --replace").await?;
    let message = "anew1: Error: the new container: it ended immediately: exit status 4; the old container is restored; the end of its log:\nanew1:   bad\n";
    same("status and error", &(ran.code, ran.stderr.as_str()), &(1, message))?;
    has_data(cluster).await?;
    cluster.xdock_done("rm -f --volumes anew1").await?;
    cluster.write_tables(&cluster.tables).await
}

async fn one_that_runs_is_removed_with_force_only(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("mk full2").await?;
    cluster.xdock_done("rm full2").await?;
    with_data(cluster).await?;
    let ran = cluster.xdock("rm anew1").await?;
    let hint = ran.stderr.ends_with("hint: xdock rm -f removes running containers too\n");
    same("exit status, output and hint", &(ran.code, ran.stdout.as_str(), hint), &(1, "", true))?;
    said(&cluster.xdock("rm -f --volumes anew1").await?, 0, "anew1: success\n", "")
}
