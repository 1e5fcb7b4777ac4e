//! Finds the container of an endpoint in netd's refusal: netd does not know container names.

use crate::engine::Container;

/// Text of netd's refusal `Running`.
const ENDPOINT: &str = " already, as endpoint ";

/// The container of the refusal's endpoint.
pub(crate) fn holder<'a>(refusal: &str, listed: &'a [Container]) -> Option<&'a Container> {
    let (_, rest) = refusal.split_once(ENDPOINT)?;
    let id = rest.split_whitespace().next().filter(|id| id.len() >= 12)?;
    let has = |container: &&Container| {
        container
            .networks
            .iter()
            .filter_map(|on| on.endpoint.as_deref())
            .any(|endpoint| endpoint.starts_with(id))
    };
    listed.iter().find(has)
}

/// Whether a refusal names an endpoint.
pub(crate) fn names_endpoint(refusal: &str) -> bool {
    refusal.contains(ENDPOINT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Attached;

    #[test]
    fn an_endpoint_is_a_container_s() {
        let on = |endpoint: &str| Attached {
            network: "mynet0".into(),
            id: None,
            addresses: vec![],
            endpoint: Some(endpoint.into()),
        };
        let container = |name: &str, endpoint: &str| Container {
            name: name.into(),
            networks: vec![on(endpoint)],
            ..Container::default()
        };
        let listed = [container("c1", "bbbbbbbbbbbb0"), container("outsider", "aaaaaaaaaaaa0")];
        let told = "remote: d1 is on mynet0 already, as endpoint aaaaaaaaaaaa (port xh1): a node runs once; stop its other container";
        assert_eq!(holder(told, &listed).map(|found| found.name.as_str()), Some("outsider"));
        assert_eq!(holder(&told.replace("aaaaaaaaaaaa", "cccccccccccc"), &listed), None);
        assert_eq!(holder("remote: no", &listed), None);
    }
}
