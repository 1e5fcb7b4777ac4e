//! Transport below bollard: one connection pool, and two fixes for bollard's requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bollard::BollardRequest;
use bollard::errors::Error as Bollard;
use hyper::body::Incoming;
use hyper::{Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::OnceCell;

use super::ApiVersion;
use super::connect::{Connector, Way};
use super::error;

/// Base URL of requests; the [`Connector`] chooses the destination.
pub(super) const URL: &str = "http://docker";

type Sending = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Bollard>> + Send>>;

/// Sends a request.
pub(super) type Sender = Arc<dyn Fn(BollardRequest) -> Sending + Send + Sync>;

/// A [`Sender`] with `Debug`.
#[derive(Clone)]
pub(super) struct RequestSender(pub(super) Sender);

impl fmt::Debug for RequestSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestSender")
    }
}

/// A connection pool over `way`. Requests contain `version` once it is negotiated.
pub(super) fn transport(way: Way, version: Arc<OnceCell<ApiVersion>>) -> Sender {
    let pool = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build::<_, _>(Connector(Arc::new(way)));
    Arc::new(move |mut request: BollardRequest| {
        // bollard 0.21 loses the version when it joins URLs; the engine would then use its newest version
        if let Some(uri) = version.get().and_then(|agreed| versioned(request.uri(), *agreed)) {
            *request.uri_mut() = uri;
        }
        let answer = pool.request(request);
        Box::pin(async move {
            let answer = answer.await.map_err(error::transport)?;
            // bollard treats 304 as success; keep the difference between "not changed" and "done"
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Err(Bollard::DockerResponseServerError { status_code: 304, message: String::new() });
            }
            Ok(answer)
        })
    })
}

fn versioned(uri: &Uri, ApiVersion(major, minor): ApiVersion) -> Option<Uri> {
    let path = uri.path_and_query()?.as_str();
    let versioned =
        path.strip_prefix("/v").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if versioned { None } else { format!("{URL}/v{major}.{minor}{path}").parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_the_version_once() {
        let uri =
            |text: &str| versioned(&text.parse().unwrap(), ApiVersion(1, 41)).map(|uri| uri.to_string());
        let plain = uri("http://docker/containers/json?all=true");
        assert_eq!(plain.as_deref(), Some("http://docker/v1.41/containers/json?all=true"));
        assert_eq!(uri("http://docker/v1.41/info"), None);
        assert_eq!(uri("http://docker/volumes").as_deref(), Some("http://docker/v1.41/volumes"));
    }
}
