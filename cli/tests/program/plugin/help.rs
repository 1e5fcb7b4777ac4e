//! `mkdocker -h` on an xCAT that has no help for it.

use super::*;

/// What it handles, after that Perl.
fn handled(before: &str) -> Value {
    let program = format!(
        "{before} require '{}'; print JSON::PP->new->canonical->encode(xCAT_plugin::xdockhelp::handled_commands())",
        template("xdockhelp.pm").display()
    );
    let output = Command::new("perl").args(["-w", "-MJSON::PP", "-e", &program]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_has_the_commands_that_xcat_has_no_help_for() {
    let all = json!({"lsdocker": "xdockhelp", "mkdocker": "xdockhelp", "rmdocker": "xdockhelp"});
    assert_eq!(handled(""), all);
    let newer = "sub xCAT_plugin::AAAhelp::handled_commands { return { rpower => 'AAAhelp' } }";
    assert_eq!(handled(newer), all);
    // up to 2.18: xCAT would answer too
    let older = "sub xCAT_plugin::AAAhelp::handled_commands { return { map { $_ => 'AAAhelp' } qw(rpower mkdocker lsdocker rmdocker) } }";
    assert_eq!(handled(older), json!({}));
}

#[test]
fn help_without_nodes_is_the_usage() {
    for (command, usage) in [
        ("lsdocker", "Usage: lsdocker <noderange>\n       lsdocker <noderange> [-l|--logs]"),
        ("rmdocker", "Usage: rmdocker <noderage>\n       rmdocker <noderange> [-f|--force]"),
    ] {
        for option in ["-h", "--help"] {
            let request = json!({"command": [command], "noderange": [""], "arg": [option]}).to_string();
            assert_eq!(
                answers_of(&place(), &template("xdockhelp.pm"), &request),
                [json!({ "data": [usage] })],
                "{request}"
            );
        }
    }
}

/// xcatd reports nodes that no plugin takes, and also passes them here.
#[test]
fn nodes_are_left_to_the_plugin_of_their_kind() {
    let request = r#"{"command":["mkdocker"],"node":["host1"],"arg":["-h"]}"#;
    assert_eq!(answers_of(&place(), &template("xdockhelp.pm"), request), [] as [Value; 0]);
}
