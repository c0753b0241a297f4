//! Whether a destination can be reached, found out without sending it anything.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Layer, Service};

use super::answer::Missing;
use super::{Settings, client_to, place};
use crate::delivery::look::Sight;
use crate::outgoing;

/// How long connecting may take: a host that is there needs milliseconds, and somebody waits at a terminal.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the operator of a URL is to know.
///
/// # Errors
/// The system's certificates cannot be read.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn look(settings: &Settings) -> Result<Sight, reqwest::Error> {
    Ok(match reach(settings).await? {
        Ok(()) => {
            let tls = match settings.url.scheme() {
                "https" => ", and its certificate is trusted",
                _ => "",
            };
            Sight::Good(format!("{} takes connections{tls}", place(&settings.url)))
        }
        Err(what) => Sight::unreached(
            what,
            "see that its URL is right, that the application runs and can be reached from here, and that the certificate is \
             one that this machine trusts; what is for it is kept and sent when it is there",
        ),
    })
}

/// Connects as an attempt does: name, proxy and TLS included. The connection is closed before anything is said on it.
/// Gives what stood in the way, in words for an operator; nothing secret is in them.
///
/// # Errors
/// The system's certificates cannot be read.
///
/// # Cancel safety
/// May be dropped at any time.
async fn reach(settings: &Settings) -> Result<Result<(), String>, reqwest::Error> {
    let client = client_to(settings)
        .connect_timeout(TIMEOUT)
        .connector_layer(HangUp)
        .build()?;
    Ok(match client.get(settings.url.clone()).send().await {
        // The layer lets no request through.
        Ok(_) => Ok(()),
        Err(error) if outgoing::causes(&error).any(|cause| cause.is::<Reached>()) => Ok(()),
        Err(error) => {
            let report = Missing::of_client(&error, settings).report(&place(&settings.url));
            Err(report.detail)
        }
    })
}

/// Closes each connection as soon as it is there.
#[derive(Clone, Copy)]
struct HangUp;

impl<S> Layer<S> for HangUp {
    type Service = HangsUp<S>;

    fn layer(&self, connector: S) -> Self::Service {
        HangsUp(connector)
    }
}

#[derive(Clone)]
struct HangsUp<S>(S);

impl<S, R> Service<R> for HangsUp<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            drop(connection);
            Err(Reached.into())
        })
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// The connection was made.
#[derive(Debug, thiserror::Error)]
#[error("the connection was made")]
struct Reached;
