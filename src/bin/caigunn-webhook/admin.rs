//! Asks the running receiver over its admin address.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use caigunn_webhook::config::Settings;
use caigunn_webhook::http::reachable;
use caigunn_webhook::outgoing;
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// How long the receiver may take for an answer: it may have to ask CaiGunn first.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The admin API of the receiver with this configuration.
pub struct AdminApi {
    client: Client,
    address: SocketAddr,
    token: Option<SecretString>,
}

/// An answer that is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{asked}: {status}: {detail}")]
pub struct Refused {
    asked: String,
    pub status: u16,
    pub detail: String,
}

impl AdminApi {
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            client: outgoing::to_this_machine().timeout(TIMEOUT).build()?,
            address: reachable(settings.admin_listen),
            token: settings.http.admin_token.clone(),
        })
    }

    /// Where it listens, if it runs.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks for a path below `/api/v1`; `None` if no receiver listens there.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.ask(Method::GET, path, None).await
    }

    /// Posts to a path below `/api/v1`; `None` if no receiver listens there.
    pub async fn post(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.ask(Method::POST, path, None).await
    }

    /// As [`AdminApi::get`], of what only a running receiver can tell.
    pub async fn get_from_running(&self, path: &str) -> anyhow::Result<Value> {
        self.get(path).await?.ok_or_else(|| self.none_runs())
    }

    /// As [`AdminApi::post`], of what only a running receiver can do.
    pub async fn post_to_running(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answer = self.ask(Method::POST, path, body).await?;
        answer.ok_or_else(|| self.none_runs())
    }

    fn none_runs(&self) -> anyhow::Error {
        anyhow!(
            "no receiver runs at the admin address {}: start it with `caigunn-webhook serve`, or say where it listens with \
             --admin-listen or CAIGUNN_ADMIN_LISTEN",
            self.address
        )
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Option<Value>> {
        let url = format!("http://{}/api/v1{path}", self.address);
        let asked = format!("asking the receiver: {method} {url}");
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
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
            let detail = answer["detail"].as_str().unwrap_or("no detail").to_owned();
            let status = status.as_u16();
            return Err(Refused {
                asked,
                status,
                detail,
            }
            .into());
        }
        Ok(Some(answer))
    }
}

/// A path with a query of the values that are there.
pub fn path_with<const N: usize>(path: &str, query: [(&str, Option<String>); N]) -> String {
    let mut pairs = Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            pairs.append_pair(name, &value);
        }
    }
    match pairs.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The items of a list that has pages, up to `limit`. `page` gives the path of the one at that cursor, for that many.
pub async fn list(
    admin: &AdminApi,
    member: &str,
    limit: usize,
    page: impl Fn(Option<String>, usize) -> String,
) -> anyhow::Result<Vec<Value>> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let mut answer = admin.get_from_running(&page(cursor, limit - items.len())).await?;
        if let Value::Array(more) = answer[member].take() {
            items.extend(more);
        }
        items.truncate(limit);
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() || items.len() == limit {
            return Ok(items);
        }
    }
}
