use super::*;
use crate::container::{Device, Gpus, PortRange, Protocol, Swap, Ulimit};

#[test]
fn items_and_json_are_both_taken() {
    let settings: Settings =
        "port=8080:80; port=[::1]:53:53/udp,link=host2c1:db;restart=on-failure:3;env=A=b=c".parse().unwrap();
    let [web, dns] = settings.ports.as_slice() else { panic!("{settings:?}") };
    assert_eq!(
        (web.address, web.pairs().collect::<Vec<_>>(), web.protocol),
        (None, vec![(8080, 80)], Protocol::Tcp)
    );
    assert_eq!((dns.address, dns.protocol), (Some("::1".parse().unwrap()), Protocol::Udp));
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
            start_interval: None,
            retries: Some(5)
        }
    );
}

#[test]
fn what_docker_run_knows_has_an_item() {
    let text = r#"port=127.0.0.1:8000-8010:9000-9010/udp;expose=7000-7001/sctp;hostname=web.lab.test;extrahost=ldap:10.99.0.5;
            extrahost=six:fd00::1;init=yes;readonly=yes;tmpfs="/run:size=64m,mode=1777";tmpfs=/var/tmp;sysctl=net.core.somaxconn=9;
            memoryreservation=32m;cpushares=512;oomscoreadj=-500;logdriver=syslog;logopt=tag=a;logopt=syslog-address=udp://1.2.3.4:514;
            securityopt=no-new-privileges;securityopt=label=type:spc_t;securityopt=apparmor=unconfined;groupadd=audio;ipc=host;pid=host;
            userns=host;cgroupns=private;cgroupparent=xdock.slice;runtime=runc;healthstartinterval=1s"#;
    let settings: Settings = text.parse().unwrap();
    let [port] = settings.ports.as_slice() else { panic!("{settings:?}") };
    assert_eq!((port.pairs().next(), port.pairs().last()), (Some((8000, 9000)), Some((8010, 9010))));
    assert_eq!((port.address, port.protocol), (Some("127.0.0.1".parse().unwrap()), Protocol::Udp));
    assert_eq!(settings.expose[0].ports, PortRange { first: 7000, last: 7001 });
    assert_eq!(settings.hostname.as_deref(), Some("web.lab.test"));
    let hosts: Vec<String> =
        settings.extra_hosts.iter().map(|host| format!("{} {}", host.name, host.address)).collect();
    assert_eq!(hosts, ["ldap 10.99.0.5", "six fd00::1"]);
    assert_eq!((settings.init, settings.read_only), (Some(true), Some(true)));
    let tmpfs: Vec<(&str, &str)> =
        settings.tmpfs.iter().map(|on| (on.path.as_str(), on.options.as_str())).collect();
    assert_eq!(tmpfs, [("/run", "size=64m,mode=1777"), ("/var/tmp", "")]);
    assert_eq!(settings.sysctls, [("net.core.somaxconn".to_owned(), "9".to_owned())]);
    assert_eq!(
        (settings.memory_reservation, settings.cpu_shares, settings.oom_score_adj),
        (Some(32 << 20), Some(512), Some(-500))
    );
    assert_eq!(settings.log_driver.as_deref(), Some("syslog"));
    assert_eq!(settings.log_options[1], ("syslog-address".to_owned(), "udp://1.2.3.4:514".to_owned()));
    assert_eq!(settings.security_options, ["no-new-privileges", "label=type:spc_t", "apparmor=unconfined"]);
    assert_eq!((settings.ipc.as_deref(), settings.cgroupns.as_deref()), (Some("host"), Some("private")));
    assert_eq!(settings.health.unwrap().start_interval, Some(1_000_000_000));
}

/// As people write lists, with and without quotes.
#[test]
fn further_values_follow_after_a_comma() {
    let parsed = |text: &str| text.parse::<Settings>();
    for text in [
        "dns=10.99.0.1,10.99.0.2;tty=yes",
        r#"dns="10.99.0.1,10.99.0.2",tty=yes"#,
        "dns=10.99.0.1,dns=10.99.0.2,tty=yes",
    ] {
        let settings = parsed(text).unwrap();
        assert_eq!((settings.dns.len(), settings.tty), (2, Some(true)), "{text}");
    }
    assert_eq!(parsed("capadd=NET_ADMIN,SYS_TIME,capdrop=ALL").unwrap().cap_add, ["NET_ADMIN", "SYS_TIME"]);
    assert_eq!(parsed("port=80:80,443:443/udp").unwrap().ports.len(), 2);
    let settings = parsed("tmpfs=/run:size=64m,mode=1777,noexec,readonly=yes").unwrap();
    assert_eq!(
        (settings.tmpfs[0].options.as_str(), settings.read_only),
        ("size=64m,mode=1777,noexec", Some(true))
    );
    assert_eq!(parsed("sysctl=net.core.somaxconn=9,net.ipv4.ip_forward=1").unwrap().sysctls.len(), 2);
    // after a semicolon, and where a value was forgotten, nothing is guessed
    for (text, message) in [
        ("dns=10.99.0.1;10.99.0.2", "item \"10.99.0.2\": items are port= expose= "),
        ("dnssearch=lab.test,tty", "item \"tty\": it has no value: tty=VALUE"),
        ("dns=10.99.0.1,ten", "item \"ten\": an IP address is needed"),
        ("env=A=1,B=2", "item \"B=2\": items are port= expose= "),
        ("tmpfs=/run,size", "item \"size\": items are port= expose= "),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn json_needs_no_quotes_around_it_but_those_in_it() {
    for text in [
        r#"docker={"HostConfig":{"OomKillDisable":true},"Tty":true},pids=9"#,
        r#"pids=9;docker='{"HostConfig":{"OomKillDisable":true},"Tty":true}'"#,
    ] {
        let settings: Settings = text.parse().unwrap();
        assert_eq!((settings.docker.len(), settings.pids), (2, Some(9)), "{text}");
    }
    let hint = "it has no double quotes, which a shell takes away: put the whole argument in single quotes, as in 'vmothersettings=docker={\"HostConfig\":{\"Init\":true}}'";
    for text in
        ["docker={HostConfig:{Init:true},Tty:true};pids=9", "{HostConfig:{Init:true}}", "docker={Tty:true}"]
    {
        let error = text.parse::<Settings>().unwrap_err();
        assert!(error.ends_with(hint), "{error}");
    }
    let error = r#"docker={"Tty":yes}"#.parse::<Settings>().unwrap_err();
    assert_eq!(error, r#"item "docker={\"Tty\":yes}": not a JSON object: expected value at line 1 column 8"#);
}

/// An item and why it is refused.
const BAD: &[(&str, &str)] = &[
    (
        "port=80",
        "item \"port=80\": the host's port is missing, as in 80:80: ports that the engine chooses are not in the tables",
    ),
    (
        "port=::1:80:80",
        "item \"port=::1:80:80\": the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp], or a range of each: 8000-8010:8000-8010",
    ),
    (
        "port=8010-8000:80",
        "item \"port=8010-8000:80\": the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp], or a range of each: 8000-8010:8000-8010",
    ),
    (
        "port=8000-8010:80",
        "item \"port=8000-8010:80\": 11 ports of the host cannot be 1 of the container: both ranges need the same length",
    ),
    ("expose=x", "item \"expose=x\": the form is PORT[-PORT][/tcp|/udp|/sctp]"),
    (
        "hostname=a_b",
        "item \"hostname=a_b\": a host name is needed: letters, digits and '-' between dots, at most 64 characters",
    ),
    ("extrahost=a", "item \"extrahost=a\": the form is extrahost=NAME:ADDRESS"),
    (
        "extrahost=a:host-gateway",
        "item \"extrahost=a:host-gateway\": host-gateway is an address of docker0, which containers of these networks do not reach: write the host's own address",
    ),
    ("init=maybe", "item \"init=maybe\": yes or no is needed"),
    ("sysctl=x", "item \"sysctl=x\": the form is sysctl=NAME=VALUE, such as sysctl=net.core.somaxconn=1024"),
    (
        "sysctl=vm.swappiness=1",
        "item \"sysctl=vm.swappiness=1\": vm.swappiness belongs to the whole host, not to a container: set it in /etc/sysctl.d of the host",
    ),
    ("sysctl=net.a=1;sysctl=net.a=2", "item \"sysctl=net.a=2\": sysctl=net.a is there twice"),
    (
        "tmpfs=run",
        "item \"tmpfs=run\": the form is tmpfs=PATH[:OPTION,OPTION], such as tmpfs=/run:size=64m,mode=1777",
    ),
    (
        "tmpfs=/run:big",
        "item \"tmpfs=/run:big\": \"big\" is not a mount option of tmpfs; the form is tmpfs=PATH[:OPTION,OPTION], such as tmpfs=/run:size=64m,mode=1777",
    ),
    ("tmpfs=/run;tmpfs=/run", "item \"tmpfs=/run\": tmpfs=/run is given twice"),
    ("logopt=a", "item \"logopt=a\": the form is logopt=NAME=VALUE, such as logopt=max-size=10m"),
    (
        "securityopt=seccomp=/a.json",
        "item \"securityopt=seccomp=/a.json\": seccomp= takes unconfined or builtin; a profile of your own goes into docker='{\"HostConfig\":{\"SecurityOpt\":[\"seccomp=JSON\"]}}'",
    ),
    ("ipc=x", "item \"ipc=x\": ipc is one of private, shareable, host, none"),
    (
        "pid=container:c1",
        "item \"pid=container:c1\": pid can only be host; without this item the container has its own; nodes cannot share it with each other",
    ),
    ("cpushares=1", "item \"cpushares=1\": a weight from 2 to 262144 is needed; the default is 1024"),
    ("oomscoreadj=1001", "item \"oomscoreadj=1001\": a number from -1000 to 1000 is needed"),
    (
        "restart=maybe",
        "item \"restart=maybe\": restart is one of no, always, unless-stopped, on-failure, on-failure:COUNT",
    ),
    ("restart=no;restart=no", "item \"restart=no\": restart= is there twice"),
    ("link=a:x;link=b:x", "item \"link=b:x\": x is already the name of a"),
    ("link=a:", "item \"link=a:\": \"\" is not a host name: letters, digits, '.', '_' and '-' are needed"),
    ("env=A", "item \"env=A\": the form is env=NAME=VALUE"),
    ("env='A=1", "the quote ' has no end"),
    ("label=A", "item \"label=A\": the form is label=NAME=VALUE"),
    ("tty=maybe", "item \"tty=maybe\": yes or no is needed"),
    ("pids=0", "item \"pids=0\": a number of at least 1 is needed"),
    ("shm=x", "item \"shm=x\": an amount of memory such as 64 (MiB), 64m or 1g is needed"),
    ("swap=x", "item \"swap=x\": an amount of memory such as 64 (MiB), 64m or 1g is needed, or unlimited"),
    (
        "ulimit=nofile",
        "item \"ulimit=nofile\": the form is ulimit=NAME=SOFT[:HARD], a number or unlimited each",
    ),
    (
        "ulimit=nofiles=1",
        "item \"ulimit=nofiles=1\": \"nofiles\" is not a limit of setrlimit(2) such as nofile, nproc, core, memlock",
    ),
    ("ulimit=core=2:1", "item \"ulimit=core=2:1\": the soft limit is above the hard one"),
    ("device=fuse", "item \"device=fuse\": the form is device=/dev/NAME[:/dev/NAME][:rwm]"),
    ("gpus=x", "item \"gpus=x\": the form is gpus=all, gpus=NUMBER or gpus=\"device=ID,ID\""),
    ("dns=x", "item \"dns=x\": an IP address is needed"),
    ("stopsignal=9x", "item \"stopsignal=9x\": a signal such as SIGTERM, or its number, is needed"),
    ("stoptimeout=x", "item \"stoptimeout=x\": a number of seconds is needed"),
    ("healthinterval=x", "item \"healthinterval=x\": a duration such as 30s, 500ms or 1m30s is needed"),
    ("capadd=net-admin", "item \"capadd=net-admin\": a capability such as NET_ADMIN, or ALL, is needed"),
    ("docker={", "item \"docker={\": not a JSON object: EOF while parsing an object at line 1 column 1"),
];

#[test]
fn a_bad_item_is_told_with_its_rule() {
    for (text, rule) in BAD {
        assert_eq!(text.parse::<Settings>(), Err((*rule).to_owned()));
    }
    let unknown = "env=A=1,2".parse::<Settings>().unwrap_err();
    assert!(
        unknown.starts_with("item \"2\": items are port= expose= link= extrahost= hostname="),
        "{unknown}"
    );
    assert!(unknown.ends_with(
        "docker={JSON}, separated by ; or , (a value that contains one of these stands in quotes)"
    ));
    assert!("colour=red".parse::<Settings>().is_err());
    let error = r#"{"Tty":"#.parse::<Settings>().unwrap_err();
    assert_eq!(error, "not a JSON object: EOF while parsing a value at line 1 column 7");
}
