//! What is still true after netd was killed.

use serde_json::json;

use crate::support::{Host, NETWORK, at, id, new_endpoint, reaches, run};

/// d1 and d2, which are started, reach each other while netd is killed, and after it.
pub(crate) fn containers_outlive_netd(host: &mut Host) -> [String; 2] {
    let first = host.start_container(&id('a'), "d1", "10.99.1.1");
    let second = host.start_container(&id('b'), "d2", "10.99.1.2");
    host.kill();
    reaches(&first, "10.99.1.2");
    host.start();
    assert_eq!(host.netd(&["reconcile"]).stdout, b"nothing to do\n");
    reaches(&first, "10.99.1.2");
    [first, second]
}

/// netd is killed in the start of d1, between the record and what it tells of.
pub(crate) fn a_cut_off_start_is_cleaned_up(host: &mut Host) {
    host.begin(&id('a'), "d1", "10.99.1.1");
    host.kill();
    // as a netd leaves it that was killed before the pair was made, and the port applied
    let record = host.path(&format!("run/endpoints/{}.json", id('a')));
    let text = std::fs::read_to_string(&record).unwrap().replace("\"created\"", "\"intended\"");
    std::fs::write(&record, text).unwrap();
    host.start();
    host.until("record and pair are gone", |host| host.records() == 0 && host.devices().is_empty());
}

#[test]
fn a_killed_netd_loses_nothing() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    let [first, second] = containers_outlive_netd(&mut host);
    let status = host.status();
    assert_eq!(status["endpoints"].as_array().unwrap().len(), 2);
    assert_eq!(status["networks"][0]["docker"], json!([NETWORK]));
    // and the networks and endpoints of before are usable as if nothing had been
    run("ip", &format!("netns del {second}"));
    host.stop(&id('b'), "10.99.1.2");
    host.start_container(&id('c'), "d3", "10.99.1.3");
    reaches(&first, "10.99.1.3");
}

#[test]
fn a_start_between_two_calls_continues() {
    let mut host = Host::up();
    host.arguments = vec!["--probe-ms=40".into()];
    host.start();
    host.create_network();
    host.begin(&id('a'), "d1", "10.99.1.1");
    host.kill();
    host.start();
    assert_eq!(host.join(&id('a'))["InterfaceName"]["DstPrefix"], "eth");
}

#[test]
fn a_start_that_was_cut_off_is_cleaned_up_and_can_be_repeated() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    a_cut_off_start_is_cleaned_up(&mut host);
    host.start_container(&id('b'), "d1", "10.99.1.1");
}

#[test]
fn a_pair_without_a_record_is_removed_at_the_start() {
    let mut host = Host::up();
    host.ip("link add xh0123456789 type veth peer name xc0123456789");
    host.ip("link add xh0 type veth peer name other0");
    host.start();
    host.until("the left-over is deleted", |host| !host.try_ip("link show xh0123456789"));
    assert!(host.try_ip("link show xh0"), "that one is somebody else's");
    let told = "repaired: left-over device xh0123456789 deleted";
    host.until("it is told", |host| host.log().contains(told));
}

#[test]
fn a_container_that_died_meanwhile_leaves_no_record() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    host.kill();
    run("ip", &format!("netns del {container}"));
    host.start();
    host.until("the record is gone", |host| host.records() == 0);
}

#[test]
fn kill_9_in_the_middle_of_many_starts_leaves_nothing_behind() {
    let mut host = Host::up();
    host.start();
    host.create_network();
    for round in 0..5_u64 {
        std::thread::scope(|scope| {
            for (endpoint, node, last) in [('a', "d1", 1), ('b', "d2", 2), ('c', "d3", 3)] {
                let host = &host;
                scope.spawn(move || {
                    let address = format!("10.99.1.{last}");
                    let body = new_endpoint(&id(endpoint), node, &address).to_string();
                    // what comes back, if anything does, is what dockerd has to live with
                    let _ = host.try_post("/NetworkDriver.CreateEndpoint", &body);
                    let _ = host.try_post("/NetworkDriver.Join", &at(&id(endpoint)).to_string());
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(round));
            let pid = host.pid().to_string();
            run("kill", &format!("-9 {pid}"));
        });
        host.kill();
        host.start();
        for (endpoint, last) in [('a', 1), ('b', 2), ('c', 3)] {
            host.stop(&id(endpoint), &format!("10.99.1.{last}"));
        }
        host.until("nothing is left", |host| host.devices().is_empty() && host.records() == 0);
    }
}
