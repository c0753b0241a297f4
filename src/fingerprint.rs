//! Tells secrets apart without telling them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The first 8 hexadecimal digits of a secret's SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a secret with at least the randomness of a password; a short one could be guessed from it.
    pub fn of(secret: &SecretString) -> Self {
        Self(hex(&Sha256::digest(secret.expose_secret())[..4]))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether two secrets are the same, in a time that depends on lengths alone.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Bytes as hexadecimal digits, two each, in small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_start_of_the_sha_256() {
        assert_eq!(Fingerprint::of(&"key".into()).to_string(), "2c70e12b");
    }
}
