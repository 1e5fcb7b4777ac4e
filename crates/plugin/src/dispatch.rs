//! From request bytes to answer bytes, with the driver's handler in between.

use std::future::Future;

use crate::call::Call;
use crate::parse::parse;
use crate::reply::{Answer, Reply, render};

/// Answers one call of dockerd: parses it, calls `handle`, renders the result. An invalid request never
/// reaches `handle`.
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
