//! What an access token says about itself.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::clock::Timestamp;

/// When an access token ends, if it is a JWT (RFC 7519) with an `exp`. CaiGunn does not document the form of its
/// tokens, so nothing follows from `None`; and the signature is not checked, so nothing must rest on the time.
pub fn expires_at(access_token: &SecretString) -> Option<Timestamp> {
    let parts: Vec<_> = access_token
        .expose_secret()
        .splitn(4, '.')
        .map(|part| BASE64_URL_SAFE_NO_PAD.decode(part))
        .collect::<Result<_, _>>()
        .ok()?;
    let [_header, claims, _signature] = parts.as_slice() else {
        return None;
    };
    let claims: Value = serde_json::from_slice(claims).ok()?;
    // Seconds since 1970, perhaps with decimals (RFC 7519 section 2, NumericDate). The cast saturates, and what no
    // calendar has is none.
    let micros = (claims.get("exp")?.as_f64()? * 1e6) as i64;
    let moment = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(Timestamp::from_micros(moment.as_microsecond()))
}
