//! Completions, manual pages and what `init` lays into an xCAT, tried with the programs that read them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Place, SMALL};

#[test]
fn bash_completes_commands() {
    let place = Place::with(SMALL);
    let script = String::from_utf8(place.run(&["completion", "bash"]).stdout).unwrap();
    let complete = |words: &str, at: usize| {
        let line = format!(
            "{script}\nCOMP_WORDS=({words}) COMP_CWORD={at}\n_xdock xdock \"${{COMP_WORDS[{at}]}}\" \
             \"${{COMP_WORDS[{at}-1]}}\"\necho \"${{COMPREPLY[@]}}\"\ncomplete -p xdock | grep -o -e '-F .*'"
        );
        let output = Command::new("bash").args(["--norc", "-euc", &line]).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap()
    };
    let bound = "-F _xdock xdock\n";
    assert_eq!(complete("xdock po", 1), format!("power\n{bound}"));
    assert_eq!(complete("xdock completion z", 2), format!("zsh\n{bound}"));
}

#[test]
fn zsh_and_fish_have_a_script_each() {
    let place = Place::with(SMALL);
    assert!(place.say(&["completion", "zsh"]).starts_with("#compdef xdock\n"));
    assert!(place.say(&["completion", "fish"]).contains("complete -c xdock"));
}

#[test]
fn every_page_is_free_of_errors() {
    let place = Place::with(SMALL);
    let directory = place.directory.path().join("man1");
    let said = place.say(&["man", directory.to_str().unwrap()]);
    assert!(said.starts_with("DIR/man1/xdock.1\nDIR/man1/xdock-nodes.1\n"), "{said}");
    let pages: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|page| page.unwrap().path()).collect();
    assert_eq!(pages.len() + 1, said.lines().count());
    let output = Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(&pages).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let power = Command::new("mandoc").args(["-T", "utf8"]).arg(directory.join("xdock-power.1")).output();
    let shown = String::from_utf8(power.unwrap().stdout).unwrap().replace('\u{8}', "");
    assert!(shown.contains("xdock power docker state"), "{shown}");
}

#[test]
fn the_page_of_the_whole_goes_to_a_pipe() {
    let place = Place::with(SMALL);
    let page = place.run(&["man"]).stdout;
    let mut lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "error"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    lint.stdin.take().unwrap().write_all(&page).unwrap();
    assert_eq!(String::from_utf8(lint.wait_with_output().unwrap().stdout).unwrap(), "");
}

#[test]
fn help_of_every_command_has_an_example() {
    let place = Place::with(SMALL);
    let help = place.say(&["--help"]);
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() >= 16, "{help}");
    for command in commands {
        let said = place.say(&[command, "--help"]);
        assert!(said.contains(&format!("\n  xdock {command}")), "{said}");
        assert!(said.ends_with("= 0\n"), "{said}");
    }
}

#[test]
fn init_lays_into_an_xcat_and_undo_takes_it_away() {
    let place = Place::with(SMALL);
    let at = |name: &str| place.directory.path().join(name);
    for below in ["from", "install", "opt/xcat/bin"] {
        std::fs::create_dir_all(at(below)).unwrap();
    }
    for program in ["from/netd", "from/xdockhost", "opt/xcat/bin/xcatclient"] {
        std::fs::write(at(program), program).unwrap();
    }
    std::fs::write(place.settings(), format!("installdir = \"{}\"\n", at("install").display())).unwrap();
    let init = |root: &str, words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_xdock"))
            .env_clear()
            .env("XDOCK_CONFIG", place.settings())
            .env("XCATROOT", at(root))
            .args(["init", "--no-knock"])
            .args(words)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(place.directory.path().to_str().unwrap(), "DIR")
        };
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let from = at("from");
    let from = ["--from", from.to_str().unwrap()];
    let stopped = "xcatd is not running; it loads the plugins when it starts\n";
    let own = at("install/postscripts/setupdockerhost");
    std::fs::create_dir(at("install/postscripts")).unwrap();
    std::fs::write(&own, "#!/bin/sh\n# xCAT 2.18 has this\n").unwrap();
    let (code, out, err) = init("opt/xcat", &from);
    let laid: String = ["mkdocker", "rmdocker", "lsdocker", "mkvm", "rmvm", "lsvm", "rpower"]
        .map(|name| format!("DIR/opt/xcat/bin/{name}: written\n"))
        .concat();
    let files = "DIR/opt/xcat/lib/perl/xCAT_plugin/docker.pm: written\nDIR/opt/xcat/lib/perl/xCAT_plugin/xdockhelp.pm: written\n\
        DIR/opt/xcat/share/xcat/cons/docker: written\n";
    assert!(out.ends_with(&format!("{files}{laid}")), "{out}");
    assert!(
        out.contains(
            "DIR/install/postscripts/setupdockerhost: kept as DIR/install/xdock/kept/setupdockerhost.2"
        ),
        "{out}"
    );
    assert!(out.contains("DIR/install/postscripts/setupdockerhost: written\n"), "{out}");
    assert_eq!((code, err.as_str()), (Some(0), stopped));
    let (code, out, err) = init("opt/xcat", &from);
    assert!(!out.contains("written"), "{out}");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let (code, out, err) = init("opt/xcat", &["--undo"]);
    assert!(out.contains("DIR/opt/xcat/bin/lsdocker: removed\n"), "{out}");
    assert!(out.contains("DIR/install/postscripts/setupdockerhost: restored\n"), "{out}");
    assert_eq!((code, err.as_str()), (Some(0), stopped));
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "#!/bin/sh\n# xCAT 2.18 has this\n");
    assert_eq!(std::fs::read_dir(at("opt/xcat/bin")).unwrap().count(), 1);
    // without an xCAT there is nothing to say, but to one who asks
    assert_eq!(init("none", &["--undo"]), (Some(0), String::new(), String::new()));
    let told = "DIR/none: xCAT is not installed here (set XCATROOT if it is elsewhere)\n";
    assert_eq!(init("none", &["--undo", "-v"]), (Some(0), String::new(), told.into()));
}
