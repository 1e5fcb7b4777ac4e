//! Alone in its process, since it counts threads.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

use std::time::{Duration, Instant};

use hostnet::Kernel;

fn netlink_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
    };
    tasks.map(name).filter(|name| name.starts_with("netlink")).count()
}

#[test]
fn the_threads_of_a_connection_end_with_its_last_clone() {
    let kernel = Kernel::open().unwrap();
    let clone = kernel.clone();
    // a thread gives itself its name
    until_netlink_threads_are(2);
    drop(kernel);
    // nothing tells that a thread stays; one that does not is gone by then
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(netlink_threads(), 2);
    drop(clone);
    until_netlink_threads_are(0);
}

fn until_netlink_threads_are(wanted: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    while netlink_threads() != wanted {
        assert!(Instant::now() < end, "{} threads, never {wanted}", netlink_threads());
        std::thread::sleep(Duration::from_millis(10));
    }
}
