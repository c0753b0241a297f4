//! One that is a queue of Amazon SQS.

use std::net::IpAddr;

use secrecy::SecretString;
use url::{Host, Url};

use super::{Member, login, required_as, url};
use crate::config::aws::{
    ACCESS_KEY_ID, FULL_URI, METADATA, RELATIVE_URI, SECRET_ACCESS_KEY, SESSION_TOKEN, TOKEN, TOKEN_FILE,
};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::sqs::credentials::{Authorization, Source};
use crate::delivery::sqs::sign::Keys;
use crate::delivery::{Kind, sqs};
use crate::outgoing;

pub const KEYS: &[&str] = &[
    "url",
    "secrets",
    "secrets_file",
    "proxy",
    "region",
    "access_key_id",
    "secret_access_key",
    "secret_access_key_file",
];

/// Where ECS answers what [`RELATIVE_URI`] names.
const CONTAINER: &str = "http://169.254.170.2";

/// Where EC2 answers, unless [`METADATA`] names another place.
const INSTANCE: &str = "http://169.254.169.254";

/// The addresses to which a container's token may go unencrypted, besides those of this machine: ECS and EKS.
const LINK_LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Option<Kind> {
    let allowed =
        "the URL of a queue, as in https://sqs.eu-central-1.amazonaws.com/123456789012/notifications";
    let url = required_as(reader, &member.key("url"), allowed, queue);
    let proxy = reader.optional(&member.key("proxy"), |text| text.parse().ok());
    let given = reader.optional(&member.key("region"), region);
    let region = given.or_else(|| region_of(url.as_ref()?));
    if region.is_none() && url.is_some() && !reader.is_there(&member.key("region")) {
        reader.refuse_for(
            &member.key("region"),
            "a region of AWS, which this URL does not tell, as in eu-central-1",
            "",
        );
    }
    let source = source(reader, member, sources);
    Some(Kind::Sqs(sqs::Settings {
        url: url?,
        region: region?,
        source: source?,
        proxy: proxy.unwrap_or(true),
    }))
}

/// An absolute URL with the name of a queue at its end.
fn queue(text: &str) -> Option<Url> {
    let url = url(text)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let name = url.path().rsplit('/').next().unwrap_or_default();
    let is_queue = !name.is_empty() && name.bytes().all(is_name) && url.query().is_none();
    is_queue.then_some(url)
}

fn region(text: &str) -> Option<String> {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!text.is_empty() && text.bytes().all(is_legal)).then(|| text.to_owned())
}

/// The region in the name of a host of Amazon's: `sqs.REGION.amazonaws.com`, or `REGION.queue.amazonaws.com` as it once was.
fn region_of(url: &Url) -> Option<String> {
    let labels: Vec<_> = url.host_str()?.split('.').collect();
    let is_amazon = ["amazonaws", "aws"].iter().any(|name| labels.contains(name));
    let sqs = labels
        .iter()
        .position(|label| ["sqs", "sqs-fips"].contains(label));
    let queue = labels.iter().position(|label| *label == "queue");
    let index = sqs.map(|index| index + 1).or_else(|| queue?.checked_sub(1));
    region(labels.get(index?)?).filter(|_| is_amazon)
}

/// Where keys come from: the settings, Amazon's variables, the container's address, the machine's.
fn source(reader: &mut Reader, member: Member, sources: &Sources) -> Option<Source> {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let access_key_id = reader.optional(&member.key("access_key_id"), |text| {
        is_id(text).then(|| SecretString::from(text))
    });
    let secret_access_key = login::secret(reader, member, "secret_access_key", sources);
    let has = |name: &str, reader: &Reader| reader.is_there(&member.key(name));
    let has_secret = has("secret_access_key", reader) || has("secret_access_key_file", reader);
    if has("access_key_id", reader) || has_secret {
        for (is_there, name) in [
            (has("access_key_id", reader), "access_key_id"),
            (has_secret, "secret_access_key"),
        ] {
            if !is_there {
                reader.refuse(&member.key(name), "");
            }
        }
        return Some(Source::Given(Keys {
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            session_token: None,
        }));
    }
    let variable = |name: &str| {
        let mut variables = sources.environment.iter();
        let found = variables.find(|(variable, _)| variable == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    if let (Some(id), Some(secret)) = (variable(ACCESS_KEY_ID), variable(SECRET_ACCESS_KEY)) {
        return Some(Source::Given(Keys {
            access_key_id: id.into(),
            secret_access_key: secret.into(),
            session_token: variable(SESSION_TOKEN).map(Into::into),
        }));
    }
    let authorization = match (variable(TOKEN_FILE), variable(TOKEN)) {
        (Some(path), _) => Authorization::File(path.into()),
        (None, Some(token)) => Authorization::Token(token.into()),
        (None, None) => Authorization::None,
    };
    let address = |name: &str, text: &str, reader: &mut Reader| {
        let url: Option<Url> = text.parse().ok().filter(is_trusted);
        if url.is_none() {
            reader.note(
                &member.key("kind"),
                &format!("keys would come from the address that {name} names, and that is none that keys may come from"),
            );
        }
        url
    };
    if let Some(path) = variable(RELATIVE_URI) {
        let url = address(RELATIVE_URI, &format!("{CONTAINER}{path}"), reader)?;
        return Some(Source::Container(url, authorization));
    }
    if let Some(text) = variable(FULL_URI) {
        return Some(Source::Container(address(FULL_URI, text, reader)?, authorization));
    }
    let url = variable(METADATA).unwrap_or(INSTANCE).parse().ok();
    Some(Source::Instance(
        url.unwrap_or_else(|| INSTANCE.parse().expect("it is a URL")),
    ))
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
    fn the_region_is_in_the_names_of_amazons_hosts_and_in_no_others() {
        for (host, expected) in [
            ("sqs.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("sqs-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("sqs.eu-west-1.api.aws", Some("eu-west-1")),
            (
                "vpce-0a1b-2c3d.sqs.us-west-2.vpce.amazonaws.com",
                Some("us-west-2"),
            ),
            ("eu-west-2.queue.amazonaws.com", Some("eu-west-2")),
            ("queue.amazonaws.com", None),
            ("sqs.example.com", None),
            ("127.0.0.1", None),
        ] {
            let url = format!("https://{host}/1/notifications").parse().unwrap();

            assert_eq!(region_of(&url).as_deref(), expected, "{host}");
        }
    }

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
