//! What goes to a destination whatever carries it: the body, and with it the headers that Standard Webhooks wants and this
//! program's own. In a queue they are the headers or attributes of a message, so that what verifies the one verifies the
//! other.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};

use super::format::aside;
use super::{DestinationSettings, Format, Parcel, Report};
use crate::clock::Timestamp;
use crate::event::sample;
use crate::inbox::outbox::Outcome;
use crate::rotating::Rotating;

/// The media type of the body.
const CONTENT_TYPE: &str = "content-type";

/// The number of the attempt, from 1 on.
const ATTEMPT: &str = "caigunn-attempt";

/// The event name.
const EVENT: &str = "caigunn-event";

/// What a header cannot carry as itself: event names may have any character that is no control character.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What is sent in one attempt.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// As the destination's format has it.
    pub body: Bytes,
    /// Names in small letters; values in ASCII without control characters.
    pub headers: Vec<(&'static str, String)>,
}

/// Makes envelopes for one destination.
#[derive(Debug)]
pub struct Sealer {
    format: Format,
    /// One signature each.
    secrets: Rotating<Vec<SecretString>>,
}

impl Sealer {
    /// That of a destination.
    pub fn new(destination: &DestinationSettings) -> Self {
        Self {
            format: destination.format,
            secrets: destination.secrets.clone(),
        }
    }

    /// The envelope for one attempt, signed as of now.
    ///
    /// # Errors
    /// What is to be said of the attempt, of which it is the end.
    pub async fn seal(&self, parcel: &Parcel) -> Result<Envelope, Report> {
        let body = self.format.body(parcel).await?;
        let event = parcel.receipt.event.to_string();
        let mut headers = vec![
            (CONTENT_TYPE, self.format.content_type().to_owned()),
            (ATTEMPT, parcel.attempt.to_string()),
            (EVENT, utf8_percent_encode(&event, NOT_IN_HEADERS).to_string()),
        ];
        if parcel.receipt.is_sample() {
            headers.push((sample::HEADER, "true".to_owned()));
        }
        let traced = parcel.receipt.trace.iter().flat_map(|trace| trace.headers());
        headers.extend(traced.map(|(name, value)| (name, value.to_owned())));
        let id = parcel.receipt.id;
        let seal = sealed(id.to_string(), &body, self.secrets.get()).await;
        headers.extend(seal.map_err(|error| match error {
            // Another body can be signed.
            WebhookError::InvalidPayload => {
                Report::unreadable(id, "the body is not UTF-8 any more, so it cannot be signed")
            }
            error => unsigned(&error),
        })?);
        Ok(Envelope { body, headers })
    }
}

/// The headers of Standard Webhooks: the id, the time, which is now, and a signature for each secret.
///
/// # Errors
/// What keeps the body from being signed.
pub async fn sealed(
    id: String,
    body: &Bytes,
    secrets: Arc<Vec<SecretString>>,
) -> Result<Vec<(&'static str, String)>, WebhookError> {
    let timestamp_seconds = Timestamp::now().as_micros().div_euclid(1_000_000);
    let mut headers = vec![
        (HEADER_WEBHOOK_ID, id.clone()),
        (HEADER_WEBHOOK_TIMESTAMP, timestamp_seconds.to_string()),
    ];
    if !secrets.is_empty() {
        let signed = body.clone();
        let sign_all = move || -> Result<Vec<String>, WebhookError> {
            let sign = |secret: &SecretString| {
                Webhook::new(secret.expose_secret())?.sign(&id, timestamp_seconds, &signed)
            };
            secrets.iter().map(sign).collect()
        };
        let signatures = aside(body.len(), sign_all).await?;
        headers.push((HEADER_WEBHOOK_SIGNATURE, signatures.join(" ")));
    }
    Ok(headers)
}

/// What is to be said where nothing can be signed.
pub fn unsigned(error: &WebhookError) -> Report {
    Report::new(Outcome::Ours, format!("not sent: it cannot be signed: {error}"))
}
