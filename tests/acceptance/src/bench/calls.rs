//! netd's own time for the calls of one start.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Stage;
use super::daemon::{Daemon, Place, call};
use super::row::Row;
use super::samples::{median, ms_since};
use crate::engine::{Connection, Failure};

const ROUNDS: u32 = 60;
const WARM_UPS: u32 = 5;
/// One start is measured, so the one before must be over: the kernel takes 30 ms to delete a pair, and netd announces an
/// address 150 ms after `Join`; both hold the kernel's one lock of network configuration.
const REST: Duration = Duration::from_millis(300);

pub(super) async fn calls(stage: &Stage) -> Result<Row, Failure> {
    let daemon = Daemon::up().await?;
    let mut connection = daemon.connect().await?;
    let mut rounds = Vec::new();
    for round in 0..WARM_UPS + ROUNDS {
        let took = start(&mut connection, &Place::new(7, round)).await?;
        if round >= WARM_UPS {
            rounds.push(took);
        }
    }
    let of =
        |index: usize| median(&rounds.iter().filter_map(|of| of.get(index).copied()).collect::<Vec<_>>());
    stage.note(&format!(
        "netd-calls: RequestAddress {:.2} ms, CreateEndpoint {:.2} ms, Join {:.2} ms",
        of(0),
        of(1),
        of(2)
    ));
    let sums: Vec<f64> = rounds.iter().map(|of| of.iter().sum()).collect();
    Ok(Row::alone("netd-calls", median(&sums), "ms", 3.0))
}

/// The times of the three calls of a start; then it is undone.
async fn start(connection: &mut Connection, place: &Place) -> Result<[f64; 3], Failure> {
    let took = [
        timed(connection, "IpamDriver.RequestAddress", &place.request()).await?,
        timed(connection, "NetworkDriver.CreateEndpoint", &place.create()).await?,
        timed(connection, "NetworkDriver.Join", &place.at()).await?,
    ];
    call(connection, "NetworkDriver.Leave", &place.at()).await?;
    call(connection, "NetworkDriver.DeleteEndpoint", &place.at()).await?;
    call(connection, "IpamDriver.ReleaseAddress", &place.request()).await?;
    tokio::time::sleep(REST).await;
    Ok(took)
}

async fn timed(connection: &mut Connection, path: &str, body: &Value) -> Result<f64, Failure> {
    let begun = Instant::now();
    call(connection, path, body).await?;
    Ok(ms_since(begun))
}
