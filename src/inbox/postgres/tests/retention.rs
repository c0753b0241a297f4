//! Promise: what has expired gives its space back, some rows at a time, and disturbs nobody.

use super::super::super::contract::{crawled, sent, settings};
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};
use crate::inbox::NewReceipt;

/// An inbox in which whatever is stored has expired.
struct Brief {
    database: Database,
    inbox: Arc<dyn Inbox>,
}

impl Brief {
    async fn new(database: Database) -> Self {
        let inbox = Place::open(&database, settings()).await;
        Self { database, inbox }
    }

    async fn store(&self) {
        self.inbox.accept_one(crawled(&Ids::fresh()).at(0)).await;
    }

    async fn expire_once(&self) -> usize {
        let before = Timestamp::now().minus(Duration::from_secs(1));
        self.inbox.expire(before).await.unwrap()
    }

    async fn expire(&self) {
        while self.expire_once().await > 0 {}
    }

    /// The numbers of the first and the last row of a table, and how many there are.
    async fn rows(&self, table: &str) -> Vec<i64> {
        let rows = format!(
            "SELECT ARRAY[coalesce(min(seq), 0), coalesce(max(seq), 0), count(*)] FROM caigunn_webhook.{table}"
        );
        self.database.value(&rows).await
    }
}

#[tokio::test]
async fn expired_receipts_go_but_for_the_newest_and_numbers_go_on() {
    let brief = Brief::new(database!()).await;
    for last in 1..=3 {
        brief.store().await;
        brief.store().await;

        // What one call expires it removes, and what one before has left the call does that expires nothing.
        assert_eq!(brief.expire_once().await, 2);
        assert!(brief.inbox.all().await.is_empty());
        let left = if last == 1 {
            [2, 2, 1]
        } else {
            [2 * last - 2, 2 * last, 2]
        };
        assert_eq!(brief.rows("receipt").await, left);

        assert_eq!(brief.expire_once().await, 0);
        assert_eq!(brief.rows("receipt").await, [2 * last, 2 * last, 1]);
    }
    brief.store().await;
    assert_eq!(brief.inbox.all().await[0].sequence, 7);
}

#[tokio::test]
async fn each_call_removes_so_many_rows_and_none_that_is_held() {
    let brief = Brief::new(database!()).await;
    brief
        .database
        .execute(
            "SET search_path = caigunn_webhook;
             INSERT INTO receipt
             SELECT seq, now(), gen_random_uuid(), gen_random_uuid(), NULL, NULL, NULL, true, false, '2024-07',
                    'crawling', 'completed', ''
             FROM generate_series(1, 12000) AS seq;
             UPDATE state SET first_seq = 11001",
        )
        .await;
    let before = Timestamp::from_micros(0);

    for first in [5_001, 10_001, 11_001, 11_001] {
        assert_eq!(brief.inbox.expire(before).await.unwrap(), 0);

        assert_eq!(brief.rows("receipt").await, [first, 12_000, 12_001 - first]);
    }
}

/// They are more than one step looks at.
#[tokio::test]
async fn receipts_from_when_the_servers_clock_was_ahead_go_with_what_came_after_them() {
    let brief = Brief::new(database!()).await;
    brief
        .database
        .execute(
            "SET search_path = caigunn_webhook;
             INSERT INTO receipt
             SELECT seq, now() + CASE WHEN seq <= 600 OR seq = 603 THEN interval '9 years'
                                      WHEN seq <= 602 THEN interval '-9 years' ELSE interval '0' END,
                    gen_random_uuid(), gen_random_uuid(), NULL, NULL, NULL, true, false, '2024-07',
                    'crawling', 'completed', ''
             FROM generate_series(1, 604) AS seq",
        )
        .await;
    let before = Timestamp::now().minus(Duration::from_secs(86_400));

    for expired_count in [602, 0] {
        assert_eq!(brief.inbox.expire(before).await.unwrap(), expired_count);

        assert_eq!(brief.rows("receipt").await, [603, 604, 2]);
    }
}

#[tokio::test]
async fn no_receipt_has_a_time_that_is_still_to_come() {
    let brief = Brief::new(database!()).await;
    // The receiver's clock was set back by a day while it waited to be stored.
    let received_at = Timestamp::now().plus(Duration::from_secs(86_400));
    let waited = crawled(&Ids::fresh());
    brief
        .inbox
        .accept_one(NewReceipt {
            received_at,
            ..waited
        })
        .await;

    let is_past = "SELECT received_at <= clock_timestamp() FROM caigunn_webhook.receipt";
    assert!(brief.database.value::<bool>(is_past).await);
}

#[tokio::test]
async fn whoever_reads_has_what_was_there_and_keeps_nothing_from_going() {
    let brief = Brief::new(database!()).await;
    brief.store().await;
    brief.store().await;
    let count = "SELECT count(*) FROM caigunn_webhook.receipt";
    let mut reader = brief.database.connect().await;
    let reading = reader.build_transaction();
    let reading = reading.isolation_level(tokio_postgres::IsolationLevel::RepeatableRead);
    let reading = reading.start().await.unwrap();
    reading.query_one(count, &[]).await.unwrap();

    brief.expire().await;
    brief.store().await;

    assert_eq!(brief.rows("receipt").await, [2, 3, 2]);
    let seen: i64 = reading.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn whoever_stores_what_was_there_before_does_not_wait_for_that_to_go() {
    let brief = Brief::new(database!()).await;
    let ids = Ids::fresh();
    brief.inbox.accept_one(crawled(&ids).at(0)).await;
    brief.store().await;
    let mut remover = brief.database.connect().await;
    let removing = remover.transaction().await.unwrap();
    removing
        .batch_execute("DELETE FROM caigunn_webhook.receipt WHERE seq = 1")
        .await
        .unwrap();
    brief
        .database
        .execute("UPDATE caigunn_webhook.state SET first_seq = 2")
        .await;

    let storing = brief.inbox.accept_one(crawled(&ids));
    let stored = tokio::time::timeout(Duration::from_secs(60), storing).await;

    stored.expect("nothing is waited for");
    removing.commit().await.unwrap();
    assert_eq!(brief.rows("receipt").await, [2, 3, 2]);
}

#[tokio::test]
async fn what_hangs_on_expired_receipts_goes_with_them() {
    let brief = Brief::new(database!()).await;
    let begun = || sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_07);
    for _ in 0..3 {
        brief.inbox.accept_one(begun().at(0)).await;
    }
    brief
        .database
        .execute("UPDATE caigunn_webhook.state SET first_seq = 3")
        .await;

    brief.inbox.expire(Timestamp::from_micros(0)).await.unwrap();

    for table in ["receipt", "open_job", "latest"] {
        assert_eq!(brief.rows(table).await, [3, 3, 1], "{table}");
    }
    brief.expire().await;
    for table in ["open_job", "latest"] {
        assert_eq!(brief.rows(table).await, [0, 0, 0], "{table}");
    }
}
