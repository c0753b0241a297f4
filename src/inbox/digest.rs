//! What stands for an identity where it is looked up: a hash, so that all have one short form. Taken of SHA-256, so that
//! nobody can make two with the same one, nor many with a part of it in common.

use sha2::{Digest as _, Sha256};

use crate::event::{EventId, Identity};

/// The hash of an identity.
pub type Digest = [u8; 32];

/// The digest of an identity; `None` where there is nothing to look it up by.
pub fn of(identity: &Identity) -> Option<Digest> {
    match identity {
        Identity::Job { event_id, name } => Some(of_job(*event_id, &name.event, &name.status)),
        Identity::Model { model_id } => {
            let hasher = Sha256::new().chain_update(b"model");
            Some(hasher.chain_update(model_id.uuid().as_bytes()).finalize().into())
        }
        Identity::Windowed => None,
    }
}

/// The digest of a job's step.
pub fn of_job(event_id: EventId, event: &str, status: &str) -> Digest {
    let hasher = Sha256::new()
        .chain_update(b"job")
        .chain_update(event_id.uuid().as_bytes())
        .chain_update(event.as_bytes())
        // Neither name has control characters, so this keeps ("a", "b.c") apart from ("a.b", "c").
        .chain_update([0])
        .chain_update(status.as_bytes());
    hasher.finalize().into()
}
