//! xCAT's own commands against a real engine: the table of its docker commands line by line, and those of its defects that an
//! engine shows. What needs none (command lines, rows, a silent host, TLS) is in cli/tests/program/xcat.rs.

mod cases;
mod commands;
mod defects;

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Promise, Tables};
use serde_json::Value;

/// All of them.
pub(crate) fn promises() -> Vec<Promise> {
    [cases::promises(), commands::promises(), defects::promises()].into_iter().flatten().collect()
}

/// Ends at once on SIGTERM, prints text with a comma, and has a comma in an argument.
const SPEAKS: &str =
    r#"busybox!["sh","-c","echo a, b; trap exit TERM; while :; do sleep 1000 & wait; done"]"#;

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
    let mut message = String::new();
    let mut word = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_alphanumeric() || "-:".contains(c) {
            word.push(c);
            continue;
        }
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_time = word.len() == 19 && word.as_bytes().get(10) == Some(&b'T');
        message.push_str(match (is_hex, word.len()) {
            (true, 64) => "<id>",
            (true, 12) => "<short>",
            _ if is_time => "<time>",
            _ => &word,
        });
        word.clear();
        message.push(c);
    }
    message.pop();
    message
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

async fn inspect(cluster: &Cluster, host: &str, container: &str) -> Result<Value, Failure> {
    cluster.engine(host)?.call("GET", &format!("/containers/{container}/json"), None).await
}
