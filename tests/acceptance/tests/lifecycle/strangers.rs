//! What xdock did not make is never touched: not a container whose ID begins with a node's name (moby/moby #8069), not an image
//! nor a network; and a node's own container is known by its labels, whatever it is called.

use std::collections::BTreeSet;

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use serde_json::{Value, json};

acceptance::promises![
    a_node_s_name_is_never_the_beginning_of_a_stranger_s_id,
    one_renamed_by_hand_is_told_and_no_second_one_is_made,
    a_stranger_with_the_node_s_name_is_left_alone,
    an_image_s_name_is_never_the_beginning_of_an_id,
    of_two_networks_of_one_name_the_wrong_one_is_told,
    another_network_of_the_name_is_told_with_the_way_out,
];

const HOST: &str = "host2";
const STRANGERS: usize = 50;

/// All containers of the host, as far as anything that is done to one shows.
const ALL: &str = "docker ps -aq --no-trunc | xargs docker inspect -f \
    '{{.Id}} {{.Name}} {{.State.Status}} {{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}' | sort";

/// IDs of foreign containers, some of which are running.
async fn strangers(cluster: &Cluster) -> Result<Vec<String>, Failure> {
    let mut engine = cluster.engine(HOST)?.connect().await?;
    let mut ids = Vec::with_capacity(STRANGERS);
    for number in 0..STRANGERS {
        let body = json!({
            "Image": "busybox", "Cmd": ["sh", "-c", "echo words; exec sleep 100000"], "Labels": {"stranger": "yes"},
            "HostConfig": {"NetworkMode": "none"},
        });
        let path = format!("/containers/create?name=stranger-{number}");
        let made = engine.call("POST", &path, Some(&body)).await?;
        let id = made.get("Id").and_then(Value::as_str).ok_or("no ID")?.to_owned();
        if number % 10 == 0 {
            engine.call("POST", &format!("/containers/{id}/start"), None).await?;
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Two beginnings of each ID.
fn names(ids: &[String]) -> BTreeSet<String> {
    let begin = |id: &String, length: usize| id.chars().take(length).collect();
    ids.iter().flat_map(|id| [begin(id, 3), begin(id, 6)]).collect()
}

fn rows(tables: Tables, names: &BTreeSet<String>) -> Tables {
    names.iter().zip(1..).fold(tables, |tables, (name, number): (&String, u8)| {
        tables.container(name, HOST, &format!("10.99.60.{number}"), &[("groups", "hexes")])
    })
}

async fn gone(cluster: &Cluster) -> Result<(), Failure> {
    let remove = "docker ps -aq --filter label=stranger | xargs -r docker rm -f >/dev/null";
    cluster.sh(HOST, remove).await?;
    cluster.write_tables(&cluster.tables).await
}

async fn a_node_s_name_is_never_the_beginning_of_a_stranger_s_id(cluster: &Cluster) -> Result<(), Failure> {
    let ids = strangers(cluster).await?;
    let names = names(&ids);
    cluster.write_tables(&rows(cluster.tables.clone(), &names)).await?;
    let tried = each_verb(cluster, &names).await;
    gone(cluster).await?;
    tried
}

async fn each_verb(cluster: &Cluster, names: &BTreeSet<String>) -> Result<(), Failure> {
    let before = cluster.sh(HOST, ALL).await?;
    let message = |name: &String| format!("{name}: Error: No such container: {name}");
    for (line, hint) in [
        ("exec hexes -- hostname", true),
        ("power hexes state", false),
        ("power hexes on", true),
        ("power hexes off", true),
        ("power hexes reset", true),
        ("power hexes restart", true),
        ("power hexes pause", true),
        ("power hexes unpause", true),
        ("ls hexes", false),
        ("logs hexes", true),
        ("rm hexes", true),
        ("rm -f --volumes hexes", true),
    ] {
        let ran = cluster.xdock(line).await?;
        let mut lines: BTreeSet<String> = names.iter().map(message).collect();
        lines.extend(hint.then(|| "hint: xdock mk creates it".to_owned()));
        let found: BTreeSet<String> = ran.stderr.lines().map(str::to_owned).collect();
        same(line, &(ran.code, ran.stdout.as_str(), found), &(1, "", lines))?;
    }
    same("strangers after all verbs", &cluster.sh(HOST, ALL).await?, &before)?;
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return Err("no names".into()) };
    for (line, words) in [(format!("cons {first}"), ""), (format!("cons {first} --exec hostname"), "")] {
        let ran = cluster.run("mn", &format!("timeout 3 xdock {line} </dev/null")).await?;
        let waits = ran.stderr.contains("the container does not exist; waiting");
        same(&line, &(ran.stdout.as_str(), waits), &(words, true))?;
    }
    for name in [first, last] {
        let ran =
            cluster.run("mn", &format!("ln -sf xdock /usr/local/bin/rmdocker; rmdocker {name} -f")).await?;
        same("status of rmdocker", &ran.code, &1)?;
    }
    // the nodes' own containers are created, recreated and removed beside them
    let two = format!("{first},{last}");
    for line in [
        format!("mk --replace --start {two}"),
        format!("mk --replace {two} image=busybox command=sleep,100000"),
        format!("rm -f {two}"),
    ] {
        cluster.xdock_done(&line).await?;
    }
    same("strangers at last", &cluster.sh(HOST, ALL).await?, &before)
}

async fn one_renamed_by_hand_is_told_and_no_second_one_is_made(cluster: &Cluster) -> Result<(), Failure> {
    // moby/moby #15727
    cluster.xdock_done("mk xcat2 --start").await?;
    cluster.sh(HOST, "docker rename xcat2 renamed").await?;
    let before = cluster.sh(HOST, ALL).await?;
    let message = "the container of xcat2 on host2 was renamed to renamed; rename it back there (docker rename renamed xcat2)";
    for line in [
        "mk xcat2",
        "mk xcat2 --start",
        "mk xcat2 --replace",
        "power xcat2 state",
        "power xcat2 off",
        "ls xcat2",
        "logs xcat2",
        "exec xcat2 -- true",
        "rm -f xcat2",
    ] {
        let ran = cluster.xdock(line).await?;
        let error = format!("xcat2: Error: {message}\n");
        same(line, &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(1, "", error.as_str()))?;
    }
    let ran = cluster.run("mn", "ln -sf xdock /usr/local/bin/mkdocker; mkdocker xcat2").await?;
    same("mkdocker", &(ran.code, ran.stderr.contains(message)), &(1, true))?;
    let ran = cluster.run("mn", "timeout 3 xdock cons xcat2 </dev/null").await?;
    same("cons", &(ran.stdout.as_str(), ran.stderr.contains(message)), &("", true))?;
    same("containers", &cluster.sh(HOST, ALL).await?, &before)?;
    // with the command from the message
    cluster.sh(HOST, "docker rename renamed xcat2").await?;
    same("state", cluster.xdock_done("power xcat2 state").await?.as_str(), "xcat2: running\n")?;
    cluster.xdock_done("rm -f xcat2").await.map(drop)
}

async fn a_stranger_with_the_node_s_name_is_left_alone(cluster: &Cluster) -> Result<(), Failure> {
    cluster
        .sh(HOST, "docker run -d --name xcat2 --label stranger=yes --network none busybox sleep 100000")
        .await?;
    let before = cluster.sh(HOST, ALL).await?;
    let message =
        "xcat2: Error: container xcat2 on host2 was not created by xdock; remove or rename it there\n";
    for line in ["mk xcat2 --replace", "power xcat2 off", "exec xcat2 -- true", "rm -f xcat2", "logs xcat2"] {
        let ran = cluster.xdock(line).await?;
        same(line, &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(1, "", message))?;
    }
    same("containers", &cluster.sh(HOST, ALL).await?, &before)?;
    // with the command from the message
    cluster.sh(HOST, "docker rm -f xcat2").await?;
    cluster.xdock_done("mk xcat2").await?;
    cluster.xdock_done("rm xcat2").await.map(drop)
}

async fn an_image_s_name_is_never_the_beginning_of_an_id(cluster: &Cluster) -> Result<(), Failure> {
    let id = cluster.sh(HOST, "docker inspect -f '{{.Id}}' busybox").await?;
    let name: String = id.trim_start_matches("sha256:").chars().take(4).collect();
    let refused = format!("xcat2: Error: image {name} is not on host2, and its engine cannot pull it (");
    let ran = cluster.xdock(&format!("mk xcat2 image={name} command=sleep,1000")).await?;
    same("status and error", &(ran.code, ran.stderr.starts_with(&refused)), &(1, true))?;
    // an image of that name is another one
    cluster
        .sh(HOST, &format!("printf 'FROM busybox\\nENV OF=name\\n' | docker build -q -t {name} -"))
        .await?;
    cluster.xdock_done(&format!("mk xcat2 image={name} command=sleep,1000")).await?;
    let env = cluster.sh(HOST, "docker inspect -f '{{.Config.Env}}' xcat2").await?;
    same("it is made of it", &env.contains("OF=name"), &true)?;
    let again = cluster.xdock_done(&format!("mk xcat2 image={name} command=sleep,1000")).await?;
    same("again", again.as_str(), "xcat2: already created\n")?;
    cluster.xdock_done("rm xcat2").await?;
    cluster.sh(HOST, &format!("docker rmi {name}:latest")).await.map(drop)
}

async fn of_two_networks_of_one_name_the_wrong_one_is_told(cluster: &Cluster) -> Result<(), Failure> {
    // moby/moby #33561
    cluster.xdock_done("mk xcat2 --start").await?;
    let body = json!({"Name": "mynet0", "Driver": "bridge"});
    let made = cluster.engine(HOST)?.call("POST", "/networks/create", Some(&body)).await?;
    let wrong: String = made.get("Id").and_then(Value::as_str).unwrap_or_default().chars().take(12).collect();
    let line = "docker network ls --no-trunc --filter driver=netd --format '{{.ID}} {{.Name}}' | grep ' mynet0$' | cut -c1-12";
    let ours = cluster.sh(HOST, line).await?;
    // the existing container keeps running: it has its network by the ID
    cluster.xdock_done("power xcat2 restart").await?;
    cluster.xdock_done("rm -f xcat2").await?;
    let ran = cluster.xdock("mk xcat2 --start").await?;
    cluster.sh(HOST, &format!("docker network rm {wrong}")).await?;
    let is_told = |first: &str, second: &str| {
        let all = format!("xcat2: Error: host2 has 2 networks named mynet0: {first}, {second}; ");
        ran.stderr.starts_with(&all)
            && ran.stderr.ends_with(&format!("remove the other there (docker network rm {wrong})\n"))
    };
    let (right, other) =
        (format!("{ours} (as in the tables)"), format!("{wrong} (has driver bridge, not netd)"));
    same("status and error", &(ran.code, is_told(&right, &other) || is_told(&other, &right)), &(1, true))?;
    // with the command from the message
    cluster.xdock_done("mk xcat2 --start").await?;
    cluster.xdock_done("rm -f xcat2").await.map(drop)
}

async fn another_network_of_the_name_is_told_with_the_way_out(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh(HOST, "docker network rm mynet0 >/dev/null 2>&1; docker network create mynet0").await?;
    let ran = cluster.xdock("mk xcat2 --start").await?;
    let message = "xcat2: Error: network mynet0 on host2 has driver bridge, not netd; remove it there (docker network rm mynet0)\n";
    same("mk", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(1, "", message))?;
    // with the command from the message
    cluster.sh(HOST, "docker network rm mynet0").await?;
    cluster.xdock_done("mk xcat2 --start").await?;
    cluster.xdock_done("rm -f xcat2").await.map(drop)
}
