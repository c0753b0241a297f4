//! What an answer of SQS says, in words for an operator.

use std::time::Duration;

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use super::sign::Keys;
use crate::delivery::http::answer::hide;
use crate::delivery::{Report, Wish};
use crate::inbox::outbox::{MAX_ANSWER_BYTES, Outcome};
use crate::outgoing;

/// By how much a clock may be wrong: Amazon takes signatures that are up to five minutes old.
const MAX_SKEW: Duration = Duration::from_secs(300);

/// An answer that was read.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// For how long it asks to be left alone.
    pub pause: Option<Duration>,
    /// By how much its clock differs from ours, if it says what time it is.
    pub skew: Option<Duration>,
    /// Its body.
    pub body: Bytes,
    /// What that says to be wrong.
    pub failure: Failure,
}

/// What the body of an answer says to be wrong; empty where it says nothing.
#[derive(Debug)]
pub struct Failure {
    kind: String,
    message: String,
}

/// What is at fault where nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is no such queue.
    Queue,
    /// The keys may not do it.
    Policy,
    /// The keys are none, or none any more.
    Keys,
    /// The signature, by the secret or the region.
    Signature,
    /// The signature, by the time.
    Clock,
    /// The key with which the queue is encrypted.
    Encryption,
    /// It has too much to do, or is not well itself: that passes.
    Load,
    /// Another one.
    Another,
}

/// Whether an answer of that kind says that there are too many requests.
fn throttles(kind: &str) -> bool {
    kind.contains("Throttl") || kind == "OverLimit"
}

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "MessageId")]
    message_id: String,
}

impl Failure {
    /// In that body.
    pub fn of(body: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        let mut failure = Self {
            kind: text("__type").unwrap_or_default(),
            // Services differ in how they write it, and some have both.
            message: text("message").or_else(|| text("Message")).unwrap_or_default(),
        };
        // `com.amazonaws.sqs#QueueDoesNotExist`, `AWS.SimpleQueueService.NonExistentQueue`, `ThrottlingException:`
        let name = failure.kind.rsplit(['#', '.']).next().unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        failure.kind = name.strip_suffix("Exception").unwrap_or(name).to_owned();
        failure
    }
}

impl Answer {
    /// Whether it says that the keys are none, or none any more: temporary ones may be replaced before they end.
    pub fn refuses_keys(&self) -> bool {
        self.status >= 400 && self.fault() == Cause::Keys
    }

    /// What is at fault, where it is no success.
    pub fn fault(&self) -> Cause {
        let failure = &self.failure;
        match &*failure.kind {
            "QueueDoesNotExist" | "NonExistentQueue" => Cause::Queue,
            "AccessDenied" => Cause::Policy,
            "InvalidClientTokenId"
            | "UnrecognizedClient"
            | "InvalidAccessKeyId"
            | "InvalidSecurity"
            | "ExpiredToken"
            | "TokenRefreshRequired" => Cause::Keys,
            "RequestExpired" | "RequestTimeTooSkewed" => Cause::Clock,
            "SignatureDoesNotMatch" | "InvalidSignature" => match self.skew {
                Some(skew) if skew > MAX_SKEW => Cause::Clock,
                _ if failure.message.starts_with("Signature expired") => Cause::Clock,
                _ if failure.message.starts_with("Signature not yet current") => Cause::Clock,
                _ => Cause::Signature,
            },
            kind if throttles(kind) => Cause::Load,
            kind if kind.starts_with("Kms") => Cause::Encryption,
            _ if self.status == 429 || self.status >= 500 => Cause::Load,
            _ => Cause::Another,
        }
    }

    /// What it says, and what that means, where it is no success.
    pub fn failed(&self) -> String {
        let failure = &self.failure;
        let by = |skew: Duration| format!(" by {} s", skew.as_secs());
        let meaning = match (self.fault(), &*failure.kind) {
            (Cause::Queue, _) => "there is no such queue in this account and region",
            (Cause::Policy, _) => "the policies of the queue and of these keys do not allow it",
            (Cause::Keys, "ExpiredToken" | "TokenRefreshRequired") => "the session token has expired",
            (Cause::Keys, "InvalidSecurity") => "it does not take these keys",
            (Cause::Keys, _) => "nobody has this access key",
            (Cause::Clock, kind) => {
                return format!(
                    "answered {} {kind}: this machine's clock and that of SQS differ{}",
                    self.status,
                    self.skew
                        .filter(|skew| *skew > MAX_SKEW)
                        .map_or_else(String::new, by)
                );
            }
            (Cause::Signature, _) => "the secret access key is another one, or the region is",
            (Cause::Encryption, "KmsAccessDenied") => {
                "these keys may not use the key with which the queue is encrypted"
            }
            (Cause::Encryption, "KmsDisabled") => "the key with which the queue is encrypted is disabled",
            (Cause::Encryption, _) => "the key with which the queue is encrypted cannot be used",
            (Cause::Load, "KmsThrottled") => {
                "AWS KMS is asked more often for the key with which the queue is encrypted than it answers"
            }
            (_, "InvalidMessageContents") => "it has a character that SQS does not take (U+FFFE, U+FFFF)",
            (_, "") => return format!("answered {}", self.status),
            (_, kind) => return format!("answered {} {kind}", self.status),
        };
        format!("answered {} {}: {meaning}", self.status, failure.kind)
    }

    /// What is to be said of an attempt to send so many bytes with these keys.
    pub fn report(&self, size_bytes: usize, keys: &Keys) -> Report {
        let (outcome, detail) = match self.status {
            200..=299 => match serde_json::from_slice::<Sent>(&self.body) {
                Ok(sent) if !sent.message_id.is_empty() => {
                    (Outcome::Delivered, format!("message {}", sent.message_id))
                }
                Ok(_) | Err(_) => {
                    let detail = format!("answered {} without a message id, so it is no SQS", self.status);
                    (Outcome::Failed, detail)
                }
            },
            300..=499 => (Outcome::Refused, self.failed()),
            _ => (Outcome::Failed, self.failed()),
        };
        let (detail, wish) = match self.wish() {
            Wish::NeverThis if self.failure.kind != "InvalidMessageContents" => {
                (too_large(size_bytes, self.limit()), Wish::NeverThis)
            }
            wish => (wish.added_to(detail), wish),
        };
        let answer = self.body.slice(..self.body.len().min(MAX_ANSWER_BYTES));
        let secrets = secrets(keys);
        Report {
            outcome,
            status: Some(self.status.into()),
            detail: String::from_utf8_lossy(&hide(detail.into_bytes(), &secrets)).into_owned(),
            // A signature that was refused is explained with the headers that were signed.
            answer: hide(answer.to_vec(), &secrets).into(),
            wish,
        }
    }

    fn wish(&self) -> Wish {
        let less = Wish::Less { pause: self.pause };
        match (self.status, &*self.failure.kind) {
            (..400, _) => Wish::None,
            (429, _) => less,
            (status, _) if outgoing::tells_nobody_behind(status) => less,
            (_, kind) if throttles(kind) => less,
            (413, _) | (_, "InvalidMessageContents") => Wish::NeverThis,
            (_, "InvalidParameterValue") if self.limit().is_some() => Wish::NeverThis,
            _ => Wish::None,
        }
    }

    /// How many bytes a message may have, if that is what was wrong: the answer says so in its text alone.
    fn limit(&self) -> Option<usize> {
        let (_, rest) = self.failure.message.split_once("must be shorter than ")?;
        rest.split(' ').next()?.parse().ok()
    }
}

/// What to say of a message with so many bytes.
pub fn too_large(size_bytes: usize, limit_bytes: Option<usize>) -> String {
    let limit = limit_bytes.map_or_else(String::new, |limit| {
        format!(", and the queue takes {limit} at most")
    });
    format!("too large: the message has {size_bytes} bytes with its attributes{limit}")
}

/// What must not be told back.
fn secrets(keys: &Keys) -> Vec<Vec<u8>> {
    let token = keys.session_token.iter();
    let all = token.chain([&keys.secret_access_key, &keys.access_key_id]);
    all.map(|secret| secret.expose_secret().as_bytes().to_vec())
        .filter(|secret| !secret.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_refused_for_the_time_where_the_clocks_differ_or_it_says_so() {
        for (skew_seconds, message, expected) in [
            (300, "", Cause::Signature),
            (301, "", Cause::Clock),
            (0, "Signature expired: it is late", Cause::Clock),
        ] {
            // As some services spell it.
            let body = serde_json::json!({"__type": "InvalidSignatureException", "Message": message});
            let answer = Answer {
                status: 403,
                pause: None,
                skew: Some(Duration::from_secs(skew_seconds)),
                body: Bytes::new(),
                failure: Failure::of(body.to_string().as_bytes()),
            };

            assert_eq!(answer.fault(), expected, "{answer:?}");
        }
    }
}
