//! Signature Version 4, as Amazon's documentation describes it ("Create a signed AWS API request"), for what this program
//! sends: a POST to `/` without a query.

use hmac_sha256::{HMAC, Hash};
use secrecy::{ExposeSecret, SecretString};

use crate::fingerprint::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What requests are signed with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Names the secret.
    pub access_key_id: SecretString,
    /// The secret.
    pub secret_access_key: SecretString,
    /// What temporary keys are sent with.
    pub session_token: Option<SecretString>,
}

impl Keys {
    /// Whether a request that is signed with the others is the same.
    pub fn is_same(&self, others: &Self) -> bool {
        let secrets = |keys: &Self| {
            let all = [&keys.access_key_id, &keys.secret_access_key].into_iter();
            let all = all.chain(&keys.session_token);
            all.map(|secret| secret.expose_secret().to_owned())
                .collect::<Vec<_>>()
        };
        secrets(self) == secrets(others)
    }
}

/// The value of `Authorization` for a request made at `date` with these headers, which stand in the order of their names,
/// in small letters, and have `host` and `x-amz-date` among them.
pub fn authorization(
    keys: &Keys,
    (region, service): (&str, &str),
    date: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let names = headers
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(";");
    let mut request = "POST\n/\n\n".to_owned();
    for (name, value) in headers {
        request.push_str(&format!("{name}:{}\n", value.trim()));
    }
    request.push_str(&format!("\n{names}\n{}", hex(&Hash::hash(body))));
    let day = date.get(..8).unwrap_or(date);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!(
        "{ALGORITHM}\n{date}\n{scope}\n{}",
        hex(&Hash::hash(request.as_bytes()))
    );
    let first = format!("AWS4{}", keys.secret_access_key.expose_secret()).into_bytes();
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(first, |key, part| HMAC::mac(part, key).to_vec());
    let id = keys.access_key_id.expose_secret();
    let signature = hex(&HMAC::mac(text, key));
    format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of Amazon's examples.
    fn keys(session_token: Option<&str>) -> Keys {
        Keys {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: session_token.map(Into::into),
        }
    }

    #[test]
    fn signatures_are_those_of_amazons_test_suite() {
        let date = "20150830T123600Z";
        let host = ("host", "example.amazonaws.com");
        let form = ("content-type", "application/x-www-form-urlencoded");
        for (headers, body, signature) in [
            // post-vanilla
            (
                vec![host, ("x-amz-date", date)],
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            // post-header-key-sort
            (
                vec![host, ("my-header1", "value1"), ("x-amz-date", date)],
                "",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            // post-x-www-form-urlencoded
            (
                vec![form, host, ("x-amz-date", date)],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let signed = authorization(
                &keys(None),
                ("us-east-1", "service"),
                date,
                &headers,
                body.as_bytes(),
            );

            let names = headers
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(";");
            assert_eq!(
                signed,
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders={names}, Signature={signature}"
                )
            );
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let printed = format!("{:?}", keys(Some("planted")));

        for secret in ["AKIDEXAMPLE", "wJalr", "planted"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
