//! What a secret to sign with may be.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// The sizes that Standard Webhooks wants a secret to have.
const BYTES: RangeInclusive<usize> = 24..=64;

/// Takes a secret as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64.
///
/// # Errors
/// What is wrong with it, without anything of it.
pub fn secret(text: &str) -> Result<SecretString, String> {
    let found = match text.strip_prefix(PREFIX) {
        _ if text.is_empty() => "nothing".to_owned(),
        None => "a text that begins otherwise".to_owned(),
        Some("") => format!("nothing behind {PREFIX}"),
        Some(rest) => match BASE64_STANDARD.decode(rest) {
            Err(_) => format!("something else than base64 behind {PREFIX}"),
            Ok(bytes) if BYTES.contains(&bytes.len()) => return Ok(text.into()),
            Ok(bytes) => format!("{} bytes", bytes.len()),
        },
    };
    Err(format!(
        "expected {PREFIX} and {} to {} bytes in base64, found {found}; `echo {PREFIX}$(openssl rand -base64 32)` makes one",
        BYTES.start(),
        BYTES.end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_none_is_refused_with_the_rule_that_failed() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for (text, found) in [
            (String::new(), "found nothing; "),
            ("whsec_".to_owned(), "found nothing behind whsec_; "),
            ("planted".to_owned(), "found a text that begins otherwise; "),
            (
                "whsec_*planted".to_owned(),
                "found something else than base64 behind whsec_; ",
            ),
            (of(23), "found 23 bytes; "),
            (of(65), "found 65 bytes; "),
        ] {
            let refused = secret(&text).expect_err("it is none");

            assert!(refused.starts_with("expected whsec_ and 24 to 64 bytes in base64, found "));
            assert!(refused.contains(found), "{text} {refused}");
            assert!(!refused.contains("planted"), "{refused}");
        }
        for bytes in [24, 64] {
            assert!(secret(&of(bytes)).is_ok(), "{bytes}");
        }
    }
}
