//! xCAT's own commands against a real engine: the table of its docker commands line by line, and those of its defects that an
//! engine shows. What needs none (command lines, rows, a silent host, TLS) is in cli/tests/program/xcat.rs.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use serde_json::{Value, json};

acceptance::promises![
    xcat_s_commands_say_what_they_always_said,
    xcat_s_commands_take_flags_and_images,
    xcat_defect_2_memory_is_applied,
    xcat_defect_3_logs_are_shown,
    xcat_defect_4_a_container_beside_its_host_is_listed_by_itself,
    xcat_defects_6_and_7_words_have_commas_and_a_container_its_node_s_name,
    xcat_defect_8_a_node_that_cannot_be_used_keeps_no_other_from_its_work,
];

/// Ends at once when it is told to, says something with a comma, and has one in a word.
const SPEAKS: &str =
    r#"busybox!["sh","-c","echo a, b; trap exit TERM; while :; do sleep 1000 & wait; done"]"#;

/// The same on mkdocker's command line, without commas of its own.
const MAKE: &str =
    "mkdocker xcat1 image=busybox 'command=sh,-c,trap exit TERM; while :; do sleep 1000 & wait; done'";

/// One on each host.
pub(crate) fn rows(tables: Tables) -> Tables {
    tables.container("xcat1", "host1", "10.99.1.70", &[]).container(
        "xcat2",
        "host2",
        "10.99.2.70",
        &[("provmethod", SPEAKS), ("vmmemory", "64")],
    )
}

/// What a command of that name says; identifiers and times are as good as any other.
async fn say(cluster: &Cluster, line: &str) -> Result<(i32, String, String), Failure> {
    let name = line.split(' ').next().unwrap_or_default();
    let machine = cluster.sh("mn", "cut -d. -f1 /proc/sys/kernel/hostname").await?;
    let ran = cluster.run("mn", &format!("ln -sf xdock /usr/local/bin/{name}; {line}")).await?;
    let plain = |text: &str| plain(&text.replace(&format!("[{machine}]"), "[MN]"));
    Ok((ran.code, plain(&ran.stdout), plain(&ran.stderr)))
}

/// Words with a long hexadecimal number or a time in them are cut to that they are such.
fn plain(text: &str) -> String {
    let mut told = String::new();
    let mut word = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_alphanumeric() || "-:".contains(c) {
            word.push(c);
            continue;
        }
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_time = word.len() == 19 && word.as_bytes().get(10) == Some(&b'T');
        told.push_str(match (is_hex, word.len()) {
            (true, 64) => "<id>",
            (true, 12) => "<short>",
            _ if is_time => "<time>",
            _ => &word,
        });
        word.clear();
        told.push(c);
    }
    told.pop();
    told
}

/// Each line with its status, standard output and standard error.
async fn all_say(cluster: &Cluster, table: &[(&str, i32, &str, &str)]) -> Result<(), Failure> {
    for (line, code, out, err) in table {
        same(line, &say(cluster, line).await?, &(*code, (*out).to_owned(), (*err).to_owned()))?;
    }
    Ok(())
}

async fn gone(cluster: &Cluster, nodes: &str) -> Result<(), Failure> {
    // there may be none
    cluster.xdock(&format!("rm -f {nodes}")).await.map(drop)
}

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
    same("the engine's own words", &own.is_some_and(|own| own.ends_with(conflict)), &true)?;
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
    let told = "xcat1: [MN]: Error: image nosuch:1 is not on host1, and its engine cannot pull it (";
    let ending = "); load it there (docker load) or make the registry reachable\n";
    same("error", &(err.starts_with(told), err.ends_with(ending)), &(true, true))?;
    cluster.sh("host1", "printf 'FROM busybox\\nCMD []\\n' | docker build -q -t nocommand -").await?;
    let (code, _, err) = say(cluster, "mkdocker xcat1 image=nocommand").await?;
    // newer engines write it without the capital
    let no_command = refused("xcat1", "No command specified").to_lowercase();
    same("status and error", &(code, err.to_lowercase()), &(1, no_command))?;
    // defects 5 and 10: it wrote the image into the tables, before it failed too
    same("tables", cluster.sh("mn", "cat /etc/xdock/cluster.stanza").await?.as_str(), &before)
}

async fn inspect(cluster: &Cluster, host: &str, container: &str) -> Result<Value, Failure> {
    cluster.engine(host)?.call("GET", &format!("/containers/{container}/json"), None).await
}

/// The second container, made of its row by mkvm, and started.
async fn second(cluster: &Cluster) -> Result<Value, Failure> {
    gone(cluster, "xcat2").await?;
    let success = "xcat2: success\n";
    all_say(cluster, &[("mkvm xcat2", 0, success, ""), ("rpower xcat2 on", 0, success, "")]).await?;
    inspect(cluster, "host2", "xcat2").await
}

async fn xcat_defect_2_memory_is_applied(cluster: &Cluster) -> Result<(), Failure> {
    // it read vm.memory and sent nothing of it
    let found = second(cluster).await?;
    same("Memory", found.pointer("/HostConfig/Memory").unwrap_or(&Value::Null), &json!(64 << 20))?;
    gone(cluster, "xcat2").await
}

async fn xcat_defect_3_logs_are_shown(cluster: &Cluster) -> Result<(), Failure> {
    // it looked for a content type that no engine sends
    second(cluster).await?;
    for line in ["lsdocker -l xcat2", "lsvm xcat2 --logs"] {
        all_say(cluster, &[(line, 0, "xcat2: a, b\n", "")]).await?;
    }
    gone(cluster, "xcat2").await
}

async fn xcat_defect_4_a_container_beside_its_host_is_listed_by_itself(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // it listed all of the host's under the container too
    gone(cluster, "xcat2").await?;
    all_say(cluster, &[("lsdocker host2", 0, "host2: No running docker\n", "")]).await?;
    second(cluster).await?;
    let (code, out, err) = say(cluster, "lsdocker xcat2,host2").await?;
    let columns = "<short>   busybox                        \"sh -c 'echo a, b; tr\" <time>";
    let lines: Vec<&str> = out.lines().collect();
    let [of_host, own] = lines.as_slice() else { return Err(format!("{lines:?}").into()) };
    same("status and errors", &(code, err.as_str()), &(0, ""))?;
    same("own line", *own, &format!("xcat2: {columns}  running    /xcat2"))?;
    let of_host = (of_host.starts_with(&format!("host2: {columns}  Up ")), of_host.ends_with(" /xcat2"));
    same("the host's line", &of_host, &(true, true))?;
    gone(cluster, "xcat2").await
}

async fn xcat_defects_6_and_7_words_have_commas_and_a_container_its_node_s_name(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // it cut words at every comma, and a container was called by its identifier
    let found = second(cluster).await?;
    let at = |pointer: &str| found.pointer(pointer).unwrap_or(&Value::Null);
    let words = json!(["sh", "-c", "echo a, b; trap exit TERM; while :; do sleep 1000 & wait; done"]);
    same("words", at("/Config/Cmd"), &words)?;
    same("hostname", at("/Config/Hostname"), &json!("xcat2"))?;
    gone(cluster, "xcat2").await?;
    let line = r#"mkdocker xcat2 image=busybox 'command=["sh","-c","echo c, d"]'"#;
    all_say(cluster, &[(line, 0, "xcat2: success\n", "")]).await?;
    let found = inspect(cluster, "host2", "xcat2").await?;
    let words = found.pointer("/Config/Cmd").unwrap_or(&Value::Null);
    same("words of the command line", words, &json!(["sh", "-c", "echo c, d"]))?;
    gone(cluster, "xcat2").await
}

async fn xcat_defect_8_a_node_that_cannot_be_used_keeps_no_other_from_its_work(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // one empty vm.host ended the whole command; a host that is not there is one of the table's lines
    let host9 = [("mgt", "ipmi"), ("ip", "10.99.0.99"), ("groups", "all")];
    let tables = cluster
        .tables
        .clone()
        .object("host9", "node", &host9)
        .object("xcat8", "node", &[("mgt", "docker"), ("ip", "10.99.1.78"), ("groups", "all")])
        .container("xcat9", "host9", "10.99.1.79", &[]);
    cluster.write_tables(&tables).await?;
    second(cluster).await?;
    let (code, out, err) = say(cluster, "rpower xcat2,xcat8,xcat9 state").await?;
    cluster.write_tables(&cluster.tables).await?;
    gone(cluster, "xcat2").await?;
    same("status and answer", &(code, out.as_str()), &(1, "xcat2: running\n"))?;
    let lines: Vec<&str> = err.lines().collect();
    let told = "xcat9: [MN]: Error: Service Unavailable: cannot reach the engine of host9: ";
    let is_told = lines.get(1).is_some_and(|line| line.starts_with(told));
    let first = lines.first().copied().unwrap_or_default();
    same("errors", &(first, is_told), &("Error: [MN]: Docker host not set correct for xcat8", true))
}
