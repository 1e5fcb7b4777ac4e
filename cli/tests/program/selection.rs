//! A noderange that selects nobody: told by every command, with a status that a script sees.

use super::{Place, SMALL};

/// Every command that takes a noderange, with what else it needs.
const COMMANDS: &[&[&str]] = &[
    &["nodes", "RANGE"],
    &["nodes", "RANGE", "-i", "ip"],
    &["def", "RANGE", "vmcpus=1"],
    &["undef", "RANGE"],
    &["sync", "RANGE"],
    &["mk", "RANGE"],
    &["mk", "RANGE", "--replace", "--dry-run"],
    &["rm", "-f", "RANGE"],
    &["power", "RANGE", "off"],
    &["power", "RANGE", "state"],
    &["ls", "RANGE"],
    &["logs", "RANGE"],
    &["cons", "RANGE"],
    &["exec", "RANGE", "--", "true"],
    &["host", "RANGE", "status"],
    &["host", "RANGE", "enroll"],
];

/// An empty group, a pattern that fits no name, all that is taken away again, a criterion that nobody meets.
const NOBODY: [&str; 6] =
    ["idle", "/zebra.*", "docker,-docker", "host3-host1", "vm.host==host9", "docker@hosts"];

fn place() -> Place {
    Place::with(&format!("{SMALL}\nidle:\n    objtype=group\n    vmcpus=1\n"))
}

fn of(words: &[&'static str], range: &'static str) -> Vec<&'static str> {
    words.iter().map(|word| if *word == "RANGE" { range } else { word }).collect()
}

#[test]
fn every_command_reports_an_empty_selection() {
    let place = place();
    let before = place.text();
    for words in COMMANDS {
        for range in NOBODY {
            let told = format!("! Error: noderange {range:?} selects no node: nothing was done\n= 2\n");
            assert_eq!(place.say(&of(words, range)), told, "{words:?}");
        }
    }
    assert_eq!(place.text(), before);
}

#[test]
fn it_is_an_object_in_json_and_no_progress_when_quiet() {
    let place = place();
    for words in COMMANDS.iter().filter(|words| words.first() != Some(&"cons")) {
        let mut asked = of(words, "idle");
        asked.insert(0, "--json");
        assert_eq!(
            place.say(&asked),
            "{\"error\":\"noderange \\\"idle\\\" selects no node: nothing was done\"}\n= 2\n",
            "{words:?}"
        );
    }
    let quiet = place.say(&["-q", "power", "idle", "off"]);
    assert_eq!(quiet, "! Error: noderange \"idle\" selects no node: nothing was done\n= 2\n");
}

#[test]
fn nodes_that_site_excludes_are_not_selected() {
    let place = Place::with(&format!("{SMALL}\nclustersite:\n    objtype=site\n    excludenodes=docker\n"));
    assert_eq!(
        place.say(&["rm", "-f", "docker"]),
        "! Error: noderange \"docker\" selects no node: nothing was done\n= 2\n"
    );
}

#[test]
fn nodes_that_are_no_containers_are_reported_one_by_one() {
    let place = place();
    for words in [
        &["mk", "hosts"][..],
        &["power", "hosts", "off"],
        &["exec", "hosts", "--", "true"],
        &["logs", "hosts"],
    ] {
        assert_eq!(
            place.say(words),
            "! host1: Error: nodehm.mgt of host1 is ipmi, not docker: it is not a container\n\
             ! host2: Error: nodehm.mgt of host2 is ipmi, not docker: it is not a container\n\
             ! Error: nothing was done: the tables have invalid values for 2 nodes\n\
             ! hint: run \"xdock check\" to check all tables\n= 2\n",
            "{words:?}"
        );
    }
}
