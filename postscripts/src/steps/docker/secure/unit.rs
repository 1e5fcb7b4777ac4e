//! The engine's command line. Distributions set in the unit where the engine listens (Debian: `-H fd://`),
//! and dockerd does not start if daemon.json sets it too (moby `daemon/config/config.go`,
//! `findConfigurationConflicts`). So the port is in a drop-in that repeats the unit's command. Pure.

use thiserror::Error;

/// The unit cannot be extended.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// It has no ExecStart.
    #[error("docker.service has no ExecStart; see systemctl cat docker")]
    NoCommand,
    /// It already listens on a port.
    #[error(
        "docker.service has {0} in its ExecStart; remove it (systemctl edit docker), then enroll this host again"
    )]
    Theirs(String),
}

/// dockerd listens on its default socket only if no other is given (moby `cmd/dockerd/daemon.go`,
/// `loadListeners`).
const DEFAULT: &str = "-H unix:///var/run/docker.sock";

/// The unit's command without our drop-in. `shown` is the output of `systemctl cat`, in which `ours` is the
/// last file.
pub(super) fn command(shown: &str, ours: &str) -> Result<String, UnitError> {
    let head = format!("# {ours}");
    let theirs: Vec<&str> = shown.lines().take_while(|line| *line != head).collect();
    let command = exec_start(&theirs).ok_or(UnitError::NoCommand)?;
    if let Some(word) = command.split_whitespace().find(|word| is_port(word)) {
        return Err(UnitError::Theirs(word.to_owned()));
    }
    let listens = command.split_whitespace().any(|word| word.starts_with("-H") || word.starts_with("--host"));
    Ok(if listens { command } else { format!("{command} {DEFAULT}") })
}

/// The last ExecStart after the last empty one (systemd.unit(5), systemd.service(5)).
fn exec_start(lines: &[&str]) -> Option<String> {
    let (mut found, mut service) = (None, false);
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.starts_with('[') {
            service = line == "[Service]";
        }
        let Some((key, value)) = line.split_once('=').filter(|_| service) else { continue };
        if key.trim_end() != "ExecStart" {
            continue;
        }
        let mut value = value.trim().to_owned();
        while let Some(begun) = value.strip_suffix('\\') {
            value = format!("{} {}", begun.trim_end(), lines.next()?.trim());
        }
        found = Some(value).filter(|value| !value.is_empty());
    }
    found
}

/// Whether the argument opens a port or sets TLS.
pub(super) fn is_port(word: &str) -> bool {
    word.contains("tcp://") || word.starts_with("--tls")
}

/// The port that a drop-in opens.
pub(super) fn port(drop_in: &str) -> Option<&str> {
    drop_in
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=")?.rsplit_once(" -H tcp://"))
        .map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "# /lib/systemd/system/docker.service\n[Unit]\nDescription=x\n\n[Service]\nType=notify\n\
        ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS\n\
        ExecReload=/bin/kill -s HUP $MAINPID\n[Install]\nWantedBy=multi-user.target\n";
    const OURS: &str = "/etc/systemd/system/docker.service.d/zz-xdock-tls.conf";

    #[test]
    fn the_units_own_command_is_kept_as_it_is() {
        let debian = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS";
        assert_eq!(command(DEBIAN, OURS).as_deref(), Ok(debian));
        let again = format!(
            "{DEBIAN}\n# {OURS}\n[Service]\nExecStart=\nExecStart={debian} --tlsverify -H tcp://10.99.0.11:2376\n"
        );
        assert_eq!(command(&again, OURS).as_deref(), Ok(debian));
        assert_eq!(port(&again), Some("10.99.0.11:2376"));
        let edited = format!(
            "{DEBIAN}\n# /etc/systemd/system/docker.service.d/override.conf\n[Service]\nExecStart=\nExecStart=/opt/dockerd \\\n  --host=fd:// \\\n  \"--label=a b\"\n"
        );
        assert_eq!(command(&edited, OURS).as_deref(), Ok("/opt/dockerd --host=fd:// \"--label=a b\""));
    }

    #[test]
    fn a_unit_without_sockets_keeps_the_default_socket() {
        let suse = "[Service]\nExecStart=/usr/bin/dockerd --add-runtime oci=/usr/sbin/runc $DOCKER_OPTS\n";
        let wanted =
            "/usr/bin/dockerd --add-runtime oci=/usr/sbin/runc $DOCKER_OPTS -H unix:///var/run/docker.sock";
        assert_eq!(command(suse, OURS).as_deref(), Ok(wanted));
    }

    #[test]
    fn a_configured_port_is_not_doubled() {
        let refused = |line: &str| command(&format!("[Service]\n{line}\n"), OURS).unwrap_err().to_string();
        assert_eq!(
            refused("ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:2375"),
            "docker.service has tcp://0.0.0.0:2375 in its ExecStart; remove it (systemctl edit docker), then enroll this host again"
        );
        assert_eq!(
            refused("ExecStart=x --tlsverify").split(" in its").next(),
            Some("docker.service has --tlsverify")
        );
        assert_eq!(refused("ExecStart="), "docker.service has no ExecStart; see systemctl cat docker");
    }
}
