//! Alone in its process, since it counts threads.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

use std::time::Duration;

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
    drop(kernel);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(netlink_threads(), 2);
    drop(clone);
    for _ in 0..500 {
        if netlink_threads() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(netlink_threads(), 0);
}
