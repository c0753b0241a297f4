//! Queues of Amazon SQS: where their keys come from, and what they may not be.

use super::*;
use crate::delivery::sqs::Settings;
use crate::delivery::sqs::credentials::{Authorization, Source};

const URL: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/notifications.fifo";

fn queue(members: &str) -> Sources {
    destination(&format!("name = \"queue\"\nkind = \"sqs\"\n{members}"))
}

fn with_url(members: &str) -> Sources {
    queue(&format!("url = \"{URL}\"\n{members}"))
}

fn sqs(sources: &Sources) -> Settings {
    match only(sources).kind {
        Kind::Sqs(settings) => settings,
        other => panic!("{} is no queue", other.as_str()),
    }
}

/// What says where its keys come from, with these variables.
fn source(members: &str, variables: &[(&str, &str)]) -> Source {
    let mut sources = with_url(members);
    for (name, value) in variables {
        assert!(Sources::is_read(name), "{name}");
        sources
            .environment
            .push(((*name).to_owned(), (*value).to_owned()));
    }
    sqs(&sources).source
}

#[test]
fn a_queue_of_amazon_needs_its_url_alone() {
    let settings = sqs(&with_url(""));

    assert_eq!((settings.url.as_str(), &*settings.region), (URL, "eu-central-1"));
    assert!(settings.proxy);
    let Source::Instance(url) = settings.source else {
        panic!("{:?}", settings.source)
    };
    assert_eq!(url.as_str(), "http://169.254.169.254/");
}

#[test]
fn keys_are_given_or_in_variables_or_come_from_an_address() {
    let id = ("AWS_ACCESS_KEY_ID", "VARIABLE");
    let secret = ("AWS_SECRET_ACCESS_KEY", SECRET);
    let relative = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    let full = (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://169.254.170.23/v1/credentials",
    );
    let given = format!("access_key_id = \"GIVEN\"\nsecret_access_key = \"{SECRET}\"");
    let id_of = |source: &Source| match source {
        Source::Given(keys) => keys.access_key_id.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    };

    assert_eq!(id_of(&source(&given, &[id, secret, relative])), "GIVEN");
    assert_eq!(id_of(&source("", &[id, secret, relative])), "VARIABLE");
    let Source::Container(url, Authorization::None) = source("", &[id, relative, full]) else {
        panic!("an id alone is no key");
    };
    assert_eq!(url.as_str(), "http://169.254.170.2/v2/credentials/1");
    let token_file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/token");
    let Source::Container(url, Authorization::File(path)) = source("", &[full, token_file]) else {
        panic!("it is a container");
    };
    assert_eq!((url.as_str(), path.to_str()), (full.1, Some(token_file.1)));
}

#[test]
fn a_secret_access_key_may_be_in_a_file() {
    let mut sources = with_url("access_key_id = \"GIVEN\"\nsecret_access_key_file = \"/run/key\"");
    sources.read_files(|path| {
        assert_eq!(path, "/run/key");
        Ok(format!("{SECRET}\n"))
    });

    let Source::Given(keys) = sqs(&sources).source else {
        panic!("they are given");
    };

    assert_eq!(keys.secret_access_key.expose_secret(), SECRET);
}

#[test]
fn what_is_no_queue_is_refused_without_a_secret() {
    let place = "delivery.destination[0]";
    for (sources, expected) in [
        (
            queue(""),
            format!(
                "{place}.url (own.toml:1): expected the URL of a queue, as in https://sqs.eu-central-1.amazonaws.com/123456789012/notifications, found nothing"
            ),
        ),
        (
            queue(&format!(
                "url = \"https://{SECRET}@sqs.eu-central-1.amazonaws.com/1/q?{SECRET}\""
            )),
            format!(
                "{place}.url (own.toml:1): expected the URL of a queue, as in https://sqs.eu-central-1.amazonaws.com/123456789012/notifications, found \"https://[hidden]@sqs.eu-central-1.amazonaws.com/[hidden]\""
            ),
        ),
        (
            queue("url = \"http://127.0.0.1:9324/queue/q\""),
            format!(
                "{place}.region (own.toml:1): expected a region of AWS, which this URL does not tell, as in eu-central-1, found nothing"
            ),
        ),
        (
            with_url("access_key_id = \"GIVEN\""),
            format!(
                "{place}.secret_access_key (own.toml:1): expected visible ASCII characters, found nothing"
            ),
        ),
        (
            with_url(&format!("secret_access_key = \"{SECRET}\"")),
            format!("{place}.access_key_id (own.toml:1): expected letters and digits, found nothing"),
        ),
        (
            with_url(&format!(
                "access_key_id = \"-{SECRET}\"\nsecret_access_key = \"{SECRET}\""
            )),
            format!(
                "{place}.access_key_id (own.toml:1): expected letters and digits, found another text (hidden)"
            ),
        ),
        (
            with_url("topic = \"notifications\""),
            format!("{place}.topic (own.toml:1): only one of kind kafka has this key"),
        ),
    ] {
        assert_eq!(mistakes(&sources), [expected]);
    }
    for url in [
        "https://sqs.eu-central-1.amazonaws.com/1/q?a=b",
        "https://sqs.eu-central-1.amazonaws.com/",
        "https://sqs.eu-central-1.amazonaws.com/1/a%20b",
        "sqs.eu-central-1.amazonaws.com/1/q",
    ] {
        assert_eq!(mistakes(&queue(&format!("url = \"{url}\""))).len(), 1, "{url}");
    }
    let mut elsewhere = with_url("");
    let full = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://keys.example.com/");
    elsewhere.environment.push((full.0.to_owned(), full.1.to_owned()));
    assert_eq!(
        mistakes(&elsewhere),
        [format!(
            "{place}.kind (own.toml:1): keys would come from the address that {} names, and that is none that keys may come from",
            full.0
        )]
    );
}

#[test]
fn no_output_holds_the_keys_of_a_queue() {
    let sources = with_url(&format!(
        "access_key_id = \"PLANTEDID\"\nsecret_access_key = \"{SECRET}\""
    ));

    let loaded = load(&sources).unwrap();

    let printed = format!(
        "{loaded:?} {}",
        loaded.settings.delivery.destinations[0].kind.place()
    );
    assert!(
        !printed.contains(SECRET) && !printed.contains("PLANTEDID"),
        "{printed}"
    );
}
