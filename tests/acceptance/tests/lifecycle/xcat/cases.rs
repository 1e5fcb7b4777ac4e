//! xCAT's own test cases of its docker commands (xcat-core, xCAT-test/autotest/testcase/dockercommand): the commands and checks
//! of each, with the port 2375 that they all write. Two of the thirteen fail with the original too, and here: one wants `paused`
//! from `rpower pause`, which says `success`; the other wants lines from a container that never ran.

use acceptance::{Cluster, Failure};

use super::{gone, say};

acceptance::promises![xcat_s_own_cases_pass_as_they_are_written, a_port_of_old_tables_is_told_once];

/// Whether a case wants status 0.
enum Wants {
    Zero,
    Other,
    Any,
}

use Wants::{Any, Other, Zero};

/// A command, its status, and what its output must have.
type Line = (&'static str, Wants, &'static [&'static str]);

const MAKE: &str = r#"mkdocker xcat3 image=busybox command=/bin/sh dockerflag="{\"AttachStdin\":true,\"AttachStdout\":true,\"AttachStderr\":true,\"OpenStdin\":true,\"Tty\":true}""#;
const STATE: &str = "rpower xcat3 state";

const STOP: &[Line] = &[
    (MAKE, Zero, &[]),
    ("rpower xcat3 stop", Zero, &["container already stopped"]),
    ("rpower xcat3 restart", Any, &["success"]),
    (STATE, Zero, &["running"]),
    ("rpower xcat3 stop", Zero, &[]),
    (STATE, Any, &["exited"]),
];
const START: &[Line] = &[
    (MAKE, Zero, &[]),
    (STATE, Zero, &["created"]),
    ("rpower xcat3 start", Zero, &["success"]),
    (STATE, Zero, &["running"]),
];
const STATES: &[Line] = &[
    (MAKE, Zero, &[]),
    (STATE, Any, &["created"]),
    ("rpower xcat3 restart", Zero, &["success"]),
    (STATE, Zero, &["running"]),
    ("rpower xcat3 stop", Zero, &[]),
    (STATE, Any, &["exited"]),
    ("rpower xcat3 start", Zero, &[]),
    (STATE, Any, &["running"]),
];
const RESTART: &[Line] = &[
    (MAKE, Zero, &[]),
    (STATE, Any, &["created"]),
    ("rpower xcat3 restart", Zero, &["success"]),
    (STATE, Any, &["running"]),
    ("rpower xcat3 restart", Zero, &["success"]),
    (STATE, Any, &["running"]),
];
const PAUSE: &[Line] = &[
    (MAKE, Zero, &[]),
    ("rpower xcat3 pause", Other, &["xcat3: ", "Error"]),
    ("rpower xcat3 start", Zero, &[]),
    ("rpower xcat3 pause", Zero, &[]),
    (STATE, Any, &["paused"]),
    ("rpower xcat3 unpause", Zero, &[]),
];
const UNPAUSE: &[Line] = &[
    (MAKE, Zero, &[]),
    ("rpower xcat3 start", Zero, &[]),
    // the case wants `paused` here
    ("rpower xcat3 pause", Any, &["success"]),
    ("rpower xcat3 unpause", Zero, &["success"]),
    (STATE, Any, &["running"]),
];
const MK: &[Line] = &[
    (MAKE, Zero, &["xcat3: success"]),
    ("lsdocker xcat3", Zero, &["busybox", "/bin/sh"]),
    (STATE, Zero, &["xcat3: created"]),
    ("rpower xcat3 start", Zero, &["xcat3: success"]),
    ("ssh host1 docker ps -l", Zero, &["xcat3"]),
    ("ping 10.99.1.71 -c 3", Zero, &["64 bytes from 10.99.1.71"]),
];
const RM: &[Line] = &[
    (MAKE, Zero, &["xcat3: success"]),
    ("lsdocker xcat3", Zero, &[]),
    ("rmdocker xcat3", Zero, &[]),
    ("lsdocker -l xcat3", Other, &["xcat3: ", "Error"]),
];
const RM_FORCE: &[Line] = &[
    (MAKE, Zero, &["xcat3: success"]),
    ("lsdocker xcat3", Zero, &[]),
    ("rpower xcat3 start", Zero, &[]),
    ("rmdocker xcat3", Other, &[]),
    ("rmdocker xcat3 -f", Zero, &["xcat3: success"]),
];
// the case wants the node's name here
const LOGS: &[Line] = &[(MAKE, Zero, &[]), ("lsdocker -l xcat3", Zero, &[])];
const USAGE: &[Line] = &[
    ("mkdocker -h", Zero, &["Usage: mkdocker"]),
    ("rmdocker -h", Zero, &["Usage: rmdocker <noderage>"]),
    ("lsdocker -h", Zero, &["Usage: lsdocker <noderange>"]),
];

const CASES: [(&str, &[Line]); 11] = [
    ("rpower_stop_docker", STOP),
    ("rpower_start_docker", START),
    ("rpower_state_docker", STATES),
    ("rpower_restart_docker", RESTART),
    ("rpower_pause_docker", PAUSE),
    ("rpower_unpause_docker", UNPAUSE),
    ("mkdocker_command", MK),
    ("rmdocker_command", RM),
    ("rmdocker_f_command", RM_FORCE),
    ("lsdocker_l_command", LOGS),
    ("mkdocker_h, rmdocker_h, lsdocker_h", USAGE),
];

/// The attributes that each case sets.
const DEFINE: &str = "def xcat3 dockerhost=host1:2375 dockercpus=1 ip=10.99.1.71 dockermemory=4096 groups=docker,all mgt=docker";

async fn xcat_s_own_cases_pass_as_they_are_written(cluster: &Cluster) -> Result<(), Failure> {
    for (name, lines) in CASES {
        cluster.xdock_done(DEFINE).await?;
        let passed = pass(cluster, lines).await;
        gone(cluster, "xcat3").await?;
        cluster.write_tables(&cluster.tables).await?;
        passed.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

async fn pass(cluster: &Cluster, lines: &[Line]) -> Result<(), Failure> {
    for (line, wants, texts) in lines {
        let is_command = !line.starts_with("ssh") && !line.starts_with("ping");
        let (code, out, err) = match is_command {
            true => say(cluster, line).await?,
            false => {
                let ran = cluster.run("mn", line).await?;
                (ran.code, ran.stdout, ran.stderr)
            }
        };
        let is_status = match wants {
            Zero => code == 0,
            Other => code != 0,
            Any => true,
        };
        let all = format!("{out}{err}");
        if !is_status || !texts.iter().all(|text| all.contains(text)) {
            return Err(format!("{line}: status {code}, {all:?}").into());
        }
    }
    Ok(())
}

async fn a_port_of_old_tables_is_told_once(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done(DEFINE).await?;
    cluster.xdock_done(&DEFINE.replace("xcat3", "xcat4").replace("1.71", "1.72")).await?;
    let check = cluster.xdock_done("check").await?;
    cluster.write_tables(&cluster.tables).await?;
    let message: Vec<&str> = check.lines().filter(|line| line.contains("2375")).collect();
    let begin =
        "warning: vm.host=host1:2375 of xcat3 (and of 1 more): port 2375 is Docker's port without TLS";
    match message.as_slice() {
        [one] if one.starts_with(begin) => Ok(()),
        _ => Err(check.into()),
    }
}
