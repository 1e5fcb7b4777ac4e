//! The program itself, with xCAT's configuration and with a URL.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use crate::server::{PASSWORD, Server};
use crate::tables::Files;

fn xdock(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xdock"));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(words);
    command
}

/// Standard output, standard error and the status; never a password.
fn said(ran: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}{}= {}", text(&ran.stdout), text(&ran.stderr), ran.status.code().unwrap());
    assert!(!said.contains(PASSWORD) && !said.contains("wrong-one"), "{said}");
    said
}

fn summary(said: &str) -> &str {
    said.lines().rev().nth(1).unwrap_or_default()
}

/// By the variable, which xcatd passes on to what it runs, and by the file.
pub(crate) fn finds_what_xcat_uses(server: &Server) {
    Files::new().load(server, "found");
    let line = server.cfgloc("found", PASSWORD);
    let url = format!("{}://xcatadm@127.0.0.1/found", server.kind.scheme());
    let ran = xdock(&["check"]).env("XCATCFG", &line).output().unwrap();
    let expected = format!("12 nodes in {url}: ");
    assert!(summary(&said(&ran)).starts_with(&expected), "{}", said(&ran));
    let ran = xdock(&["nodes", "d1", "-i", "ip,vm.host"]).env("XCATCFG", &line).output().unwrap();
    assert_eq!(said(&ran), "d1: ip: 10.99.1.1\nd1: vm.host: dh1:2375\n= 0");
    let ran = in_etc(&line, &["check", "--json"]);
    assert!(said(&ran).contains(&format!("\"tables\":\"{url}\"")), "{}", said(&ran));
    // SQLite files of before the migration lie beside it
    let ran = in_etc(&line, &["nodes", "d1", "--inventory", "xcat:///etc/xcat"]);
    assert_eq!(
        said(&ran),
        format!(
            "Error: xCAT no longer uses the SQLite files in /etc/xcat: /etc/xcat/cfgloc names {url}. Remove the inventory setting or option to read that database; to read the old files, copy them to another directory\n= 2"
        )
    );
    // the variable stands above the file
    let ran = in_etc("DB2:xcatdb|xcatdb|wrong-one", &["nodes", "d1"]);
    assert!(
        said(&ran).starts_with("Error: /etc/xcat/cfgloc names a DB2 database, which xdock cannot read: ")
    );
    let ran = xdock(&["undef", "d1"]).env("XCATCFG", &line).output().unwrap();
    assert_eq!(
        said(&ran),
        format!("Error: {url} are xCAT's tables, which xdock does not write: use rmdef\n= 2")
    );
}

/// With that file as /etc/xcat/cfgloc, in a mount namespace.
fn in_etc(cfgloc: &str, words: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("cfgloc"), format!("{cfgloc}\n")).unwrap();
    let script = "set -e
        mount --make-rprivate /
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/upper /mnt/work
        mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
        mkdir -p /etc/xcat
        cp \"$1/cfgloc\" /etc/xcat/cfgloc
        : >/etc/xcat/nodelist.sqlite
        shift
        exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(directory.path());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.arg(env!("CARGO_BIN_EXE_xdock")).args(words).output().unwrap()
}

pub(crate) fn takes_a_url(server: &Server) {
    Files::new().load(server, "named");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let url = format!("{}://xcatadm@192.0.2.7/named", server.kind.scheme());
    let settings = |text: &str| std::fs::write(path("xdock.toml"), text).unwrap();
    let run = |words: &[&str]| said(&xdock(words).env("XDOCK_CONFIG", path("xdock.toml")).output().unwrap());
    settings(&format!("inventory = \"{url}\"\n"));
    assert!(run(&["nodes", "d1"]).contains("xdock has no password for this database"));
    settings(&format!(
        "inventory = \"{url}\"\n[database]\npassword_file = \"{}\"\n",
        path("password").display()
    ));
    std::fs::write(path("password"), format!("{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(path("password"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(&["nodes", "d1"]), "d1\n= 0");
    std::fs::write(path("password"), "wrong-one\n").unwrap();
    assert!(
        run(&["-v", "nodes", "d1"])
            .contains(&format!("Check the password in {}", path("password").display()))
    );
    let ran = xdock(&["nodes", "d1", "--inventory", &url])
        .env("XDOCK_DATABASE_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    assert_eq!(said(&ran), "d1\n= 0");
    // xCAT's own password serves for the same user of the same database
    let line = server.cfgloc("named", PASSWORD).replace("127.0.0.1", "192.0.2.7");
    let ran = xdock(&["nodes", "d1", "--inventory", &url]).env("XCATCFG", &line).output().unwrap();
    assert_eq!(said(&ran), "d1\n= 0");
}

pub(crate) fn shows_no_password(server: &Server) {
    Files::new().load(server, "hidden");
    let scheme = server.kind.scheme();
    let line = |password: &str, port: u16| {
        format!("{}:dbname=hidden;host=127.0.0.1;port={port}|xcatadm|{password}", server.kind.dsn())
    };
    for (line, words) in [
        (line("wrong-one", server.port()), &["-v", "ls", "d1"][..]),
        (line("wrong-one", 7), &["-v", "check"][..]),
        (line("wrong-one", server.port()), &["--json", "power", "d1", "state"][..]),
        (line(PASSWORD, 0), &["check"][..]),
        (format!("xcatdb|{PASSWORD}"), &["check"][..]),
        (format!("DB2:xcatdb|xcatdb|{PASSWORD}"), &["check"][..]),
    ] {
        let ran = xdock(words).env("XCATCFG", &line).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    }
    let url = format!("{scheme}://xcatadm:wrong-one@127.0.0.1/hidden");
    let ran = xdock(&["nodes", "d1", "--inventory", &url]).output().unwrap();
    assert!(said(&ran).starts_with("Error: a database URL must not contain a password, "), "{}", said(&ran));
}
