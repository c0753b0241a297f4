//! The keys that requests are signed with: given, or temporary ones of the container or the machine that this runs on,
//! which are asked for before they expire.
//!
//! The address of a container is that of ECS, Fargate and EKS Pod Identity; that of a machine is EC2's instance metadata in
//! its second version. Left out: roles that are taken with a web identity or a profile, which need another service.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use url::Url;

use super::sign::Keys;
use crate::clock::Timestamp;
use crate::outgoing;

/// How long before their end temporary keys are replaced: Amazon has new ones five minutes before.
const REFRESH_BEFORE: Duration = Duration::from_secs(300);

/// How long the address is left alone when what it gave is about to end all the same.
const REFRESH_AGAIN: Duration = Duration::from_secs(30);

/// How long one answer of the address may take. It is on this machine or beside it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer that is read: some 2 KB are usual.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// For how long a token of the instance's address is asked for. It is used at once.
const TOKEN_SECONDS: &str = "60";

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The configuration.
    Given(Keys),
    /// An address that the platform names for this container, and what it wants to be shown.
    Container(Url, Authorization),
    /// The address of the machine's metadata.
    Instance(Url),
}

/// What a container's address wants to be shown.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// Nothing.
    None,
    /// This.
    Token(SecretString),
    /// What is in this file when it is asked.
    File(PathBuf),
}

/// Has keys that are valid.
pub struct Credentials {
    source: Source,
    client: Client,
    /// Locked while they are asked for, so that all who need them wait for one answer.
    known: Mutex<Known>,
}

/// What came of asking for them.
#[derive(Default)]
struct Known {
    held: Option<Held>,
    /// Why there were none when they were last asked for, and when.
    failure: Option<(Timestamp, String)>,
}

struct Held {
    keys: Arc<Keys>,
    expires_at: Timestamp,
    refresh_at: Timestamp,
}

/// As the addresses give them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<Timestamp>,
}

impl Credentials {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// There is no client.
    pub fn new(source: Source) -> Result<Self, reqwest::Error> {
        let client = match &source {
            Source::Container(url, _) => outgoing::directly_to(url),
            _ => outgoing::unencrypted(),
        };
        let client = client
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            source,
            client: client.build()?,
            known: Mutex::default(),
        })
    }

    /// Keys that are valid, unless they are `refused`, which SQS did not take.
    ///
    /// # Errors
    /// Why there are none, in words for an operator; nothing secret.
    pub async fn keys(&self, refused: Option<&Arc<Keys>>) -> Result<Arc<Keys>, String> {
        let called_at = Timestamp::now();
        let mut known = self.known.lock().await;
        let Known { held, failure } = &mut *known;
        let now = Timestamp::now();
        let is_refused = |keys: &Arc<Keys>| refused.is_some_and(|refused| Arc::ptr_eq(refused, keys));
        if let Some(held) = held.as_ref().filter(|held| !is_refused(&held.keys))
            && now < held.refresh_at
        {
            return Ok(Arc::clone(&held.keys));
        }
        // What was answered while this one waited is its answer too.
        if let Some((_, reason)) = failure.as_ref().filter(|(at, _)| *at >= called_at) {
            return Err(reason.clone());
        }
        match self.ask().await {
            Ok((keys, expires_at)) => {
                let keys = Arc::new(keys);
                // Some addresses give keys that have ended already, and are asked no more often for that.
                let again_at = now.plus(REFRESH_AGAIN);
                let again_at = if now < expires_at {
                    again_at.min(expires_at)
                } else {
                    again_at
                };
                *held = Some(Held {
                    keys: Arc::clone(&keys),
                    expires_at,
                    refresh_at: expires_at.minus(REFRESH_BEFORE).max(again_at),
                });
                Ok(keys)
            }
            Err(reason) => match held.as_mut() {
                Some(held) if now < held.expires_at && !is_refused(&held.keys) => {
                    // Whoever comes next need not wait for that again.
                    held.refresh_at = Timestamp::now().plus(REFRESH_AGAIN);
                    Ok(Arc::clone(&held.keys))
                }
                _ => {
                    *failure = Some((Timestamp::now(), reason.clone()));
                    Err(reason)
                }
            },
        }
    }

    /// Whether other keys may come where these were refused.
    pub fn can_change(&self) -> bool {
        !matches!(self.source, Source::Given(_))
    }

    async fn ask(&self) -> Result<(Keys, Timestamp), String> {
        let text = match &self.source {
            Source::Given(keys) => return Ok((keys.clone(), Timestamp::MAX)),
            Source::Container(url, authorization) => {
                let mut request = self.client.get(url.clone());
                if let Some(token) = shown(authorization).await? {
                    request = request.header("authorization", token.expose_secret());
                }
                text_of(request, url).await?
            }
            Source::Instance(url) => self.ask_instance(url).await?,
        };
        // What is wrong with it could quote it.
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|_| "what the credentials address answered has none".to_owned())?;
        let keys = Keys {
            access_key_id: answer.access_key_id.into(),
            secret_access_key: answer.secret_access_key.into(),
            session_token: answer.token.map(Into::into),
        };
        Ok((keys, answer.expiration.unwrap_or(Timestamp::MAX)))
    }

    async fn ask_instance(&self, url: &Url) -> Result<String, String> {
        let at = |path: &str| format!("{}/latest/{path}", url.as_str().trim_end_matches('/'));
        let request = self.client.put(at("api/token"));
        let request = request.header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS);
        let token = text_of(request, url).await?;
        let roles = at("meta-data/iam/security-credentials/");
        let get = |url: String| {
            self.client
                .get(url)
                .header("x-aws-ec2-metadata-token", token.as_str())
        };
        let names = text_of(get(roles.clone()), url).await?;
        let name = names.lines().next().unwrap_or_default().trim();
        text_of(get(format!("{roles}{name}")), url).await
    }
}

/// What that address wants to be shown, if anything.
async fn shown(authorization: &Authorization) -> Result<Option<SecretString>, String> {
    match authorization {
        Authorization::None => Ok(None),
        Authorization::Token(token) => Ok(Some(token.clone())),
        Authorization::File(path) => {
            let reading = path.clone();
            let read = spawn_blocking(move || std::fs::read_to_string(reading)).await;
            let content = read.map_err(|error| error.to_string());
            let content = content.and_then(|content| content.map_err(|error| error.to_string()));
            match content {
                Ok(content) => Ok(Some(content.trim().into())),
                Err(error) => Err(format!(
                    "the token file {} cannot be read: {error}",
                    path.display()
                )),
            }
        }
    }
}

/// The text of an answer of 200.
async fn text_of(request: RequestBuilder, url: &Url) -> Result<String, String> {
    let place = crate::delivery::http::place(url);
    let failed = |error: &reqwest::Error| {
        let cause = outgoing::innermost(error);
        format!("the credentials address {place} cannot be asked: {cause}")
    };
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    if status != 200 {
        let hint = match status {
            404 => ": there is no role for this",
            401 | 403 => ": it does not take what it was shown",
            _ => "",
        };
        return Err(format!("the credentials address {place} answered {status}{hint}"));
    }
    let read = outgoing::read(&mut response, MAX_ANSWER_BYTES).await;
    let (bytes, _) = read.map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
