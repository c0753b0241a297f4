//! What stands for an identity in the tables: a hash, so that all have one short form and the same index.
//!
//! The steps of a job have their first 12 bytes in common, so that they are side by side in the index: whoever looks
//! for one has the others at hand. Taken of SHA-256, so that nobody can make two that are the same.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::event::{ChatbotId, EventId, Identity};

/// What the steps of a job have in common, in bytes; the rest tells them apart.
const JOB_BYTES: usize = 12;

/// The key of an identity; `None` where there is nothing to look it up by.
pub fn of(identity: &Identity) -> Option<Uuid> {
    match identity {
        Identity::Job { event_id, name } => Some(of_step(*event_id, &name.event, &name.status)),
        Identity::Model { model_id } => Some(of_parts("model", &[model_id.uuid().as_bytes()])),
        Identity::Windowed => None,
    }
}

/// The key of a job's step.
pub fn of_step(event_id: EventId, event: &str, status: &str) -> Uuid {
    let mut key = of_parts("job", &[event_id.uuid().as_bytes(), event.as_bytes()]).into_bytes();
    let step = Sha256::digest(status);
    let rest = &mut key[JOB_BYTES..];
    rest.copy_from_slice(&step[..rest.len()]);
    Uuid::from_bytes(key)
}

/// The key of a chatbot and an event.
pub fn of_chatbot(chatbot_id: Option<ChatbotId>, event: &str) -> Uuid {
    match chatbot_id {
        Some(id) => of_parts("chatbot", &[id.uuid().as_bytes(), event.as_bytes()]),
        None => of_parts("no chatbot", &[event.as_bytes()]),
    }
}

/// The start of a hash over parts of which only the last may be of any length.
fn of_parts(kind: &str, parts: &[&[u8]]) -> Uuid {
    let mut hasher = Sha256::new_with_prefix(kind);
    parts.iter().for_each(|part| hasher.update(part));
    let digest = hasher.finalize();
    Uuid::from_bytes(*digest.first_chunk().expect("a SHA-256 digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ModelId, Name};

    fn event_id(number: u128) -> EventId {
        EventId::new(Uuid::from_u128(number))
    }

    #[test]
    fn the_steps_of_a_job_are_side_by_side_and_apart() {
        let [begun, done] =
            ["initial", "completed"].map(|status| of_step(event_id(1), "crawling", status).into_bytes());

        assert_eq!(begun[..JOB_BYTES], done[..JOB_BYTES]);
        assert_ne!(begun, done);
    }

    #[test]
    fn what_is_not_the_same_job_has_nothing_in_common() {
        let keys = [
            of_step(event_id(1), "crawling", "initial"),
            of_step(event_id(2), "crawling", "initial"),
            of_step(event_id(1), "uploading", "initial"),
            of(&Identity::Model {
                model_id: ModelId::new(Uuid::from_u128(1)),
            })
            .unwrap(),
            of_chatbot(Some(ChatbotId::new(Uuid::from_u128(1))), "crawling"),
            of_chatbot(None, "crawling"),
        ];

        for (number, key) in keys.iter().enumerate() {
            let others = keys[..number].iter().map(Uuid::as_bytes);
            assert!(
                others
                    .into_iter()
                    .all(|other| other[..JOB_BYTES] != key.as_bytes()[..JOB_BYTES])
            );
        }
    }

    /// These are in tables: other ones would let in repeats of what is there.
    #[test]
    fn keys_stay_what_they_are() {
        let name = Name {
            event: "crawling".into(),
            status: "completed".into(),
        };
        let job = Identity::Job {
            event_id: event_id(1),
            name,
        };
        let model = Identity::Model {
            model_id: ModelId::new(Uuid::from_u128(1)),
        };

        assert_eq!(
            of(&job).unwrap().to_string(),
            "127c1f2f-b5cf-6e61-1a4e-f11c4ddb3e96"
        );
        assert_eq!(
            of(&model).unwrap().to_string(),
            "4961c3dd-2b47-214b-1ecb-bb12b0c2057d"
        );
        assert_eq!(of(&Identity::Windowed), None);
        assert_eq!(
            of_chatbot(None, "training").to_string(),
            "59e694fa-7cbc-db88-5e84-a81d1f56051c"
        );
    }
}
