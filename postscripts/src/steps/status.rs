//! `xdockhost status`: what an administrator finds on this host. Needs nothing of xCAT's environment.

use std::process::ExitCode;
use std::time::Duration;

use process::Command;

use crate::log::say;

const DEADLINE: Duration = Duration::from_secs(20);

/// Says it, a line a step.
pub async fn run() -> ExitCode {
    let docker = answer("docker", &["version", "--format", "{{.Server.Version}}"]).await;
    say(&format!(
        "xdock: docker: {}",
        docker.map_or("no engine answers".to_owned(), |text| format!("engine {text}"))
    ));
    let bridges = answer("ip", &["-br", "address", "show", "type", "bridge"]).await.unwrap_or_default();
    for bridge in bridges.lines().filter(|line| !line.starts_with("docker0 ")) {
        let words: Vec<&str> = bridge.split_whitespace().collect();
        say(&format!("xdock: network: bridge {}", words.join(" ")));
    }
    let netd = answer("/opt/xdock/bin/netd", &["status"]).await;
    say(&format!("xdock: netd: {}", netd.as_deref().unwrap_or("does not answer")));
    ExitCode::SUCCESS
}

async fn answer(program: &str, words: &[&str]) -> Option<String> {
    Command::new(program, DEADLINE).args(words).execute().await.ok().map(|output| output.text())
}
