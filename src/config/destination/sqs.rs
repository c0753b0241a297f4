//! One that is a queue of Amazon SQS.

mod keys;

use toml::Value;
use url::Url;

use super::{Member, required_as, url};
use crate::config::Mistake;
use crate::config::aws::{self, REGIONS, variable};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::config::value::text;
use crate::delivery::{Kind, sqs};

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

pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Option<Kind> {
    let allowed =
        "the URL of a queue, as in https://sqs.eu-central-1.amazonaws.com/123456789012/notifications";
    let url = required_as(reader, &member.key("url"), allowed, queue);
    let proxy = reader.optional(&member.key("proxy"), |text| text.parse().ok());
    refuse_quotes(reader, member, sources);
    let region = read_region(reader, member, sources, url.as_ref());
    let keys = keys::read(reader, member, sources);
    let (source, keys_from) = keys?;
    let (region, region_from) = region?;
    Some(Kind::Sqs(sqs::Settings {
        url: url?,
        region,
        region_from,
        source,
        keys_from,
        proxy: proxy.unwrap_or(true),
    }))
}

/// Refuses quotes around what Amazon's variables say, which `docker run --env-file` leaves there: it would be taken for a key and
/// refused by Amazon. Once, however many queues there are, and not where the settings say what the variable would.
fn refuse_quotes(reader: &mut Reader, member: Member, sources: &Sources) {
    let has = |name: &str| reader.is_there(&member.key(name));
    let has_keys = ["access_key_id", "secret_access_key", "secret_access_key_file"]
        .map(has)
        .contains(&true);
    let has_region = has("region");
    for (name, value) in &sources.environment {
        let is_said = if aws::REGIONS.contains(&&**name) {
            has_region
        } else {
            has_keys
        };
        let quoted = Some(value).filter(|_| aws::is_variable(name) && !is_said);
        if let Some(Err(reason)) = quoted.map(|value| text(&Value::from(value.as_str()))) {
            let mistake = Mistake::new(format!("{name} (the environment): {reason}"));
            if !reader.mistakes.contains(&mistake) {
                reader.mistakes.push(mistake);
            }
        }
    }
}

/// The region, and what has said it: the settings, the URL, or Amazon's variables.
fn read_region(
    reader: &mut Reader,
    member: Member,
    sources: &Sources,
    url: Option<&Url>,
) -> Option<(String, &'static str)> {
    let key = member.key("region");
    if let Some(given) = reader.optional(&key, region) {
        return Some((given, "region of the destination"));
    }
    if reader.is_there(&key) {
        return None;
    }
    if let Some(told) = region_of(url?) {
        return Some((told, "its URL"));
    }
    let mut variables = REGIONS.into_iter();
    let said = variables.find_map(|name| Some((name, variable(sources, name)?)));
    let Some((name, text)) = said else {
        let [first, second] = REGIONS;
        let allowed = format!(
            "a region of AWS, which neither this URL tells nor {first} nor {second}, as in eu-central-1"
        );
        reader.refuse_for(&key, &allowed, "");
        return None;
    };
    let taken = region(text);
    if taken.is_none() {
        reader.note(
            &key,
            &format!("it would be what {name} says, and that is no region of AWS, as in eu-central-1"),
        );
    }
    Some((taken?, name))
}

/// An absolute URL with the name of a queue at its end.
fn queue(text: &str) -> Option<Url> {
    let url = url(text).ok()?;
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
}
