//! The DHCP server of the management node: every host gets the address that the lab's plan gives it, by its MAC, and
//! nobody else gets one. Pure.

use std::fmt::Write as _;

use crate::host::files::File;
use crate::manager::Assignment;
use crate::plan::{Machine, Spec};

/// The files of the server.
pub(super) fn files(spec: &Spec) -> Vec<File> {
    vec![
        File::new("etc/lab-dhcp.conf", configuration(spec)),
        File::new("etc/systemd/system/lab-dhcp.service", UNIT),
        File::new("etc/systemd/system/multi-user.target.d/lab-dhcp.conf", "[Unit]\nWants=lab-dhcp.service\n"),
    ]
}

/// A daemon that has gone to the background serves already.
const UNIT: &str = "\
[Unit]
Description=Addresses for the hosts of the lab
After=networking.service
Before=multi-user.target

[Service]
Type=forking
PIDFile=/run/lab-dhcp.pid
ExecStart=/usr/sbin/dnsmasq --conf-file=/etc/lab-dhcp.conf
";

/// dnsmasq(8). Without a port it is no name server; an empty option 3 says that there is no router.
fn configuration(spec: &Spec) -> String {
    let mut text = "port=0\ninterface=eth0\nbind-interfaces\npid-file=/run/lab-dhcp.pid\nuser=root\n\
                    dhcp-leasefile=/var/lib/misc/lab-dhcp.leases\ndhcp-authoritative\n\
                    dhcp-range=10.99.0.0,static,255.255.0.0,1h\ndhcp-option=3\n"
        .to_owned();
    let asking = |machine: &Machine| machine.assignment == Assignment::Dhcp;
    for machine in spec.machines().into_iter().filter(asking) {
        if let Some(nic) = machine.nics.first() {
            // writing to a String does not fail
            let _ = writeln!(text, "dhcp-host={},{},{}", nic.mac, machine.address, machine.member);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_a_line_and_mn_has_none() {
        let spec = Spec { assignment: Assignment::Dhcp, ..Spec::new("lab".parse().unwrap(), 2) };
        let text = configuration(&spec);
        assert!(
            text.ends_with(
                "\ndhcp-option=3\ndhcp-host=02:78:64:00:00:01,10.99.0.11,host1\n\
                 dhcp-host=02:78:64:00:00:02,10.99.0.12,host2\n"
            ),
            "{text}"
        );
    }
}
