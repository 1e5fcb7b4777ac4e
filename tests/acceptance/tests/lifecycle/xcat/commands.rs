//! The table of xCAT's docker commands, line by line.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};
use serde_json::{Value, json};

use super::{all_say, gone, inspect, plain, say};

acceptance::promises![
    xcat_s_commands_say_what_they_always_said,
    xcat_s_commands_take_flags_and_images,
    xcat_s_plugin_is_answered_with_responses,
    xcat_s_common_options_are_taken,
    an_xcat_job_that_ends_with_status_0_was_started_well,
];

/// An idle program for mkdocker's command line, without commas in its arguments.
const MAKE: &str =
    "mkdocker xcat1 image=busybox 'command=sh,-c,trap exit TERM; while :; do sleep 1000 & wait; done'";

/// An engine's refusal: its body as it is, with its line feed.
fn refused(node: &str, message: &str) -> String {
    format!("{node}: [MN]: Error: {}\n\n", json!({ "message": message }))
}

async fn xcat_s_commands_say_what_they_always_said(cluster: &Cluster) -> Result<(), Failure> {
    gone(cluster, "xcat1").await?;
    let success = (0, "xcat1: success\n", "");
    let none = refused("xcat1", "No such container: xcat1");
    // of a container that is not there
    for line in ["rpower xcat1 state", "rpower xcat1 start", "lsdocker xcat1", "rmdocker xcat1"] {
        all_say(cluster, &[(line, 1, "", &none)]).await?;
    }
    let ok = |line: &'static str| (line, success.0, success.1, success.2);
    all_say(cluster, &[ok(MAKE), ("rpower xcat1 state", 0, "xcat1: created\n", "")]).await?;
    // again: docker's refusal, word by word as the engine itself gives it
    let own = cluster
        .engine("host1")?
        .call("POST", "/containers/create?name=xcat1", Some(&json!({"Image": "busybox"})))
        .await
        .err()
        .map(|error| plain(&error.to_string()));
    let conflict = "Conflict. The container name \"/xcat1\" is already in use by container \"<id>\". You have to remove \
        (or rename) that container to be able to reuse that name.";
    same("the engine's message", &own.is_some_and(|own| own.ends_with(conflict)), &true)?;
    all_say(cluster, &[(MAKE, 1, "", &refused("xcat1", conflict))]).await?;
    all_say(
        cluster,
        &[
            ok("rpower xcat1 start"),
            ("rpower xcat1 start", 0, "xcat1: container already started\n", ""),
            ("rpower xcat1 state", 0, "xcat1: running\n", ""),
            // stat, on, off, boot: refused by the original, taken here as for every kind of node
            ("rpower xcat1 stat", 0, "xcat1: running\n", ""),
            ("rpower xcat1 -V state", 0, "xcat1: [MN]: running\n", ""),
            // the columns that scripts cut
            (
                "lsdocker xcat1",
                0,
                "xcat1: <short>   busybox                        \"sh -c 'trap exit TER\" <time>  running    /xcat1\n",
                "",
            ),
            (
                "rmdocker xcat1",
                1,
                "",
                &refused(
                    "xcat1",
                    "You cannot remove a running container <id>. Stop the container before attempting removal or force remove",
                ),
            ),
            ok("rpower xcat1 pause"),
            ("rpower xcat1 state", 0, "xcat1: paused\n", ""),
            ok("rpower xcat1 unpause"),
            ok("rpower xcat1 restart"),
            ok("rpower xcat1 stop"),
            ("rpower xcat1 stop", 0, "xcat1: container already stopped\n", ""),
            ("rpower xcat1 state", 0, "xcat1: exited\n", ""),
            ("rpower xcat1 pause", 1, "", &refused("xcat1", "Container <id> is not running")),
            ("rpower xcat1 unpause", 1, "", &refused("xcat1", "Container <id> is not paused")),
            ok("rpower xcat1 boot"),
            ok("rpower xcat1 off"),
            ok("rmvm xcat1"),
        ],
    )
    .await
}

async fn xcat_s_commands_take_flags_and_images(cluster: &Cluster) -> Result<(), Failure> {
    gone(cluster, "xcat1").await?;
    let before = cluster.sh("mn", "cat /etc/xdock/cluster.stanza").await?;
    let made = format!("{MAKE} 'dockerflag={}'", r#"{"Tty":true,"HostConfig":{"CapAdd":["NET_ADMIN"]}}"#);
    all_say(cluster, &[(&made, 0, "xcat1: success\n", "")]).await?;
    let found = inspect(cluster, "host1", "xcat1").await?;
    let at = |pointer: &str| found.pointer(pointer).unwrap_or(&Value::Null);
    same("Tty", at("/Config/Tty"), &json!(true))?;
    same("CapAdd", at("/HostConfig/CapAdd"), &json!(["NET_ADMIN"]))?;
    all_say(cluster, &[("rpower xcat1 on", 0, "xcat1: success\n", "")]).await?;
    all_say(cluster, &[("rmdocker xcat1 --force", 0, "xcat1: success\n", "")]).await?;
    // an image that is not there: docker's reason, and with it what to do
    let (code, out, err) = say(cluster, "mkdocker xcat1 image=nosuch:1").await?;
    same("status and step", &(code, out.as_str()), &(1, "xcat1: Pull image nosuch:1 start\n"))?;
    let text = "xcat1: [MN]: Error: image nosuch:1 is not on host1, and its engine cannot pull it (";
    let ending = "); load it there (docker load) or make the registry reachable\n";
    same("error", &(err.starts_with(text), err.ends_with(ending)), &(true, true))?;
    cluster.sh("host1", "printf 'FROM busybox\\nCMD []\\n' | docker build -q -t nocommand -").await?;
    let (code, _, err) = say(cluster, "mkdocker xcat1 image=nocommand").await?;
    // newer engines write it without the capital
    let no_command = refused("xcat1", "No command specified").to_lowercase();
    same("status and error", &(code, err.to_lowercase()), &(1, no_command))?;
    // defects 5 and 10: it wrote the image into the tables, before it failed too
    same("tables", cluster.sh("mn", "cat /etc/xdock/cluster.stanza").await?.as_str(), &before)
}

async fn xcat_s_common_options_are_taken(cluster: &Cluster) -> Result<(), Failure> {
    gone(cluster, "xcat1").await?;
    let ok = |line: &'static str| (line, 0, "xcat1: success\n", "");
    let warning = "Warning: [MN]: -m, -t and -r monitor the installation of an operating system; for a container they have no effect\n";
    all_say(
        cluster,
        &[
            (MAKE, 0, "xcat1: success\n", ""),
            ok("rpower xcat1 --nodeps on"),
            ok("rpower xcat1 cycle"),
            ("rpower xcat1 state -m nodelist.status==booted -t 5 -r 1", 0, "xcat1: running\n", warning),
        ],
    )
    .await?;
    let (code, out, err) = say(cluster, "lsvm xcat1 -l").await?;
    let start = "xcat1: running  10.99.1.70      host1      busybox \"sh -c 'trap exit TERM; while :; do sleep\" <short> ";
    same("status and errors", &(code, err.as_str()), &(0, ""))?;
    same(&out, &(out.starts_with(start), out.contains("\"Up "), out.lines().count()), &(true, true, 1))?;
    all_say(cluster, &[ok("rmvm xcat1 -p -f"), ok("mkvm xcat1 -f"), ok("rmvm xcat1")]).await
}

async fn an_xcat_job_that_ends_with_status_0_was_started_well(cluster: &Cluster) -> Result<(), Failure> {
    gone(cluster, "xcat1").await?;
    let ok = |line: &'static str| (line, 0, "xcat1: success\n", "");
    let state = ("rpower xcat1 state", 0, "xcat1: exited\n", "");
    let make = "mkdocker xcat1 image=busybox command=true";
    all_say(cluster, &[ok(make), ok("rpower xcat1 on"), state, ok("rpower xcat1 reset"), state]).await?;
    all_say(cluster, &[ok("rmdocker xcat1"), ok("mkdocker xcat1 image=busybox command=false")]).await?;
    let failed = "xcat1: [MN]: Error: it ended immediately: exit status 1; its log is empty\n";
    all_say(cluster, &[("rpower xcat1 on", 1, "", failed), ok("rmdocker xcat1")]).await
}

/// What the plugin is answered, response by response; its own part is tried in cli/tests/program/plugin.rs.
async fn xcat_s_plugin_is_answered_with_responses(cluster: &Cluster) -> Result<(), Failure> {
    gone(cluster, "xcat1,xcat2").await?;
    let data = |node: &str, text: &str| json!({"node": [{"name": [node], "data": [text]}]});
    let none = |node: &str| {
        let body = format!("{}\n", json!({ "message": format!("No such container: {node}") }));
        json!({"node": [{"name": [node], "error": [body], "errorcode": [1]}]})
    };
    for (words, code, expected) in [
        ("mkvm xcat2 --", 0, vec![data("xcat2", "success")]),
        ("rpower xcat1 xcat2 -- start", 1, vec![none("xcat1"), data("xcat2", "success")]),
        ("rpower xcat1 xcat2 -- state", 1, vec![none("xcat1"), data("xcat2", "running")]),
        // lines of a log are the command's own data: the client prints both alike
        ("lsvm xcat2 -- --logs", 0, vec![json!({"data": ["xcat2: a, b"]})]),
        ("rmvm xcat2 -- -f", 0, vec![data("xcat2", "success")]),
    ] {
        let ran = cluster.run("mn", &format!("xdock xcatd {words}")).await?;
        let text = ran.stdout.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        same(words, &(ran.code, ran.stderr.as_str(), text), &(code, "", expected))?;
    }
    Ok(())
}
