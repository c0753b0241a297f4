//! Promise: what stands in quarantine and can be read is accepted once, however often that is asked for; of the rest it is
//! said why not.

use super::super::acceptance::{Acceptance, NotAccepted};
use super::super::announce::Announcer;
use super::super::{Writer, writer};
use super::*;
use crate::event::ParseError;

/// What accepts from that store.
pub fn acceptance(inbox: &Arc<dyn Inbox>) -> Acceptance {
    let settings = writer::Settings {
        queue_count: 8,
        timeout: Duration::from_secs(60),
    };
    let (writer, writing) = Writer::new(Arc::clone(inbox), settings, Announcer::default());
    tokio::spawn(writing);
    Acceptance::new(Arc::clone(inbox), writer, super::settings().duplicate_window)
}

/// A notification that was refused, as for its content type.
pub fn refused_notification(receipt: &NewReceipt) -> NewQuarantined {
    NewQuarantined {
        reason: "unsupported-media-type".to_owned(),
        ..refused(&receipt.body)
    }
}

pub async fn what_can_be_read_now_is_accepted_after_all_once(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let id = inbox.refuse(refused_notification(&crawled(&ids))).await;

    let accepted = acceptance(&inbox).accept(id).await.expect("it is accepted");

    assert!(accepted.is_new);
    assert_eq!(accepted.notification.event_id, Some(ids.event_id));
    let (receipt, body) = inbox
        .receipt(accepted.receipt_id)
        .await
        .unwrap()
        .expect("it is there");
    assert_eq!(body, crawled(&ids).body);
    assert_eq!(receipt.origin, Origin::Webhook);
    assert!(receipt.received_at > at(0), "it came when it was accepted");
    let (kept, _) = inbox.quarantined(id).await.unwrap().expect("it is there");
    assert_eq!(kept.accepted_as, Some(accepted.receipt_id));
    assert_eq!(kept.duplicate_of, None);

    let inbox = reopen(place, inbox).await;
    let again = acceptance(&inbox).accept(id).await.expect("it was accepted");

    assert_eq!((again.receipt_id, again.is_new), (accepted.receipt_id, false));
    assert_eq!(inbox.all().await.len(), 1);
}

pub async fn without_any_id_it_is_accepted_once_too(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let nameless = sent(Event::TrainingInitial, &ids, Wire::V2024_01);
    let id = inbox.refuse(refused_notification(&nameless)).await;
    let acceptance = acceptance(&inbox);

    let both = tokio::join!(acceptance.accept(id), acceptance.accept(id));
    // Another one comes in between, so that a repeat would be a new one.
    let failed = Event::TrainingFailed { detail: None };
    inbox.accept_one(sent(failed, &ids, Wire::V2024_01)).await;
    let third = acceptance.accept(id).await;

    let receipt_ids = [both.0, both.1, third].map(|accepted| accepted.expect("it is accepted").receipt_id);
    assert_eq!(receipt_ids, [receipt_ids[0]; 3]);
    assert_eq!(inbox.all().await.len(), 2);
}

pub async fn without_any_id_what_came_hours_apart_is_two_though_it_is_accepted_at_once(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let nameless = sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_01);
    let early = inbox.refuse(refused_notification(&nameless)).await;
    let late = NewQuarantined {
        received_at: at(0).plus(Duration::from_secs(7200)),
        ..refused_notification(&nameless)
    };
    let late = inbox.refuse(late).await;
    let acceptance = acceptance(&inbox);

    let early = acceptance.accept(early).await.expect("it is accepted");
    let late = acceptance.accept(late).await.expect("it is accepted");

    assert!(early.is_new && late.is_new, "{early:?} {late:?}");
    assert_eq!(inbox.all().await.len(), 2);
}

pub async fn without_any_id_what_came_beside_its_repeat_is_that_receipt(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let now = Timestamp::now();
    let nameless = NewReceipt {
        received_at: now,
        ..sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_01)
    };
    let original = inbox.accept_one(nameless.clone()).await;
    let refused = NewQuarantined {
        received_at: now,
        ..refused_notification(&nameless)
    };
    let id = inbox.refuse(refused).await;

    let accepted = acceptance(&inbox).accept(id).await.expect("it is known");

    assert_eq!((accepted.receipt_id, accepted.is_new), (original, false));
}

pub async fn what_is_cut_or_still_no_notification_is_not_accepted(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let cut = NewQuarantined {
        truncated: true,
        ..refused_notification(&crawled(&Ids::fresh()))
    };
    let cut = inbox.refuse(cut).await;
    let invalid = inbox
        .refuse(refused(br#"{"event": 7, "status": "completed"}"#))
        .await;
    let no_json = inbox.refuse(refused(b"{")).await;
    let acceptance = acceptance(&inbox);

    let refused = acceptance.accept(cut).await.unwrap_err();
    assert!(matches!(refused, NotAccepted::Cut { .. }), "{refused:?}");
    let refused = acceptance.accept(invalid).await.unwrap_err();
    let NotAccepted::NoNotification(ParseError::NotNotification { faults, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(faults[0].pointer, "/event");
    let refused = acceptance.accept(no_json).await.unwrap_err();
    assert!(
        matches!(refused, NotAccepted::NoNotification(ParseError::NotJson(_))),
        "{refused:?}"
    );
    let nobodys = QuarantineId::new(Uuid::now_v7());
    let refused = acceptance.accept(nobodys).await.unwrap_err();
    assert!(matches!(refused, NotAccepted::Unknown), "{refused:?}");
    assert_eq!(inbox.all().await, []);
}

pub async fn a_duplicate_that_differs_is_not_accepted(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let original = inbox.accept_one(crawled(&ids)).await;
    let other = Event::CrawlingCompleted {
        training_data_ids: Vec::new(),
    };
    let differing = sent(other, &ids, Wire::V2024_07);
    inbox.store_one(differing.clone()).await;
    let unread = inbox.refuse(refused_notification(&differing)).await;
    let whole = inbox.whole_quarantine().await;
    let copy = &whole.last().expect("the copy").0;
    assert_eq!((copy.duplicate_of, copy.accepted_as), (Some(original), None));
    let acceptance = acceptance(&inbox);

    for id in [copy.id, unread] {
        let refused = acceptance.accept(id).await.unwrap_err();
        assert!(
            matches!(refused, NotAccepted::Differs(id) if id == original),
            "{refused:?}"
        );
    }
    assert_eq!(inbox.whole_quarantine().await, whole, "nothing was added");
}

pub async fn a_duplicate_that_differs_is_accepted_once_its_original_has_expired(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    inbox.accept_one(crawled(&ids)).await;
    let other = Event::CrawlingCompleted {
        training_data_ids: Vec::new(),
    };
    let differing = sent(other, &ids, Wire::V2024_07);
    let appended = inbox.store_one(differing.clone()).await;
    let Appended::Duplicate {
        differs: Some(id), ..
    } = appended
    else {
        panic!("{appended:?}")
    };
    inbox.expire_all(1).await;
    let acceptance = acceptance(&inbox);

    let accepted = acceptance.accept(id).await.expect("it is accepted");
    let again = acceptance.accept(id).await.expect("it was accepted");

    assert!(accepted.is_new);
    assert_eq!((again.receipt_id, again.is_new), (accepted.receipt_id, false));
    let (_, body) = inbox
        .receipt(accepted.receipt_id)
        .await
        .unwrap()
        .expect("it is there");
    assert_eq!(body, differing.body);
    assert_eq!(inbox.all().await.len(), 1);
}

pub async fn what_came_again_meanwhile_is_that_receipt(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notification = crawled(&Ids::fresh());
    let id = inbox.refuse(refused_notification(&notification)).await;
    let original = inbox.accept_one(notification).await;

    let accepted = acceptance(&inbox).accept(id).await.expect("it is known");

    assert_eq!((accepted.receipt_id, accepted.is_new), (original, false));
    let (kept, _) = inbox.quarantined(id).await.unwrap().expect("it is there");
    assert_eq!(kept.accepted_as, Some(original));
}
