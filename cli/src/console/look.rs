//! Current state of a node's container.

use crate::engine::{Engine, EngineError, Found};
use crate::plan::{NotOwn, belonging};

/// The node's container; the inner `Err` is the reason why there is none.
pub(super) async fn look(engine: &Engine, node: &str) -> Result<Result<Found, NotOwn>, EngineError> {
    let listed = engine.soon(engine.containers()).await?;
    let own = match belonging(node, &listed).own(node, engine.host()) {
        Ok(own) => own,
        Err(error) => return Ok(Err(error)),
    };
    // removed between the two requests
    let absent = || NotOwn::Absent(node.to_owned());
    Ok(engine.find(&own.id).await?.ok_or_else(absent))
}
