//! Reports changes of the host: [`Message::Changed`].

use std::sync::atomic::Ordering;
use std::time::Duration;

use chain::chain;
use hostnet::ovs::SwitchError;
use hostnet::{Events, EventsError};
use inventory::IfName;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, warn};

use super::HostExecutor;
use crate::message::{Message, Scope};

/// Delay before the watch of the switch is started again after an error.
const SWITCH_RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The same for the watch of a bridge's flows: while ovs-vswitchd restarts, frames pass without filters.
const FLOWS_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// The same for the kernel's notifications.
const KERNEL_RETRY_INTERVAL: Duration = Duration::from_secs(30);

impl HostExecutor {
    /// Reports the switch's notifications. Starts only once. Without them the timer triggers reconciliation.
    pub(super) fn watch_switch(&self) {
        if self.watches_switch.swap(true, Ordering::Relaxed) {
            return;
        }
        let host = self.clone();
        tokio::spawn(async move {
            loop {
                let error = host.watch_switch_until_error().await;
                // the observation reports a switch that does not answer
                debug!("{}", chain(&error));
                tokio::time::sleep(SWITCH_RETRY_INTERVAL).await;
            }
        });
    }

    async fn watch_switch_until_error(&self) -> SwitchError {
        let watch = async { self.fabrics.ovs.switch()?.watch().await };
        let mut watch = match watch.await {
            Ok(watch) => watch,
            Err(error) => return error,
        };
        loop {
            // also at the start: the switch may have changed before the watch began
            let _ = self.inbox.send(Message::Changed(Scope::Filters));
            if let Err(error) = watch.changed().await {
                return error;
            }
        }
    }

    /// Reports removed flows of a bridge, and restarts of ovs-vswitchd, which forgets flows.
    pub(crate) fn watch_flows(&self, bridge: IfName) {
        let host = self.clone();
        tokio::spawn(async move {
            loop {
                let error = host.watch_flows_until_error(&bridge).await;
                debug!("{}", chain(&error));
                tokio::time::sleep(FLOWS_RETRY_INTERVAL).await;
            }
        });
    }

    async fn watch_flows_until_error(&self, bridge: &IfName) -> SwitchError {
        let watch = async { self.fabrics.ovs.switch()?.watch_flows(bridge).await };
        let mut watch = match watch.await {
            Ok(watch) => watch,
            Err(error) => return error,
        };
        loop {
            // also at the start: ovs-vswitchd may have been restarted
            let _ = self.inbox.send(Message::FlowsRemoved);
            if let Err(error) = watch.changed().await {
                return error;
            }
        }
    }

    /// Reports the kernel's notifications. Without them the timer triggers reconciliation.
    pub(crate) fn watch(&self) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            loop {
                let error = watch_until_error(&inbox).await;
                warn!("{}; checking every 30 s until this works again", chain(&error));
                // notifications may have been lost
                let _ = inbox.send(Message::Changed(Scope::All));
                tokio::time::sleep(KERNEL_RETRY_INTERVAL).await;
            }
        });
    }
}

async fn watch_until_error(inbox: &UnboundedSender<Message>) -> EventsError {
    let mut events = match Events::open() {
        Ok(events) => events,
        Err(error) => return error,
    };
    loop {
        let scope = match events.next().await {
            Ok(hostnet::Change::Links) => Scope::Links,
            Ok(hostnet::Change::Filters) => Scope::Filters,
            Ok(hostnet::Change::Firewall) => Scope::All,
            Err(error) => return error,
        };
        let _ = inbox.send(Message::Changed(scope));
    }
}
