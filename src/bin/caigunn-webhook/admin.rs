//! Asks the running receiver over its admin address.

use std::time::Duration;

use anyhow::{Context, bail};
use caigunn_webhook::config::Settings;
use caigunn_webhook::http::reachable;
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// How long the receiver may take for an answer: it may have to ask CaiGunn first.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The admin API of the receiver with this configuration.
pub struct AdminApi {
    client: Client,
    base: String,
    token: Option<SecretString>,
}

impl AdminApi {
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::builder().timeout(TIMEOUT).no_proxy().build()?,
            base: format!("http://{}", reachable(settings.admin_listen)),
            token: settings.http.admin_token.clone(),
        })
    }

    /// Asks for a path below `/api/v1`; `None` if no receiver listens there.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.ask(Method::GET, path).await
    }

    /// Posts to a path below `/api/v1`; `None` if no receiver listens there.
    pub async fn post(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.ask(Method::POST, path).await
    }

    async fn ask(&self, method: Method, path: &str) -> anyhow::Result<Option<Value>> {
        let url = format!("{}/api/v1{path}", self.base);
        let asked = format!("asking the receiver: {method} {url}");
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Ok(None),
            Err(error) => return Err(error).context(asked),
        };
        let status = response.status();
        let answer: Value = response
            .json()
            .await
            .with_context(|| format!("{asked}: it is no caigunn-webhook"))?;
        if !status.is_success() {
            let detail = answer["detail"].as_str().unwrap_or("no detail");
            bail!("{asked}: {}: {detail}", status.as_u16());
        }
        Ok(Some(answer))
    }
}
