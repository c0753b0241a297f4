//! Promise: one receipt an identity, however often, wherever and whenever it arrives.

use bytes::Bytes;
use serde_json::json;

use super::*;

/// Checks that a differing repeat in `appended` is in quarantine as it came, with the original's id.
async fn assert_kept_beside(inbox: &dyn Inbox, original: ReceiptId, repeat: NewReceipt, appended: Appended) {
    let quarantined = inbox.whole_quarantine().await;
    let [(copy, body)] = quarantined.as_slice() else {
        panic!("one copy, not {quarantined:?}")
    };
    assert_eq!(
        appended,
        Appended::Duplicate {
            receipt_id: original,
            differs: Some(copy.id)
        }
    );
    assert_eq!(copy.duplicate_of, Some(original));
    assert_eq!(copy.reason, "duplicate-differs");
    assert_eq!(copy.request_id, repeat.request_id);
    assert_eq!(copy.received_at, repeat.received_at);
    assert_eq!(*body, repeat.body);
    assert!(!copy.truncated);
}

pub async fn a_repeat_gets_the_first_receipts_id(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notification = crawled(&Ids::fresh());

    let first = inbox.accept_one(notification.clone()).await;
    let second = inbox.store_one(notification.clone()).await;
    let much_later = inbox.store_one(notification.at(100_000_000)).await;

    assert_eq!([second, much_later], [duplicate_of(first); 2]);
    assert_eq!(ids_of(&inbox.all().await), [first]);
    assert!(inbox.whole_quarantine().await.is_empty());
}

pub async fn repeats_within_one_batch_get_the_first_receipts_id(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let (one, other) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));

    let appended = inbox
        .store(vec![one.clone(), other.clone(), one.clone(), other, one])
        .await;

    let [
        Appended::New { receipt_id: first },
        Appended::New { receipt_id: second },
        repeats @ ..,
    ] = &appended[..]
    else {
        panic!("the first of each is new, not {appended:?}")
    };
    assert_eq!(
        repeats,
        [duplicate_of(*first), duplicate_of(*second), duplicate_of(*first)]
    );
    assert_eq!(ids_of(&inbox.all().await), [*second, *first]);
}

pub async fn repeats_in_a_later_batch_get_their_own_first_receipts_id(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let mut notifications: Vec<_> = (0..300).map(|_| crawled(&Ids::fresh())).collect();
    let mut receipt_ids = inbox.accept(notifications.clone()).await;

    notifications.reverse();
    notifications.insert(7, crawled(&Ids::fresh()));
    let mut appended = inbox.store(notifications).await;

    assert!(matches!(appended.remove(7), Appended::New { .. }));
    receipt_ids.reverse();
    assert_eq!(
        appended,
        receipt_ids.into_iter().map(duplicate_of).collect::<Vec<_>>()
    );
}

pub async fn a_repeat_is_recognized_after_reopening(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notifications: Vec<_> = (0..3).map(|_| crawled(&Ids::fresh())).collect();
    let first = inbox.accept_one(notifications[0].clone()).await;
    let [second, third] = inbox.accept(notifications[1..].to_vec()).await[..] else {
        panic!("two receipts")
    };

    let inbox = reopen(place, inbox).await;
    let appended = inbox.store(notifications.clone()).await;
    let inbox = reopen(place, inbox).await;
    let appended_again = inbox.store(notifications).await;

    let expected = [duplicate_of(first), duplicate_of(second), duplicate_of(third)];
    assert_eq!(appended, expected);
    assert_eq!(appended_again, expected);
}

pub async fn one_notification_appended_by_many_at_once_is_one_receipt(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notification = crawled(&Ids::fresh());

    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (inbox, notification) = (Arc::clone(&inbox), notification.clone());
        tasks.spawn(async move { inbox.store_one(notification).await });
    }
    let appended = tasks.join_all().await;

    let receipts = inbox.all().await;
    assert_eq!(receipts.len(), 1);
    let first = receipts[0].id;
    assert_eq!(
        appended
            .iter()
            .filter(|appended| **appended == Appended::New { receipt_id: first })
            .count(),
        1
    );
    assert_eq!(
        appended
            .iter()
            .filter(|appended| **appended == duplicate_of(first))
            .count(),
        19
    );
}

pub async fn initial_never_hides_completed(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let steps: Vec<_> = sample::events(&ids)
        .into_iter()
        .map(|event| sent(event, &ids, Wire::V2024_07))
        .collect();

    let receipt_ids = inbox.accept(steps.clone()).await;
    let appended = inbox.store(steps).await;

    assert_eq!(receipt_ids.len(), 9);
    assert_eq!(
        appended,
        receipt_ids.into_iter().map(duplicate_of).collect::<Vec<_>>()
    );
}

pub async fn the_same_step_of_different_jobs_is_kept_twice(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let one = Ids::fresh();
    let other = Ids {
        event_id: Ids::fresh().event_id,
        ..one
    };

    let first = inbox.accept_one(crawled(&one)).await;
    let second = inbox.accept_one(crawled(&other)).await;

    assert_eq!(ids_of(&inbox.all().await), [second, first]);
}

pub async fn both_wire_generations_of_one_notification_are_the_same(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let [older, newer] = [Wire::V2024_01, Wire::V2024_07].map(|wire| {
        sent(
            Event::CrawlingCompleted {
                training_data_ids: vec![ids.training_data_id],
            },
            &ids,
            wire,
        )
    });
    assert_ne!(older.body, newer.body);

    let first = inbox.accept_one(older).await;

    assert_eq!(inbox.store_one(newer).await, duplicate_of(first));
}

pub async fn event_names_that_read_alike_are_kept_apart(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let one = unrecognized("billing", "invoice.paid", &ids);
    let other = unrecognized("billing.invoice", "paid", &ids);
    let third = unrecognized("billing", "invoice.Paid", &ids);

    let [first, second, third_id] = inbox
        .accept(vec![one.clone(), other.clone(), third.clone()])
        .await[..]
    else {
        panic!("three receipts")
    };

    let appended = inbox.store(vec![third, other, one]).await;
    assert_eq!(
        appended,
        [duplicate_of(third_id), duplicate_of(second), duplicate_of(first)]
    );
}

pub async fn an_older_completed_training_is_recognized_by_its_model(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let trained = |ids: &Ids| {
        let training_data_ids = vec![ids.training_data_id];
        let event = Event::TrainingCompleted {
            model_id: ids.model_id,
            training_data_ids,
        };
        sent(event, ids, Wire::V2024_01)
    };
    let same_chatbot = Ids {
        model_id: Ids::fresh().model_id,
        ..ids
    };

    let first = inbox.accept_one(trained(&ids)).await;
    let other_model = inbox.accept_one(trained(&same_chatbot)).await;
    let repeat = inbox.store_one(trained(&ids).at(100_000_000)).await;
    let inbox = reopen(place, inbox).await;
    let repeats = inbox.store(vec![trained(&same_chatbot), trained(&ids)]).await;

    assert_eq!(repeat, duplicate_of(first));
    assert_eq!(repeats, [duplicate_of(other_model), duplicate_of(first)]);
}

pub async fn a_repeat_in_other_words_leaves_nothing_behind(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let (event_id, chatbot_id) = (ids.event_id, ids.chatbot_id);
    let first = format!(
        r#"{{"event":"crawling","status":"initial","event_id":"{event_id}","data":{{"chatbot_id":"{chatbot_id}"}},"seen":[1,2]}}"#
    );
    let other_order = format!(
        r#"{{ "seen": [1, 2], "data": {{"chatbot_id": "{chatbot_id}"}}, "event_id": "{event_id}",
             "status": "initi\u0061l", "event": "crawling" }}"#
    );

    let receipt_id = inbox.accept_one(posted(&first)).await;
    let appended = inbox.store_one(posted(&other_order)).await;

    assert_eq!(appended, duplicate_of(receipt_id));
    assert!(inbox.whole_quarantine().await.is_empty());
    let (_, body) = inbox
        .receipt(receipt_id)
        .await
        .unwrap()
        .expect("the receipt is there");
    assert_eq!(body, first);
}

pub async fn a_repeat_with_other_content_goes_to_quarantine(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let original = crawled(&ids);
    let mut changed = serde_json::from_slice::<serde_json::Value>(&original.body).unwrap();
    changed["data"]["pages"] = json!(3);
    let repeat = posted(&changed.to_string()).at(5);

    let first = inbox.accept_one(original.clone()).await;
    let inbox = reopen(place, inbox).await;
    let appended = inbox.store_one(repeat.clone()).await;

    assert_kept_beside(&*inbox, first, repeat, appended).await;
    let (receipt, body) = inbox
        .receipt(first)
        .await
        .unwrap()
        .expect("the original is there");
    assert_eq!((receipt.received_at, body), (original.received_at, original.body));
    assert_eq!(ids_of(&inbox.all().await), [first]);
}

pub async fn a_repeat_with_other_content_within_one_batch_goes_to_quarantine(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let original = crawled(&Ids::fresh());
    let repeat = NewReceipt {
        body: Bytes::from_static(b"no JSON at all"),
        ..original.clone()
    };

    let appended = inbox.store(vec![original, repeat.clone()]).await;

    let [Appended::New { receipt_id }, second] = appended[..] else {
        panic!("the first is new: {appended:?}")
    };
    assert_kept_beside(&*inbox, receipt_id, repeat, second).await;
}

/// How large a body is that takes too long to compare while others wait.
const LARGE_BYTES: usize = 600 << 10;

/// The beginning of a job, with so much that this program does not know, spelled in one way or another.
fn large(ids: &Ids, letter: &str, space: &str) -> NewReceipt {
    let (event_id, chatbot_id, text) = (ids.event_id, ids.chatbot_id, letter.repeat(LARGE_BYTES));
    posted(&format!(
        r#"{{"event":"crawling",{space}"status":"initial","event_id":"{event_id}","data":{{"chatbot_id":"{chatbot_id}"}},"x":"{text}"}}"#
    ))
}

pub async fn what_takes_long_to_compare_is_handed_back(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let (one, other) = (Ids::fresh(), Ids::fresh());
    let originals = inbox
        .accept(vec![large(&one, "a", ""), large(&other, "a", "")])
        .await;
    let respelled = large(&one, "a", " ");
    // What is small and differs from what is large.
    let small = sent(Event::CrawlingInitial, &other, Wire::V2024_07);
    let batch = [
        respelled.clone(),
        crawled(&one),
        small.clone(),
        large(&one, "a", ""),
    ];

    let stored = inbox.append(batch.map(Entry::Receipt).to_vec()).await.unwrap();

    let receipts = inbox.all().await;
    let uncompared = |receipt, held_id| Stored::Uncompared(Box::new(Uncompared { receipt, held_id }));
    let expected = [
        uncompared(respelled, originals[0]),
        Stored::Receipt(Appended::New {
            receipt_id: receipts[0].id,
        }),
        uncompared(small, originals[1]),
        Stored::Receipt(duplicate_of(originals[0])),
    ];
    let stored: Vec<_> = stored.into_iter().map(Result::unwrap).collect();
    assert_eq!(stored, expected);
    assert_eq!(receipts.len(), 3);
    assert!(inbox.whole_quarantine().await.is_empty());
}

pub async fn a_large_repeat_in_other_words_leaves_nothing_behind(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();

    // Also within one batch, where the original is not on disk yet when the repeat is looked at.
    let appended = inbox
        .store(vec![large(&ids, "a", ""), large(&ids, "a", " ")])
        .await;
    let later = inbox.store_one(large(&ids, "a", "  ")).await;

    let [Appended::New { receipt_id }, repeat] = appended[..] else {
        panic!("the first is new: {appended:?}")
    };
    assert_eq!([repeat, later], [duplicate_of(receipt_id); 2]);
    assert_eq!(ids_of(&inbox.all().await), [receipt_id]);
    assert!(inbox.whole_quarantine().await.is_empty());
}

pub async fn a_large_repeat_with_other_content_goes_to_quarantine(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let first = inbox.accept_one(large(&ids, "a", "")).await;
    let repeat = large(&ids, "b", "").at(5);

    let appended = inbox.store_one(repeat.clone()).await;

    assert_kept_beside(&*inbox, first, repeat, appended).await;
    assert_eq!(ids_of(&inbox.all().await), [first]);
}

pub async fn many_repeats_in_other_words_are_all_recognized(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notifications: Vec<_> = (0..20)
        .map(|_| sent(Event::CrawlingInitial, &Ids::fresh(), Wire::V2024_07))
        .collect();
    let receipt_ids = inbox.accept(notifications.clone()).await;

    // Together more than is compared for one batch.
    let respelled = notifications.into_iter().map(|notification| NewReceipt {
        body: [&notification.body[..], &b" ".repeat(50 << 10)].concat().into(),
        ..notification
    });
    let appended = inbox.store(respelled.collect()).await;

    let expected: Vec<_> = receipt_ids.into_iter().map(duplicate_of).collect();
    assert_eq!(appended, expected);
    assert!(inbox.whole_quarantine().await.is_empty());
}
