//! This very process: what people know it by, and the proof to whoever asks over the network that it is the one that answers.
//!
//! The asker sends a nonce; the answer carries a proof that only the holder of this process's key can make. The
//! key lives and dies with the process and has no other use.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::fingerprint::hex;

/// The answer's header that carries the proof.
pub const PROOF_HEADER: &str = "x-caigunn-webhook-proof";

/// The name of the nonce in the query of `/healthz`.
pub const NONCE_PARAMETER: &str = "nonce";

/// One running process.
#[derive(Clone)]
pub struct Instance(Arc<[u8; 32]>);

impl Instance {
    /// With a fresh key.
    pub fn random() -> Self {
        Self(Arc::new(random_key()))
    }

    /// The proof for a nonce: the SHA-256 of key and nonce, in hexadecimal. Both have a fixed length, so that
    /// nothing can be appended to one proof to make another.
    pub fn proof(&self, nonce: Uuid) -> String {
        let digest = Sha256::new()
            .chain_update(&self.0[..])
            .chain_update(nonce.as_bytes())
            .finalize();
        hex(&digest)
    }
}

/// A key that nobody can guess.
pub(crate) fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    key[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    key
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Instance([hidden])")
    }
}

/// What people know this process by: its host and, since a host may have several, its number there.
pub fn name() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host} (process {})", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_process_and_one_nonce() {
        let (one, other) = (Instance::random(), Instance::random());
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));

        assert_eq!(one.proof(first), one.proof(first));
        assert_ne!(one.proof(first), one.proof(second));
        assert_ne!(one.proof(first), other.proof(first));
        assert_eq!(one.proof(first).len(), 64);
    }
}
