//! Promise: many receivers on one inbox behave as one.

use futures_util::future::join_all;
use uuid::Uuid;

use super::super::super::contract::{crawled, duplicate_of, sent, settings};
use super::super::super::{Appended, Candidate, Leadership, NewReceipt, ReceiptId};
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};

/// So many receivers on one new inbox.
async fn receivers(database: Database, count: usize) -> (Database, Vec<Arc<dyn Inbox>>) {
    let opening = (0..count).map(|_| Place::open(&database, settings()));
    let receivers = join_all(opening).await;
    (database, receivers)
}

fn training_initial(ids: &Ids) -> NewReceipt {
    sent(Event::TrainingInitial, ids, Wire::V2024_01)
}

/// The one new receipt among answers, all others of which are duplicates of it.
fn the_only_one(answers: &[Appended]) -> ReceiptId {
    let new: Vec<ReceiptId> = answers
        .iter()
        .filter_map(|appended| match appended {
            Appended::New { receipt_id } => Some(*receipt_id),
            Appended::Duplicate { .. } => None,
        })
        .collect();
    let [receipt_id] = new[..] else {
        panic!("one is new, not {answers:?}")
    };
    let others = answers
        .iter()
        .filter(|appended| matches!(appended, Appended::Duplicate { .. }));
    assert!(
        others
            .copied()
            .all(|appended| appended == duplicate_of(receipt_id))
    );
    receipt_id
}

#[tokio::test]
async fn a_notification_stored_by_many_receivers_at_once_is_one_receipt() {
    let (_database, receivers) = receivers(database!(), 6).await;
    let notifications: Vec<_> = (0..40).map(|_| crawled(&Ids::fresh())).collect();

    // Each in another order, so that no two batches meet in the same place.
    let storing = receivers.iter().enumerate().map(|(number, inbox)| {
        let mut batch = notifications.clone();
        batch.rotate_left(7 * number);
        async move {
            let mut answers = inbox.store(batch).await;
            answers.rotate_right(7 * number);
            answers
        }
    });
    let answers = join_all(storing).await;

    for place in 0..notifications.len() {
        let of_one: Vec<_> = answers.iter().map(|answers| answers[place]).collect();
        the_only_one(&of_one);
    }
    assert_eq!(receivers[0].all().await.len(), notifications.len());
}

#[tokio::test]
async fn a_notification_without_any_id_stored_by_many_receivers_at_once_is_one_receipt() {
    let (_database, receivers) = receivers(database!(), 6).await;
    for _ in 0..5 {
        let ids = Ids::fresh();

        let storing = receivers
            .iter()
            .map(|inbox| inbox.store_one(training_initial(&ids)));
        let answers = join_all(storing).await;

        the_only_one(&answers);
    }
}

#[tokio::test]
async fn the_last_training_counts_whichever_receiver_stored_it() {
    let (_database, receivers) = receivers(database!(), 2).await;
    let (one, other) = (&receivers[0], &receivers[1]);
    let ids = Ids::fresh();
    let first = one.accept_one(training_initial(&ids)).await;
    assert_eq!(other.store_one(training_initial(&ids)).await, duplicate_of(first));

    let failed = Event::TrainingFailed { detail: None };
    other.accept_one(sent(failed, &ids, Wire::V2024_01)).await;

    let second = one.accept_one(training_initial(&ids)).await;
    assert_eq!(
        other.store_one(training_initial(&ids)).await,
        duplicate_of(second)
    );
}

#[tokio::test]
async fn a_reader_that_goes_by_numbers_misses_nothing_while_many_store() {
    const BATCHES: usize = 40;
    let (_database, receivers) = receivers(database!(), 4).await;
    let storing = receivers.iter().map(|inbox| async move {
        for size in 1..=BATCHES {
            inbox
                .accept((0..size % 7 + 1).map(|_| crawled(&Ids::fresh())).collect())
                .await;
        }
    });
    let stored_count: usize = receivers.len() * (1..=BATCHES).map(|size| size % 7 + 1).sum::<usize>();

    let reading = async {
        let (mut seen, mut after) = (Vec::new(), 0);
        while seen.len() < stored_count {
            for (receipt, _) in receivers[0].export(after, 10).await.unwrap() {
                assert!(receipt.sequence > after, "{} after {after}", receipt.sequence);
                after = receipt.sequence;
                seen.push(receipt);
            }
        }
        seen
    };
    let (seen, _) = futures_util::future::join(reading, join_all(storing)).await;

    let mut all = receivers[1].all().await;
    all.reverse();
    assert_eq!(seen, all);
    assert!(
        all.is_sorted_by(|one, next| one.id < next.id),
        "ids grow as numbers do"
    );
}

#[tokio::test]
async fn one_receiver_leads_until_it_resigns_or_its_lease_ends() {
    let (database, receivers) = receivers(database!(), 2).await;
    let candidate = |name: &str| Candidate {
        id: Uuid::new_v4(),
        name: name.to_owned(),
    };
    let (one, other) = (candidate("one"), candidate("other"));
    let follows = |leader: &Candidate| Leadership::Follower {
        id: leader.id,
        leader: leader.name.clone(),
    };

    assert_eq!(receivers[0].lead(&one).await.unwrap(), Leadership::Leader);
    assert_eq!(receivers[1].lead(&other).await.unwrap(), follows(&one));
    assert_eq!(receivers[0].lead(&one).await.unwrap(), Leadership::Leader);

    // As if it had been killed so long ago.
    database
        .execute("UPDATE caigunn_webhook.lease SET until = now() - interval '1 ms'")
        .await;
    assert_eq!(receivers[1].lead(&other).await.unwrap(), Leadership::Leader);
    assert_eq!(receivers[0].lead(&one).await.unwrap(), follows(&other));

    // What is not one's own cannot be given up.
    receivers[0].resign(&one).await.unwrap();
    assert_eq!(receivers[0].lead(&one).await.unwrap(), follows(&other));
    receivers[1].resign(&other).await.unwrap();
    assert_eq!(receivers[0].lead(&one).await.unwrap(), Leadership::Leader);
}
