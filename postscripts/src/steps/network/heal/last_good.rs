//! What the tables leave open of a network: values of the last observation in which nothing was missing.

use std::net::IpAddr;

use inventory::IfName;

use super::super::observe::Observed;
use super::super::plan::{KernelStep, Step};
use super::super::resolved::{Kind, ResolvedNetwork};

/// MTUs of NICs, and metrics of default routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastGood {
    mtus: Vec<(IfName, u32)>,
    metrics: Vec<(IfName, IpAddr, u32)>,
}

impl LastGood {
    /// Those of a network in which nothing is missing.
    pub fn of(network: &ResolvedNetwork, observed: &Observed) -> Self {
        let mtus = network.devices.iter().filter(|device| {
            // a bond sets the MTU of its ports
            let of_bond =
                network.master_of(&device.name).is_some_and(|top| matches!(top.kind, Kind::Bond { .. }));
            device.kind == Kind::Ethernet && !of_bond
        });
        let mtus = mtus.filter_map(|nic| Some((nic.name.clone(), observed.link(&nic.name)?.mtu)));
        let metrics = network.devices.iter().flat_map(|device| {
            let defaults = observed.routes(&device.name).filter(|route| route.destination.prefix_len() == 0);
            defaults.filter_map(|route| Some((device.name.clone(), route.gateway?, route.metric?)))
        });
        Self { mtus: mtus.collect(), metrics: metrics.collect() }
    }

    /// The network with the MTUs that the tables leave open.
    #[must_use]
    pub fn complete(&self, mut network: ResolvedNetwork) -> ResolvedNetwork {
        for device in network.devices.iter_mut().filter(|device| device.mtu.is_none()) {
            device.mtu = self.mtus.iter().find(|(name, _)| *name == device.name).map(|(_, mtu)| *mtu);
        }
        network
    }

    /// The step, with the metric that the default route had.
    #[must_use]
    pub fn with_metric(&self, step: Step) -> Step {
        match step {
            Step::Kernel(KernelStep::Route { device, mut route, instead: None })
                if route.destination.prefix_len() == 0 && route.metric.is_none() =>
            {
                let is_same =
                    |known: &&(IfName, IpAddr, u32)| known.0 == device && Some(known.1) == route.gateway;
                route.metric = self.metrics.iter().find(is_same).map(|(.., metric)| *metric);
                Step::Kernel(KernelStep::Route { device, route, instead: None })
            }
            step => step,
        }
    }
}
