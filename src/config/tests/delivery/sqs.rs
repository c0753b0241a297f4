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

/// The same with these variables.
fn with_variables(mut sources: Sources, variables: &[(&str, &str)]) -> Sources {
    for (name, value) in variables {
        assert!(Sources::is_read(name), "{name}");
        sources
            .environment
            .push(((*name).to_owned(), (*value).to_owned()));
    }
    sources
}

/// What says where its keys come from, with these variables.
fn source(members: &str, variables: &[(&str, &str)]) -> Source {
    sqs(&with_variables(with_url(members), variables)).source
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
fn where_keys_come_from_is_named_and_a_variable_that_stands_alone_is_warned_of() {
    let id = ("AWS_ACCESS_KEY_ID", "VARIABLE");
    let secret = ("AWS_SECRET_ACCESS_KEY", SECRET);
    let token = ("AWS_SESSION_TOKEN", SECRET);
    let relative = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    let metadata = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338");
    let role = "the role of this machine, for there is neither AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY nor \
                AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let both = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let relative_named = "the address that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI names";
    let id_alone = "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not";
    let secret_alone = "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not";
    let token_alone = "AWS_SESSION_TOKEN is set and neither AWS_ACCESS_KEY_ID nor AWS_SECRET_ACCESS_KEY is";
    for (variables, expected, half) in [
        (&[][..], role, None),
        (
            &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", " ")],
            role,
            None,
        ),
        (&[id, secret], both, None),
        (
            &[id, secret, token],
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_SESSION_TOKEN",
            None,
        ),
        (&[relative], relative_named, None),
        (
            &[metadata],
            "the address that AWS_EC2_METADATA_SERVICE_ENDPOINT names",
            None,
        ),
        (&[id, relative], relative_named, Some(id_alone)),
        (&[secret, relative], relative_named, Some(secret_alone)),
        (
            &[("AWS_ACCESS_KEY_ID", " "), secret, token, relative],
            relative_named,
            Some(secret_alone),
        ),
        (&[token, relative], relative_named, Some(token_alone)),
    ] {
        let sources = with_variables(with_url(""), variables);
        let named = sqs(&sources).keys_from;
        let warnings = load(&sources).unwrap().warnings;
        let found = warnings.iter().map(|warning| &*warning.found);
        let found: Vec<_> = found.filter(|found| found.starts_with("AWS_")).collect();
        match half {
            None => assert_eq!((&*named, found.len()), (expected, 0), "{found:?}"),
            Some(half) => {
                assert_eq!(named, format!("{expected}; {half}"));
                assert_eq!(
                    found,
                    [format!("{half}, so keys of a queue come from {expected}")]
                );
            }
        }
        assert!(!format!("{warnings:?}").contains(SECRET));
    }
}

#[test]
fn a_region_that_neither_the_settings_nor_the_url_tell_is_that_of_a_variable() {
    let here = "url = \"http://127.0.0.1:9324/queue/q\"\n";
    let (first, second) = (("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2"));
    for (sources, variables, expected) in [
        (queue(here), &[first, second][..], ("eu-west-1", "AWS_REGION")),
        (
            queue(here),
            &[("AWS_REGION", " "), second],
            ("eu-west-2", "AWS_DEFAULT_REGION"),
        ),
        (with_url(""), &[first], ("eu-central-1", "its URL")),
        (
            queue(&format!("{here}region = \"eu-north-1\"")),
            &[first],
            ("eu-north-1", "region of the destination"),
        ),
    ] {
        let settings = sqs(&with_variables(sources, variables));

        assert_eq!((&*settings.region, settings.region_from), expected);
    }
    assert_eq!(
        mistakes(&with_variables(queue(here), &[("AWS_REGION", "EU west")])),
        [
            "delivery.destination[0].region (own.toml:1): it would be what AWS_REGION says, and that is no region of AWS, as in \
             eu-central-1"
        ]
    );
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
                "{place}.region (own.toml:1): expected a region of AWS, which neither this URL tells nor AWS_REGION nor AWS_DEFAULT_REGION, as in eu-central-1, found nothing"
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
    for (name, address) in [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://keys.example.com/"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "keys"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "localhost"),
    ] {
        assert_eq!(
            mistakes(&with_variables(with_url(""), &[(name, address)])),
            [format!(
                "{place}.kind (own.toml:1): keys would come from the address that {name} names, and that is none that keys may \
                 come from"
            )]
        );
    }
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

#[test]
fn quotes_that_docker_leaves_around_a_variable_are_a_mistake_where_there_is_a_queue() {
    let quoted = format!("\"{SECRET}\"");
    let variables = [
        ("AWS_ACCESS_KEY_ID", "VARIABLE"),
        ("AWS_SECRET_ACCESS_KEY", &*quoted),
        ("AWS_REGION", "'eu-central-1'"),
    ];
    let mut two = with_url("");
    let file = &mut two.file.as_mut().unwrap().1;
    *file += &file
        .replace("\"queue\"", "\"another\"")
        .replace("notifications", "others");

    assert_eq!(
        mistakes(&with_variables(two, &variables)),
        [
            "AWS_SECRET_ACCESS_KEY (the environment): give it without the quotes",
            "AWS_REGION (the environment): give it without the quotes"
        ]
    );
    load(&with_variables(Sources::default(), &variables)).unwrap();
    let said =
        format!("region = \"eu-central-1\"\naccess_key_id = \"SETTINGS\"\nsecret_access_key = \"{SECRET}\"");
    load(&with_variables(with_url(&said), &variables)).unwrap();
}
