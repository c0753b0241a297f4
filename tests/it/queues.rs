//! Promise: what was accepted reaches a queue as it reaches a URL: at least once, each job in its order, whatever becomes
//! of the queue and the receiver in between; what comes again bears the id that it had, but for a replay, which arrives.

use std::collections::HashMap;

use bytes::Bytes;
use caigunn_webhook::delivery::secret;
use secrecy::ExposeSecret;
use standardwebhooks::Webhook;

use crate::delivery::Jobs;

/// What the destinations of these tests sign with.
pub const SIGNING_SECRET: &str = "whsec_cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQtcGxhbnRlZA==";

/// A message as a consumer saw it.
#[derive(Clone, Debug)]
pub struct Message {
    /// What the queue was told to know it by.
    pub message_id: String,
    /// By their names.
    pub headers: HashMap<String, String>,
    pub body: Bytes,
}

impl Message {
    pub fn webhook_id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// Fails unless nothing is missing, each job's messages came in its order (a repeat after its first is where it may be),
/// what came again bears the id that it had, and all of them verify as they would over HTTP.
pub fn assert_sound(seen: &[Message], jobs: &Jobs) {
    let verifier = secret(SIGNING_SECRET).expect("a secret");
    let verifier = Webhook::new(verifier.expose_secret()).expect("a secret");
    let mut first: HashMap<&str, (usize, &Message)> = HashMap::new();
    for (place, message) in seen.iter().enumerate() {
        let headers = message.headers.iter();
        let headers = headers.filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        let verified = verifier.verify(&message.body, &headers.collect::<reqwest::header::HeaderMap>());
        verified.expect("what a queue has verifies");
        let (_, other) = first.entry(message.webhook_id()).or_insert((place, message));
        assert_eq!(
            other.message_id, message.message_id,
            "it came again under another id"
        );
        assert_eq!(other.body, message.body);
    }
    for (job, ids) in jobs {
        let places: Vec<_> = ids
            .iter()
            .map(|id| {
                first
                    .get(&**id)
                    .unwrap_or_else(|| panic!("{id} of job {job} is missing"))
                    .0
            })
            .collect();
        assert!(places.is_sorted(), "of job {job} they came at {places:?}");
    }
    let count: usize = jobs.values().map(Vec::len).sum();
    assert_eq!(first.len(), count, "something came that nobody posted");
}

mod oracle {
    //! That it sees what it is to see.

    use super::*;

    /// A message that verifies, of that receipt, under that id.
    fn message(webhook_id: &str, message_id: &str) -> Message {
        let at = now_seconds();
        let body = Bytes::from_static(b"{}");
        let secret = secret(SIGNING_SECRET).unwrap();
        let signature = Webhook::new(secret.expose_secret()).unwrap();
        let signature = signature.sign(webhook_id, at, &body).unwrap();
        let headers = [
            ("webhook-id", webhook_id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
        ];
        Message {
            message_id: message_id.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body,
        }
    }

    fn now_seconds() -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_secs().try_into().unwrap()
    }

    fn jobs() -> Jobs {
        Jobs::from([("job".to_owned(), vec!["a".to_owned(), "b".to_owned()])])
    }

    #[test]
    fn a_repeat_under_its_id_is_sound_wherever_it_comes() {
        let (a, b) = (message("a", "a"), message("b", "b"));
        assert_sound(&[a.clone(), a.clone(), b, a], &jobs());
    }

    #[test]
    #[should_panic(expected = "b of job job is missing")]
    fn what_is_missing_is_seen() {
        assert_sound(&[message("a", "a")], &jobs());
    }

    #[test]
    #[should_panic(expected = "of job job they came at [1, 0]")]
    fn another_order_is_seen() {
        assert_sound(&[message("b", "b"), message("a", "a")], &jobs());
    }

    #[test]
    #[should_panic(expected = "it came again under another id")]
    fn a_repeat_under_another_id_is_seen() {
        assert_sound(
            &[message("a", "a"), message("b", "b"), message("b", "b.1")],
            &jobs(),
        );
    }

    #[test]
    #[should_panic(expected = "what a queue has verifies")]
    fn a_body_that_was_changed_is_seen() {
        let mut changed = message("a", "a");
        changed.body = Bytes::from_static(b"{} ");
        assert_sound(&[changed], &jobs());
    }
}
