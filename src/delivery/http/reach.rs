//! Whether a destination can be reached, found out without sending it anything.

use std::time::Duration;

use super::connector::Connector;
use super::{Settings, place};
use crate::delivery::Error;
use crate::delivery::look::Sight;
use crate::outgoing;

/// How long connecting may take: a host that is there needs milliseconds, and somebody waits at a terminal.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the operator of a URL is to know. It is connected to as by an attempt: name, proxy and TLS included. The connection is
/// closed before anything is said on it.
///
/// # Errors
/// The system's certificates cannot be read, or the URL is none that HTTP can be spoken with.
pub async fn look(settings: &Settings) -> Result<Sight, Error> {
    let connector = Connector::new(&settings.url, settings.intercept(), TIMEOUT, outgoing::tls)?;
    let place = place(&settings.url);
    Ok(match (connector.connect().await, connector.reading_proxy()) {
        (Ok(_), Some(proxy)) => Sight::Good(format!(
            "the proxy {} takes connections; whether {place} does, only a request tells",
            outgoing::shown(proxy)
        )),
        (Ok(_), None) => {
            let tls = match settings.url.scheme() {
                "https" => ", and its certificate is trusted",
                _ => "",
            };
            Sight::Good(format!("{place} takes connections{tls}"))
        }
        (Err(missing), _) => Sight::unreached(
            missing.report(&place).detail,
            "see that its URL is right, that the application runs and can be reached from here, and that the certificate is \
             one that this machine trusts; what is for it is kept and sent when it is there",
        ),
    })
}
