//! From the bytes of a request to the bytes of its answer, with the domain in between.

use std::future::Future;

use crate::call::Call;
use crate::parse::parse;
use crate::reply::{Answer, Reply, render};

/// Answers one call of dockerd's: parses it, lets `handle` decide, renders what it says. A request that is no call
/// never reaches `handle`.
pub async fn dispatch<F>(path: &str, body: &[u8], handle: impl FnOnce(Call) -> F) -> Answer
where
    F: Future<Output = Result<Reply, String>>,
{
    match parse(path, body) {
        Err(error) => error.answer(),
        Ok(call) => {
            let driver = call.driver();
            render(driver, &handle(call).await)
        }
    }
}
