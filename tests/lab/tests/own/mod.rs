//! A lab of a test's own.

use std::time::Duration;

use lab::{Lab, LabName};

pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn name(of: &str) -> LabName {
    format!("t{}-{of}", std::process::id()).parse().unwrap()
}

/// Takes the lab down also when the test fails.
pub(crate) struct Ended(pub(crate) LabName);

impl Drop for Ended {
    fn drop(&mut self) {
        let name = self.0.clone();
        let down = move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(Lab::remove(&name))
        };
        let ended = std::thread::spawn(down).join();
        assert!(matches!(ended, Ok(Ok(()))), "the lab cannot be removed: {ended:?}");
    }
}

pub(crate) async fn said(lab: &Lab, host: &str, argv: &[&str]) -> String {
    lab.exec(host, argv, SOON).await.unwrap().text()
}
