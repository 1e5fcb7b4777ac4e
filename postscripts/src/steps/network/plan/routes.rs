//! Default gateways, and routes that move from a lower device to the upper one.

use hostnet::Route;
use inventory::IfName;

use super::{Component, KernelStep, Step};
use crate::steps::network::resolved::Device;

impl Component<'_> {
    pub(super) fn routes(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for device in self.devices {
            let defaults = device.gateways.iter().map(|gateway| Route::default_via(*gateway));
            steps.extend(device.routes.iter().filter_map(|route| self.moved_route(device, route)));
            steps.extend(defaults.filter_map(|route| self.default_route(device, route)));
        }
        steps
    }

    /// Step that moves a route of a lower device; `None` if it already is on this one.
    fn moved_route(&self, device: &Device, route: &Route) -> Option<Step> {
        if self.observed.routes(&device.name).any(|now| now == route) {
            return None;
        }
        let below = self.network.below(&device.name).into_iter();
        let mut having = below.filter(|lower| self.observed.routes(lower).any(|now| now == route));
        let old = having.next_back();
        let instead = old.map(|lower| (lower.clone(), route.clone()));
        Some(Step::Kernel(KernelStep::Route { device: device.name.clone(), route: route.clone(), instead }))
    }

    /// Step that sets a default route; `None` if it is already set.
    fn default_route(&self, device: &Device, route: Route) -> Option<Step> {
        let below = self.network.below(&device.name);
        let old = [&device.name].into_iter().chain(below).find_map(|on: &IfName| {
            let same = self.observed.routes(on).find(|old| old.destination == route.destination)?;
            Some((on.clone(), same.clone()))
        });
        let route = match &old {
            Some((on, old)) if *on == device.name && old.gateway == route.gateway => return None,
            // the kernel replaces a route in place only if the metric is equal
            Some((_, same)) => Route { metric: same.metric, ..route },
            None => route,
        };
        Some(Step::Kernel(KernelStep::Route { device: device.name.clone(), route, instead: old }))
    }
}
