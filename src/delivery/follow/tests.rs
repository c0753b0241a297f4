//! Promise: what was asked for is done once, whatever the store takes, and answers do not stay for longer than they are needed.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use serde_json::json;
use tokio::time::advance;
use uuid::Uuid;

use super::*;
use crate::inbox::fake::FakeInbox;
use crate::inbox::instruction::Question;

/// A follower for one destination, `app`, and what its worker is told. Each answer to a question is its number.
fn follower(inbox: &Arc<FakeInbox>) -> (Follower, mpsc::Receiver<Order>) {
    let leader = Candidate {
        id: Uuid::new_v4(),
        name: "leader".to_owned(),
    };
    let (sender, orders) = mpsc::channel(8);
    let served = Served {
        name: "app".to_owned(),
        id: DestinationId(1),
        filter: Filter::default(),
        orders: sender,
    };
    let count = AtomicUsize::new(0);
    let answers: Answers = Arc::new(move |_| {
        let count = count.fetch_add(1, Ordering::Relaxed) + 1;
        std::future::ready(Ok(json!(count))).boxed()
    });
    let inbox: Arc<dyn Inbox> = Arc::clone(inbox) as _;
    let follower = Follower::new((inbox, leader), vec![served], Arc::default(), answers);
    (follower, orders)
}

fn ask(inbox: &FakeInbox, instruction: &Instruction) {
    let body = serde_json::to_string(instruction).expect("an instruction has a JSON form");
    let kept = outbox::Instruction::new(body);
    inbox.outbox.instructions.lock().push(kept);
}

/// The progress of the only instruction, once that is done.
fn done(inbox: &FakeInbox) -> Option<String> {
    let kept = inbox.outbox.instructions.lock()[0].clone();
    kept.done_at.map(|_| kept.progress)
}

#[tokio::test]
async fn what_was_done_and_could_not_be_written_down_is_not_done_again() {
    let inbox = FakeInbox::new();
    let pause = Instruction::Pause {
        destination: "app".to_owned(),
        reason: "it is down".to_owned(),
    };
    ask(&inbox, &pause);
    let (follower, mut orders) = follower(&inbox);
    let working = tokio::spawn(async move {
        let mut order_count = 0;
        while let Some(order) = orders.recv().await {
            order_count += 1;
            // As one that is paused by the first of them.
            let _ = order.answer.send(Some(usize::from(order_count == 1)));
        }
        order_count
    });
    *inbox.outbox.is_full.lock() = true;
    for _ in 0..2 {
        follower.turn(Part::Rest).await.unwrap_err();
    }
    assert_eq!(done(&inbox), None);
    *inbox.outbox.is_full.lock() = false;

    follower.turn(Part::Rest).await.unwrap();

    drop(follower);
    assert_eq!(working.await.unwrap(), 1);
    let progress = serde_json::from_str::<Progress>(&done(&inbox).unwrap()).unwrap();
    assert_eq!(progress, Progress::default());
}

#[tokio::test]
async fn a_question_whose_answer_could_not_be_written_down_is_not_asked_again() {
    let inbox = FakeInbox::new();
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let (follower, _orders) = follower(&inbox);
    *inbox.outbox.is_full.lock() = true;
    follower.turn(Part::Rest).await.unwrap_err();
    *inbox.outbox.is_full.lock() = false;

    follower.turn(Part::Rest).await.unwrap();

    let progress = serde_json::from_str::<Progress>(&done(&inbox).unwrap()).unwrap();
    assert_eq!(progress.answer, Some(json!(1)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_emptied_after_a_while_also_by_whoever_leads_next() {
    let inbox = FakeInbox::new();
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let (first, _orders) = follower(&inbox);
    first.turn(Part::Questions).await.unwrap();
    first.turn(Part::Rest).await.unwrap();
    let (second, _orders) = follower(&inbox);

    second.turn(Part::Questions).await.unwrap();

    // Whoever asked may be about to read it.
    assert_ne!(done(&inbox).as_deref(), Some("{}"));
    advance(Duration::from_secs(15)).await;
    second.turn(Part::Questions).await.unwrap();
    assert_eq!(done(&inbox).as_deref(), Some("{}"));
}

#[tokio::test]
async fn what_cannot_be_done_now_stands_in_the_way_of_nothing_else() {
    let inbox = FakeInbox::new();
    for destination in ["app", "another"] {
        ask(
            &inbox,
            &Instruction::Resume {
                destination: destination.to_owned(),
            },
        );
    }
    let (follower, orders) = follower(&inbox);
    drop(orders);

    follower.turn(Part::Rest).await.unwrap_err();

    let kept = inbox.outbox.instructions.lock();
    assert_eq!(kept[0].done_at, None);
    assert!(kept[1].progress.contains("another"), "{kept:?}");
}
