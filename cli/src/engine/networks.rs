//! Networks of an engine.

use std::collections::HashMap;

use bollard::models::{
    EndpointSettings, Network as Listed, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest,
};
use bollard::query_parameters::ListNetworksOptions;
use ipnet::IpNet;
use serde_json::Value;

use super::body::parsed;
use super::{ContainerId, Engine, EngineError, NetworkId};

/// A Docker network of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct Network {
    /// Several networks may have one name (before API 1.44).
    pub(crate) id: NetworkId,
    pub(crate) name: String,
    /// Its network driver.
    pub(crate) driver: String,
    /// Its address driver.
    pub(crate) ipam: String,
    /// Its valid subnets.
    pub(crate) subnets: Vec<IpNet>,
    /// Its driver's options.
    pub(crate) options: HashMap<String, String>,
}

impl Network {
    fn listed(network: Listed) -> Option<Self> {
        let Listed { id, name, driver, ipam, options, .. } = network;
        let ipam = ipam.unwrap_or_default();
        let subnet = |config: bollard::models::IpamConfig| config.subnet?.parse().ok();
        Some(Self {
            id: NetworkId::new(&id?)?,
            name: name?,
            driver: driver.unwrap_or_default(),
            ipam: ipam.driver.unwrap_or_default(),
            subnets: ipam.config.unwrap_or_default().into_iter().filter_map(subnet).collect(),
            options: options.unwrap_or_default(),
        })
    }
}

impl Engine {
    /// Lists the networks.
    pub(crate) async fn networks(&self) -> Result<Vec<Network>, EngineError> {
        self.version().await?;
        let listed = self.docker.list_networks(None::<ListNetworksOptions>).await;
        Ok(listed.map_err(|error| self.error(error))?.into_iter().filter_map(Network::listed).collect())
    }

    /// Creates a network.
    pub(crate) async fn create_network(&self, body: &Value) -> Result<NetworkId, EngineError> {
        let _: NetworkCreateRequest = parsed(body)?;
        let answer = self.ask("/networks/create", body).await?;
        let id = answer.get("Id").and_then(Value::as_str).and_then(NetworkId::new);
        id.ok_or_else(|| self.no_id("network"))
    }

    /// Connects a container to a network.
    pub(crate) async fn connect(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        endpoint: &Value,
    ) -> Result<(), EngineError> {
        let endpoint: EndpointSettings = parsed(endpoint)?;
        let request = NetworkConnectRequest {
            container: container.as_str().to_owned(),
            endpoint_config: Some(endpoint),
        };
        self.docker
            .connect_network(network.as_str(), request)
            .await
            .map_err(|error| self.refused(container, error))
    }

    /// Disconnects a container from a network. A stopped container loses its settings for the network's name, even if
    /// they were of another network (moby `daemon/container_operations.go`, `DisconnectFromNetwork`).
    pub(crate) async fn disconnect(
        &self,
        network: &NetworkId,
        container: &ContainerId,
    ) -> Result<(), EngineError> {
        let request =
            NetworkDisconnectRequest { container: container.as_str().to_owned(), force: Some(true) };
        self.docker
            .disconnect_network(network.as_str(), request)
            .await
            .map_err(|error| self.refused(container, error))
    }
}
