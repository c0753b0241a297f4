//! Promise: a check finds what must not be, and nothing else.

use std::net::TcpListener;

use tokio::time::Instant;

use super::super::super::contract::{Place, crawled, posted, sent, settings};
use super::super::schema::newest;
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};

/// An inbox with something of everything: an open job, one that has ended, an older training, a request in quarantine,
/// a delivery with an attempt, a dead letter.
async fn full(database: Database) -> Database {
    let inbox = Place::open(&database, settings()).await;
    let ids = Ids::fresh();
    inbox
        .accept(vec![
            sent(Event::CrawlingInitial, &ids, Wire::V2024_07),
            sent(Event::CrawlingInitial, &Ids::fresh(), Wire::V2024_07),
            crawled(&ids),
            sent(Event::TrainingInitial, &ids, Wire::V2024_01),
            posted(r#"{"event": "billing", "status": "due"}"#),
        ])
        .await;
    let mut other = crawled(&ids);
    other.body = Bytes::from_static(b"{}");
    inbox.store_one(other).await;
    assert_eq!(inbox.whole_quarantine().await.len(), 1);
    database
        .execute(
            "SET search_path = caigunn_webhook;
             INSERT INTO destination (name, cursor, added_at) VALUES ('shop', 3, now());
             INSERT INTO delivery VALUES (3, 1, 'pending', 1, 2, 'failed', now(), now());
             INSERT INTO delivery VALUES (4, 1, 'dead', 1, 0, NULL, now(), now());
             INSERT INTO attempt VALUES (3, 1, 2, now(), 7, 'failed', 500, 'it broke', '')",
        )
        .await;
    database
}

async fn checked(database: &Database) -> Result<Check, Error> {
    check(&database.location(), &settings()).await
}

#[tokio::test]
async fn an_inbox_in_order_is_sound() {
    let database = full(database!()).await;

    let sound = Check::Sound {
        version: newest(),
        receipt_count: 5,
    };
    assert_eq!(checked(&database).await.unwrap(), sound);
}

#[tokio::test]
async fn tables_of_an_older_program_are_sound_as_they_are() {
    let database = database!();
    super::migration::make_tables(&database, 1).await;

    let sound = Check::Sound {
        version: 1,
        receipt_count: 0,
    };
    assert_eq!(checked(&database).await.unwrap(), sound);
}

#[tokio::test]
async fn a_database_without_tables_is_left_without() {
    let database = database!();

    assert_eq!(checked(&database).await.unwrap(), Check::Missing);
    let schemas: i64 = database
        .value("SELECT count(*) FROM pg_namespace WHERE nspname = 'caigunn_webhook'")
        .await;
    assert_eq!(schemas, 0);
}

#[tokio::test]
async fn tables_of_a_newer_program_are_named_as_such() {
    let database = full(database!()).await;
    database
        .execute(&format!(
            "INSERT INTO caigunn_webhook.migration (version, runs_from) VALUES ({0}, {0})",
            newest() + 1
        ))
        .await;

    let newer = Check::Newer {
        version: newest() + 1,
    };
    assert_eq!(checked(&database).await.unwrap(), newer);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_connections_and_says_nothing_is_given_up_soon_though_reading_may_take_hours() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = silent.local_addr().expect("it has an address");
    let location = Location::parse(&format!("postgres://me@{address}/inbox")).expect("it is a URL");
    let of_minutes = Settings {
        timeout: Duration::from_secs(300),
        ..settings()
    };
    let began = Instant::now();

    let checked = check(&location, &settings()).await;
    let opened = PostgresInbox::open(&location, of_minutes).await;

    let took = began.elapsed();
    for error in [checked.map(drop).unwrap_err(), opened.map(drop).unwrap_err()] {
        let is_said =
            matches!(&error, Error::Unavailable { reason } if reason.contains("did not take a connection"));
        assert!(is_said, "{error:?}");
    }
    assert!(took < Duration::from_secs(180), "{took:?}");
}

#[tokio::test]
async fn each_kind_of_damage_is_found() {
    let damages = [
        ("DELETE FROM state", "one row: state has 0"),
        (
            "DELETE FROM quarantine_totals",
            "one row: quarantine_totals has 0",
        ),
        (
            "UPDATE receipt SET identity = (SELECT identity FROM receipt WHERE seq = 1) WHERE seq = 3",
            "one identity",
        ),
        (
            "UPDATE receipt SET id = '00000000-0000-7000-8000-000000000000' WHERE seq = 4",
            "is not greater",
        ),
        (
            "INSERT INTO open_job SELECT identity, seq FROM receipt WHERE seq = 1",
            "or whose end is",
        ),
        ("UPDATE open_job SET seq = 77", "whose beginning is not held"),
        ("DELETE FROM open_job", "does not count as open"),
        ("UPDATE latest SET seq = 77", "chatbot and event is not held"),
        ("DELETE FROM quarantine", "the quarantine does not hold"),
        ("DELETE FROM destination", "goes to no destination"),
        ("UPDATE delivery SET seq = 77 WHERE seq = 3", "is of no receipt"),
        (
            "UPDATE attempt SET number = 0",
            "is not among those of its delivery",
        ),
        ("DELETE FROM delivery", "is not among those of its delivery"),
        (
            "UPDATE dead_letters SET count = 2",
            "of destination 1 there are 1 and not 2",
        ),
        (
            "DELETE FROM dead_letters",
            "of destination 1 there are 1 and not 0",
        ),
        (
            "INSERT INTO dead_letters VALUES (7, 3)",
            "of destination 7 there are 0 and not 3",
        ),
    ];
    for (damage, expected) in damages {
        let database = full(database!()).await;
        database
            .execute(&format!("SET search_path = caigunn_webhook; {damage}"))
            .await;

        let error = checked(&database).await.unwrap_err();

        let is_found = matches!(&error, Error::Corrupt { reason } if reason.contains(expected));
        assert!(is_found, "{damage}: {error}");
    }
}
