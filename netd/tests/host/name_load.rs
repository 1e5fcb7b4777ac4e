//! Many requests: none of a busy container is lost, and none of its neighbours waits for a hostile one.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::names::{answer, host, in_container, request};
use super::support::{Host, id, run};

/// Requests of the hostile container at once, in each millisecond: far more than netd answers.
const FLOOD: u64 = 50;
/// What netd answers a container in a second, and at once after a pause (names/server.rs).
const RATE: u64 = 1500;
const BURST: u64 = 1500;
/// The promise.
const PROMPT: Duration = Duration::from_millis(5);
const ROUNDS: usize = 3;
const ASKED: usize = 150;

/// A socket in a container that only talks to netd, with room for all answers of a burst.
fn client(container: &str) -> UdpSocket {
    let socket = in_container(container, || {
        hostnet::listen::udp_socket("127.0.0.1:0".parse().unwrap(), 8 << 20).unwrap()
    });
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.connect("127.0.0.12:53").unwrap();
    socket
}

/// Runs these threads before all others of the machine: the test measures netd, not the CPUs that it shares.
fn prefer(threads: impl IntoIterator<Item = String>) {
    threads.into_iter().for_each(|thread| drop(run("renice", &format!("-n -20 -p {thread}"))));
}

fn threads_of(host: &Host) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", host.pid())).unwrap();
    tasks.map(|task| task.unwrap().file_name().into_string().unwrap()).collect()
}

/// The time below which 95 of 100 answers came, in the best of some rounds: other work of the machine only adds to it.
fn latency(socket: &UdpSocket) -> Duration {
    (0..ROUNDS).map(|_| latency_of_a_round(socket)).min().unwrap()
}

fn latency_of_a_round(socket: &UdpSocket) -> Duration {
    let (question, mut buffer) = (request("db"), [0; 512]);
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..ASKED {
        let begun = Instant::now();
        socket.send(&question).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        times.push(begun.elapsed());
        assert_eq!(answer(&buffer[..length]), "10.99.1.9");
        thread::sleep(Duration::from_millis(5));
    }
    times.sort();
    times[ASKED * 95 / 100]
}

/// Requests of a node that netd has answered.
fn answered(host: &Host, node: &str) -> u64 {
    // a pass reads the counters
    host.netd(&["reconcile"]);
    let status = host.status();
    let endpoints = status["endpoints"].as_array().unwrap();
    let endpoint = endpoints.iter().find(|endpoint| endpoint["node"] == node).unwrap();
    endpoint["names"]["answered"].as_u64().unwrap()
}

/// The same measurement without the flood says how much other work of the machine delays answers.
#[test]
fn a_container_that_floods_its_resolver_does_not_slow_the_others() {
    let mut host = host();
    let one = client(&host.start_container(&id('a'), "d1", "10.99.1.1"));
    let two = client(&host.start_container(&id('b'), "d2", "10.99.1.2"));
    prefer(threads_of(&host));
    prefer([nix::unistd::gettid().to_string()]);
    let quiet = latency(&one);

    let ends = AtomicBool::new(false);
    let (begun, flood) = (Instant::now(), request("d9"));
    let (flooded, sent) = thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            let mut sent = 0;
            while !ends.load(Ordering::Relaxed) {
                sent += (0..FLOOD).filter(|_| two.send(&flood).is_ok()).count() as u64;
                thread::sleep(Duration::from_millis(1));
            }
            sent
        });
        let flooded = latency(&one);
        ends.store(true, Ordering::Relaxed);
        (flooded, flooding.join().unwrap())
    });
    let (answered, seconds) = (answered(&host, "d2"), begun.elapsed().as_secs_f64());

    let allowed = BURST + (RATE as f64 * seconds) as u64;
    assert!(sent > 2 * allowed, "{sent} requests in {seconds} s are no flood");
    assert!(answered <= allowed, "{answered} of {sent} requests answered in {seconds} s");
    assert!(flooded < PROMPT.max(2 * quiet), "{flooded:?} with the flood, {quiet:?} without");
}

/// A thousand at once, then a thousand a second.
#[test]
fn no_request_of_a_busy_container_is_lost() {
    let mut host = host();
    let socket = client(&host.start_container(&id('a'), "d1", "10.99.1.1"));
    let (question, total) = (request("db"), 6000);
    let answers = thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let mut buffer = [0; 512];
            (0..total).take_while(|_| socket.recv(&mut buffer).is_ok()).count()
        });
        for _ in 0..1000 {
            socket.send(&question).unwrap();
        }
        let begun = Instant::now();
        let mut sent = 0;
        while sent < 5000 {
            // makes up for delays of this thread
            let due = begun.elapsed().as_millis().min(5000);
            for _ in sent..due {
                socket.send(&question).unwrap();
            }
            sent = due;
            thread::sleep(Duration::from_millis(1));
        }
        receiving.join().unwrap()
    });
    assert_eq!(answers, total);
    host.until("netd has counted them", |host| answered(host, "d1") == 6000);
}
