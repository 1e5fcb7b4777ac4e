//! Being told that the host changed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chain::chain;
use hostnet::ovs::SwitchError;
use hostnet::{Events, EventsError};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, warn};

use super::Host;
use crate::daemon::{Message, Scope};

/// When watching the switch is tried again.
const SWITCH_AGAIN: Duration = Duration::from_secs(2);

impl Host {
    /// Passes the switch's notifications on: [`Message::Changed`]. Begins once; without them the timer does the work.
    pub(super) fn watch_switch(&self) {
        if self.watches_switch.swap(true, Ordering::Relaxed) {
            return;
        }
        let host = self.clone();
        tokio::spawn(async move {
            loop {
                let error = host.watch_switch_until_error().await;
                // that it does not answer is told by who looks at it
                debug!("{}", chain(&error));
                tokio::time::sleep(SWITCH_AGAIN).await;
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
            // the first time: it may have changed while nobody watched
            let _ = self.inbox.send(Message::Changed(Scope::Links));
            if let Err(error) = watch.changed().await {
                return error;
            }
        }
    }

    /// Passes the kernel's notifications on: [`Message::Changed`]. Without them the timer does the work.
    pub(crate) fn watch(&self) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            loop {
                let error = watch_until_error(&inbox).await;
                warn!("{}; looking every 30 s until this works again", chain(&error));
                // notifications may have been lost
                let _ = inbox.send(Message::Changed(Scope::All));
                tokio::time::sleep(Duration::from_secs(30)).await;
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
            Ok(hostnet::Change::Firewall) => Scope::All,
            Err(error) => return error,
        };
        let _ = inbox.send(Message::Changed(scope));
    }
}
