//! Topics of Kafka, in a build that can send to them.

use super::*;
use crate::delivery::kafka::{Mechanism, Settings};

fn topic(members: &str) -> Sources {
    destination(&format!(
        "name = \"topic\"\nkind = \"kafka\"\nurl = \"kafka://a:9092,b:9092\"\ntopic = \"notifications\"\n{members}"
    ))
}

fn kafka(sources: &Sources) -> Settings {
    match only(sources).kind {
        Kind::Kafka(settings) => settings,
        other => panic!("{} is no topic", other.as_str()),
    }
}

#[test]
fn a_topic_needs_brokers_and_its_name() {
    let destination = only(&topic(""));

    let settings = kafka(&topic(""));
    assert_eq!(destination.kind.place(), "a:9092,b:9092 notifications");
    assert!(!settings.is_encrypted && settings.login.user.is_none());
}

#[test]
fn a_user_has_a_password_which_may_be_in_a_file_and_is_not_sent_as_it_is() {
    let mut sources = topic("user = \"caigunn\"\npassword_file = \"/run/password\"");
    sources.read_files(|_| Ok(format!("{SECRET}\n")));

    let settings = kafka(&sources);

    assert_eq!(settings.login.user.as_deref(), Some("caigunn"));
    assert_eq!(exposed(settings.login.password.get().as_ref()), [SECRET]);
    assert_eq!(settings.mechanism, Mechanism::ScramSha512);
    let printed = format!("{:?}", load(&sources).unwrap());
    assert!(!printed.contains(SECRET), "{printed}");
}

#[test]
fn what_is_no_topic_is_refused_without_a_secret() {
    let place = "delivery.destination[0]";
    for (members, expected) in [
        (
            "user = \"caigunn\"".to_owned(),
            format!("{place}.user (own.toml:1): there is no password beside it"),
        ),
        (
            format!("password = \"{SECRET}\""),
            format!("{place}.user (own.toml:1): expected the name of a user, found nothing"),
        ),
        (
            "sasl_mechanism = \"plain\"".to_owned(),
            format!("{place}.sasl_mechanism (own.toml:1): there is no user, so nothing follows from it"),
        ),
        (
            "sasl_mechanism = \"GSSAPI\"".to_owned(),
            format!(
                "{place}.sasl_mechanism (own.toml:1): expected plain, scram-sha-256 or scram-sha-512, found \"GSSAPI\""
            ),
        ),
    ] {
        assert_eq!(mistakes(&topic(&members)), [expected]);
    }
    let sources = destination(&format!(
        "name = \"topic\"\nkind = \"kafka\"\nurl = \"kafka://{SECRET}:{SECRET}@a:9092\"\ntopic = \"a b\""
    ));
    assert_eq!(
        mistakes(&sources),
        [
            format!(
                "{place}.url (own.toml:1): expected kafka://HOST:PORT, or kafka+ssl:// with TLS; several brokers between \
                 commas, found \"kafka://[hidden]@a:9092\""
            ),
            format!("{place}.topic (own.toml:1): expected 1 to 249 letters, digits and . _ -, found \"a b\""),
        ]
    );
}
