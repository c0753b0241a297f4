//! Promise: tables that were copied without their sequences are an inbox like any other once a receiver has started with
//! them, and what a copy lacks is found.

use futures_util::future::join_all;

use super::super::super::contract::{Place, crawled, refused, settings};
use super::super::super::outbox::Start;
use super::*;
use crate::event::sample::Ids;

/// Adds a destination; its number.
async fn add(inbox: &dyn Inbox, name: &str) -> i32 {
    let added = inbox.outbox().add_destination(name.to_owned(), Start::Now).await;
    added.expect("the store takes the destination").id.0
}

/// An inbox as logical replication copies it: with two requests in quarantine, two destinations, a receipt, and sequences
/// as they were made.
async fn copied(database: Database) -> Database {
    let inbox = Place::open(&database, settings()).await;
    inbox.refuse(refused(b"one")).await;
    inbox.refuse(refused(b"two")).await;
    add(&*inbox, "app").await;
    add(&*inbox, "crm").await;
    inbox.accept_one(crawled(&Ids::fresh())).await;
    inbox.close().await.expect("it is open");
    database
        .execute(
            "ALTER TABLE caigunn_webhook.quarantine ALTER COLUMN seq RESTART;
             ALTER TABLE caigunn_webhook.destination ALTER COLUMN id RESTART",
        )
        .await;
    database
}

async fn checked(database: &Database) -> Check {
    let checked = check(&database.location(), &settings()).await;
    checked.expect("nothing is damaged")
}

#[tokio::test]
async fn sequences_that_are_behind_are_found_and_the_first_start_sets_them() {
    let database = copied(database!()).await;

    let found = checked(&database).await;
    let receivers = join_all((0..4).map(|_| Place::open(&database, settings()))).await;

    let is_said = matches!(&found, Check::Uneven { reason, advice }
        if reason.contains("_seq is behind its table, which has 2") && advice.contains("start a receiver"));
    assert!(is_said, "{found:?}");
    join_all(receivers.iter().map(|inbox| inbox.refuse(refused(b"more")))).await;
    assert_eq!(receivers[0].whole_quarantine().await.len(), 6);
    assert_eq!(add(&*receivers[1], "new").await, 3);
    assert!(matches!(checked(&database).await, Check::Sound { .. }));
}

#[tokio::test]
async fn what_is_advised_of_sequences_that_are_behind_sets_them_and_takes_no_number_back() {
    let database = copied(database!()).await;
    let Check::Uneven { advice, .. } = checked(&database).await else {
        panic!("the sequences are behind")
    };
    let statements = &advice[advice.find("SELECT setval").expect("statements")..];

    database.execute(statements).await;

    assert!(matches!(checked(&database).await, Check::Sound { .. }));
    let inbox = Place::open(&database, settings()).await;
    inbox.refuse(refused(b"more")).await;
    assert_eq!(inbox.whole_quarantine().await.len(), 3);
    // As by somebody who runs it once more, when a number is taken that is not in the table.
    database
        .execute("SELECT setval('caigunn_webhook.destination_id_seq', 100)")
        .await;
    database.execute(statements).await;
    assert_eq!(add(&*inbox, "new").await, 101);
}

#[tokio::test]
async fn a_start_leaves_a_sequence_that_is_ahead() {
    let database = copied(database!()).await;
    database
        .execute("SELECT setval('caigunn_webhook.destination_id_seq', 100)")
        .await;

    let inbox = Place::open(&database, settings()).await;

    assert_eq!(add(&*inbox, "new").await, 101);
}

#[tokio::test]
async fn a_user_who_may_not_set_a_sequence_that_is_behind_stores_notifications_all_the_same() {
    let database = copied(database!()).await;
    let rights = format!("{ROWS}; GRANT SELECT ON ALL SEQUENCES IN SCHEMA caigunn_webhook TO THEM");
    let location = database.role("", &rights).await;

    let opened = PostgresInbox::open(&location, settings()).await;
    let inbox: Arc<dyn Inbox> = Arc::new(opened.expect("a start is not refused for it"));

    inbox.accept_one(crawled(&Ids::fresh())).await;
    // Two numbers are taken; with each that is tried the sequence catches up.
    for _ in 0..2 {
        let kept = inbox.append(vec![Entry::Quarantine(refused(b"three"))]).await;
        assert!(matches!(&kept.expect("the server answers")[..], [Err(_)]));
    }
    inbox.refuse(refused(b"three")).await;
    assert_eq!(inbox.whole_quarantine().await.len(), 3);
    inbox.close().await.expect("it is open");
    database.drop_role().await;
}

#[tokio::test]
async fn a_cursor_beyond_the_newest_receipt_is_found_and_what_is_advised_sets_it_back() {
    let database = copied(database!()).await;
    let inbox = Place::open(&database, settings()).await;
    database
        .execute("UPDATE caigunn_webhook.destination SET cursor = 7 WHERE name = 'crm'")
        .await;

    let found = checked(&database).await;

    let Check::Uneven { reason, advice } = &found else {
        panic!("{found:?}")
    };
    assert_eq!(
        reason,
        "the cursor of destination crm is at 7, and the newest receipt is 1"
    );
    let update = &advice[advice.find("UPDATE").expect("a statement")..];
    database.execute(update).await;
    assert!(matches!(checked(&database).await, Check::Sound { .. }));
    let cursors = inbox.outbox().destinations().await.expect("they are read");
    let cursors: Vec<_> = cursors.iter().map(|destination| destination.cursor).collect();
    assert_eq!(cursors, [0, 1]);
}

#[tokio::test]
async fn a_table_that_was_not_put_back_is_named() {
    for table in ["notices", "dead_letters", "receipt"] {
        let database = copied(database!()).await;
        database
            .execute(&format!("DROP TABLE caigunn_webhook.{table}"))
            .await;

        let checked = check(&database.location(), &settings()).await;
        let seen = look(&database.location(), &settings()).await.unwrap();

        let is_said = matches!(&checked, Err(Error::Corrupt { reason })
            if reason.ends_with(&format!("there is no table {table}")));
        assert!(is_said, "{checked:?}");
        let is_seen = matches!(&seen.tables, Tables::Incomplete { missing, .. } if missing == table);
        assert!(is_seen, "{seen:?}");
    }
}
