//! Commands for engines that are not there: what is told, what it costs others, and that nothing is asked when the
//! tables are wrong. Real engines answer in the acceptance tests.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use super::{Place, SMALL};

fn engines(place: &Place, lines: &[(&str, &str)]) {
    let text: String = lines.iter().map(|(host, url)| format!("{host} = \"{url}\"\n")).collect();
    std::fs::write(place.settings(), format!("[engines]\n{text}")).unwrap();
}

#[test]
fn an_absent_engine_is_reported_once_and_its_nodes_are_listed_in_order() {
    let place = Place::with(SMALL);
    engines(&place, &[("default", "unix:///nowhere/{host}.sock")]);
    let told = |host: &str| {
        format!(
            "Error: cannot reach the engine of {host}: cannot connect to /nowhere/{host}.sock: \
             No such file or directory (os error 2)"
        )
    };
    let expected = format!(
        "! host1c1: {}\n! host1c2: Error: the same as host1c1\n! host2c1: {}\n= 1\n",
        told("host1"),
        told("host2")
    );
    for words in
        [&["power", "docker", "state"][..], &["power", "docker", "on"], &["rm", "docker"], &["mk", "docker"]]
    {
        assert_eq!(place.say(words), expected, "{words:?}");
    }
    let each = place.say(&["power", "docker", "state", "--json"]);
    assert_eq!(
        each.matches("cannot reach the engine of host1").count(),
        2,
        "each object stands for itself: {each}"
    );
    assert_eq!(
        place.say(&["power", "host2c1", "state", "--json"]),
        format!("{{\"error\":\"{}\",\"node\":\"host2c1\"}}\n= 1\n", &told("host2")["Error: ".len()..])
    );
}

#[test]
fn a_silent_engine_costs_the_timeout_and_no_more() {
    let place = Place::with(SMALL);
    let silent = place.directory.path().join("silent.sock");
    let _listener = UnixListener::bind(&silent).unwrap();
    engines(&place, &[("host1", &format!("unix://{}", silent.display())), ("host2", "unix:///nowhere")]);
    let began = Instant::now();
    let said = place.say(&["--timeout", "1", "power", "docker", "state"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let silent = "Error: the engine of host1 did not answer within 1 s";
    let same = "Error: the same as host1c1";
    assert!(
        said.starts_with(&format!("! host1c1: {silent}\n! host1c2: {same}\n! host2c1: Error: cannot")),
        "{said}"
    );
}

#[test]
fn plaintext_is_never_spoken_to_a_tcp_engine() {
    let place = Place::with(SMALL);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    engines(&place, &[("default", &format!("tcp://localhost:{}", listener.local_addr().unwrap().port()))]);
    let said = place.say(&["--timeout", "1", "power", "host2c1", "state"]);
    assert_eq!(
        said,
        "! host2c1: Error: cannot reach the engine of host2: cannot read /var/lib/xdock/ca/ca.pem ([tls] ca): \
         I/O error: No such file or directory (os error 2)\n= 1\n"
    );
}

#[test]
fn rows_that_cannot_be_used_stop_a_command_before_it_begins() {
    let place = Place::with(&SMALL.replace("    vmhost=host2\n", ""));
    assert_eq!(
        place.say(&["power", "all,docker,hosts", "off"]),
        "! Error: Invalid nodes and/or groups in noderange: all\n= 2\n"
    );
    assert_eq!(
        place.say(&["power", "host1,host2c1", "off"]),
        "! host1: Error: nodehm.mgt of host1 is ipmi, not docker: it is not a container\n\
         ! host2c1: Error: vm.host of host2c1 is empty; set it to the node name of its docker host\n\
         ! Error: nothing was done: the tables have invalid values for 2 nodes\n\
         ! hint: run \"xdock check\" to check all tables\n= 2\n"
    );
    assert_eq!(
        place.say(&["sync", "host1c1"]),
        "! host1c1: Error: host1c1 is a container node; sync needs docker hosts\n\
         ! Error: nothing was done: the tables have invalid values for 1 node\n\
         ! hint: run \"xdock check\" to check all tables\n= 2\n"
    );
}

/// Of many nodes only those that depend on a wrong row are refused, in their place of the noderange.
#[test]
fn a_wrong_row_keeps_no_other_node_from_its_work() {
    let absent = |host: &str| {
        format!(
            "Error: cannot reach the engine of {host}: cannot connect to /nowhere/{host}.sock: No such file or directory (os error 2)"
        )
    };
    let place = |from: &str, to: &str| {
        let place = Place::with(&SMALL.replacen(from, to, 1));
        engines(&place, &[("default", "unix:///nowhere/{host}.sock")]);
        place
    };
    let hint = "! hint: run \"xdock check\" to check all tables\n";
    let (one, two) = (absent("host1"), absent("host2"));
    let nowhere = place("    vmhost=host2\n", "");
    let why = "vm.host of host2c1 is empty; set it to the node name of its docker host";
    for words in [&["power", "docker", "off"][..], &["rm", "docker"], &["ls", "docker"], &["mk", "docker"]] {
        let expected = format!(
            "! host1c1: {one}\n! host1c2: Error: the same as host1c1\n! host2c1: Error: {why}\n{hint}"
        );
        assert_eq!(nowhere.say(words), format!("{expected}= 1\n"), "{words:?}");
    }
    let no_address = place("ip=10.99.1.2\n", "ip=10.99.1.256\n");
    let why = "hosts.ip=10.99.1.256 of host1c2: an IP address is needed";
    assert_eq!(
        no_address.say(&["mk", "docker"]),
        format!("! host1c1: {one}\n! host1c2: Error: {why}\n! host2c1: {two}\n{hint}= 1\n")
    );
    // nobody asked for it: its host goes on, and the row is told
    assert_eq!(
        no_address.say(&["mk", "host1c1"]),
        format!("! host1c1: {one}\n! hint: left out: {why}\n= 1\n")
    );
    assert_eq!(no_address.say(&["mk", "host2c1"]), format!("! host2c1: {two}\n= 1\n"));
    // it can still be stopped and removed
    assert_eq!(no_address.say(&["rm", "host1c2"]), format!("! host1c2: {one}\n= 1\n"));
    let twice = place("ip=10.99.2.1\n", "ip=10.99.1.1\n");
    let clash =
        "10.99.1.1 is the address of host1c1 and host2c1: change hosts.ip of host1c1 or hosts.ip of host2c1";
    assert_eq!(
        twice.say(&["mk", "docker"]),
        format!("! host1c1: Error: {clash}\n! host1c2: {one}\n! host2c1: Error: {clash}\n{hint}= 1\n")
    );
    assert_eq!(twice.say(&["mk", "host1c2"]), format!("! host1c2: {one}\n! hint: left out: {clash}\n= 1\n"));
}

#[test]
fn a_port_of_vmhost_is_an_engine_by_tls_but_for_the_one_without() {
    let with_host =
        |host: &str| Place::with(&SMALL.replacen("vmhost=host2\n", &format!("vmhost={host}\n"), 1));
    let settings =
        |place: &Place| std::fs::write(place.settings(), "[tls]\ndirectory = \"/nowhere\"\n").unwrap();
    for port in [2376, 4243] {
        let place = with_host(&format!("host2:{port}"));
        settings(&place);
        let said = place.say(&["power", "host2c1", "state"]);
        let told = format!(
            "! host2c1: Error: vm.host has port {port} of host2, which needs TLS, and this management node has no certificates: remove the port (vm.host=host2) to use ssh, or run \"xdock host host2 enroll\"\n"
        );
        assert!(said.starts_with(&told), "{said}");
    }
    let url = with_host("tcp://host2:2375").say(&["power", "host2c1", "state"]);
    assert!(
        url.starts_with("! host2c1: Error: vm.host=tcp://host2:2375 of host2c1: a node name is needed here, not a URL: write host2;"),
        "{url}"
    );
    let old = with_host("host2:2375");
    assert_eq!(
        old.say(&["check"]),
        "warning: vm.host=host2:2375 of host2c1: port 2375 is Docker's port without TLS, which xdock does not use; it reaches the engine by ssh, or by TLS where the host is enrolled; write vm.host=host2\n! 5 nodes in file:DIR/cluster.stanza: 0 errors, 1 warning\n= 0\n"
    );
}

#[test]
fn mk_refuses_what_docker_would_not_understand() {
    let wrong = |settings: &str| {
        let text = SMALL.replace(
            "provmethod=busybox!sleep,inf",
            &format!("provmethod=busybox\n    vmothersetting={settings}"),
        );
        place_says(&text)
    };
    fn place_says(text: &str) -> String {
        let said = Place::with(text).say(&["mk", "host1c1"]);
        said.lines().next().unwrap_or_default().to_owned()
    }
    assert_eq!(
        wrong(r#"{"HostConfig":{"ShmSise":1}}"#),
        "! host1c1: Error: vm.othersettings of host1c1: Docker's API does not have HostConfig.ShmSise"
    );
    assert_eq!(
        wrong(r#"{"HostConfig":{"NetworkMode":"host"}}"#),
        "! host1c1: Error: vm.othersettings sets HostConfig.NetworkMode, which vm.nics determines: remove it there (host1c1)"
    );
    assert_eq!(
        place_says(&SMALL.replace(
            "net=10.99.0.0\n    mask=255.255.0.0",
            "net=10.99.0.0,fd00:99::\n    mask=255.255.0.0,64"
        )),
        "! host1c1: Error: host1c1 has no address in fd00:99::/64 of network mynet0, but Docker needs one of each address family: \
         set nicips.eth0=ADDRESS nicnetworks.eth0=mynet0"
    );
    assert_eq!(
        place_says(&SMALL.replace("    provmethod=busybox!sleep,inf\n", "")),
        "! host1c1: Error: nodetype.provmethod of host1c1 is empty: set it to IMAGE or IMAGE!COMMAND, or add image=IMAGE"
    );
    assert_eq!(
        Place::with(SMALL).say(&["mk", "host1c1", "command=x"]),
        "! Error: Must set 'image' if use 'command'\n= 2\n"
    );
}
