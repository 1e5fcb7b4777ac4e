//! Routes of other routing tables (ip-rule(8)) through a moved device. They may be in no file, so they are
//! reported. Pure.

use super::reference::{Effect, Moved, Reference};
use crate::steps::network::observe::Observed;

/// One reference per route.
pub(in crate::steps::network) fn further_routes(observed: &Observed, moved: &[Moved]) -> Vec<Reference> {
    let routes = observed.further_routes.iter();
    let through = routes.filter(|(device, ..)| moved.iter().any(|moved| moved.from == *device));
    let reference = |(device, table, route): &(inventory::IfName, u32, hostnet::Route)| {
        let via = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
        let metric = route.metric.map(|metric| format!(" metric {metric}")).unwrap_or_default();
        Reference {
            place: format!("routing table {table}"),
            text: format!("{}{via} dev {device}{metric}", route.destination),
            device: device.clone(),
            effect: Effect::StopsApplying,
        }
    };
    through.map(reference).collect()
}

#[cfg(test)]
mod tests {
    use super::super::reference::Survey;
    use super::*;

    #[test]
    fn routes_of_other_tables_are_reported_if_their_device_moves() {
        let route = |to: &str, via: &str, metric| hostnet::Route {
            destination: to.parse().unwrap(),
            gateway: via.parse().ok(),
            metric,
        };
        let name = |text: &str| text.parse().unwrap();
        let further_routes = vec![
            (name("eth0"), 100, route("192.0.2.0/24", "10.99.0.2", Some(5))),
            (name("eth0"), 1000, route("fd00::/64", "", None)),
            (name("eth1"), 100, route("0.0.0.0/0", "10.98.0.1", None)),
        ];
        let observed = Observed { further_routes, ..Observed::default() };
        let moved = [Moved { from: name("eth0"), to: name("mynet0") }];
        let references = super::further_routes(&observed, &moved);
        let survey = Survey { references, unread: Vec::new() };
        assert_eq!(
            survey.lines(&moved),
            [
                "routing table 100: 192.0.2.0/24 via 10.99.0.2 dev eth0 metric 5 (names eth0, not mynet0)",
                "routing table 1000: fd00::/64 dev eth0 (names eth0, not mynet0)",
            ]
        );
        assert_eq!(super::further_routes(&observed, &[]), []);
    }
}
