use serde_json::json;

use super::super::network::tests::{mynet0, there};
use super::*;
use crate::engine::{Attached, ContainerId};
use crate::plan::{NODE_LABEL, SPEC_LABEL};

fn wanted(image: &str) -> Wanted {
    let bare = json!({
        "Image": image, "Labels": {"xdock.node": "d1"}, "HostConfig": {"NetworkMode": "mynet0"},
        "NetworkingConfig": {"EndpointsConfig": {
            "mynet0": {"MacAddress": "02:00:00:00:00:01", "IPAMConfig": {"IPv4Address": "10.99.1.1"}},
            "net98": {"MacAddress": "02:00:00:00:00:02"}
        }}
    });
    let mut body = bare.clone();
    body["Labels"][SPEC_LABEL] = bare.to_string().into();
    Wanted { node: "d1".parse().unwrap(), image: image.into(), body, link_env: vec![] }
}

fn made(image: &str, state: &str) -> Container {
    let spec = wanted(image).body["Labels"][SPEC_LABEL].as_str().unwrap().to_owned();
    let labels = [(NODE_LABEL.to_owned(), "d1".to_owned()), (SPEC_LABEL.to_owned(), spec)];
    Container {
        id: ContainerId::of_test("d1"),
        name: "d1".into(),
        state: state.into(),
        image: image.into(),
        labels: labels.into(),
        networks: vec![attached("mynet0", &["10.99.1.1"]), attached("net98", &[])],
        ..Container::default()
    }
}

fn attached(network: &str, addresses: &[&str]) -> Attached {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Attached { network: network.into(), id: None, addresses, endpoint: None }
}

fn run(api: ApiVersion, networks: &[Network], containers: Vec<Container>, there_too: bool) -> Plan {
    let desired = Desired {
        host: "host1",
        containers: vec![wanted("busybox")],
        networks,
        start: true,
        replace: false,
        new: false,
    };
    let observed = Observed {
        api: Some(api),
        networks: if there_too { vec![there(), net98()] } else { vec![] },
        images: if there_too { ["busybox".to_owned()].into() } else { BTreeSet::new() },
        containers,
    };
    settle(&desired, &observed)
}

fn net98() -> engine::Network {
    engine::Network { name: "net98".into(), id: engine::NetworkId::of_test("98"), ..there() }
}

fn verdict_of(plan: Plan) -> Verdict {
    plan.nodes.into_iter().next().unwrap().1
}

#[test]
fn what_is_missing_is_made_first_and_once() {
    let plan = run(ApiVersion(1, 47), &[mynet0()], vec![], false);
    let shown: Vec<String> = plan.shared.iter().map(Step::to_string).collect();
    assert_eq!(shown, ["create network mynet0 (10.99.0.0/16, fd00:99::/64)", "pull image busybox"]);
    let Verdict::Make { networks, pull, steps, .. } = verdict_of(plan) else { panic!() };
    assert_eq!((networks, pull), (vec!["mynet0".to_owned()], Some("busybox".to_owned())));
    let shown: Vec<String> = steps.iter().map(Step::to_string).collect();
    assert_eq!(shown, ["create from busybox on mynet0", "wait until netd has the tables", "start"]);
    let Step::Create { body, .. } = &steps[0] else { panic!() };
    assert_eq!(*body, wanted("busybox").body);
}

#[test]
fn an_old_engine_gets_one_network_at_create_and_no_mac() {
    let plan = run(ApiVersion(1, 41), &[mynet0()], vec![], true);
    assert_eq!(plan.shared, []);
    let Verdict::Make { steps, .. } = verdict_of(plan) else { panic!() };
    let [
        Step::Create { body, .. },
        Step::Connect { of: Subject::Made, network, endpoint },
        Step::Tables,
        Step::Start(_),
    ] = steps.as_slice()
    else {
        panic!("{steps:?}")
    };
    assert_eq!(
        body["NetworkingConfig"]["EndpointsConfig"],
        json!({"mynet0": {"IPAMConfig": {"IPv4Address": "10.99.1.1"}}})
    );
    assert_eq!((network.as_str(), endpoint), ("net98", &json!({})));
}

#[test]
fn a_container_that_is_so_already_is_left_alone() {
    let plan = run(ApiVersion(1, 41), &[], vec![made("busybox", "running")], true);
    let already = |runs, steps| Verdict::Already { networks: vec![], faults: vec![], runs, steps };
    assert_eq!(verdict_of(plan), already(true, vec![Step::Tables]));
    let plan = run(ApiVersion(1, 41), &[], vec![made("busybox", "exited")], true);
    assert_eq!(
        verdict_of(plan),
        already(false, vec![Step::Tables, Step::Start(Subject::Listed(ContainerId::of_test("d1")))])
    );
}

#[test]
fn a_container_that_differs_is_refused_with_its_fields() {
    let refused = |container| {
        let plan = run(ApiVersion(1, 41), &[], vec![container], true);
        assert_eq!(plan.shared, []);
        let Verdict::Refused(text) = verdict_of(plan) else { panic!() };
        text
    };
    assert_eq!(
        refused(made("debian", "running")),
        "the container on host1 differs in Image (debian, now busybox); \
         xdock mk --replace d1 recreates it"
    );
    assert_eq!(
        refused(Container { name: "d1".into(), ..Container::default() }),
        "container d1 on host1 was not created by xdock; remove or rename it there"
    );
}

#[test]
fn a_network_of_another_kind_refuses_its_nodes() {
    let other = Network { subnets: vec!["10.5.0.0/16".parse().unwrap()], ..mynet0() };
    let Verdict::Refused(text) = verdict_of(run(ApiVersion(1, 41), &[other], vec![], true)) else { panic!() };
    assert_eq!(
        text,
        "network mynet0 on host1 has 10.99.0.0/16, fd00:99::/64, the tables have 10.5.0.0/16; \
         remove it there (docker network rm mynet0)"
    );
}

#[test]
fn one_renamed_by_hand_is_never_made_a_second_time() {
    let renamed = Container { name: "old".into(), ..made("busybox", "running") };
    let Verdict::Refused(text) = verdict_of(run(ApiVersion(1, 41), &[mynet0()], vec![renamed], true)) else {
        panic!()
    };
    assert_eq!(
        text,
        "the container of d1 on host1 was renamed to old; rename it back there (docker rename old d1)"
    );
}

#[test]
fn an_image_whose_name_could_be_an_id_is_asked_for_with_its_tag() {
    let observed = Observed { api: Some(ApiVersion(1, 47)), ..Observed::default() };
    let desired = Desired {
        host: "host1",
        containers: vec![wanted("fe1")],
        networks: &[],
        start: false,
        replace: false,
        new: false,
    };
    let Verdict::Make { steps, .. } = verdict_of(settle(&desired, &observed)) else { panic!() };
    let Some(Step::Create { image, body, .. }) = steps.first() else { panic!() };
    assert_eq!((image.as_str(), &body["Image"]), ("fe1", &json!("fe1:latest")));
    // what a later run compares is what the tables say
    assert_eq!(body["Labels"][SPEC_LABEL], wanted("fe1").body["Labels"][SPEC_LABEL]);
}

#[test]
fn one_whose_network_was_removed_is_joined_anew_before_it_starts() {
    let there = made("busybox", "exited");
    let Plan { shared, nodes } = run(ApiVersion(1, 41), &[mynet0()], vec![there], false);
    let shown = |steps: &[Step]| steps.iter().map(Step::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&shared[..1]), ["create network mynet0 (10.99.0.0/16, fd00:99::/64)"]);
    let Some((_, Verdict::Already { faults, steps, networks, .. })) = nodes.first() else { panic!() };
    assert_eq!(networks, &["mynet0", "net98"]);
    let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert_eq!(faults, ["network mynet0 was removed", "network net98 was removed"]);
    assert_eq!(
        shown(steps),
        [
            "wait until netd has the tables",
            "disconnect from mynet0",
            "connect to mynet0",
            "disconnect from net98",
            "connect to net98",
            "start"
        ]
    );
}
