//! Promise: which jobs are open is known whatever order their notifications come in; a receipt tells how it came and
//! is found by its identity.

use super::*;
use crate::event::{EventId, Identity, ModelId, Name};

/// The notification of this event name, of the job in `ids`.
pub(super) fn step(event: &str, status: &str, ids: &Ids) -> NewReceipt {
    let known = sample::events(ids)
        .into_iter()
        .find(|sample| sample.name().event == event && sample.name().status == status);
    match known {
        Some(known) => sent(known, ids, Wire::V2024_07),
        None => unrecognized(event, status, ids),
    }
}

pub(super) fn initial(ids: &Ids) -> NewReceipt {
    step("crawling", "initial", ids)
}

async fn open_ids(inbox: &dyn Inbox) -> Vec<ReceiptId> {
    ids_of(&inbox.open(1_000).await)
}

pub async fn a_job_is_open_while_only_its_initial_is_known(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    assert!(open_ids(&*inbox).await.is_empty());

    let receipt_id = inbox.accept_one(initial(&ids).at(3)).await;
    inbox.accept_one(step("crawling", "progressing", &ids)).await;

    let open = inbox.open(10).await;
    assert_eq!(ids_of(&open), [receipt_id]);
    let (receipt, _) = inbox.receipt(receipt_id).await.unwrap().expect("it is there");
    assert_eq!(open, [receipt], "it is listed as it is read by its id");

    inbox.accept_one(crawled(&ids)).await;
    assert!(open_ids(&*inbox).await.is_empty());
}

pub async fn either_end_closes_a_job_in_either_order_of_arrival(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for event in ["crawling", "uploading", "training"] {
        for end in ["completed", "failed"] {
            let ids = [Ids::fresh(), Ids::fresh()];

            inbox.accept_one(step(event, "initial", &ids[0])).await;
            inbox.accept_one(step(event, end, &ids[0])).await;
            assert!(
                open_ids(&*inbox).await.is_empty(),
                "{event}.initial, {event}.{end}"
            );

            inbox.accept_one(step(event, end, &ids[1])).await;
            inbox.accept_one(step(event, "initial", &ids[1])).await;
            assert!(
                open_ids(&*inbox).await.is_empty(),
                "{event}.{end}, {event}.initial"
            );
        }
    }
}

pub async fn ends_close_jobs_within_one_batch(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [ended, begun, late] = [Ids::fresh(), Ids::fresh(), Ids::fresh()];

    let receipt_ids = inbox
        .accept(vec![
            initial(&ended),
            initial(&begun),
            crawled(&late),
            crawled(&ended),
            initial(&late),
        ])
        .await;

    assert_eq!(open_ids(&*inbox).await, [receipt_ids[1]]);
}

pub async fn ends_and_beginnings_find_one_another_across_reopening(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [ended, begun, late] = [Ids::fresh(), Ids::fresh(), Ids::fresh()];
    let receipt_ids = inbox
        .accept(vec![initial(&ended), initial(&begun), crawled(&late)])
        .await;

    let inbox = reopen(place, inbox).await;

    assert_eq!(open_ids(&*inbox).await, receipt_ids[..2]);
    inbox.accept(vec![initial(&late), crawled(&ended)]).await;
    assert_eq!(open_ids(&*inbox).await, [receipt_ids[1]]);
}

pub async fn another_event_or_job_closes_nothing(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [one, other] = [Ids::fresh(), Ids::fresh()];
    let before = vec![
        step("uploading", "completed", &one),
        step("training", "failed", &one),
    ];
    inbox.accept(before).await;

    let receipt_id = inbox.accept_one(initial(&one)).await;
    let after = vec![
        step("billing", "completed", &one),
        step("crawling", "completed ", &one),
        step("crawling", "Failed", &one),
        crawled(&other),
        step("crawling", "failed", &other),
    ];
    inbox.accept(after).await;

    assert_eq!(open_ids(&*inbox).await, [receipt_id]);
}

pub async fn jobs_of_undocumented_events_open_and_close(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [open, ended, late] = [Ids::fresh(), Ids::fresh(), Ids::fresh()];
    let receipt_ids = inbox
        .accept(vec![
            step("indexing", "initial", &open),
            step("indexing", "initial", &ended),
            step("indexing", "failed", &late),
        ])
        .await;
    assert_eq!(open_ids(&*inbox).await, receipt_ids[..2]);

    inbox
        .accept(vec![
            step("indexing", "completed", &ended),
            step("indexing", "initial", &late),
        ])
        .await;

    assert_eq!(open_ids(&*inbox).await, [receipt_ids[0]]);
}

pub async fn without_an_event_id_there_is_no_job_to_open(place: &impl Place) {
    let inbox = place.open(settings()).await;

    inbox
        .accept_one(sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_01))
        .await;

    assert!(open_ids(&*inbox).await.is_empty());
}

pub async fn a_repeated_initial_neither_opens_twice_nor_reopens(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();

    let receipt_id = inbox.accept_one(initial(&ids)).await;
    inbox.store(vec![initial(&ids), initial(&ids)]).await;
    assert_eq!(open_ids(&*inbox).await, [receipt_id]);

    inbox.accept_one(crawled(&ids)).await;
    inbox.store_one(initial(&ids)).await;
    assert!(open_ids(&*inbox).await.is_empty());
}

pub async fn an_expired_initial_is_no_longer_open(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let receipt_ids = inbox
        .accept((0..4).map(|second| initial(&Ids::fresh()).at(second)).collect())
        .await;

    assert_eq!(inbox.expire_all(3).await, [3]);

    assert_eq!(open_ids(&*inbox).await, receipt_ids[3..]);
}

pub async fn an_expired_initial_that_comes_again_is_open_if_no_end_is_held(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [without_end, with_end] = [Ids::fresh(), Ids::fresh()];
    let notifications = vec![initial(&without_end), initial(&with_end)];
    inbox.accept(notifications.clone()).await;
    inbox.accept_one(crawled(&without_end).at(1)).await;
    inbox.accept_one(crawled(&with_end).at(2)).await;
    assert_eq!(inbox.expire_all(2).await, [3]);

    let receipt_ids = inbox.accept(notifications).await;

    assert_eq!(open_ids(&*inbox).await, [receipt_ids[0]]);
}

pub async fn open_jobs_are_listed_oldest_first_to_the_end(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let jobs: Vec<_> = (0..9).map(|_| Ids::fresh()).collect();
    let receipt_ids = inbox.accept(jobs.iter().map(initial).collect()).await;
    let ended = jobs.iter().step_by(3);
    inbox.accept(ended.map(crawled).collect()).await;
    let expected = [1, 2, 4, 5, 7, 8].map(|index| receipt_ids[index]);

    for limit in 1..=7 {
        assert_eq!(ids_of(&inbox.open(limit).await), expected, "in pages of {limit}");
    }
}

pub async fn jobs_that_close_between_pages_disturb_no_other(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let jobs: Vec<_> = (0..4).map(|_| Ids::fresh()).collect();
    let receipt_ids = inbox.accept(jobs.iter().map(initial).collect()).await;
    let page = async |cursor| {
        let page = inbox.open_jobs(PageRequest { cursor, limit: 2 }).await.unwrap();
        (ids_of(&page.items), page.next)
    };

    let (first, cursor) = page(None).await;
    // Also the one that the cursor stands at.
    inbox.accept(vec![crawled(&jobs[1]), crawled(&jobs[2])]).await;
    let later = inbox.accept_one(initial(&Ids::fresh())).await;
    let (second, _) = page(cursor).await;

    assert_eq!(first, receipt_ids[..2]);
    assert_eq!(second, [receipt_ids[3], later]);
}

pub async fn the_origin_is_kept(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let backfilled = |notification| NewReceipt {
        origin: Origin::Backfill,
        ..notification
    };
    inbox
        .accept(vec![
            initial(&ids),
            backfilled(crawled(&ids)),
            backfilled(initial(&Ids::fresh()).at(1)),
        ])
        .await;
    // What is known already keeps the origin it has.
    let repeats = vec![backfilled(initial(&ids)), crawled(&ids)];
    inbox.store(repeats).await;

    let inbox = reopen(place, inbox).await;

    let origins = |receipts: Vec<Receipt>| {
        receipts
            .into_iter()
            .map(|receipt| receipt.origin)
            .collect::<Vec<_>>()
    };
    let [webhook, backfill] = [Origin::Webhook, Origin::Backfill];
    let all = inbox.all().await;
    assert_eq!(origins(all.clone()), [backfill, backfill, webhook]);
    assert_eq!(
        origins(inbox.job(ids.event_id).await.unwrap()),
        [webhook, backfill]
    );
    assert_eq!(origins(inbox.open(10).await), [backfill]);
    for receipt in all {
        let (by_id, body) = inbox.receipt(receipt.id).await.unwrap().expect("it is there");
        assert_eq!(by_id, receipt);
        assert_eq!(body.len(), receipt.body_bytes);
    }
    inbox.expire_all(1).await;
    assert_eq!(origins(inbox.all().await), [backfill]);
}

pub async fn a_receipt_is_found_by_its_identity(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let trained = Event::TrainingCompleted {
        model_id: ids.model_id,
        training_data_ids: Vec::new(),
    };
    let notifications = vec![
        crawled(&ids),
        initial(&ids),
        step("indexing", "paused", &ids),
        sent(trained, &ids, Wire::V2024_01),
        crawled(&Ids::fresh()),
    ];
    let receipt_ids = inbox.accept(notifications.clone()).await;
    inbox
        .accept_one(sent(Event::TrainingInitial, &ids, Wire::V2024_01))
        .await;

    let inbox = reopen(place, inbox).await;

    for (notification, receipt_id) in notifications.into_iter().zip(receipt_ids) {
        let found = inbox.find(notification.identity.clone()).await.unwrap();
        let (receipt, _) = inbox.receipt(receipt_id).await.unwrap().expect("it is there");
        assert_eq!(found, Some(receipt), "{:?}", notification.identity);
    }
    let nobodys = Uuid::now_v7();
    let name = Name {
        event: "crawling".into(),
        status: "failed".into(),
    };
    let unknown = [
        Identity::Windowed,
        Identity::Job {
            event_id: ids.event_id,
            name: name.clone(),
        },
        Identity::Job {
            event_id: EventId::new(nobodys),
            name,
        },
        Identity::Model {
            model_id: ModelId::new(nobodys),
        },
        // An id of one kind is none of another.
        Identity::Model {
            model_id: ModelId::new(ids.event_id.uuid()),
        },
    ];
    for identity in unknown {
        assert_eq!(inbox.find(identity.clone()).await.unwrap(), None, "{identity:?}");
    }
    inbox.expire_all(1).await;
    assert_eq!(inbox.find(crawled(&ids).identity).await.unwrap(), None);
}

pub async fn the_last_receipt_of_each_chatbot_is_known_by_its_time(place: &impl Place) {
    let inbox = place.open(settings()).await;
    assert_eq!(inbox.last_received().await.unwrap(), []);
    let mut chatbots = [Ids::fresh(), Ids::fresh()];
    chatbots.sort_by_key(|ids| ids.chatbot_id);
    let [one, other] = chatbots;
    let batch = vec![
        initial(&one).at(1),
        initial(&other).at(7),
        // Requests that come together are queued in any order: the latest is not always the last.
        crawled(&one).at(5),
        step("uploading", "initial", &one).at(4),
        posted(r#"{"event": "maintenance", "status": "planned"}"#).at(9),
    ];
    inbox.accept(batch).await;

    let inbox = reopen(place, inbox).await;

    assert_eq!(
        inbox.last_received().await.unwrap(),
        [(one.chatbot_id, at(5)), (other.chatbot_id, at(7))]
    );
}
