//! A destination that is a queue of Amazon SQS: each notification is one message, sent with the AWS JSON protocol.
//!
//! What SQS has acknowledged is on several of its servers. A FIFO queue keeps the messages of a job in order, by their group,
//! and leaves out a repeat within five minutes, by its deduplication id; a standard queue promises neither.
//!
//! Left out on purpose: batches, in which one message could hold up another; and any retry, which is the schedule's, but for
//! the one with new keys where temporary ones are refused.

pub mod answer;
pub mod credentials;
mod queue;
pub mod sign;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::Client;
use reqwest::header::{DATE, HeaderMap};
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};
use url::{Position, Url};

use super::envelope::{Envelope, Sealer};
use super::http::answer::Missing;
use super::send::MESSAGE_ID;
use super::{DestinationSettings, Error, Parcel, Report, Sender, Wish, http};
use crate::clock::Timestamp;
use crate::http_time;
use crate::inbox::outbox::Outcome;
use crate::outgoing::{self, Trusting};
use answer::{Answer, Failure};
use credentials::Credentials;
pub(super) use queue::look;
use sign::Keys;

/// The longest message that SQS takes, with its attributes (Amazon's quotas since August 2025).
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// What the names of FIFO queues end with.
const FIFO: &str = ".fifo";

/// What is to be known of a queue.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The queue's URL, without user, query and fragment.
    pub url: Url,
    /// Its region, such as `eu-central-1`.
    pub region: String,
    /// What has said so, in words.
    pub region_from: &'static str,
    /// Where the keys come from.
    pub source: credentials::Source,
    /// The same in words that name the settings or variables.
    pub keys_from: String,
    /// Whether the proxy that the environment names is used.
    pub proxy: bool,
}

impl Settings {
    /// Whether it keeps order and leaves out repeats.
    pub fn is_fifo(&self) -> bool {
        self.url.path().ends_with(FIFO)
    }

    /// Where requests go, as HTTP destinations have it.
    fn endpoint(&self) -> http::Settings {
        let mut url = self.url.clone();
        url.set_path("/");
        http::Settings {
            url,
            headers: HeaderMap::new(),
            proxy: self.proxy,
        }
    }
}

/// Sends to a queue.
pub struct SqsSender {
    service: Service,
    sealer: Sealer,
    timeout: Duration,
}

impl SqsSender {
    /// Makes one; nothing is sent yet.
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            service: Service::new(settings, destination.timeout).map_err(Error::Client)?,
            sealer: Sealer::new(destination),
            timeout: destination.timeout,
        })
    }

    async fn attempt(&self, parcel: Parcel) -> Report {
        let deadline = Instant::now() + self.timeout;
        let envelope = match self.sealer.seal(&parcel).await {
            Ok(envelope) => envelope,
            Err(report) => return report,
        };
        let settings = &self.service.settings;
        let message = match Message::new(settings, &parcel, &envelope) {
            Ok(message) => message,
            Err(detail) => {
                return Report::new(Outcome::Ours, detail).asking(Wish::NeverThis);
            }
        };
        match timeout_at(deadline, self.service.call("SendMessage", &message)).await {
            Ok(Ok((answer, keys))) => answer.report(message.size_bytes(), &keys),
            Ok(Err(report)) => report,
            Err(_) => {
                let (place, seconds) = (http::place(&settings.url), self.timeout.as_secs_f64());
                let detail = format!("no answer from {place} within {seconds} s");
                Report::new(Outcome::Timeout, detail)
            }
        }
    }
}

impl Sender for SqsSender {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        Box::pin(self.attempt(parcel))
    }
}

/// What `SendMessage` is told.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    queue_url: &'a str,
    message_body: &'a str,
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    data_type: &'static str,
    string_value: Cow<'a, str>,
}

impl<'a> Message<'a> {
    /// The error is why it can never be sent, in words for an operator.
    fn new(settings: &'a Settings, parcel: &'a Parcel, envelope: &'a Envelope) -> Result<Self, String> {
        let Ok(message_body) = std::str::from_utf8(&envelope.body) else {
            return Err("not sent: SQS takes text, and the body is not UTF-8".to_owned());
        };
        let message_id = parcel.message_id();
        let own = (MESSAGE_ID, Cow::Owned(message_id.clone()));
        let headers = envelope.headers.iter();
        let attributes = headers
            .map(|(name, value)| (*name, Cow::Borrowed(&**value)))
            .chain([own]);
        let attribute = |value| Attribute {
            data_type: "String",
            string_value: value,
        };
        let message = Self {
            queue_url: settings.url.as_str(),
            message_body,
            message_attributes: attributes.map(|(name, value)| (name, attribute(value))).collect(),
            message_group_id: settings.is_fifo().then(|| parcel.job()),
            message_deduplication_id: settings.is_fifo().then_some(message_id),
        };
        match message.size_bytes() {
            ..=MAX_MESSAGE_BYTES => Ok(message),
            size => Err(answer::too_large(size, Some(MAX_MESSAGE_BYTES))),
        }
    }

    /// What SQS counts: the body and of each attribute its name, type and value.
    fn size_bytes(&self) -> usize {
        let attributes = self.message_attributes.iter();
        let sizes = attributes
            .map(|(name, attribute)| name.len() + attribute.data_type.len() + attribute.string_value.len());
        self.message_body.len() + sizes.sum::<usize>()
    }
}

/// SQS, as one queue has it.
struct Service {
    settings: Settings,
    endpoint: http::Settings,
    client: Trusting<Client>,
    credentials: Credentials,
    keys_timeout: Duration,
}

impl Service {
    fn new(settings: &Settings, timeout: Duration) -> Result<Self, reqwest::Error> {
        let endpoint = settings.endpoint();
        let to = endpoint.clone();
        let client = move || {
            http::client_to(&to)
                .connect_timeout(http::connect_timeout(timeout))
                .pool_idle_timeout(http::IDLE_TIMEOUT)
                .build()
        };
        Ok(Self {
            settings: settings.clone(),
            client: Trusting::new(client)?,
            endpoint,
            credentials: Credentials::new(settings.source.clone())?,
            keys_timeout: timeout.mul_f64(http::CONNECT_SHARE),
        })
    }

    /// Calls an operation: what was answered, and the keys that were shown, which are asked for anew where they are refused
    /// and others may come. If there is no answer, what is to be said of that.
    async fn call(&self, operation: &str, request: &impl Serialize) -> Result<(Answer, Arc<Keys>), Report> {
        let body = serde_json::to_vec(request).expect("texts and numbers can be written as JSON");
        let body = Bytes::from(body);
        let keys = self.keys(None).await?;
        let answer = self.call_with(operation, body.clone(), &keys).await?;
        if !answer.refuses_keys() || !self.credentials.can_change() {
            return Ok((answer, keys));
        }
        let others = self.keys(Some(&keys)).await?;
        if others.is_same(&keys) {
            return Ok((answer, others));
        }
        Ok((self.call_with(operation, body, &others).await?, others))
    }

    /// As [`Credentials::keys`], soon enough for what is to be said where there are none: SQS was asked nothing then.
    async fn keys(&self, refused: Option<&Arc<Keys>>) -> Result<Arc<Keys>, Report> {
        let limit = self.keys_timeout;
        let keys = timeout(limit, self.credentials.keys(refused)).await;
        let keys = keys.unwrap_or_else(|_| Err(format!("none came within {} s", limit.as_secs_f64())));
        keys.map_err(|reason| {
            let detail = format!("no keys from {}: {reason}", self.settings.keys_from);
            Report::new(Outcome::Ours, detail)
        })
    }

    async fn call_with(&self, operation: &str, body: Bytes, keys: &Keys) -> Result<Answer, Report> {
        use secrecy::ExposeSecret;
        let (date, url) = (Timestamp::now().compact(), &self.endpoint.url);
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let target = format!("AmazonSQS.{operation}");
        let mut headers = vec![
            ("content-type", CONTENT_TYPE),
            ("host", host),
            ("x-amz-date", &date),
        ];
        if let Some(token) = &keys.session_token {
            headers.push(("x-amz-security-token", token.expose_secret()));
        }
        headers.push(("x-amz-target", &target));
        let authorization = sign::authorization(keys, (&self.settings.region, "sqs"), &date, &headers, &body);
        headers.push(("authorization", &authorization));
        let send = |client: Client| {
            let request = client.post(url.clone()).body(body.clone());
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value));
            request.send()
        };
        let (client, since) = self.client.get();
        let sent = match send(client).await {
            // Its authority may have been added since.
            Err(error) if outgoing::is_distrust(&error) && self.client.renew(since) => {
                send(self.client.get().0).await
            }
            sent => sent,
        };
        let unanswered =
            |error: &reqwest::Error| Missing::of_client(error, &self.endpoint).report(&http::place(url));
        let mut response = sent.map_err(|error| unanswered(&error))?;
        let told = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let skew = told
            .and_then(http_time::date)
            .map(|date| date.distance(Timestamp::now()));
        let read = outgoing::read(&mut response, MAX_ANSWER_BYTES).await;
        let (body, _) = read.map_err(|error| unanswered(&error))?;
        Ok(Answer {
            status: response.status().as_u16(),
            pause: http_time::retry_after(response.headers()),
            skew,
            failure: Failure::of(&body),
            body: body.into(),
        })
    }
}
