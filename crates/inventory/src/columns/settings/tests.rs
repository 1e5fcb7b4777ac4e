use super::*;
use crate::container::{Device, Gpus, Swap, Ulimit};

#[test]
fn items_and_json_are_both_taken() {
    let settings: Settings =
        "port=8080:80; port=[::1]:53:53/udp,link=host2c1:db;restart=on-failure:3;env=A=b=c".parse().unwrap();
    assert_eq!(settings.ports, ["8080:80", "[::1]:53:53/udp"]);
    assert_eq!(settings.links, [Link { node: "host2c1".parse().unwrap(), alias: "db".to_owned() }]);
    assert_eq!(settings.restart.as_deref(), Some("on-failure:3"));
    assert_eq!(settings.env, ["A=b=c"]);
    let settings: Settings = r#"{"Tty":true}"#.parse().unwrap();
    assert_eq!(settings.docker.get("Tty"), Some(&serde_json::Value::Bool(true)));
    let settings: Settings = r#"tty=yes;docker='{"HostConfig":{"Init":true}}'"#.parse().unwrap();
    assert_eq!(settings.tty, Some(true));
    assert_eq!(settings.docker["HostConfig"]["Init"], true);
}

#[test]
fn every_item_has_its_type() {
    let text = r#"env="A=1,2; 3";entrypoint='["sh","-c","a,b"]';user=nobody:nogroup;workdir=/srv;domain=lab.test;
            dns=10.99.0.1,dnssearch=lab.test,dnsoption=ndots:2;label=role=db server;swap=64m;pids=100;ulimit=nofile=1024:2048;
            ulimit=core=unlimited;shm=16m;device=/dev/fuse;device=/dev/null:/dev/mynull:r;gpus="device=0,2";capadd=net_admin;
            capdrop=CAP_MKNOD;privileged=no;stopsignal=int;stoptimeout=3;health='test -e "/ok"';healthinterval=1m30s;
            healthtimeout=500ms;healthstart=2;healthretries=5"#;
    let settings: Settings = text.parse().unwrap();
    assert_eq!(settings.env, ["A=1,2; 3"]);
    assert_eq!(settings.entrypoint.unwrap(), ["sh", "-c", "a,b"]);
    assert_eq!(
        (settings.user.as_deref(), settings.workdir.as_deref()),
        (Some("nobody:nogroup"), Some("/srv"))
    );
    assert_eq!(settings.labels, [("role".to_owned(), "db server".to_owned())]);
    assert_eq!(
        (settings.swap, settings.pids, settings.shm),
        (Some(Swap::Bytes(64 << 20)), Some(100), Some(16 << 20))
    );
    let limit = |name: &str, soft, hard| Ulimit { name: name.to_owned(), soft, hard };
    assert_eq!(settings.ulimits, [limit("nofile", Some(1024), Some(2048)), limit("core", None, None)]);
    let device = |host: &str, container: &str, permissions: &str| Device {
        host: host.to_owned(),
        container: container.to_owned(),
        permissions: permissions.to_owned(),
    };
    assert_eq!(
        settings.devices,
        [device("/dev/fuse", "/dev/fuse", "rwm"), device("/dev/null", "/dev/mynull", "r")]
    );
    assert_eq!(settings.gpus, Some(Gpus::Devices(vec!["0".to_owned(), "2".to_owned()])));
    assert_eq!(
        (settings.cap_add.join(","), settings.cap_drop.join(",")),
        ("NET_ADMIN".to_owned(), "MKNOD".to_owned())
    );
    assert_eq!((settings.stop_signal.as_deref(), settings.stop_timeout), (Some("SIGINT"), Some(3)));
    let second = 1_000_000_000;
    assert_eq!(
        settings.health.unwrap(),
        Health {
            test: Some("test -e \"/ok\"".to_owned()),
            interval: Some(90 * second),
            timeout: Some(second / 2),
            start: Some(2 * second),
            retries: Some(5)
        }
    );
}

#[test]
fn a_bad_item_is_told_with_its_rule() {
    for (text, rule) in [
        ("port=80", "item \"port=80\": the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp]"),
        ("port=::1:80:80", "item \"port=::1:80:80\": the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp]"),
        (
            "restart=maybe",
            "item \"restart=maybe\": restart is one of no, always, unless-stopped, on-failure, on-failure:COUNT",
        ),
        ("restart=no;restart=no", "item \"restart=no\": restart= is there twice"),
        ("link=a:x;link=b:x", "item \"link=b:x\": x is already the name of a"),
        ("link=a:", "item \"link=a:\": \"\" is no host name: letters, digits, '.', '_' and '-' are needed"),
        ("env=A", "item \"env=A\": the form is env=NAME=VALUE"),
        ("env='A=1", "the quote ' has no end"),
        ("label=A", "item \"label=A\": the form is label=NAME=VALUE"),
        ("tty=maybe", "item \"tty=maybe\": yes or no is needed"),
        ("pids=0", "item \"pids=0\": a number from 1 on is needed"),
        ("shm=x", "item \"shm=x\": an amount of memory such as 64 (MiB), 64m or 1g is needed"),
        (
            "swap=x",
            "item \"swap=x\": an amount of memory such as 64 (MiB), 64m or 1g is needed, or unlimited",
        ),
        (
            "ulimit=nofile",
            "item \"ulimit=nofile\": the form is ulimit=NAME=SOFT[:HARD], a number or unlimited each",
        ),
        (
            "ulimit=nofiles=1",
            "item \"ulimit=nofiles=1\": \"nofiles\" is no limit of setrlimit(2), such as nofile, nproc, core, memlock",
        ),
        ("ulimit=core=2:1", "item \"ulimit=core=2:1\": the soft limit is above the hard one"),
        ("device=fuse", "item \"device=fuse\": the form is device=/dev/NAME[:/dev/NAME][:rwm]"),
        ("gpus=x", "item \"gpus=x\": the form is gpus=all, gpus=NUMBER or gpus=\"device=ID,ID\""),
        ("dns=x", "item \"dns=x\": an IP address is needed"),
        ("stopsignal=9x", "item \"stopsignal=9x\": a signal such as SIGTERM, or its number, is needed"),
        ("stoptimeout=x", "item \"stoptimeout=x\": a number of seconds is needed"),
        ("healthinterval=x", "item \"healthinterval=x\": a duration such as 30s, 500ms or 1m30s is needed"),
        ("capadd=net-admin", "item \"capadd=net-admin\": a capability such as NET_ADMIN, or ALL, is needed"),
        ("docker={", "item \"docker={\": no JSON object: EOF while parsing an object at line 1 column 1"),
    ] {
        assert_eq!(text.parse::<Settings>(), Err(rule.to_owned()));
    }
    let unknown = "env=A=1,2".parse::<Settings>().unwrap_err();
    assert!(unknown.starts_with("item \"2\": items are port= link= restart= env= entrypoint="), "{unknown}");
    assert!(unknown.ends_with(
        "docker={JSON}, separated by ; or , (a value that contains one of these stands in quotes)"
    ));
    assert!("colour=red".parse::<Settings>().is_err());
    let error = r#"{"Tty":"#.parse::<Settings>().unwrap_err();
    assert_eq!(error, "no JSON object: EOF while parsing a value at line 1 column 7");
}
