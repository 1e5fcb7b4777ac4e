//! `lsdocker` and `lsvm`: a line a container in the columns that scripts cut (docker.pm, `parse_docker_list_info`).
//! `lsdocker -l` shows logs. `lsvm -l` is a long list, as for every other kind of node.

use time::OffsetDateTime;

use super::own_command::OwnCommand;
use crate::engine::Container;

/// Logs of a host are refused once the rows are read.
pub(super) fn parse(name: &str, words: &[String]) -> Result<OwnCommand, String> {
    let mut own = OwnCommand::new("ls", &[]);
    for word in words {
        own = match (name, word.as_str()) {
            ("lsvm", "-l" | "--long") => OwnCommand::new("ls", &["--long"]),
            (_, "-l" | "--logs") => OwnCommand::new("logs", &[]),
            (_, other) => return Err(format!("Option {other} is not supported for {name}")),
        }
    }
    Ok(own)
}

/// Whether a host's list has it: as `docker ps` without -a, what runs.
pub(crate) fn is_listed(container: &Container) -> bool {
    ["running", "paused", "restarting"].contains(&container.state.as_str())
}

/// Identifier, image, command, time of creation, state, name. A host's list has `Up 2 hours` for the state. The original wrote
/// the time of a host's list in local time without padding: here it is the same in both, and can be sorted.
pub(crate) fn row(container: &Container, on_host: bool) -> String {
    let Container { id, name, state, status, image, command, created, .. } = container;
    let id = id.short();
    let image: String = image.chars().take(30).collect();
    let command: String = command.chars().take(20).collect();
    let (created, state) = (moment(*created), if on_host { status } else { state });
    format!("{id:<12}   {image:<30} {:<22} {created:<20} {state:<10} /{name}", format!("\"{command}\""))
}

/// UTC, as the engine writes it, without the fraction of the second.
fn moment(seconds: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = at.to_hms();
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}", at.year(), u8::from(at.month()), at.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ContainerId;
    use crate::xcat::command::tests::own;

    fn container() -> Container {
        Container {
            id: ContainerId::of_test("cb06000f0d7e5f5a6e"),
            name: "d1".into(),
            state: "running".into(),
            status: "Up 16 minutes".into(),
            image: "bb".into(),
            command: "/bin/sleep 1000".into(),
            created: 1_795_354_591,
            ..Container::default()
        }
    }

    #[test]
    fn the_columns_are_those_of_lsdocker() {
        assert_eq!(
            row(&container(), false),
            "cb06000f0d7e   bb                             \"/bin/sleep 1000\"      2026-11-22T13:36:31  running    /d1"
        );
        let long = Container { command: "/bin/sh -c 'trap \"exit\" TERM'".into(), ..container() };
        assert_eq!(
            row(&long, true),
            "cb06000f0d7e   bb                             \"/bin/sh -c 'trap \"ex\" 2026-11-22T13:36:31  Up 16 minutes /d1"
        );
    }

    #[test]
    fn a_host_s_list_has_what_runs() {
        let of = |state: &str| is_listed(&Container { state: state.into(), ..container() });
        assert_eq!(
            ["running", "paused", "restarting", "created", "exited"].map(of),
            [true, true, true, false, false]
        );
    }

    #[test]
    fn logs_are_a_command_of_their_own() {
        assert_eq!(own("lsdocker", &[]).unwrap(), "ls");
        assert_eq!(own("lsdocker", &["-l"]).unwrap(), "logs");
        assert_eq!(own("lsvm", &["--logs"]).unwrap(), "logs");
        assert_eq!(own("lsvm", &["-l"]).unwrap(), "ls --long");
        assert_eq!(own("lsvm", &["--long"]).unwrap(), "ls --long");
        assert_eq!(own("lsdocker", &["--long"]).unwrap_err(), "Option --long is not supported for lsdocker");
        assert_eq!(own("lsvm", &["-x"]).unwrap_err(), "Option -x is not supported for lsvm");
    }
}
