//! Promise: what the store leaves uncompared is compared in nobody's way, and answered when what came of it is stored.

use super::super::super::comparing::MAX_OVERTAKEN;
use super::*;
use crate::event::{Identity, ModelId, Name, Wire};
use crate::inbox::announce::Remarks;
use crate::inbox::{NewReceipt, Origin, QuarantineId, ReceiptId, Uncompared};

const HELD: ReceiptId = ReceiptId::new(Uuid::from_u128(7));

/// A notification with an identity or without one.
fn notification(identity: Identity, body: &'static str) -> NewReceipt {
    NewReceipt {
        request_id: RequestId::new(Uuid::nil()),
        received_at: Timestamp::from_micros(0),
        wire: Wire::V2024_01,
        name: Name {
            event: "training".into(),
            status: "initial".into(),
        },
        identity,
        chatbot_id: None,
        body: Bytes::from_static(body.as_bytes()),
        origin: Origin::Webhook,
        trace: None,
        differs_from: None,
        remarks: Remarks::default(),
        bearer: None,
    }
}

fn identified(body: &'static str) -> NewReceipt {
    let model_id = ModelId::new(Uuid::nil());
    notification(Identity::Model { model_id }, body)
}

fn uncompared(receipt: &NewReceipt, held_id: ReceiptId) -> Stored {
    Stored::Uncompared(Box::new(Uncompared {
        receipt: receipt.clone(),
        held_id,
    }))
}

fn duplicate(differs: Option<QuarantineId>) -> Stored {
    Stored::Receipt(Appended::Duplicate {
        receipt_id: HELD,
        differs,
    })
}

/// A writer on a store that holds `{"a":1}` and lets every batch through.
fn start_holding() -> (Arc<FakeInbox>, Writer) {
    let inbox = FakeInbox::new();
    inbox.gate.add_permits(1_000);
    *inbox.held.lock() = Some(Bytes::from_static(br#"{"a":1}"#));
    let (writer, _) = start(&inbox, 10);
    (inbox, writer)
}

/// Asks the writer to store a notification that the store leaves uncompared; returns when the original is being read.
async fn ask_uncompared(writer: &Writer, inbox: &FakeInbox, receipt: &NewReceipt) -> Asked {
    let read_count = *inbox.read_count.borrow();
    inbox.answer_next_with(Ok(vec![Ok(uncompared(receipt, HELD))]));
    let (writer, entry) = (writer.clone(), Entry::Receipt(receipt.clone()));
    let asked = tokio::spawn(async move { writer.append(entry).await });
    inbox.read(read_count + 1).await;
    asked
}

#[tokio::test(start_paused = true)]
async fn others_are_answered_while_a_repeat_is_compared() {
    let (inbox, writer) = start_holding();
    let repeat = identified(r#"{"a": 1}"#);

    let asked = ask_uncompared(&writer, &inbox, &repeat).await;
    let answers = [
        soon(writer.append(entry(2))).await.unwrap(),
        soon(writer.append(entry(3))).await.unwrap(),
    ];

    assert_eq!(answers, [quarantined(2), quarantined(3)]);
    assert!(!asked.is_finished());
    inbox.read_gate.add_permits(1);
    assert_eq!(soon(asked).await.unwrap().unwrap(), duplicate(None));
    assert_eq!(inbox.batches().len(), 3, "nothing more is stored");
}

#[tokio::test(start_paused = true)]
async fn others_of_the_same_batch_are_answered_with_it() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    let first = occupy(&writer, &inbox).await;
    let repeat = identified(r#"{"a": 1}"#);
    inbox.answer_next_with(Ok(vec![Ok(quarantined(1))]));
    inbox.answer_next_with(Ok(vec![Ok(uncompared(&repeat, HELD)), Ok(quarantined(2))]));

    let asked = ask(&writer, Entry::Receipt(repeat)).await;
    let neighbour = ask(&writer, entry(2)).await;
    inbox.gate.add_permits(2);

    first.await.unwrap().unwrap();
    assert_eq!(soon(neighbour).await.unwrap().unwrap(), quarantined(2));
    assert!(!asked.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_differs_is_answered_when_its_copy_is_kept() {
    let (inbox, writer) = start_holding();
    let repeat = identified(r#"{"a":2}"#);
    let copy_id = QuarantineId::new(Uuid::from_u128(8));

    let asked = ask_uncompared(&writer, &inbox, &repeat).await;
    inbox.answer_next_with(Ok(vec![Ok(Stored::Quarantined(copy_id))]));
    inbox.read_gate.add_permits(1);

    assert_eq!(soon(asked).await.unwrap().unwrap(), duplicate(Some(copy_id)));
    let copies = inbox.last_batch.lock().clone();
    let [Entry::Quarantine(copy)] = &copies[..] else {
        panic!("a copy goes into quarantine, not {copies:?}")
    };
    assert_eq!((copy.receipt_id, &copy.body), (Some(HELD), &repeat.body));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_cannot_be_kept_is_an_error() {
    let (inbox, writer) = start_holding();

    let asked = ask_uncompared(&writer, &inbox, &identified(r#"{"a":2}"#)).await;
    inbox.answer_next_with(Err(no_space()));
    inbox.read_gate.add_permits(1);

    let answer = soon(asked).await.unwrap();
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_no_id_and_differs_is_stored_if_it_was_compared_with_the_last() {
    let (inbox, writer) = start_holding();
    let message = notification(Identity::Windowed, r#"{"a":2}"#);
    let [other_id, receipt_id] = [8, 9].map(|number| ReceiptId::new(Uuid::from_u128(number)));

    let asked = ask_uncompared(&writer, &inbox, &message).await;
    // Another one was stored meanwhile.
    inbox.answer_next_with(Ok(vec![Ok(uncompared(&message, other_id))]));
    inbox.answer_next_with(Ok(vec![Ok(Stored::Receipt(Appended::New { receipt_id }))]));
    inbox.read_gate.add_permits(2);

    let new = Stored::Receipt(Appended::New { receipt_id });
    assert_eq!(soon(asked).await.unwrap().unwrap(), new);
    let last = inbox.last_batch.lock().clone();
    let [Entry::Receipt(last)] = &last[..] else {
        panic!("it is stored as a receipt, not {last:?}")
    };
    assert_eq!((last.differs_from, &last.body), (Some(other_id), &message.body));
}

#[tokio::test(start_paused = true)]
async fn what_is_overtaken_again_and_again_is_given_up() {
    let (inbox, writer) = start_holding();
    let message = notification(Identity::Windowed, r#"{"a":2}"#);

    let asked = ask_uncompared(&writer, &inbox, &message).await;
    for _ in 0..MAX_OVERTAKEN {
        inbox.answer_next_with(Ok(vec![Ok(uncompared(&message, HELD))]));
    }
    inbox.read_gate.add_permits(100);

    let answer = soon(asked).await.unwrap();
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    assert_eq!(*inbox.read_count.borrow(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_original_any_more_is_stored_anew() {
    let (inbox, writer) = start_holding();
    *inbox.held.lock() = None;
    let repeat = identified(r#"{"a":1}"#);

    let asked = ask_uncompared(&writer, &inbox, &repeat).await;
    let new = Stored::Receipt(Appended::New { receipt_id: HELD });
    inbox.answer_next_with(Ok(vec![Ok(new.clone())]));
    inbox.read_gate.add_permits(1);

    assert_eq!(soon(asked).await.unwrap().unwrap(), new);
}

#[tokio::test(start_paused = true)]
async fn one_is_compared_at_a_time_and_the_next_waits_only_so_long() {
    let (inbox, writer) = start_holding();
    let repeat = identified(r#"{"a": 1}"#);
    let first = ask_uncompared(&writer, &inbox, &repeat).await;
    let started_at = Instant::now();

    inbox.answer_next_with(Ok(vec![Ok(uncompared(&repeat, HELD))]));
    let second = soon(writer.append(Entry::Receipt(repeat))).await;

    assert!(is_timeout(&second), "{second:?}");
    assert_eq!(started_at.elapsed(), PATIENCE);
    assert_eq!(*inbox.read_count.borrow(), 1, "only the first was read");
    inbox.read_gate.add_permits(1);
    assert_eq!(soon(first).await.unwrap().unwrap(), duplicate(None));
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_nobody_waits_for_is_compared_and_kept_all_the_same() {
    let (inbox, writer) = start_holding();
    let asked = ask_uncompared(&writer, &inbox, &identified(r#"{"a":2}"#)).await;

    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    // Nor does anybody else have a writer.
    drop(writer);
    inbox.read_gate.add_permits(1);

    inbox.given(2).await;
    let copies = inbox.last_batch.lock().clone();
    assert!(matches!(copies[..], [Entry::Quarantine(_)]), "{copies:?}");
}
