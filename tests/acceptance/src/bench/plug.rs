//! How long a container's port takes on Open vSwitch, from nothing until ovs-vswitchd uses it.

use std::collections::BTreeMap;
use std::time::Instant;

use hostnet::ovs::{PortSpec, Switch};
use hostnet::{Kernel, Veth};
use inventory::IfName;

use super::deploy;
use super::row::Row;
use super::samples::{median, ms_since};
use super::stage::{ON_HOST, Stage};
use crate::cluster::programs;
use crate::engine::Failure;

const ROUNDS: usize = 100;
const DATABASE: &str = "unix:/var/run/openvswitch/db.sock";

/// As netd attaches: the pair and its deafness beside the port's transaction and the wait for it.
pub(super) async fn attach(stage: &Stage) -> Result<Row, Failure> {
    let cluster = deploy::switched(stage).await?;
    cluster.lab.put(deploy::SWITCHED, &programs()?.join("bench"), ON_HOST).await?;
    let said = cluster.sh(deploy::SWITCHED, &format!("{ON_HOST} plug br0 {ROUNDS}")).await?;
    Ok(Row::alone("ovs-attach", said.trim().parse()?, "ms", 10.0))
}

/// The median in ms on this machine, which has the bridge; every pair is removed again.
pub(super) fn plugs(bridge: &IfName, rounds: usize) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (kernel, switch) = (Kernel::open()?, Switch::open(DATABASE)?);
        let mut times = Vec::new();
        for number in 0..rounds {
            times.push(once(&kernel, &switch, bridge, number).await?);
        }
        Ok(median(&times))
    })
}

async fn once(kernel: &Kernel, switch: &Switch, bridge: &IfName, number: usize) -> Result<f64, Failure> {
    let veth = Veth {
        host_end: format!("xh{number}").parse()?,
        container_end: format!("xc{number}").parse()?,
        mac: "02:42:0a:63:01:02".parse()?,
        mtu: 1500,
        bridge: None,
    };
    let port = PortSpec {
        bridge: bridge.clone(),
        port: veth.host_end.clone(),
        tag: Some(7),
        external_ids: BTreeMap::new(),
    };
    let start = Instant::now();
    kernel.attach(&veth).await?;
    let (deaf, plugged) =
        tokio::join!(kernel.isolate_from_host_ip(&veth.host_end), switch.attach_port(&port));
    kernel.disable_tx_checksum_offload(&veth.container_end).await?;
    let took = ms_since(start);
    deaf?;
    plugged?;
    switch.remove_port(&veth.host_end).await?;
    kernel.delete(&veth.host_end).await?;
    Ok(took)
}
