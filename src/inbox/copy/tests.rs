//! Promise: a copy holds what the first inbox holds, as it holds it, or says what it lacks.

mod leading;
mod outbox;

use std::sync::Arc;

use tempfile::TempDir;
use tokio::runtime::Handle;

use super::super::contract::acceptance::{acceptance, refused_notification};
use super::super::contract::{Place, crawled, duplicate_of, posted, sent, settings, unrecognized};
use super::super::postgres::testing::Database;
use super::super::postgres::tests::database;
use super::super::sqlite::SqliteInbox;
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};
use crate::inbox::outbox::Start;
use crate::inbox::{NewReceipt, Origin, PageRequest};

/// A first inbox, open as a receiver has it, and a database for the second.
struct Move {
    folder: TempDir,
    from: Arc<dyn Inbox>,
    database: Database,
}

impl Move {
    async fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let from = SqliteInbox::open(&folder.path().join("inbox.db"), settings()).expect("the inbox opens");
        Self {
            folder,
            from: Arc::new(from),
            database,
        }
    }

    async fn to(&self) -> Arc<dyn Inbox> {
        Place::open(&self.database, settings()).await
    }

    async fn copy(&self) -> Result<Outcome, CopyError> {
        self.copy_showing(|_| ()).await
    }

    /// Has this done each time that it shows how far it is.
    async fn copy_while(&self, mut meanwhile: impl AsyncFnMut()) -> Result<Outcome, CopyError> {
        self.copy_showing(|_| {
            // The copy waits for this.
            tokio::task::block_in_place(|| Handle::current().block_on(meanwhile()));
        })
        .await
    }

    async fn copy_showing(&self, progress: impl FnMut(Progress)) -> Result<Outcome, CopyError> {
        let reader = SqliteReader::open(&self.folder.path().join("inbox.db")).expect("there is an inbox");
        let to = PostgresInbox::open(&self.database.location(), settings())
            .await
            .expect("the inbox opens");
        copy(&reader, &to, progress).await
    }
}

/// One notification of each kind that is stored in its own way.
fn mixture() -> Vec<NewReceipt> {
    let ids = Ids::fresh();
    let trained = Event::TrainingCompleted {
        model_id: ids.model_id,
        training_data_ids: Vec::new(),
    };
    let mut backfilled = crawled(&Ids::fresh());
    backfilled.origin = Origin::Backfill;
    let mut traced = crawled(&ids);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=1";
    traced.trace = Some(Box::new(trace.parse().expect("it is one")));
    vec![
        sent(Event::CrawlingInitial, &ids, Wire::V2024_07),
        sent(Event::CrawlingInitial, &Ids::fresh(), Wire::V2024_01),
        traced,
        unrecognized("billing", "due", &ids),
        sent(trained, &ids, Wire::V2024_01),
        sent(Event::TrainingInitial, &ids, Wire::V2024_01),
        posted(r#"{"event": "maintenance", "status": "planned"}"#),
        backfilled,
    ]
}

#[tokio::test]
async fn a_copy_knows_all_that_the_first_inbox_knew() {
    let moving = Move::new(database!()).await;
    let notifications = mixture();
    let receipt_ids = moving.from.accept(notifications.clone()).await;
    let mut differing = notifications[2].clone();
    differing.body = "{}".into();
    moving.from.store(vec![differing.clone(), differing]).await;

    let outcome = moving.copy().await.unwrap();

    assert_eq!((outcome.copied_count, outcome.receipt_count), (8, 8));
    assert_eq!(outcome.quarantined_count, 2);
    let to = moving.to().await;
    assert_eq!(to.all().await, moving.from.all().await);
    assert_eq!(to.whole_quarantine().await, moving.from.whole_quarantine().await);
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    let (open, copied) = (
        moving.from.open_jobs(page).await.unwrap(),
        to.open_jobs(page).await.unwrap(),
    );
    assert_eq!(copied.items, open.items);
    assert_eq!(open.items.len(), 1);
    let copies = to.all().await;
    let backfilled = copies.iter().filter(|copy| copy.origin == Origin::Backfill);
    assert_eq!(backfilled.count(), 1);
    let repeats = to.store(notifications).await;
    let expected: Vec<_> = receipt_ids.into_iter().map(duplicate_of).collect();
    assert_eq!(repeats, expected);
    // What comes now has a greater number and id.
    let next = to.accept_one(crawled(&Ids::fresh())).await;
    assert_eq!(to.all().await[0].id, next);
    assert_eq!(to.all().await[0].sequence, 9);
    assert!(to.all().await.is_sorted_by(|one, other| one.id > other.id));
}

#[tokio::test]
async fn a_copy_goes_on_where_the_last_one_ended_and_may_be_repeated() {
    let moving = Move::new(database!()).await;
    moving
        .from
        .accept((0..700).map(|_| crawled(&Ids::fresh())).collect())
        .await;
    let first = moving.copy().await.unwrap();
    moving.from.accept(mixture()).await;

    let second = moving.copy().await.unwrap();
    let third = moving.copy().await.unwrap();

    assert_eq!(
        [first, second.clone()].map(|outcome| outcome.copied_count),
        [700, 8]
    );
    assert_eq!(
        third,
        Outcome {
            copied_count: 0,
            ..second
        }
    );
    assert_eq!(moving.to().await.all().await, moving.from.all().await);
}

#[tokio::test]
async fn another_copy_brings_what_was_accepted_from_quarantine_since() {
    let moving = Move::new(database!()).await;
    let refused = [(); 2].map(|()| refused_notification(&crawled(&Ids::fresh())));
    let mut ids = Vec::new();
    for one in refused {
        ids.push(moving.from.refuse(one).await);
    }
    moving.copy().await.unwrap();
    acceptance(&moving.from)
        .accept(ids[0])
        .await
        .expect("it is accepted");

    let outcome = moving.copy().await.unwrap();

    assert_eq!((outcome.quarantined_count, outcome.receipt_count), (0, 1));
    let to = moving.to().await;
    let (kept, _) = to.quarantined(ids[0]).await.unwrap().expect("it is there");
    assert_eq!(kept.accepted_as, Some(to.all().await[0].id));
    assert_eq!(to.whole_quarantine().await, moving.from.whole_quarantine().await);
}

#[tokio::test]
async fn a_copy_that_is_refused_takes_nothing_for_accepted_from_quarantine() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    let id = moving
        .from
        .refuse(refused_notification(&crawled(&Ids::fresh())))
        .await;
    moving.copy().await.unwrap();
    let to = moving.to().await;
    to.accept_one(crawled(&Ids::fresh())).await;
    moving.from.accept_one(crawled(&Ids::fresh())).await;
    acceptance(&moving.from).accept(id).await.expect("it is accepted");

    let refusal = moving.copy().await.unwrap_err();

    assert!(matches!(refusal, CopyError::NotACopy(_)), "{refusal}");
    let (kept, _) = to.quarantined(id).await.unwrap().expect("it is there");
    assert_eq!(kept.accepted_as, None);
}

#[tokio::test]
async fn the_progress_of_another_run_is_that_of_what_was_left() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    moving.copy().await.unwrap();
    moving.from.accept_one(crawled(&Ids::fresh())).await;
    let mut seen = Vec::new();

    moving.copy_showing(|progress| seen.push(progress)).await.unwrap();

    let (copied, compared) = (
        Progress::Copied { count: 1, total: 1 },
        Progress::Compared { count: 9, total: 9 },
    );
    assert_eq!(seen, [copied, compared]);
}

#[tokio::test]
async fn a_copy_is_complete_after_receivers_have_begun_to_use_it_too() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    moving.copy().await.unwrap();
    moving.to().await.accept_one(crawled(&Ids::fresh())).await;

    let repeated = moving.copy().await.unwrap();

    assert_eq!((repeated.copied_count, repeated.receipt_count), (0, 8));
}

#[tokio::test]
async fn an_inbox_with_receipts_of_its_own_is_refused() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    moving.to().await.accept_one(crawled(&Ids::fresh())).await;

    let refusal = moving.copy().await.unwrap_err();

    assert!(matches!(refusal, CopyError::NotACopy(_)), "{refusal}");
    assert_eq!(moving.to().await.all().await.len(), 1);
}

#[tokio::test]
async fn what_a_receiver_has_for_its_own_stays_as_it_is_where_an_inbox_without_receipts_is_copied() {
    let moving = Move::new(database!()).await;
    let (from, to) = (moving.from.outbox(), moving.to().await);
    to.accept_one(crawled(&Ids::fresh())).await;
    for outbox in [from, to.outbox()] {
        outbox
            .add_destination("shop".to_owned(), Start::Now)
            .await
            .unwrap();
    }
    let own = to.outbox().destinations().await.unwrap();

    let refusal = moving.copy().await.unwrap_err();

    assert!(matches!(refusal, CopyError::NotACopy(_)), "{refusal}");
    assert_eq!(to.outbox().destinations().await.unwrap(), own);
}

#[tokio::test]
async fn what_came_after_receivers_have_used_the_copy_is_refused() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    moving.copy().await.unwrap();
    let own = (0..8).map(|_| crawled(&Ids::fresh())).collect();
    moving.to().await.accept(own).await;
    moving
        .from
        .accept((0..20).map(|_| crawled(&Ids::fresh())).collect())
        .await;

    let refusal = moving.copy().await.unwrap_err();

    assert!(matches!(refusal, CopyError::NotACopy(_)), "{refusal}");
    assert_eq!(moving.to().await.all().await.len(), 16);
}

#[tokio::test]
async fn what_has_expired_since_the_last_copy_does_not_hinder_the_next() {
    let moving = Move::new(database!()).await;
    let (old, young) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()).at(10));
    moving.from.accept(vec![old.clone(), young]).await;
    moving.copy().await.unwrap();
    moving.from.expire_all(5).await;
    // The same once more, which is new to the first inbox.
    moving.from.accept_one(old.at(20)).await;

    let outcome = moving.copy().await.unwrap();

    assert_eq!((outcome.copied_count, outcome.receipt_count), (1, 2));
    assert_eq!(moving.to().await.all().await, moving.from.all().await);
}

#[tokio::test]
async fn what_expires_while_both_are_compared_does_not_make_them_differ() {
    // The oldest alone, or all that was held.
    for (last_second, left_count) in [(10, 2), (20, 0)] {
        let moving = Move::new(database!()).await;
        let at = |second| crawled(&Ids::fresh()).at(second);
        moving.from.accept(vec![at(0), at(10), at(10)]).await;
        let reader = SqliteReader::open(&moving.folder.path().join("inbox.db")).expect("there is an inbox");
        let held = reader.held().await.unwrap().expect("it holds some");
        moving.copy().await.unwrap();
        moving.from.accept_one(at(30)).await;
        moving.from.expire_all(last_second).await;
        let to = PostgresInbox::open(&moving.database.location(), settings()).await;

        let compared = compare(&reader, &to.expect("the inbox opens"), held, |_| ()).await;

        assert_eq!(compared.expect("they are the same").0, left_count);
    }
}

#[tokio::test]
async fn a_copy_that_is_not_the_same_is_said_to_be() {
    let changes = [
        "UPDATE caigunn_webhook.receipt SET body = 'x' WHERE seq = 3",
        "DELETE FROM caigunn_webhook.receipt WHERE seq = 3",
        "UPDATE caigunn_webhook.receipt SET received_at = now() WHERE seq = 3",
    ];
    for change in changes {
        let moving = Move::new(database!()).await;
        moving.from.accept(mixture()).await;
        moving.copy().await.unwrap();
        moving.database.execute(change).await;

        let difference = moving.copy().await.unwrap_err();

        assert!(
            matches!(difference, CopyError::Differs(_)),
            "{change}: {difference}"
        );
    }
}

#[tokio::test]
async fn of_an_empty_inbox_there_is_an_empty_copy() {
    let moving = Move::new(database!()).await;

    let outcome = moving.copy().await.unwrap();

    assert_eq!(outcome.receipt_count, 0);
    assert_eq!(
        outcome.sha256,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
