//! Raw log of a container, by the host's time.

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use hyper::Request;

use super::clock::Difference;
use super::frames::Frames;
use super::{Found, HostTime};
use crate::engine::transport::URL;
use crate::engine::verbs::refusal;
use crate::engine::{Engine, EngineError};

/// Part of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Start time.
    pub(crate) since: Option<HostTime>,
    /// End time.
    pub(crate) until: Option<HostTime>,
    /// Number of last lines.
    pub(crate) tail: Option<u64>,
}

impl Span {
    fn query(self) -> String {
        let since = self.since.map(|time| format!("&since={time}")).unwrap_or_default();
        let until = self.until.map(|time| format!("&until={time}")).unwrap_or_default();
        let tail = self.tail.map(|lines| format!("&tail={lines}")).unwrap_or_default();
        format!("stdout=1&stderr=1{since}{until}{tail}")
    }
}

impl Engine {
    /// Part of a container's log, both streams in order.
    pub(crate) async fn past(
        &self,
        of: &Found,
        span: Span,
    ) -> Result<BoxStream<'static, Result<Bytes, EngineError>>, EngineError> {
        let asked = async {
            let uri = format!("{URL}/containers/{}/logs?{}", of.id.as_str(), span.query());
            let answer = (self.send.0)(Request::get(uri).body(bollard::body_full(Bytes::new()))?).await?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            Err(refusal(status.as_u16(), &answer.into_body().collect().await?.to_bytes()))
        };
        let body = self.soon(self.bounded(asked)).await?.into_data_stream();
        let engine = self.clone();
        let pieces = body.map_err(move |error| engine.error(error.into()));
        // logs of terminals have no frames
        Ok(if of.tty { pieces.boxed() } else { unframed(pieces.boxed()) })
    }

    /// Difference between the host's clock and ours.
    pub(crate) async fn clock(&self) -> Result<Difference, EngineError> {
        let asked = SystemTime::now();
        let told = self.soon(async { self.docker.info().await.map_err(|error| self.error(error)) }).await?;
        let answered = SystemTime::now();
        let ours = || Difference::of(HostTime::of(answered), answered, answered);
        let host = told.system_time.as_deref().and_then(HostTime::parse);
        Ok(host.map_or_else(ours, |host| Difference::of(host, asked, answered)))
    }
}

fn unframed(
    pieces: BoxStream<'static, Result<Bytes, EngineError>>,
) -> BoxStream<'static, Result<Bytes, EngineError>> {
    stream::try_unfold((pieces, Frames::default()), |(mut pieces, mut frames)| async move {
        loop {
            if let Some(piece) = frames.next() {
                return Ok(Some((piece.bytes, (pieces, frames))));
            }
            match pieces.try_next().await? {
                Some(bytes) => frames.push(&bytes),
                None => return Ok(None),
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_asked_for_by_the_host_s_time() {
        let since = HostTime::parse("2026-11-22T13:36:31.5Z");
        let span = Span { since, until: since.map(HostTime::next), tail: Some(3) };
        assert_eq!(
            span.query(),
            "stdout=1&stderr=1&since=1795354591.500000000&until=1795354591.500000001&tail=3"
        );
        assert_eq!(Span::default().query(), "stdout=1&stderr=1");
    }
}
