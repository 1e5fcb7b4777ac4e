//! What the original did wrong with an engine, each fixed. Defects 1, 5, 9 and 10 need none; 5 and 10 are looked at beside the
//! commands too.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};
use serde_json::{Value, json};

use super::{all_say, gone, inspect, say};

acceptance::promises![
    xcat_defect_2_memory_is_applied,
    xcat_defect_3_logs_are_shown,
    xcat_defect_4_a_container_beside_its_host_is_listed_by_itself,
    xcat_defects_6_and_7_words_have_commas_and_a_container_its_node_s_name,
    xcat_defect_8_a_node_that_cannot_be_used_keeps_no_other_from_its_work,
];

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
    // and there was no console; this one has no terminal, so it is a shell
    let console = "ln -sf xdock /usr/local/bin/rcons; echo 'hostname; exit 7' | rcons xcat2 -f";
    let ran = cluster.run("mn", console).await?;
    same("console", &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &(7, "xcat2\n", ""))?;
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
    let message = "xcat9: [MN]: Error: Service Unavailable: cannot reach the engine of host9: ";
    let is_told = lines.get(1).is_some_and(|line| line.starts_with(message));
    let first = lines.first().copied().unwrap_or_default();
    same("errors", &(first, is_told), &("Error: [MN]: Docker host not set correct for xcat8", true))
}
