//! The hosts and tables of this suite.

use acceptance::Tables;

/// The suite's tables. They have an MTU, so that another one can be rolled back.
pub(crate) fn tables() -> Tables {
    Tables::of_lab_with(
        4,
        &[("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("mtu", "1500")],
    )
}

/// The lab's hosts, by manager.
pub(crate) const HOSTS: [&str; 4] = ["host1", "host2", "host3", "host4"];
