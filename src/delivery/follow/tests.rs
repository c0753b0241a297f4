//! Promise: what was asked for is done once, whatever the store takes, and answers do not stay for longer than they are needed.

mod replays;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};
use uuid::Uuid;

use super::super::status::Status;
use super::*;
use crate::delivery::send::sample;
use crate::event::EventId;
use crate::inbox::fake::FakeInbox;
use crate::inbox::instruction::{Question, Replay};
use crate::inbox::outbox::{Attempt, Destination, InstructionId, Outcome};
use crate::telemetry::testing::Log;

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
        board: Board::default(),
    };
    served.board.show(Some(Status {
        is_restored: true,
        ..Status::default()
    }));
    let count = AtomicUsize::new(0);
    let answers: Answers = Arc::new(move |_| {
        let count = count.fetch_add(1, Ordering::Relaxed) + 1;
        std::future::ready(Ok(json!(count))).boxed()
    });
    let inbox: Arc<dyn Inbox> = Arc::clone(inbox) as _;
    let follower = Follower::new((inbox, leader), vec![served], Arc::default(), answers);
    (follower, orders)
}

fn ask(inbox: &FakeInbox, instruction: &Instruction) -> InstructionId {
    let body = serde_json::to_string(instruction).expect("an instruction has a JSON form");
    let kept = outbox::Instruction::new(body);
    let id = kept.id;
    inbox.outbox.instructions.lock().push(kept);
    id
}

/// The progress of the first instruction, once that is done.
fn done(inbox: &FakeInbox) -> Option<String> {
    done_of(inbox, 0)
}

/// The progress of that instruction, once it is done.
fn done_of(inbox: &FakeInbox, index: usize) -> Option<String> {
    let kept = inbox.outbox.instructions.lock()[index].clone();
    kept.done_at.map(|_| kept.progress)
}

/// How that instruction ended.
fn end_of(inbox: &FakeInbox, index: usize) -> Progress {
    serde_json::from_str(&done_of(inbox, index).expect("it is done")).unwrap()
}

fn backfill() -> Instruction {
    Instruction::Ask(Question::Backfill {
        event_id: EventId::new(Uuid::from_u128(1)),
        chatbot_id: None,
        dry_run: false,
    })
}

/// A replay of a receipt, which has been begun with.
fn replay(inbox: &FakeInbox) -> InstructionId {
    let id = ask(
        inbox,
        &Instruction::Replay(Replay {
            receipt_ids: vec![ReceiptId::new(Uuid::from_u128(1))],
            ..Replay::default()
        }),
    );
    let begun = Progress {
        last: 1,
        ..Progress::default()
    };
    let mut instructions = inbox.outbox.instructions.lock();
    instructions.last_mut().expect("one was asked for").progress = serde_json::to_string(&begun).unwrap();
    id
}

/// Does all that it is told; gives what that was, once the follower is gone.
fn obeying(mut orders: mpsc::Receiver<Order>) -> JoinHandle<Vec<What>> {
    tokio::spawn(async move {
        let mut obeyed = Vec::new();
        while let Some(order) = orders.recv().await {
            let _ = order.answer.send(Ok(1));
            obeyed.push(order.what);
        }
        obeyed
    })
}

/// Has questions that take long begun with, and answered where that is to be had at once.
async fn answer_slow(follower: &Follower) -> Result<bool, inbox::Error> {
    let turned = follower.turn(Part::Questions).await;
    assert!(
        follower.answer_begun().now_or_never().is_none(),
        "it goes on for ever"
    );
    turned
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
            let _ = order.answer.send(Ok(usize::from(order_count == 1)));
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

#[tokio::test]
async fn a_replay_that_cannot_be_read_stands_in_the_way_of_no_other() {
    let inbox = FakeInbox::new();
    replay(&inbox);
    replay(&inbox);
    inbox.read_gate.add_permits(2);
    *inbox.failing_read_count.lock() = 1;
    let (follower, _orders) = follower(&inbox);

    follower.turn(Part::Replays).await.unwrap_err();

    assert_eq!(done(&inbox), None);
    let failure = end_of(&inbox, 1).failure;
    assert!(
        failure
            .as_deref()
            .is_some_and(|it| it.starts_with("there is no receipt")),
        "{failure:?}"
    );
}

#[tokio::test]
async fn an_end_that_cannot_be_written_down_stands_in_the_way_of_nothing_else() {
    let inbox = FakeInbox::new();
    let question = ask(&inbox, &Instruction::Ask(Question::Ensure));
    ask(&inbox, &Instruction::Ask(Question::Subscription));
    *inbox.outbox.unwritable.lock() = Some(question);
    let (follower, _orders) = follower(&inbox);

    follower.turn(Part::Rest).await.unwrap_err();

    assert_eq!(done(&inbox), None);
    assert_eq!(end_of(&inbox, 1).answer, Some(json!(2)));
    // Nor while that is tried again.
    ask(&inbox, &Instruction::Ask(Question::Subscription));
    follower.turn(Part::Rest).await.unwrap_err();
    assert_eq!(end_of(&inbox, 2).answer, Some(json!(3)));
}

#[tokio::test]
async fn an_instruction_of_a_newer_version_whose_end_cannot_be_written_down_stands_in_the_way_of_nothing_else()
 {
    let inbox = FakeInbox::new();
    let newer = outbox::Instruction::new(r#"{"kind":"newer"}"#.to_owned());
    *inbox.outbox.unwritable.lock() = Some(newer.id);
    inbox.outbox.instructions.lock().push(newer);
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let (follower, _orders) = follower(&inbox);

    follower.turn(Part::Rest).await.unwrap_err();

    assert_eq!(end_of(&inbox, 1).answer, Some(json!(1)));
}

#[tokio::test]
async fn a_question_that_takes_long_and_whose_end_cannot_be_written_down_stands_in_the_way_of_no_other() {
    let inbox = FakeInbox::new();
    *inbox.outbox.unwritable.lock() = Some(ask(&inbox, &backfill()));
    ask(&inbox, &backfill());
    let (follower, _orders) = follower(&inbox);

    answer_slow(&follower).await.unwrap();

    assert_eq!(done(&inbox), None);
    assert_eq!(end_of(&inbox, 1).answer, Some(json!(2)));
    // What is answered is not begun with again, and is told where ends are written down.
    answer_slow(&follower).await.unwrap();
    follower.turn(Part::Rest).await.unwrap_err();
    *inbox.outbox.unwritable.lock() = None;
    follower.turn(Part::Rest).await.unwrap();
    assert_eq!(end_of(&inbox, 0).answer, Some(json!(1)));
}

#[tokio::test]
async fn questions_that_take_long_are_answered_however_many_there_were() {
    let inbox = FakeInbox::new();
    let (follower, _orders) = follower(&inbox);
    for index in 0..=COUNT {
        ask(&inbox, &backfill());

        answer_slow(&follower).await.unwrap();

        assert!(done_of(&inbox, index).is_some(), "{index}");
        // Who never does is given nothing any more.
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_asked_long_ago_is_told_so_soon() {
    let inbox = FakeInbox::new();
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let asked_at = Timestamp::now().minus(QUESTION_TIMEOUT - Duration::from_secs(5));
    inbox.outbox.instructions.lock()[0].created_at = asked_at;
    let (mut follower, _orders) = follower(&inbox);
    follower.answers = Arc::new(|_| std::future::pending().boxed());

    let turned = timeout(Duration::from_secs(6), follower.turn(Part::Rest)).await;

    turned.expect("it waits no longer than whoever asked").unwrap();
    assert_eq!(end_of(&inbox, 0).failure.as_deref(), Some("it took too long"));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_kept() {
    let inbox = FakeInbox::new();
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let (mut follower, _orders) = follower(&inbox);
    follower.answers = Arc::new(|_| std::future::ready(Ok(json!("x".repeat(8 << 20)))).boxed());

    follower.turn(Part::Rest).await.unwrap();

    let end = end_of(&inbox, 0);
    assert_eq!(
        (end.answer, end.failure.as_deref()),
        (None, Some("the answer is too long"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_does_not_get_on_is_looked_at_less_and_less_often() {
    let (waits, id) = (Waits::default(), InstructionId::new(Uuid::nil()));
    for (position, seconds) in [(7, 1), (7, 2), (7, 4), (8, 1), (8, 2)] {
        waits.wait(id, position);
        let wait = Duration::from_secs(seconds);
        advance(wait - Duration::from_millis(1)).await;
        assert!(waits.is_early(id), "{position} {seconds}");
        advance(Duration::from_millis(1)).await;
        assert!(!waits.is_early(id), "{position} {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_does_not_wait_for_the_end_of_another_that_takes_long() {
    let inbox = FakeInbox::new();
    ask(&inbox, &backfill());
    let (mut follower, _orders) = follower(&inbox);
    let is_first = AtomicBool::new(true);
    let (asked, mut was_asked) = mpsc::channel(1);
    follower.answers = Arc::new(move |_| match is_first.swap(false, Ordering::Relaxed) {
        true => {
            asked.try_send(()).expect("there is room for one");
            std::future::pending().boxed()
        }
        false => std::future::ready(Ok(json!("soon"))).boxed(),
    });
    let following = tokio::spawn(async move { follower.run().await });
    was_asked.recv().await.expect("the first is asked");

    ask(&inbox, &backfill());

    let answered = async {
        while done_of(&inbox, 1).is_none() {
            sleep(INTERVAL).await;
        }
    };
    timeout(QUESTION_TIMEOUT / 2, answered)
        .await
        .expect("it is answered");
    assert_eq!(end_of(&inbox, 1).answer, Some(json!("soon")));
    assert_eq!(done(&inbox), None);
    following.abort();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_has_not_read_yet_what_waits_keeps_nothing_for_another_destination() {
    let inbox = FakeInbox::new();
    let (mut follower, orders) = follower(&inbox);
    let (sender, _never_received) = mpsc::channel(1);
    let board = Board::default();
    follower.served.push(Served {
        name: "reading".to_owned(),
        orders: sender,
        board: board.clone(),
        ..follower.served[0].clone()
    });
    let obeying = obeying(orders);
    let pause = |destination: &str| Instruction::Pause {
        destination: destination.to_owned(),
        reason: String::new(),
    };
    let resume = Instruction::Resume {
        destination: "reading".to_owned(),
    };
    for instruction in [pause("reading"), resume, pause("app")] {
        ask(&inbox, &instruction);
    }

    // That is no failure: it is done as soon as it can be.
    let turned = timeout(Duration::from_secs(60), follower.turn(Part::Rest)).await;
    assert!(turned.expect("it waits for nobody").unwrap());

    assert_eq!((done_of(&inbox, 0), done_of(&inbox, 1)), (None, None));
    assert_eq!(end_of(&inbox, 2), Progress::default());
    drop(follower);
    assert_eq!(obeying.await.unwrap().len(), 1);
}

#[tokio::test]
async fn however_much_a_worker_has_to_do_that_reads_yet_what_waits_nothing_else_waits_behind_that() {
    let inbox = FakeInbox::new();
    let (mut follower, orders) = follower(&inbox);
    let board = Board::default();
    follower.served.push(Served {
        name: "reading".to_owned(),
        board: board.clone(),
        ..follower.served[0].clone()
    });
    let obeying = obeying(orders);
    let cancel = |number: usize| Instruction::Cancel {
        destination: "reading".to_owned(),
        receipt_id: ReceiptId::new(Uuid::from_u128(number as u128)),
    };
    (0..=COUNT).for_each(|number| _ = ask(&inbox, &cancel(number)));
    let remove = Instruction::Remove {
        destination: "reading".to_owned(),
    };
    let pause = Instruction::Pause {
        destination: "app".to_owned(),
        reason: String::new(),
    };
    for instruction in [remove, pause, Instruction::Ask(Question::Ensure)] {
        ask(&inbox, &instruction);
    }

    // Looking for a receipt would wait without an end.
    let turned = timeout(Duration::from_secs(60), follower.turn(Part::Rest)).await;
    turned.expect("nothing is looked for").unwrap();

    // Nor are their receipts looked for.
    assert!((0..=COUNT).all(|index| done_of(&inbox, index).is_none()));
    assert!(end_of(&inbox, COUNT + 1).failure.is_some());
    assert_eq!(end_of(&inbox, COUNT + 2), Progress::default());
    assert_eq!(end_of(&inbox, COUNT + 3).answer, Some(json!(1)));
    board.show(follower.served[0].board.status());
    inbox.read_gate.add_permits(COUNT);
    follower.turn(Part::Rest).await.unwrap();
    let failure = end_of(&inbox, 0).failure.expect("there is no such receipt");
    assert!(failure.starts_with("there is no receipt"), "{failure}");
    drop(follower);
    assert_eq!(obeying.await.unwrap().len(), 1);
}

#[tokio::test]
async fn questions_that_take_long_leave_room_for_all_else() {
    let inbox = FakeInbox::new();
    (0..COUNT).for_each(|_| _ = ask(&inbox, &backfill()));
    let (follower, _orders) = follower(&inbox);
    follower.turn(Part::Questions).await.unwrap();
    assert_eq!(follower.begun.ids().len(), COUNT);
    ask(&inbox, &Instruction::Ask(Question::Ensure));

    follower.turn(Part::Rest).await.unwrap();

    assert_eq!(end_of(&inbox, COUNT).answer, Some(json!(1)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_emptied_stands_in_the_way_of_no_question() {
    let inbox = FakeInbox::new();
    let answered = ask(&inbox, &Instruction::Ask(Question::Ensure));
    let (follower, _orders) = follower(&inbox);
    follower.turn(Part::Rest).await.unwrap();
    advance(Duration::from_secs(15)).await;
    *inbox.outbox.unwritable.lock() = Some(answered);
    ask(&inbox, &backfill());

    answer_slow(&follower).await.unwrap_err();

    assert_eq!(end_of(&inbox, 1).answer, Some(json!(2)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_emptied_keeps_no_other() {
    let inbox = FakeInbox::new();
    let [first, _] = [(); 2].map(|()| ask(&inbox, &Instruction::Ask(Question::Ensure)));
    let (follower, _orders) = follower(&inbox);
    follower.turn(Part::Rest).await.unwrap();
    advance(Duration::from_secs(15)).await;
    *inbox.outbox.unwritable.lock() = Some(first);

    follower.turn(Part::Questions).await.unwrap_err();

    assert_ne!(done(&inbox).as_deref(), Some("{}"));
    assert_eq!(done_of(&inbox, 1).as_deref(), Some("{}"));
    // It is tried again.
    *inbox.outbox.unwritable.lock() = None;
    follower.turn(Part::Questions).await.unwrap();
    assert_eq!(done(&inbox).as_deref(), Some("{}"));
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_any_more_is_not_kept_until_it_can_be_written() {
    let inbox = FakeInbox::new();
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let asked_at = Timestamp::now().minus(QUESTION_TIMEOUT);
    inbox.outbox.instructions.lock()[0].created_at = asked_at;
    let (follower, _orders) = follower(&inbox);
    *inbox.outbox.is_full.lock() = true;
    follower.turn(Part::Rest).await.unwrap_err();
    *inbox.outbox.is_full.lock() = false;

    follower.turn(Part::Rest).await.unwrap();

    let Progress { answer, failure, .. } = end_of(&inbox, 0);
    assert_eq!((answer, failure), (None, None));
}

#[tokio::test(start_paused = true)]
async fn an_end_of_which_the_store_did_not_say_that_it_took_it_down_is_not_kept_for_ever() {
    let inbox = FakeInbox::new();
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    replay(&inbox);
    inbox.read_gate.add_permits(1);
    let (follower, _orders) = follower(&inbox);
    *inbox.outbox.loses_answers.lock() = true;
    for part in [Part::Replays, Part::Rest] {
        follower.turn(part).await.unwrap_err();
    }
    let ends = [done_of(&inbox, 0), done_of(&inbox, 1)];
    assert!(ends.iter().all(Option::is_some), "{ends:?}");
    *inbox.outbox.loses_answers.lock() = false;

    follower.turn(Part::Rest).await.unwrap();

    assert_eq!(follower.unwritten.ids().len(), 0);
    assert_eq!([done_of(&inbox, 0), done_of(&inbox, 1)], ends);
    advance(Duration::from_secs(15)).await;
    follower.turn(Part::Questions).await.unwrap();
    assert_eq!(done(&inbox).as_deref(), Some("{}"));
}

#[tokio::test]
async fn no_more_is_followed_where_too_many_ends_are_unwritten() {
    let inbox = FakeInbox::new();
    for _ in 0..=COUNT {
        ask(&inbox, &Instruction::Ask(Question::Ensure));
    }
    let (follower, _orders) = follower(&inbox);
    // Whether these are open any more does not matter.
    *inbox.outbox.loses_answers.lock() = true;

    for _ in 0..2 {
        follower.turn(Part::Rest).await.unwrap_err();
    }

    assert_eq!(follower.unwritten.ids().len(), COUNT);
}

#[tokio::test]
async fn what_was_ended_or_removed_is_told_as_done_also_where_the_store_did_not_say_that_it_was() {
    let inbox = FakeInbox::new();
    let id = replay(&inbox);
    inbox.outbox.destinations.lock().push(Destination {
        id: DestinationId(2),
        name: "gone".to_owned(),
        cursor: 0,
        added_at: Timestamp::now(),
        removed_at: None,
        unconfigured_at: None,
        pause: None,
        pending_count: 0,
        dead_count: 0,
    });
    let remove = Instruction::Remove {
        destination: "gone".to_owned(),
    };
    let instructions = [Instruction::EndReplay { id }, remove];
    for instruction in &instructions {
        ask(&inbox, instruction);
    }
    let (follower, _orders) = follower(&inbox);
    *inbox.outbox.loses_answers.lock() = true;
    follower.turn(Part::Rest).await.unwrap_err();
    assert!(end_of(&inbox, 0).ended);
    assert_eq!((done_of(&inbox, 1), done_of(&inbox, 2)), (None, None));
    *inbox.outbox.loses_answers.lock() = false;

    follower.turn(Part::Rest).await.unwrap();

    assert_eq!(
        (end_of(&inbox, 1).failure, end_of(&inbox, 2).failure),
        (None, None)
    );
    // Who asks for it when it was so already is told that.
    for instruction in &instructions {
        ask(&inbox, instruction);
        let mut kept = inbox.outbox.instructions.lock();
        let again = kept.last_mut().expect("one was asked for");
        again.created_at = again.created_at.plus(Duration::from_secs(1));
    }
    follower.turn(Part::Rest).await.unwrap();
    let failures = [3, 4].map(|index| end_of(&inbox, index).failure.unwrap_or_default());
    let ended = format!("there is no replay {id} that is not done");
    assert_eq!(failures, [ended, "gone is removed already".to_owned()]);
}

#[tokio::test]
async fn a_later_wish_waits_for_an_earlier_one_about_the_same() {
    let inbox = FakeInbox::new();
    *inbox.held.lock() = Some(Bytes::new());
    inbox.read_gate.add_permits(4);
    *inbox.failing_read_count.lock() = 1;
    let [this, other] = [1, 2].map(|id| ReceiptId::new(Uuid::from_u128(id)));
    let destination = "app".to_owned();
    for instruction in [
        Instruction::Retry {
            destination: destination.clone(),
            receipt_id: this,
        },
        Instruction::Cancel {
            destination: destination.clone(),
            receipt_id: this,
        },
        Instruction::Cancel {
            destination: destination.clone(),
            receipt_id: other,
        },
        Instruction::Resume { destination },
    ] {
        ask(&inbox, &instruction);
    }
    let (follower, orders) = follower(&inbox);
    let obeying = obeying(orders);

    follower.turn(Part::Rest).await.unwrap_err();
    follower.turn(Part::Rest).await.unwrap();

    drop(follower);
    let obeyed = obeying.await.unwrap();
    let [
        What::Cancel(first, _),
        What::Resume,
        What::Retry(_),
        What::Cancel(last, _),
    ] = &*obeyed
    else {
        panic!("{} orders, not in that order", obeyed.len());
    };
    assert_eq!((first.id, last.id), (other, this));
}

#[tokio::test]
async fn a_retry_of_what_a_destination_does_not_want_any_more_says_so() {
    let refused = |state| {
        let attempt = Attempt {
            number: 1,
            started_at: Timestamp::MIN,
            duration: Duration::ZERO,
            outcome: Outcome::Refused,
            status: None,
            detail: String::new(),
            answer: Bytes::new(),
        };
        let row = Delivery {
            destination: DestinationId(1),
            sequence: 1,
            state,
            step: 1,
            attempt_count: 1,
            replay_count: 0,
            outcome: Some(attempt.outcome),
            due_at: Timestamp::MIN,
            changed_at: Timestamp::MIN,
        };
        (
            row,
            sample::parcel(r#"{"event":"x","status":"y"}"#).receipt,
            attempt,
        )
    };
    let left_out = "the `events` or `chatbots` of app leave it out now";
    let not_pending = "it is not pending there, or waits for its turn behind many others";
    // The receipt itself is of a training.
    for (events, state, expected) in [
        ("crawling", Some(State::Dead), left_out),
        ("crawling", Some(State::Cancelled), left_out),
        ("crawling", None, left_out),
        ("crawling", Some(State::Pending), not_pending),
        ("training", Some(State::Dead), not_pending),
        ("training", None, not_pending),
    ] {
        let inbox = FakeInbox::new();
        inbox.read_gate.add_permits(1);
        *inbox.held.lock() = Some(Bytes::new());
        inbox.outbox.pending.lock().extend(state.map(refused));
        let (mut follower, mut orders) = follower(&inbox);
        follower.served[0].filter.events = vec![events.parse().unwrap()];
        // As a worker that has nothing to do for it.
        let working = tokio::spawn(async move {
            while let Some(order) = orders.recv().await {
                let _ = order.answer.send(Ok(0));
            }
        });
        let retry = Instruction::Retry {
            destination: "app".to_owned(),
            receipt_id: ReceiptId::new(Uuid::from_u128(1)),
        };
        ask(&inbox, &retry);

        follower.turn(Part::Rest).await.unwrap();

        drop(follower);
        working.await.unwrap();
        let said = end_of(&inbox, 0).failure;
        assert_eq!(said.as_deref(), Some(expected), "{events} {state:?}");
    }
}

#[tokio::test]
async fn a_retry_of_what_has_just_ended_waits_until_that_is_recorded() {
    let inbox = FakeInbox::new();
    inbox.read_gate.add_permits(2);
    *inbox.held.lock() = Some(Bytes::new());
    let (follower, mut orders) = follower(&inbox);
    let retry = Instruction::Retry {
        destination: "app".to_owned(),
        receipt_id: ReceiptId::new(Uuid::from_u128(1)),
    };
    ask(&inbox, &retry);
    tokio::spawn(async move {
        for answer in [Err(Undone::Unrecorded), Ok(1)] {
            let order = orders.recv().await.expect("it is told once more");
            let _ = order.answer.send(answer);
        }
    });

    follower.turn(Part::Rest).await.unwrap();

    assert_eq!(done(&inbox), None);
    follower.turn(Part::Rest).await.unwrap();
    assert_eq!(end_of(&inbox, 0), Progress::default());
}
