//! Promise: where the system lets a process have too few files open, fewer connections are taken, and that is said; where
//! a receiver would be of no use, it does not start.

use super::*;

const DESTINATIONS: &str = r#"
    [[delivery.destination]]
    name = "app"
    kind = "http"
    url = "https://app.example.com"
    max_in_flight = 10

    [[delivery.destination]]
    name = "script"
    kind = "command"
    command = ["/bin/true"]
    max_in_flight = 10
"#;

fn settings(keys: Given, content: &str) -> Settings {
    let sources = Sources {
        flags: pairs(keys),
        ..file(content)
    };
    load(&sources).expect("the settings are right").settings
}

/// How many connections a listener takes, and what is said of it.
fn fitted(mut settings: Settings, limit: Option<u64>) -> (usize, Option<String>) {
    let warning = settings.fit_into(limit).expect("they fit");
    let count = settings.http.connections.max_count;
    (count, warning.map(|warning| warning.to_string()))
}

#[test]
fn with_files_enough_all_connections_are_taken_and_nothing_is_said() {
    // 96, four calls of backfill, and two listeners.
    for limit in [None, Some(1_048_576), Some(96 + 4 + 2 * 512)] {
        assert_eq!(fitted(settings(&[], ""), limit), (512, None), "{limit:?}");
    }
}

#[test]
fn with_fewer_files_there_are_fewer_connections_and_one_warning_says_what_to_do() {
    let (count, warning) = fitted(settings(&[], ""), Some(256));

    assert_eq!(count, 78);
    assert_eq!(
        warning.as_deref(),
        Some(
            "the limit of open files is 256, so there is room for 78 connections on each listener, and not for 512 \
             (server.max_connections); raise it, with `ulimit -n`, Docker's `--ulimit nofile=`, or LimitNOFILE= of a \
             systemd unit"
        )
    );
    assert_eq!(fitted(settings(&[], ""), Some(1_024)).0, 462);
}

#[test]
fn what_else_is_open_leaves_room_for_fewer() {
    let postgres = ("inbox.url", "postgres://me@db.example.com/inbox");
    for (flags, file, count) in [
        (&[][..], "", 462),
        (&[postgres], "", 458),
        (&[postgres, ("inbox.max_connections", "108")], "", 408),
        (&[("backfill.concurrency", "64")], "", 432),
        // Ten connections, and ten programs with four files each.
        (&[], DESTINATIONS, 437),
    ] {
        assert_eq!(
            fitted(settings(flags, file), Some(1_024)).0,
            count,
            "{flags:?} {file}"
        );
    }
}

#[test]
fn with_too_few_files_for_any_use_nothing_is_started() {
    let mut least = settings(&[], "");
    assert!(least.clone().fit_into(Some(132)).is_ok());

    let refused = least.fit_into(Some(131)).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "the limit of open files is 131, and 132 are the least with these settings: 100 beside connections, and 16 \
         connections on each listener; raise it, with `ulimit -n`, Docker's `--ulimit nofile=`, or LimitNOFILE= of a \
         systemd unit"
    );
}

#[test]
fn fewer_connections_than_the_least_may_be_wanted() {
    let mut few = settings(&[("server.max_connections", "2")], "");
    assert_eq!(fitted(few.clone(), Some(104)), (2, None));

    let refused = few.fit_into(Some(103)).unwrap_err();

    assert!(refused.to_string().contains("104 are the least"), "{refused}");
}
