//! Promise: what has expired gives its space back, a slot at a time, and disturbs nobody.

use super::super::super::contract::{crawled, duplicate_of, sent, settings};
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};

/// An inbox whose retention is a few moments, so that whatever is stored has expired.
struct Brief {
    database: Database,
    inbox: Arc<dyn Inbox>,
}

impl Brief {
    async fn new(database: Database) -> Self {
        let inbox = Place::open(&database, settings()).await;
        Self { database, inbox }
    }

    /// Lets everything expire that was stored, and lets the ring turn.
    async fn expire(&self) {
        let before = Timestamp::now().minus(Duration::from_secs(1));
        while self
            .inbox
            .expire(before)
            .await
            .expect("the store removes receipts")
            > 0
        {}
    }

    /// As [`Brief::expire`], until the slots hold this. A slot is passed over while anybody reads it, such as the server
    /// to vacuum it, or the inbox to learn what is in it.
    async fn expire_until(&self, expected: ([i64; 6], i16)) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            self.expire().await;
            let slots = self.slots().await;
            if slots == expected {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{slots:?}, not {expected:?}"
            );
        }
    }

    async fn store(&self) {
        self.inbox.accept_one(crawled(&Ids::fresh()).at(0)).await;
    }

    /// How many rows each slot holds, and the slot that new ones go into.
    async fn slots(&self) -> ([i64; 6], i16) {
        let mut counts = [0; 6];
        for (slot, count) in counts.iter_mut().enumerate() {
            let sql = format!("SELECT count(*) FROM caigunn_webhook.receipt_{slot}");
            *count = self.database.value(&sql).await;
        }
        let current: i16 = self
            .database
            .value("SELECT slot FROM caigunn_webhook.state")
            .await;
        (counts, current)
    }
}

#[tokio::test]
async fn expired_receipts_leave_their_slot_when_a_later_one_has_come() {
    let brief = Brief::new(database!()).await;
    brief.store().await;
    brief.store().await;
    assert_eq!(brief.slots().await, ([2, 0, 0, 0, 0, 0], 0));

    // The newest one stays, for its number.
    brief.expire_until(([2, 0, 0, 0, 0, 0], 1)).await;
    assert!(brief.inbox.all().await.is_empty());

    brief.store().await;
    brief.expire_until(([0, 1, 0, 0, 0, 0], 2)).await;
}

#[tokio::test]
async fn the_slots_come_round_again_and_numbers_go_on() {
    let brief = Brief::new(database!()).await;
    for turn in 0..14 {
        brief.store().await;
        let mut counts = [0; 6];
        counts[turn % 6] = 1;
        brief.expire_until((counts, (turn as i16 + 1) % 6)).await;
    }
    brief.store().await;

    assert_eq!(brief.slots().await, ([0, 1, 1, 0, 0, 0], 2));
    assert_eq!(brief.inbox.all().await[0].sequence, 15);
}

#[tokio::test]
async fn no_slot_is_entered_before_it_is_empty() {
    let brief = Brief::new(database!()).await;
    let young = Timestamp::now();
    // What fills the slot after the current one has not expired.
    brief.store().await;
    brief
        .database
        .execute("UPDATE caigunn_webhook.state SET slot = 5; UPDATE caigunn_webhook.receipt SET slot = 0")
        .await;
    brief.store().await;
    let before = young.minus(Duration::from_secs(20 * 365 * 86_400));

    // All are younger than that, and those in slot 5 have been there for longer than a quarter of the time.
    brief
        .database
        .execute("UPDATE caigunn_webhook.receipt SET received_at = now() - interval '19 years'")
        .await;
    brief.inbox.expire(before).await.unwrap();

    assert_eq!(brief.slots().await, ([1, 0, 0, 0, 0, 1], 5));
}

#[tokio::test]
async fn a_slot_that_is_being_read_is_emptied_later() {
    let brief = Brief::new(database!()).await;
    brief.store().await;
    brief.expire().await;
    brief.store().await;
    let mut reader = brief.database.connect().await;
    let reading = reader.transaction().await.unwrap();
    reading
        .query("SELECT FROM caigunn_webhook.receipt", &[])
        .await
        .unwrap();

    brief.expire().await;
    brief.store().await;
    assert_eq!(brief.slots().await.0[0], 1);

    reading.commit().await.unwrap();
    brief.expire_until(([0, 0, 1, 0, 0, 0], 3)).await;
}

#[tokio::test]
async fn what_hangs_on_expired_receipts_goes_with_their_slot() {
    let brief = Brief::new(database!()).await;
    let ids = Ids::fresh();
    let begun = sent(Event::TrainingInitial, &ids, Wire::V2024_07);
    brief.inbox.accept_one(begun.at(0)).await;
    brief.expire_until(([1, 0, 0, 0, 0, 0], 1)).await;
    brief.store().await;

    brief.expire_until(([0, 1, 0, 0, 0, 0], 2)).await;

    for table in ["open_job", "latest"] {
        let count: i64 = brief
            .database
            .value(&format!("SELECT count(*) FROM caigunn_webhook.{table}"))
            .await;
        assert_eq!(count, 0, "{table}");
    }
}

/// Two receivers, of which one has read what is in the older slots, and something in these.
#[tokio::test]
async fn repeats_are_recognized_in_whichever_slot_their_original_is() {
    let database = database!();
    let one = Arc::new(
        PostgresInbox::open(&database.location(), settings())
            .await
            .unwrap(),
    );
    let other = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    let mut known = Vec::new();
    for slot in 0..4 {
        // The job's beginning is in one slot, its end in the next.
        let ids = Ids::fresh();
        let begun = sent(Event::CrawlingInitial, &ids, Wire::V2024_07);
        let begun_id = (&*one as &dyn Inbox).accept_one(begun.clone()).await;
        database
            .execute(&format!("UPDATE caigunn_webhook.state SET slot = {}", slot + 1))
            .await;
        let ended_id = (&other as &dyn Inbox).accept_one(crawled(&ids)).await;
        known.push((begun, begun_id, crawled(&ids), ended_id));

        for inbox in [&*one as &dyn Inbox, &other] {
            for (begun, begun_id, ended, ended_id) in &known {
                let repeats = inbox.store(vec![begun.clone(), ended.clone()]).await;
                assert_eq!(
                    repeats,
                    [duplicate_of(*begun_id), duplicate_of(*ended_id)],
                    "slot {slot}"
                );
            }
            assert!(
                inbox.open_jobs(page()).await.unwrap().items.is_empty(),
                "slot {slot}"
            );
        }
        if slot == 1 {
            *lock(&one.sealed) = Some(Arc::new(Sealed::read(&one.connections).await.unwrap()));
        }
    }
}

#[tokio::test]
async fn an_end_in_an_older_slot_keeps_its_job_closed() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    let as_inbox = &inbox as &dyn Inbox;
    let ids = Ids::fresh();
    as_inbox.accept_one(crawled(&ids)).await;
    database
        .execute("UPDATE caigunn_webhook.state SET slot = 1")
        .await;
    *lock(&inbox.sealed) = Some(Arc::new(Sealed::read(&inbox.connections).await.unwrap()));

    as_inbox
        .accept_one(sent(Event::CrawlingInitial, &ids, Wire::V2024_07))
        .await;

    assert!(inbox.open_jobs(page()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn what_is_in_the_older_slots_is_read_again_when_another_one_is_sealed() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    let read_slot = || lock(&inbox.sealed).as_ref().map(|sealed| sealed.slot());
    for slot in [0, 1, 2] {
        database
            .execute(&format!("UPDATE caigunn_webhook.state SET slot = {slot}"))
            .await;
        (&inbox as &dyn Inbox).accept_one(crawled(&Ids::fresh())).await;

        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while read_slot() != Some(slot) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "slot {slot}, read {:?}",
                read_slot()
            );
            tokio::task::yield_now().await;
        }
    }
}

fn page() -> PageRequest {
    PageRequest {
        cursor: None,
        limit: 10,
    }
}
