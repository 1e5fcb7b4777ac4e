//! Running code in another network namespace.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod namespace;

use std::path::Path;

use hostnet::netns::{self, Namespace};
use hostnet::{Kernel, Veth};
use namespace::{alone, bridge, name, namespace, veth, within};

fn own() -> std::path::PathBuf {
    std::fs::read_link("/proc/thread-self/ns/net").unwrap()
}

#[test]
fn the_value_comes_back_and_the_caller_stays_where_it_is() {
    let namespace = namespace();
    let before = own();
    let inside = namespace.run(own).unwrap();
    assert_ne!(inside, before);
    assert_eq!(namespace.run(own).unwrap(), inside);
    assert_eq!(own(), before);
}

#[test]
fn a_connection_stays_in_the_namespace_where_it_was_opened() {
    let (here, there) = (namespace(), namespace());
    within(&here, async || {
        let kernel = Kernel::open().unwrap();
        let pair = Veth { host_end: name("xhstay"), ..veth(bridge(&kernel).await.index) };
        kernel.attach(&pair).await.unwrap();
    });
    assert!(within(&there, async || Kernel::open().unwrap().link(&name("xhstay")).await.unwrap()).is_none());
    assert!(within(&here, async || Kernel::open().unwrap().link(&name("xhstay")).await.unwrap()).is_some());
}

#[test]
fn a_missing_or_invalid_namespace_is_reported() {
    alone(async || {
        let missing = netns::run(Path::new("/run/netns/no-such-xdock"), || ()).unwrap_err();
        assert_eq!(missing.to_string(), "cannot open the network namespace /run/netns/no-such-xdock");
        let none = netns::run(Path::new("/proc/self/status"), || ()).unwrap_err();
        assert_eq!(none.to_string(), "cannot enter the network namespace /proc/self/status");
    });
}

#[test]
fn a_panic_in_it_is_an_error_and_no_end() {
    let namespace = Namespace::open(Path::new("/proc/thread-self/ns/net")).unwrap();
    let error = namespace.run(|| panic!("on purpose")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the code that ran in the network namespace /proc/thread-self/ns/net panicked"
    );
}
