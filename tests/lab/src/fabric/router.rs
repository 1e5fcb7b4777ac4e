//! The router between the two Ethernets of a routed fabric: a namespace with a leg in each.

use super::inside::set;
use super::{FabricError, ip};
use crate::name::LabName;
use crate::plan::{PREFIX, Segment};

pub(super) async fn build(lab: &LabName) -> Result<(), FabricError> {
    ip("the router", &[], &router_cables(lab)).await?;
    ip("the router", &["-n", &lab.of("router")], &router_addresses()).await?;
    set(&lab.of("router"), "net/ipv4/ip_forward", "1").await?;
    set(&lab.of("router"), "net/ipv6/conf/all/forwarding", "1").await?;
    ip("the router", &["-n", &lab.of("fabric")], &router_ports()).await
}

fn router_cables(lab: &LabName) -> String {
    let (router, fabric) = (lab.of("router"), lab.of("fabric"));
    format!(
        "netns add {router}\n\
         link add first netns {router} type veth peer name router-a netns {fabric}\n\
         link add second netns {router} type veth peer name router-b netns {fabric}\n"
    )
}

fn router_addresses() -> String {
    let (first, second) = (Segment::First.router(), Segment::Second.router());
    format!(
        "address add {first}/{PREFIX} dev first\naddress add {second}/{PREFIX} dev second\n\
         link set lo up\nlink set first up\nlink set second up\n"
    )
}

fn router_ports() -> String {
    let (first, second) = (Segment::First.bridge(), Segment::Second.bridge());
    format!("link set router-a master {first} up\nlink set router-b master {second} up\n")
}
