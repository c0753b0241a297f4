//! Where the keys of a queue come from: the settings, Amazon's variables, the container's address, the machine's.

use std::net::IpAddr;

use secrecy::SecretString;
use url::{Host, Url};

use super::super::{Member, login};
use crate::config::aws::{
    ACCESS_KEY_ID, FULL_URI, METADATA, RELATIVE_URI, SECRET_ACCESS_KEY, SESSION_TOKEN, TOKEN, TOKEN_FILE,
    variable,
};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::sqs::credentials::{Authorization, Source};
use crate::delivery::sqs::sign::Keys;
use crate::outgoing;

/// Where ECS answers what [`RELATIVE_URI`] names.
const CONTAINER: &str = "http://169.254.170.2";

/// Where EC2 answers, unless [`METADATA`] names another place.
const INSTANCE: &str = "http://169.254.169.254";

/// The addresses to which a container's token may go unencrypted, besides those of this machine: ECS and EKS.
const LINK_LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// The first source that there is, and what it is called where people ask.
pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Option<(Source, String)> {
    let has = |name: &str, reader: &Reader| reader.is_there(&member.key(name));
    let has_id = has("access_key_id", reader);
    let has_secret = has("secret_access_key", reader) || has("secret_access_key_file", reader);
    let keys = given(reader, member, sources);
    if has_id || has_secret {
        for (is_there, name) in [(has_id, "access_key_id"), (has_secret, "secret_access_key")] {
            if !is_there {
                reader.refuse(&member.key(name), "");
            }
        }
        let named = "access_key_id and secret_access_key of the destination";
        return Some((Source::Given(keys?), named.to_owned()));
    }
    let (id, secret) = (
        variable(sources, ACCESS_KEY_ID),
        variable(sources, SECRET_ACCESS_KEY),
    );
    let token = variable(sources, SESSION_TOKEN);
    if let (Some(id), Some(secret)) = (id, secret) {
        let with = token.map_or_else(String::new, |_| format!(", with {SESSION_TOKEN}"));
        let keys = Keys {
            access_key_id: id.into(),
            secret_access_key: secret.into(),
            session_token: token.map(Into::into),
        };
        let named = format!("{ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}{with}");
        return Some((Source::Given(keys), named));
    }
    let (source, named) = asked(reader, member, sources)?;
    let half = match (id, secret, token) {
        (Some(_), ..) => format!("{ACCESS_KEY_ID} is set and {SECRET_ACCESS_KEY} is not"),
        (None, Some(_), _) => format!("{SECRET_ACCESS_KEY} is set and {ACCESS_KEY_ID} is not"),
        (None, None, Some(_)) => {
            format!("{SESSION_TOKEN} is set and neither {ACCESS_KEY_ID} nor {SECRET_ACCESS_KEY} is")
        }
        (None, None, None) => return Some((source, named)),
    };
    reader.warn(
        format!("{half}, so keys of a queue come from {named}"),
        "set them together, or none of them",
    );
    Some((source, format!("{named}; {half}")))
}

/// What the settings say, where they say all of it.
fn given(reader: &mut Reader, member: Member, sources: &Sources) -> Option<Keys> {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let access_key_id = reader.optional(&member.key("access_key_id"), |text| {
        is_id(text).then(|| SecretString::from(text))
    });
    let secret_access_key = login::secret(reader, member, "secret_access_key", sources);
    Some(Keys {
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token: None,
    })
}

/// Where they are asked for: what the platform names for a container, or the machine's own address.
fn asked(reader: &mut Reader, member: Member, sources: &Sources) -> Option<(Source, String)> {
    let authorization = match (variable(sources, TOKEN_FILE), variable(sources, TOKEN)) {
        (Some(path), _) => Authorization::File(path.into()),
        (None, Some(token)) => Authorization::Token(token.into()),
        (None, None) => Authorization::None,
    };
    let relative = variable(sources, RELATIVE_URI).map(|path| (RELATIVE_URI, format!("{CONTAINER}{path}")));
    let full = variable(sources, FULL_URI).map(|text| (FULL_URI, text.to_owned()));
    let named = |name: &str| format!("the address that {name} names");
    let mut refuse = |name: &str| {
        let text = format!(
            "keys would come from {}, and that is none that keys may come from",
            named(name)
        );
        reader.note(&member.key("kind"), &text);
    };
    if let Some((name, text)) = relative.or(full) {
        let Some(url) = text.parse().ok().filter(is_trusted) else {
            refuse(name);
            return None;
        };
        return Some((Source::Container(url, authorization), named(name)));
    }
    let Some(text) = variable(sources, METADATA) else {
        let url = INSTANCE.parse().expect("it is a URL");
        let named = format!(
            "the role of this machine, for there is neither {ACCESS_KEY_ID} with {SECRET_ACCESS_KEY} nor {RELATIVE_URI} nor \
             {FULL_URI}"
        );
        return Some((Source::Instance(url), named));
    };
    let url = text.parse().ok().filter(|url: &Url| url.has_host());
    if url.is_none() {
        refuse(METADATA);
    }
    Some((Source::Instance(url?), named(METADATA)))
}

/// Whether keys may come from there: what is shown to get them, and they themselves, are read by nobody on the way.
fn is_trusted(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
        _ => None,
    };
    let is_beside = address.is_some_and(|address| LINK_LOCAL.contains(&&*address.to_string()));
    url.scheme() == "https" || (url.scheme() == "http" && (is_beside || outgoing::is_loopback(url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_beside_or_over_tls() {
        for (url, expected) in [
            ("http://169.254.170.2/v2/credentials/1", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://127.0.0.1:4000/", true),
            ("https://keys.example.com/", true),
            ("http://keys.example.com/", false),
            ("http://169.254.170.2@keys.example.com/", false),
            ("file:///keys", false),
        ] {
            assert_eq!(is_trusted(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
