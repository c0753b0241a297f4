//! One that is a topic of Kafka.

use super::{Member, login, required_as};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::Kind;
use crate::delivery::kafka::{IS_BUILT_IN, Mechanism, Settings};

pub const KEYS: &[&str] = &[
    "url",
    "secrets",
    "secrets_file",
    "topic",
    "user",
    "password",
    "password_file",
    "sasl_mechanism",
];

const PLAIN: &str = "kafka";

const ENCRYPTED: &str = "kafka+ssl";

pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Option<Kind> {
    let allowed = "kafka://HOST:PORT, or kafka+ssl:// with TLS; several brokers between commas";
    let brokers = required_as(reader, &member.key("url"), allowed, brokers);
    let topic = reader.required(&member.key("topic"), topic);
    let login = login::read(reader, member, sources);
    let mechanism = reader.optional(&member.key("sasl_mechanism"), |text| text.parse().ok());
    let has_password = ["password", "password_file"]
        .iter()
        .any(|name| reader.is_there(&member.key(name)));
    match (&login.user, has_password) {
        (Some(_), false) => reader.note(&member.key("user"), "there is no password beside it"),
        (None, true) => reader.refuse(&member.key("user"), ""),
        (None, false) if mechanism.is_some() => reader.note(
            &member.key("sasl_mechanism"),
            "there is no user, so nothing follows from it",
        ),
        (Some(_), true) | (None, false) => {}
    }
    refuse_unless(IS_BUILT_IN, reader, member);
    let (is_encrypted, brokers) = brokers?;
    // SCRAM shows no password to anybody.
    if !is_encrypted && mechanism == Some(Mechanism::Plain) {
        login::warn_of_open_way(reader, member, &login, "take kafka+ssl:// in `url`");
    }
    Some(Kind::Kafka(Settings {
        brokers,
        is_encrypted,
        topic: topic?,
        login,
        mechanism: mechanism.unwrap_or(Mechanism::ScramSha512),
    }))
}

/// Refuses a topic where the program lacks what sends to it.
fn refuse_unless(is_built_in: bool, reader: &mut Reader, member: Member) {
    if !is_built_in {
        reader.note(
            &member.key("kind"),
            "this program was built without Kafka; build it with `--features kafka`, or take the image",
        );
    }
}

/// Whether brokers speak TLS, and where they are.
fn brokers(text: &str) -> Option<(bool, String)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_encrypted = match scheme {
        PLAIN => false,
        ENCRYPTED => true,
        _ => return None,
    };
    // As Heroku writes them, each may have the scheme.
    let prefix = format!("{scheme}://");
    let brokers: Vec<_> = rest
        .trim_end_matches('/')
        .split(',')
        .map(|broker| broker.trim().trim_start_matches(&prefix))
        .collect();
    brokers
        .iter()
        .all(|broker| is_broker(broker))
        .then(|| (is_encrypted, brokers.join(",")))
}

fn is_broker(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
    let parts = text.rsplit_once(':');
    let is_address = parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    is_address && text.bytes().all(is_legal)
}

/// What Kafka takes as a name.
fn topic(text: &str) -> Option<String> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = (1..=249).contains(&text.len()) && text.bytes().all(is_legal);
    (is_name && ![".", ".."].contains(&text)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_kafka_says_so() {
        let text = "[[delivery.destination]]\nname = \"topic\"\nkind = \"kafka\"";
        let sources = Sources {
            file: Some(("own.toml".to_owned(), text.to_owned())),
            ..Sources::default()
        };
        let found = |is_built_in| {
            let mut reader = Reader::new(&sources);
            refuse_unless(is_built_in, &mut reader, Member { index: 0 });
            let found = reader.mistakes.iter();
            found.map(ToString::to_string).collect::<Vec<_>>()
        };

        assert_eq!(found(true), Vec::<String>::new());
        assert_eq!(
            found(false),
            [
                "delivery.destination[0].kind (own.toml:1): this program was built without Kafka; build it with \
                 `--features kafka`, or take the image"
            ]
        );
        // What is injected here is the truth everywhere else: only with it is there a sender.
        assert_eq!(IS_BUILT_IN, cfg!(feature = "kafka"));
    }

    #[test]
    fn brokers_are_hosts_and_ports_behind_a_scheme() {
        for (text, expected) in [
            ("kafka://a:9092", Some((false, "a:9092"))),
            (
                "kafka+ssl://a.example.com:9093,b:9093",
                Some((true, "a.example.com:9093,b:9093")),
            ),
            ("kafka+ssl://a:1,kafka+ssl://b:2/", Some((true, "a:1,b:2"))),
            ("kafka://[::1]:9092", Some((false, "[::1]:9092"))),
            ("kafka://a", None),
            ("kafka://", None),
            ("kafka://a:9092,", None),
            ("kafka://user:password@a:9092", None),
            ("kafka://a:9092,kafka+ssl://b:9092", None),
            ("http://a:9092", None),
            ("a:9092", None),
        ] {
            let expected = expected.map(|(is_encrypted, brokers)| (is_encrypted, brokers.to_owned()));
            assert_eq!(brokers(text), expected, "{text}");
        }
    }
}
