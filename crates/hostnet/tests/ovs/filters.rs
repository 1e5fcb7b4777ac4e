//! The filter of a port of Open vSwitch: what a container sends, and who receives it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hostnet::ovs::{Flow, PortSpec, Purpose, Switch, filter_flows, network_flows};
use hostnet::{Identity, Isolation, Kernel, PortFilter};
use socket2::Socket;
use tokio::time::sleep;

use super::frames::{self, Frame, isolated, other, own};
use super::namespace::{alone, name};
use super::switch::Daemons;
use super::{port, ready, until, wire};

fn filter() -> PortFilter {
    let addresses = vec![IpAddr::V4(own().v4), IpAddr::V6(own().v6)];
    let identity = Identity { mac: own().mac.into(), addresses, further: Vec::new() };
    PortFilter { identity: Some(identity), isolation: None }
}

/// A container at `xc1`, and another one at `xc2` that listens.
async fn two(switch: &Switch, kernel: &Kernel) -> (i64, Socket) {
    let number = switch.attach_port(&port(Some(7))).await.unwrap();
    wire(kernel, "xh2", "xc2").await;
    switch.attach_port(&PortSpec { port: name("xh2"), ..port(Some(7)) }).await.unwrap();
    (number, frames::listen("xc2"))
}

/// How long frames may take through the switch, which handles the first of each flow in a thread.
const ARRIVAL: Duration = Duration::from_secs(10);
/// How long a frame may come after the last expected one.
const REORDERED: Duration = Duration::from_millis(100);

/// Sends frames of `own`; names of those that are received.
async fn heard(listening: &Socket, frames: &[Frame], expected: &BTreeSet<String>) -> BTreeSet<String> {
    frames::send("xc1", frames);
    arrived(listening, frames, expected).await
}

/// Names of the frames that are received: waits until the expected ones have arrived.
async fn arrived(listening: &Socket, frames: &[Frame], expected: &BTreeSet<String>) -> BTreeSet<String> {
    let begun = Instant::now();
    let mut found = BTreeSet::new();
    while !found.is_superset(expected) && begun.elapsed() < ARRIVAL {
        sleep(Duration::from_millis(10)).await;
        found.extend(frames::received(listening, frames).into_iter().map(str::to_owned));
    }
    sleep(REORDERED).await;
    found.extend(frames::received(listening, frames).into_iter().map(str::to_owned));
    found
}

fn names<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> BTreeSet<String> {
    frames.into_iter().map(|frame| frame.what.to_owned()).collect()
}

async fn dropped(switch: &Switch, flows: &[Flow]) -> u64 {
    let counts = switch.flows(&name("br0"), Purpose::Filter).await.unwrap();
    flows.iter().filter(|flow| flow.drops()).map(|flow| counts[&flow.cookie()]).sum()
}

#[test]
fn only_the_containers_own_frames_leave_its_port() {
    alone(async || {
        let (_daemons, kernel, switch) = ready().await;
        let (number, listening) = two(&switch, &kernel).await;
        let frames = frames::all(&own(), &other());
        let flows = filter_flows(&filter(), number);
        switch.set_port_flows(&name("br0"), number, &flows).await.unwrap();
        // some of netd's own
        let expected: BTreeSet<u64> = flows.iter().map(Flow::cookie).collect();
        let counts = switch.flows(&name("br0"), Purpose::Filter).await.unwrap();
        assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), expected);
        assert_eq!(expected.len(), flows.len());
        let allowed = names(frames.iter().filter(|frame| frame.permitted));
        assert_eq!(heard(&listening, &frames, &allowed).await, allowed);
        let refused = frames.iter().filter(|frame| !frame.permitted).count();
        until("all are counted", async || dropped(&switch, &flows).await == u64::try_from(refused).unwrap())
            .await;
    });
}

#[test]
fn the_flows_of_an_administrator_stay_and_decide_what_passes() {
    alone(async || {
        let (daemons, kernel, switch) = ready().await;
        let (number, listening) = two(&switch, &kernel).await;
        let frames: Vec<Frame> = frames::all(&own(), &other());
        daemons.ofctl("add-flow br0 priority=100,icmp,actions=drop");
        let flows = filter_flows(&filter(), number);
        switch.set_port_flows(&name("br0"), number, &flows).await.unwrap();
        let mut allowed = names(frames.iter().filter(|frame| frame.permitted));
        assert!(allowed.remove("IPv4 echo"));
        assert_eq!(heard(&listening, &frames, &allowed).await, allowed);
        assert!(daemons.ofctl("dump-flows br0").contains("priority=100,icmp actions=drop"));
    });
}

#[test]
fn flows_are_replaced_removed_and_read_again() {
    alone(async || {
        let (mut daemons, kernel, switch) = ready().await;
        let (number, listening) = two(&switch, &kernel).await;
        let frames = frames::all(&own(), &other());
        let br0 = name("br0");
        let flows = filter_flows(&filter(), number);
        switch.change_flows(&br0, &flows, &[]).await.unwrap();
        switch.change_flows(&br0, &flows, &[]).await.unwrap();
        assert_eq!(switch.flows(&br0, Purpose::Filter).await.unwrap().len(), flows.len());
        let cookies: Vec<u64> = flows.iter().map(Flow::cookie).collect();
        switch.change_flows(&br0, &[], &cookies).await.unwrap();
        assert!(switch.flows(&br0, Purpose::Filter).await.unwrap().is_empty());
        let refused = BTreeSet::from(["router advertisement".to_owned()]);
        assert!(heard(&listening, &frames, &refused).await.is_superset(&refused));
        switch.set_port_flows(&br0, number, &flows).await.unwrap();
        // it forgets flows
        daemons.kill_vswitchd();
        let error = switch.flows(&br0, Purpose::Filter).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot change the flows of bridge br0");
        daemons.start_vswitchd();
        until("it answers again", async || switch.flows(&br0, Purpose::Filter).await.is_ok()).await;
        assert!(switch.flows(&br0, Purpose::Filter).await.unwrap().is_empty());
    });
}

#[test]
fn a_bridge_that_refuses_the_protocol_is_reported() {
    alone(async || {
        let (daemons, _kernel, switch): (Daemons, _, _) = ready().await;
        daemons.vsctl("set bridge br0 protocols=OpenFlow10");
        let error = switch.flows(&name("br0"), Purpose::Filter).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        let expected =
            "ovs-vswitchd refused OpenFlow 1.3; add OpenFlow13 to the column protocols of the bridge";
        assert_eq!(cause, expected);
    });
}

#[test]
fn an_isolated_container_exchanges_packets_with_its_links_and_with_hosts_only() {
    alone(async || {
        let (_daemons, kernel, switch) = ready().await;
        let (number, _) = two(&switch, &kernel).await;
        let others = isolated::others();
        let both = |station: &frames::Station| [IpAddr::V4(station.v4), IpAddr::V6(station.v6)];
        let of = |station: &frames::Station| both(station).into_iter().collect();
        let listed = [&own(), &others.target, &others.consumer, &others.stranger];
        let isolation = Isolation {
            network: 1,
            mac: own().mac.into(),
            own: of(&own()),
            broadcasts: vec!["10.99.255.255".parse().unwrap()],
            members: Arc::new(listed.into_iter().flat_map(both).collect()),
            targets: of(&others.target),
            consumers: of(&others.consumer),
        };
        let shared = network_flows(&isolation);
        let (sent, received) = (isolated::sent(&own(), &others), isolated::received(&own(), &others));
        let permitted = |frames: &[Frame]| names(frames.iter().filter(|frame| frame.permitted));
        let refused = |frames: &[Frame]| frames.iter().filter(|frame| !frame.permitted).count();
        for identity in [filter().identity, None] {
            let filter = PortFilter { identity, isolation: Some(isolation.clone()) };
            let flows = filter_flows(&filter, number);
            let all: Vec<Flow> = flows.iter().chain(&shared).cloned().collect();
            switch.set_port_flows(&name("br0"), number, &[]).await.unwrap();
            switch.change_flows(&name("br0"), &all, &[]).await.unwrap();
            // opened late: they hear what their interface sends too
            let allowed = permitted(&sent);
            assert_eq!(heard(&frames::listen("xc2"), &sent, &allowed).await, allowed);
            let mut expected = permitted(&received);
            // not to this container
            expected.remove("another protocol");
            let first = frames::listen("xc1");
            frames::send("xc2", &received);
            let mut found = arrived(&first, &received, &expected).await;
            found.remove("another protocol");
            assert_eq!(found, expected);
            let count = u64::try_from(refused(&sent) + refused(&received)).unwrap();
            until("all are counted", async || dropped(&switch, &flows).await >= count).await;
            switch
                .change_flows(&name("br0"), &[], &all.iter().map(Flow::cookie).collect::<Vec<_>>())
                .await
                .unwrap();
        }
    });
}

#[test]
fn removed_flows_and_a_restart_are_notified() {
    alone(async || {
        let (mut daemons, _kernel, switch) = ready().await;
        let br0 = name("br0");
        let number = switch.attach_port(&port(Some(7))).await.unwrap();
        let mut watch = switch.watch_flows(&br0).await.unwrap();
        let silence = Duration::from_millis(200);
        let soon = Duration::from_secs(20);
        switch.change_flows(&br0, &filter_flows(&filter(), number), &[]).await.unwrap();
        assert!(tokio::time::timeout(silence, watch.changed()).await.is_err(), "new flows are no reason");
        daemons.ofctl("del-flows br0 in_port=77");
        assert!(tokio::time::timeout(silence, watch.changed()).await.is_err(), "nothing was removed");
        daemons.ofctl("del-flows br0");
        tokio::time::timeout(soon, watch.changed()).await.unwrap().unwrap();
        daemons.kill_vswitchd();
        while tokio::time::timeout(soon, watch.changed()).await.unwrap().is_ok() {}
    });
}
