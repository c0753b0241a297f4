//! Promise: a row that cannot be read fails alone.

use super::super::super::contract::{crawled, duplicate_of, refused, settings};
use super::*;
use crate::event::sample::Ids;

#[tokio::test]
async fn a_text_that_is_none_has_no_other_row_fail_with_it_and_says_so() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    let notifications: Vec<_> = (0..3).map(|_| crawled(&Ids::fresh())).collect();
    let held = inbox.accept(notifications.clone()).await;
    // The server takes no such text, and gives what a disk made of one.
    database
        .execute(
            "CREATE CAST (bytea AS text) WITHOUT FUNCTION;
             UPDATE caigunn_webhook.receipt SET status = ('\\x8d6f6d'::bytea)::text, wire = '1999-01' WHERE id = (
                 SELECT id FROM caigunn_webhook.receipt ORDER BY seq OFFSET 1 LIMIT 1)",
        )
        .await;

    let all = inbox.all().await;

    let said: Vec<_> = all.iter().map(|receipt| receipt.damage.as_deref()).collect();
    let expected = "what the inbox holds as its status, wire cannot be read";
    assert_eq!(said, [None, Some(expected), None]);
    assert_eq!(all[1].event.to_string(), "crawling.\u{fffd}om");
    let loaded = inbox.outbox().load(vec![1, 2, 3]).await.expect("they are read");
    assert_eq!(loaded[1].1, notifications[1].body, "its body is whole");
    // Its identity is stored beside its name, so a repeat is one.
    let appended = inbox.store(notifications).await;
    let repeats: Vec<_> = held.into_iter().map(duplicate_of).collect();
    assert_eq!(appended, repeats);
}

#[tokio::test]
async fn a_text_in_quarantine_that_is_none_has_no_other_row_fail_with_it_and_says_so() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    inbox.refuse(refused(b"{")).await;
    let id = inbox.refuse(refused(b"[")).await;
    database
        .execute(
            "CREATE CAST (bytea AS text) WITHOUT FUNCTION;
             UPDATE caigunn_webhook.quarantine SET detail = ('\\x8d6f6d'::bytea)::text WHERE id = (
                 SELECT id FROM caigunn_webhook.quarantine ORDER BY seq DESC LIMIT 1)",
        )
        .await;

    let whole = inbox.whole_quarantine().await;

    let expected = "what the inbox holds as its detail cannot be read";
    assert_eq!(
        (whole[0].0.id, whole[0].0.damage.as_deref()),
        (id, Some(expected))
    );
    assert_eq!((&*whole[0].1, whole[1].0.damage.as_deref()), (&b"["[..], None));
}
