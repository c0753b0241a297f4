//! Promise: a replay sends all that it is about once, and whoever waits for what is quick does not wait for it.

use super::*;
use crate::inbox::fake;
use crate::inbox::outbox::Attempt;

/// A destination of which everything before number 100 is finished with.
fn app(pause: Option<Pause>) -> Destination {
    Destination {
        id: DestinationId(1),
        name: "app".to_owned(),
        cursor: 100,
        added_at: Timestamp::now(),
        removed_at: None,
        unconfigured_at: None,
        pause,
        pending_count: 0,
        dead_count: 0,
    }
}

/// The first receipt in that state, for that long.
fn row(state: State, changed_at: Timestamp) -> (Delivery, Receipt, Attempt) {
    let delivery = Delivery {
        destination: DestinationId(1),
        sequence: 1,
        state,
        step: 1,
        attempt_count: 1,
        replay_count: 0,
        outcome: None,
        due_at: changed_at,
        changed_at,
    };
    let attempt = Attempt {
        number: 1,
        started_at: changed_at,
        duration: Duration::ZERO,
        outcome: outbox::Outcome::Failed,
        status: None,
        detail: String::new(),
        answer: Bytes::new(),
    };
    (
        delivery,
        fake::receipt(ReceiptId::new(Uuid::from_u128(1))),
        attempt,
    )
}

/// An inbox in which every receipt is held, and is number 1.
fn holding() -> Arc<FakeInbox> {
    let inbox = FakeInbox::new();
    *inbox.held.lock() = Some(Bytes::new());
    inbox.read_gate.add_permits(100);
    inbox.outbox.destinations.lock().push(app(None));
    inbox
}

#[tokio::test]
async fn dead_letters_are_replayed_from_the_first_one_on_whatever_destination_was_gone_through_before() {
    let inbox = holding();
    let (dead, receipt, attempt) = row(State::Dead, Timestamp::now());
    // The second was given up since the replay was begun with.
    let later = Delivery {
        sequence: 101,
        ..dead
    };
    *inbox.outbox.pending.lock() = vec![
        (dead, receipt.clone(), attempt.clone()),
        (later, receipt, attempt),
    ];
    ask(
        &inbox,
        &Instruction::Replay(Replay {
            dead: true,
            ..Replay::default()
        }),
    );
    // As of a configuration in which there was another one before it.
    let begun = Progress {
        last: 100,
        position: 50,
        ahead: [("gone".to_owned(), 50)].into(),
        ..Progress::default()
    };
    inbox.outbox.instructions.lock()[0].progress = progress_text(&begun);
    let (follower, orders) = follower(&inbox);
    let obeying = obeying(orders);

    follower.turn(Part::Replays).await.unwrap();

    let end = end_of(&inbox, 0);
    assert_eq!((end.matched_count, end.replayed_count), (1, 1));
    drop(follower);
    assert_eq!(obeying.await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_an_operator_ended_before_its_turn_came_sends_nothing() {
    let inbox = holding();
    replay(&inbox);
    let kept = inbox.outbox.instructions.lock()[0].clone();
    inbox.outbox.instructions.lock()[0].done_at = Some(Timestamp::now());
    let (follower, orders) = follower(&inbox);
    let obeying = obeying(orders);
    let named = Replay {
        receipt_ids: vec![ReceiptId::new(Uuid::from_u128(1))],
        ..Replay::default()
    };

    assert!(follower.replay(kept, &named).await.unwrap());

    drop(follower);
    let obeyed = obeying.await.unwrap();
    assert!(obeyed.is_empty(), "{obeyed:?}");
}

#[tokio::test]
async fn what_comes_by_itself_is_not_replayed() {
    let now = Timestamp::now();
    for (state, cursor, matched_count) in [
        (None, 1, 1),
        (None, 0, 0),
        (Some(State::Delivered), 0, 1),
        (Some(State::Pending), 1, 0),
    ] {
        let inbox = holding();
        inbox.outbox.destinations.lock()[0].cursor = cursor;
        *inbox.outbox.pending.lock() = state.map(|state| row(state, now)).into_iter().collect();
        replay(&inbox);
        let (follower, orders) = follower(&inbox);
        let _obeying = obeying(orders);

        follower.turn(Part::Replays).await.unwrap();

        assert_eq!(
            end_of(&inbox, 0).matched_count,
            matched_count,
            "{state:?} {cursor}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_for_a_worker_that_has_not_read_what_waits_keeps_no_other() {
    let inbox = holding();
    let (mut follower, orders) = follower(&inbox);
    let (sender, _never_received) = mpsc::channel(1);
    let reading = Served {
        name: "reading".to_owned(),
        orders: sender,
        board: Board::default(),
        ..follower.served[0].clone()
    };
    follower.served.push(reading);
    let _obeying = obeying(orders);
    for destination in ["reading", "app"] {
        let named = Instruction::Replay(Replay {
            receipt_ids: vec![ReceiptId::new(Uuid::from_u128(1))],
            destination: Some(destination.to_owned()),
            ..Replay::default()
        });
        replay(&inbox);
        let mut instructions = inbox.outbox.instructions.lock();
        instructions.last_mut().expect("one was asked for").body = serde_json::to_string(&named).unwrap();
    }

    let turned = timeout(QUESTION_TIMEOUT, follower.turn(Part::Replays)).await;

    turned.expect("it waits for no worker").unwrap();
    assert_eq!(done(&inbox), None);
    assert_eq!(end_of(&inbox, 1).replayed_count, 1);
}

#[tokio::test]
async fn what_was_given_up_called_off_or_closed_is_made_pending_by_a_retry() {
    for state in [State::Dead, State::Cancelled, State::Removed] {
        let inbox = holding();
        *inbox.outbox.pending.lock() = vec![row(state, Timestamp::now())];
        ask(
            &inbox,
            &Instruction::Retry {
                destination: "app".to_owned(),
                receipt_id: ReceiptId::new(Uuid::from_u128(1)),
            },
        );
        let (follower, orders) = follower(&inbox);
        let obeying = obeying(orders);

        follower.turn(Part::Rest).await.unwrap();

        drop(follower);
        let obeyed = obeying.await.unwrap();
        assert!(matches!(obeyed[..], [What::Reopen(_)]), "{state:?} {obeyed:?}");
    }
}

#[tokio::test]
async fn what_was_replayed_while_an_operator_ended_it_is_counted() {
    let log = Log::start();
    let inbox = holding();
    replay(&inbox);
    let (follower, mut orders) = follower(&inbox);
    let ended_at = Timestamp::now().minus(Duration::from_secs(1));
    let ending = {
        let inbox = Arc::clone(&inbox);
        tokio::spawn(async move {
            let order = orders.recv().await.expect("it is told");
            let kept = inbox.outbox.instructions.lock()[0].clone();
            let said: Progress = serde_json::from_str(&kept.progress).unwrap();
            let ended = Progress { ended: true, ..said };
            inbox.outbox.instructions.lock()[0] = outbox::Instruction {
                progress: progress_text(&ended),
                done_at: Some(ended_at),
                ..kept
            };
            order.answer.send(Ok(1)).unwrap();
        })
    };

    follower.turn(Part::Replays).await.unwrap();

    ending.await.unwrap();
    let Progress {
        ended,
        replayed_count,
        ..
    } = end_of(&inbox, 0);
    assert_eq!((ended, replayed_count), (true, 1));
    assert_eq!(inbox.outbox.instructions.lock()[0].done_at, Some(ended_at));
    // Whoever ended it has said so.
    let said = log.lines();
    assert!(
        !said.iter().any(|said| said.contains("ended by an operator")),
        "{said:?}"
    );
}

#[tokio::test]
async fn of_the_receipts_that_a_replay_names_those_that_have_expired_meanwhile_keep_no_other() {
    for (failing, replayed_count) in [(false, 1), (true, 0)] {
        let inbox = holding();
        replay(&inbox);
        if failing {
            *inbox.held.lock() = None;
        }
        let gone = ReceiptId::new(Uuid::from_u128(2));
        *inbox.gone.lock() = Some(gone);
        let replay = Instruction::Replay(Replay {
            receipt_ids: vec![gone, ReceiptId::new(Uuid::from_u128(1))],
            ..Replay::default()
        });
        inbox.outbox.instructions.lock()[0].body = serde_json::to_string(&replay).unwrap();
        let (follower, orders) = follower(&inbox);
        let _obeying = obeying(orders);

        follower.turn(Part::Replays).await.unwrap();

        let end = end_of(&inbox, 0);
        assert_eq!(
            (end.failure.is_some(), end.replayed_count),
            (failing, replayed_count)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_whose_destination_takes_no_more_is_left_alone_for_longer_and_longer() {
    let inbox = holding();
    replay(&inbox);
    let (follower, mut orders) = follower(&inbox);
    let asked = Arc::new(AtomicUsize::new(0));
    let refusing = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Some(order) = orders.recv().await {
            refusing.fetch_add(1, Ordering::Relaxed);
            let _ = order.answer.send(Err(Undone::NoRoom));
        }
    });
    let mut asked_in = Vec::new();

    for second in 0..100 {
        let before = asked.load(Ordering::Relaxed);
        follower.turn(Part::Replays).await.unwrap();
        if asked.load(Ordering::Relaxed) > before {
            asked_in.push(second);
        }
        advance(Duration::from_secs(1)).await;
    }

    assert_eq!(asked_in, [0, 1, 3, 7, 15, 31, 61, 91]);
    assert_eq!(done(&inbox), None);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_had_to_wait_goes_on_before_the_end_of_a_younger_one() {
    let inbox = holding();
    let dead = (1..=5).map(|sequence| {
        let (dead, receipt, attempt) = row(State::Dead, Timestamp::now());
        (Delivery { sequence, ..dead }, receipt, attempt)
    });
    inbox.outbox.pending.lock().extend(dead);
    let replay_to = |destination: &str| Replay {
        destination: Some(destination.to_owned()),
        dead: true,
        max_per_second: Some(1.0),
        ..Replay::default()
    };
    for destination in ["reading", "app"] {
        ask(&inbox, &Instruction::Replay(replay_to(destination)));
    }
    let begun = progress_text(&Progress {
        last: 100,
        ..Progress::default()
    });
    for kept in &mut *inbox.outbox.instructions.lock() {
        kept.progress.clone_from(&begun);
    }
    let (mut follower, orders) = follower(&inbox);
    let board = Board::default();
    follower.served.push(Served {
        name: "reading".to_owned(),
        board: board.clone(),
        ..follower.served[0].clone()
    });
    let _obeying = obeying(orders);

    // The older one has to wait for a second, and the younger one takes five.
    follower.turn(Part::Replays).await.unwrap();
    assert_eq!((done_of(&inbox, 0), done_of(&inbox, 1)), (None, None));
    board.show(follower.served[0].board.status());
    follower.turn(Part::Replays).await.unwrap();

    assert_eq!(end_of(&inbox, 0).replayed_count, 5);
}

#[tokio::test]
async fn what_is_only_counted_waits_for_no_replay() {
    let inbox = holding();
    let replay = Replay {
        receipt_ids: vec![ReceiptId::new(Uuid::from_u128(1))],
        dry_run: true,
        ..Replay::default()
    };
    ask(&inbox, &Instruction::Replay(replay));
    let begun = Progress {
        last: 1,
        ..Progress::default()
    };
    inbox.outbox.instructions.lock()[0].progress = progress_text(&begun);
    let (follower, _orders) = follower(&inbox);

    follower.turn(Part::Replays).await.unwrap();
    assert_eq!(done(&inbox), None);
    follower.turn(Part::Counts).await.unwrap();

    assert_eq!(end_of(&inbox, 0).matched_count, 1);
}

#[tokio::test]
async fn what_is_done_at_once_is_found_behind_however_many_replays() {
    let inbox = holding();
    for _ in 0..2 * COUNT {
        replay(&inbox);
    }
    ask(&inbox, &Instruction::Ask(Question::Ensure));
    let (follower, _orders) = follower(&inbox);

    follower.turn(Part::Rest).await.unwrap();

    assert_eq!(end_of(&inbox, 2 * COUNT).answer, Some(json!(1)));
}

#[tokio::test]
async fn what_was_done_by_whoever_led_before_is_told_as_done() {
    let (destination, receipt_id) = ("app".to_owned(), ReceiptId::new(Uuid::from_u128(1)));
    let reason = "a migration".to_owned();
    let pause = |at| Pause {
        at,
        reason: "a migration".to_owned(),
    };
    let (asked_at, second) = (Timestamp::now(), Duration::from_secs(1));
    for (instruction, state) in [
        (
            Instruction::Pause {
                destination: destination.clone(),
                reason,
            },
            State::Delivered,
        ),
        (
            Instruction::Cancel {
                destination: destination.clone(),
                receipt_id,
            },
            State::Cancelled,
        ),
        (
            Instruction::Retry {
                destination,
                receipt_id,
            },
            State::Delivered,
        ),
    ] {
        // Since it was asked for, and before.
        for (at, is_told) in [(asked_at, true), (asked_at.minus(second), false)] {
            let inbox = holding();
            *inbox.outbox.destinations.lock() = vec![app(Some(pause(at)))];
            inbox.outbox.pending.lock().push(row(state, at));
            ask(&inbox, &instruction);
            inbox.outbox.instructions.lock()[0].created_at = asked_at;
            let (follower, mut orders) = follower(&inbox);
            tokio::spawn(async move {
                while let Some(order) = orders.recv().await {
                    let _ = order.answer.send(Ok(0));
                }
            });

            follower.turn(Part::Rest).await.unwrap();

            let failure = end_of(&inbox, 0).failure;
            assert_eq!(failure.is_none(), is_told, "{instruction:?}: {failure:?}");
        }
    }
}
