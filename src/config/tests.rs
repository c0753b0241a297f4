//! What may be configured, by whom, and what is said of a mistake.

mod delivery;
mod files;
mod inbox;
mod notices;
mod provider;
mod secrets;
mod sources;
mod table;
mod worst;

use super::*;
use crate::subscription::Selection;

const DEFAULTS: &str = include_str!("../../config/caigunn-webhook.toml");

const IMAGE: &str = include_str!("../../config/image.toml");

/// A text that no output may hold.
const SECRET: &str = "hunter2-hunter2-hunter2";

/// Keys or variables with their values.
type Given<'a> = &'a [(&'a str, &'a str)];

fn pairs(pairs: Given) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn environment(variables: Given) -> Sources {
    Sources {
        environment: pairs(variables),
        ..Sources::default()
    }
}

fn flags(flags: Given) -> Sources {
    Sources {
        flags: pairs(flags),
        ..Sources::default()
    }
}

fn file(content: &str) -> Sources {
    Sources {
        file: Some(("own.toml".to_owned(), content.to_owned())),
        ..Sources::default()
    }
}

fn mistakes(sources: &Sources) -> Vec<String> {
    let Mistakes(mistakes) = load(sources).expect_err("there is a mistake");
    mistakes.iter().map(Mistake::to_string).collect()
}

/// A value and where it came from.
fn shown(loaded: &Loaded, key: &str) -> (String, String) {
    let shown = loaded.shown.iter().find(|shown| shown.key == key).unwrap();
    (shown.value.clone(), shown.origin.clone())
}

fn said(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(Warning::to_string).collect()
}

fn exposed<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Vec<&'a str> {
    secrets.into_iter().map(ExposeSecret::expose_secret).collect()
}

/// The API keys of a selection by keys.
fn keys(selection: &Selection) -> Vec<&str> {
    let Selection::Keys(keys) = selection else {
        panic!("expected keys, found {selection:?}")
    };
    exposed(keys)
}

/// The keys of the file of defaults in its order, each with the comment above it.
fn documented_keys() -> Vec<(String, String)> {
    let (mut section, mut comment, mut keys) = ("", String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(table) = line.strip_prefix("# [[") {
            // A list of tables stands there as an example: that there are none cannot be said in its place.
            let key = table.trim_end_matches(']').to_owned();
            if !keys.iter().any(|(known, _)| *known == key) {
                keys.push((key, comment.clone()));
            }
        } else if let Some(text) = line.strip_prefix('#') {
            comment += text;
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ") {
            // Keys that follow one another share a comment.
            keys.push((format!("{section}.{key}"), comment.clone()));
        } else if line.is_empty() {
            comment.clear();
        }
    }
    keys
}

#[test]
fn the_file_of_defaults_has_exactly_the_keys_there_are_in_their_order() {
    let documented: Vec<_> = documented_keys().into_iter().map(|(key, _)| key).collect();

    assert_eq!(documented, KEYS.map(|key| key.name));
}

#[test]
fn the_file_of_defaults_says_of_every_key_what_it_is() {
    for ((name, comment), key) in documented_keys().iter().zip(KEYS) {
        assert!(comment.len() > 20, "{name} has no comment");
        assert_eq!(
            comment.trim_start().starts_with("Secret."),
            key.kind == Kind::Secret,
            "{name}: {comment}"
        );
        if let Some(variable) = key.short_variable {
            assert!(
                comment.contains(variable),
                "{name}: its comment does not name {variable}"
            );
        }
    }
}

#[test]
fn with_no_configuration_at_all_the_defaults_hold() {
    let loaded = load(&Sources::default()).unwrap();

    let settings = &loaded.settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.admin_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(
        settings.inbox_location,
        InboxLocation::Sqlite(PathBuf::from("data/inbox.db"))
    );
    assert_eq!(settings.drain_delay, Duration::ZERO);
    assert_eq!(settings.stop_timeout, Duration::from_secs(10));
    assert_eq!(settings.retention, Duration::from_secs(90 * 24 * 3600));
    assert!(settings.http.tokens.is_empty());
    assert!(settings.http.admin_token.is_none());
    let Registration::Missing(missing) = &settings.registration else {
        panic!("nothing to register with")
    };
    assert_eq!(missing, &["CAIGUNN_ACCESS_TOKEN", "CAIGUNN_PUBLIC_URL"]);
    assert_eq!(
        said(&loaded.warnings),
        [
            "no token: anyone who finds the address may post notifications; set CAIGUNN_WEBHOOK_TOKEN to 32 random \
          characters, such as `openssl rand -hex 16` prints"
        ]
    );
    assert_eq!(
        loaded.shown.iter().map(|shown| shown.key).collect::<Vec<_>>(),
        KEYS.map(|key| key.name)
    );
    assert!(loaded.shown.iter().all(|shown| shown.origin == "default"));
}

#[test]
fn the_file_of_defaults_is_itself_a_configuration() {
    assert!(load(&file(DEFAULTS)).is_ok());
}

#[test]
fn every_number_has_the_bounds_that_are_documented() {
    let max = (usize::MAX >> 4).to_string();
    let bounds = [
        ("server.body_limit_bytes", "1024", "67108864"),
        ("server.bodies_in_flight_bytes", "8388608", &*max),
        ("server.max_connections", "1", "65536"),
        ("server.header_timeout_seconds", "1", "600"),
        ("server.idle_timeout_seconds", "1", "3600"),
        ("server.body_timeout_seconds", "1", "600"),
        ("server.write_timeout_seconds", "1", "600"),
        ("server.drain_delay_seconds", "0", "600"),
        ("server.stop_timeout_seconds", "1", "600"),
        ("inbox.max_connections", "3", "1000"),
        ("inbox.retention_days", "1", "36500"),
        ("inbox.queue_count", "1", "65536"),
        ("inbox.append_timeout_seconds", "1", "600"),
        ("inbox.duplicate_window_seconds", "0", "86400"),
        ("inbox.quarantine_max_count", "1", "100000"),
        ("inbox.quarantine_max_bytes", "8388608", &*max),
        ("api.timeout_seconds", "1", "600"),
        ("subscription.retry_min_seconds", "1", "300"),
        ("subscription.retry_max_seconds", "1", "86400"),
        ("subscription.refused_retry_seconds", "1", "86400"),
        ("subscription.watch_interval_seconds", "1", "86400"),
        ("subscription.max_reclaims_per_hour", "0", "60"),
        ("backfill.after_seconds", "1", "86400"),
        ("backfill.interval_seconds", "1", "86400"),
        ("backfill.concurrency", "1", "64"),
        ("backfill.max_calls_per_minute", "1", "6000"),
        ("backfill.give_up_after_days", "1", "365"),
        ("delivery.removal_grace_hours", "0", "8760"),
    ];
    for (key, least, most) in bounds {
        let more: usize = most.parse().unwrap();
        let less = least.parse::<i64>().unwrap() - 1;
        for text in [least, most] {
            assert!(load(&flags(&[(key, text)])).is_ok(), "{key} = {text}");
        }
        for text in [
            less.to_string(),
            (more + 1).to_string(),
            "1.5".to_owned(),
            "10s".to_owned(),
        ] {
            assert!(load(&flags(&[(key, &text)])).is_err(), "{key} = {text}");
        }
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_key_origin_value_and_what_is_allowed() {
    let sources = Sources {
        file: Some((
            "own.toml".to_owned(),
            "[server]\nmax_connections = 0\nbody_timeout_seconds = true\nport = 1\n[sever]\nlisten = 1\n"
                .to_owned(),
        )),
        environment: pairs(&[
            ("CAIGUNN_LISTEN", "localhost"),
            ("CAIGUNN_LISTENS", "127.0.0.1:1"),
            ("HOME", "/"),
        ]),
        flags: pairs(&[
            ("log.format", "xml"),
            ("inbox.url", "postgres://inbox"),
            ("log.colour", "red"),
        ]),
        ..Sources::default()
    };

    let mut mistakes = mistakes(&sources);

    mistakes.sort();
    assert_eq!(
        mistakes,
        [
            "CAIGUNN_LISTENS (the environment): there is no such setting; did you mean CAIGUNN_LISTEN?",
            "inbox.url (the command line): expected sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE, \
             found \"postgres://[hidden]\": it names no database",
            "log.colour (the command line): there is no such key; docs/configuration.md lists all",
            "log.format (the command line): expected auto, json or pretty, found \"xml\"",
            "server.body_timeout_seconds (own.toml:3): expected whole seconds from 1 to 600, found \"true\"",
            "server.listen (CAIGUNN_LISTEN): expected an IP address and a port, as in 127.0.0.1:8080, or 0.0.0.0:8080 for \
             all addresses, found \"localhost\"",
            "server.max_connections (own.toml:2): expected a whole number from 1 to 65536, found \"0\"",
            "server.port (own.toml:4): there is no such key; did you mean server.listen?",
            "sever.listen (own.toml:6): there is no such key; did you mean server.listen?",
        ]
    );
}

#[test]
fn what_must_fit_together_is_checked_against_what_else_was_set() {
    let cases: [(Given, &[&str]); 4] = [
        (
            &[("server.body_limit_bytes", "134217728")],
            &[
                "server.bodies_in_flight_bytes (default): expected 134217728 (server.body_limit_bytes) or more, \
                 found \"67108864\"",
                "inbox.quarantine_max_bytes (default): expected 134217728 (server.body_limit_bytes) or more, \
                 found \"67108864\"",
            ],
        ),
        (
            &[("server.bodies_in_flight_bytes", "8388607")],
            &[
                "server.bodies_in_flight_bytes (the command line): expected 8388608 (server.body_limit_bytes) or more, \
               found \"8388607\"",
            ],
        ),
        (
            &[("inbox.quarantine_max_bytes", "1024")],
            &[
                "inbox.quarantine_max_bytes (the command line): expected 8388608 (server.body_limit_bytes) or more, \
               found \"1024\"",
            ],
        ),
        (
            &[("subscription.retry_min_seconds", "301")],
            &[
                "subscription.retry_max_seconds (default): expected 301 (subscription.retry_min_seconds) or more, \
               found \"300\"",
            ],
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(mistakes(&flags(given)), expected);
    }
}

#[test]
fn the_longest_body_may_have_256_mib_where_there_is_room_for_it() {
    let with_limit = |limit| {
        let room = [
            ("server.bodies_in_flight_bytes", "268435457"),
            ("inbox.quarantine_max_bytes", "268435457"),
        ];
        flags(&[&room[..], &[("server.body_limit_bytes", limit)]].concat())
    };

    assert!(load(&with_limit("268435456")).is_ok());
    assert_eq!(
        mistakes(&with_limit("268435457")),
        [
            "server.body_limit_bytes (the command line): expected a whole number from 1024 to 268435456, \
          found \"268435457\""
        ]
    );
}

#[test]
fn a_section_must_be_one() {
    assert_eq!(
        mistakes(&file("server = 1\nlisten = \"127.0.0.1:1\"")),
        [
            "listen (own.toml:2): there is no such section; a key is written below its [section]",
            "server (own.toml:1): it is a section: write [server], and its keys below",
        ]
    );
    assert_eq!(
        mistakes(&file("[[server]]\nlisten = \"127.0.0.1:1\"")),
        ["server (own.toml:1): it is a section: write [server], and its keys below"]
    );
}

#[test]
fn all_mistakes_are_printed_a_line_each() {
    let mistakes = Mistakes(vec![Mistake::new("one"), Mistake::new("two")]);

    assert_eq!(mistakes.to_string(), "  one\n  two\n");
}
