//! `healthcheck`

use std::time::Duration;

use anyhow::bail;
use caigunn_webhook::config::Settings;
use caigunn_webhook::http::reachable;
use caigunn_webhook::outgoing;
use serde_json::Value;
use url::Url;

use crate::{output, web};

/// How long the receiver may take: it answers within milliseconds, or when its store is slow.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks `/readyz` on the configured public address, how it is now.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let url: Url = format!("http://{}/readyz", reachable(settings.listen)).parse()?;
    let mut asked = url.clone();
    asked.set_query(Some("fresh"));
    let answer = web::client(&url, true, TIMEOUT)?.get(asked).send().await;
    match answer {
        Ok(answer) if answer.status() == 200 => output::write("ready\n"),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let problem: Value = answer.json().await.unwrap_or_default();
            let why = problem["detail"]
                .as_str()
                .map(|why| format!(": {}", output::printable(why)));
            bail!(
                "{url} answered {status}: the receiver is not ready{}",
                why.unwrap_or_default()
            )
        }
        Err(error) if error.is_timeout() => bail!("{url} did not answer within {} s", TIMEOUT.as_secs()),
        Err(error) => bail!("asking {url}: {}", outgoing::innermost(&error)),
    }
}
