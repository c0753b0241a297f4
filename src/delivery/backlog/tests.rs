use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::super::filter::Pattern;
use super::*;
use crate::event::{ChatbotId, EventId, Name, Wire};
use crate::inbox::{Origin, ReceiptId};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds as i64 * 1_000_000)
}

/// The receipt of that number, of the job of that number, received at second 0.
fn receipt(sequence: u64, job: u128) -> Receipt {
    Receipt {
        id: ReceiptId::new(Uuid::from_u128(sequence.into())),
        sequence,
        received_at: at(0),
        event: Name {
            event: "crawling".into(),
            status: "completed".into(),
        },
        event_id: Some(EventId::new(Uuid::from_u128(job))),
        chatbot_id: None,
        wire: Wire::V2024_07,
        origin: Origin::Webhook,
        body_bytes: 10,
        trace: None,
        damage: None,
    }
}

fn schedule() -> Schedule {
    Schedule::new(vec![Duration::ZERO, SECOND * 5, SECOND * 60]).unwrap()
}

fn destination(cursor: u64) -> Destination {
    Destination {
        id: DestinationId(1),
        name: "app".to_owned(),
        cursor,
        added_at: at(0),
        removed_at: None,
        unconfigured_at: None,
        pause: None,
        pending_count: 0,
        dead_count: 0,
    }
}

/// One that has read receipts of these jobs, numbered from 1 on.
fn backlog(jobs: &[u128]) -> Backlog {
    let mut backlog = Backlog::new(&destination(0), schedule(), Filter::default());
    (1..)
        .zip(jobs)
        .for_each(|(sequence, job)| backlog.offer(&receipt(sequence, *job), at(0)));
    backlog
}

fn begin_all(backlog: &mut Backlog, now: Timestamp) -> Vec<u64> {
    std::iter::from_fn(|| backlog.begin(now))
        .map(|begun| begun.sequence)
        .collect()
}

fn settle(backlog: &mut Backlog, sequence: u64, outcome: Outcome, now: Timestamp) -> State {
    settle_with(backlog, sequence, outcome, Wish::None, now)
}

fn settle_with(backlog: &mut Backlog, sequence: u64, outcome: Outcome, wish: Wish, now: Timestamp) -> State {
    let attempt = Attempt {
        number: backlog.items[&sequence].attempt_count + 1,
        started_at: now,
        duration: Duration::ZERO,
        outcome,
        status: None,
        detail: String::new(),
        answer: Default::default(),
    };
    backlog.settle(sequence, attempt, wish, now, 0.5)
}

/// Records what there is; gives the cursor and the rows as (number, state).
fn record(backlog: &mut Backlog) -> (u64, Vec<(u64, State)>) {
    let progress = backlog
        .progress(PauseChange::Keep)
        .expect("there is something to record");
    backlog.recorded();
    let rows = progress.deliveries.iter().map(|row| (row.sequence, row.state));
    (progress.cursor, rows.collect())
}

#[test]
fn jobs_go_side_by_side_and_each_one_after_the_other() {
    let mut backlog = backlog(&[1, 2, 1, 3]);

    assert_eq!(begin_all(&mut backlog, at(0)), [1, 2, 4]);
    assert_eq!(backlog.in_flight_count(), 3);
    settle(&mut backlog, 1, Outcome::Delivered, at(0));
    assert_eq!(
        begin_all(&mut backlog, at(0)),
        [] as [u64; 0],
        "it is not recorded yet"
    );

    assert_eq!(record(&mut backlog), (1, vec![(1, State::Delivered)]));
    assert_eq!(begin_all(&mut backlog, at(0)), [3]);
}

#[test]
fn a_failing_one_holds_back_its_job_only_and_not_the_cursor() {
    let mut backlog = backlog(&[1, 2, 1, 2]);
    begin_all(&mut backlog, at(0));

    assert_eq!(settle(&mut backlog, 1, Outcome::Failed, at(0)), State::Pending);
    settle(&mut backlog, 2, Outcome::Delivered, at(0));
    let rows = vec![(1, State::Pending), (2, State::Delivered), (3, State::Pending)];
    assert_eq!(record(&mut backlog), (3, rows));
    backlog.offer(&receipt(5, 1), at(0));
    assert_eq!(begin_all(&mut backlog, at(4)), [4]);
    settle(&mut backlog, 4, Outcome::Delivered, at(4));
    assert_eq!(
        record(&mut backlog),
        (5, vec![(4, State::Delivered), (5, State::Pending)])
    );

    assert_eq!(backlog.next_at(), Some(at(5)));
    assert_eq!(begin_all(&mut backlog, at(5)), [1]);
}

#[test]
fn after_the_last_try_it_is_dead_and_the_jobs_next_goes_on() {
    let mut backlog = backlog(&[1, 1]);
    let mut now = at(0);
    for (state, wait) in [(State::Pending, 5), (State::Pending, 60), (State::Dead, 0)] {
        assert_eq!(begin_all(&mut backlog, now), [1]);
        assert_eq!(settle(&mut backlog, 1, Outcome::Refused, now), state);
        record(&mut backlog);
        if wait > 0 {
            assert_eq!(backlog.next_at(), Some(now.plus(SECOND * wait)));
            now = now.plus(SECOND * wait);
        }
    }
    assert_eq!(begin_all(&mut backlog, now), [2]);
    assert_eq!(backlog.pending_count(), 1);
}

#[test]
fn an_attempt_before_its_time_uses_up_no_try() {
    let mut backlog = backlog(&[1]);
    begin_all(&mut backlog, at(0));
    settle(&mut backlog, 1, Outcome::Timeout, at(0));
    record(&mut backlog);

    for number in 2..10 {
        let begun = backlog.begin_probe(at(1), 0).expect("the one that is due next");
        assert_eq!((begun.sequence, begun.attempt), (1, number));
        assert_eq!(settle(&mut backlog, 1, Outcome::Timeout, at(1)), State::Pending);
        record(&mut backlog);
        assert_eq!(backlog.next_at(), Some(at(5)), "as the schedule said");
    }
}

#[test]
fn after_every_other_probe_in_vain_the_newest_is_tried() {
    for (probe_count, sequence) in [(0, 1), (1, 1), (2, 3), (3, 1), (4, 3)] {
        let mut backlog = backlog(&[1, 2, 3]);
        let begun = backlog.begin_probe(at(0), probe_count).expect("all may go");
        assert_eq!(begun.sequence, sequence, "{probe_count}");
    }
}

#[test]
fn a_probe_takes_what_was_tried_least() {
    let mut backlog = backlog(&[1, 2]);
    let probe = |backlog: &mut Backlog, now| {
        let begun = backlog.begin_probe(now, 0).expect("something is pending");
        settle(backlog, begun.sequence, Outcome::Failed, now);
        record(backlog);
        begun.sequence
    };

    assert_eq!(probe(&mut backlog, at(0)), 1);
    assert_eq!(
        probe(&mut backlog, at(10)),
        2,
        "1 may go again, but was tried before"
    );
    backlog.offer(&receipt(3, 3), at(0));
    assert_eq!(probe(&mut backlog, at(20)), 3);
    assert_eq!(probe(&mut backlog, at(20)), 1);
}

#[test]
fn where_nothing_may_go_probes_take_by_turns_what_was_tried_least() {
    let mut backlog = backlog(&[1, 2, 3, 4]);
    for now in [at(0), at(10)] {
        for sequence in begin_all(&mut backlog, now) {
            settle(&mut backlog, sequence, Outcome::Refused, now);
            record(&mut backlog);
        }
    }
    let mut probed = Vec::new();
    for probe_count in 1..=8 {
        let begun = backlog
            .begin_probe(at(11), probe_count)
            .expect("one that waits for its time");
        settle(&mut backlog, begun.sequence, Outcome::Refused, at(11));
        record(&mut backlog);
        probed.push(begun.sequence);
    }

    assert_eq!(probed, [1, 4, 2, 3, 1, 4, 2, 3]);
    assert_eq!(backlog.next_at(), Some(at(70)), "as the schedule said");
}

#[test]
fn a_probe_takes_first_what_somebody_asked_for_and_that_once() {
    let mut backlog = backlog(&[1, 2, 3, 3]);
    for sequence in begin_all(&mut backlog, at(0)) {
        settle(&mut backlog, sequence, Outcome::Failed, at(0));
        record(&mut backlog);
    }
    assert!(backlog.retry(2, at(0)));
    assert!(backlog.may_go_early(2));
    assert!(backlog.retry(4, at(0)));
    assert!(!backlog.may_go_early(4), "it is not its turn");
    assert!(!backlog.retry(9, at(0)));
    assert!(!backlog.may_go_early(9));

    let begun = backlog.begin_probe(at(10), 0).expect("all may go");
    assert_eq!(begun.sequence, 2);
    settle(&mut backlog, 2, Outcome::Failed, at(10));
    record(&mut backlog);
    assert_eq!(
        backlog.begin_probe(at(100), 0).map(|begun| begun.sequence),
        Some(1)
    );
}

#[test]
fn what_is_wanted_while_an_attempt_is_under_way_is_tried_once_more_at_once_also_after_the_last_try() {
    let wishes: [fn(&mut Backlog); 2] = [|it| _ = it.retry(1, at(0)), |it| it.hurry_due_by(Timestamp::MAX)];
    for (is_last, wish) in [
        (false, wishes[0]),
        (false, wishes[1]),
        (true, wishes[0]),
        (true, wishes[1]),
    ] {
        let mut backlog = backlog(&[1]);
        let mut now = at(0);
        for _ in 0..if is_last { 2 } else { 0 } {
            begin_all(&mut backlog, now);
            settle(&mut backlog, 1, Outcome::Refused, now);
            record(&mut backlog);
            now = backlog.next_at().expect("it is tried again");
        }
        assert_eq!(begin_all(&mut backlog, now), [1]);
        wish(&mut backlog);

        assert_eq!(settle(&mut backlog, 1, Outcome::Refused, now), State::Pending);
        record(&mut backlog);
        assert_eq!(begin_all(&mut backlog, now), [1]);

        let state = settle(&mut backlog, 1, Outcome::Refused, now);
        assert_eq!(state == State::Dead, is_last);
        record(&mut backlog);
        assert_eq!(begin_all(&mut backlog, now), [0; 0], "once");
    }
}

#[test]
fn what_is_called_off_during_its_last_try_is_no_dead_letter() {
    for wish in [Wish::None, Wish::NeverThis] {
        let mut backlog = Backlog::new(
            &destination(0),
            Schedule::new(vec![Duration::ZERO]).unwrap(),
            Filter::default(),
        );
        backlog.offer(&receipt(1, 1), at(0));
        begin_all(&mut backlog, at(0));
        assert!(backlog.cancel(&receipt(1, 1), None, at(0)));

        let state = settle_with(&mut backlog, 1, Outcome::Failed, wish, at(0));

        assert_eq!(state, State::Cancelled);
    }
}

#[test]
fn of_two_wishes_the_later_one_counts_and_none_of_what_is_finished_with() {
    type Wish = fn(&mut Backlog) -> bool;
    let wishes: [Wish; 2] = [
        |it| it.retry(1, at(0)),
        |it| it.reopen(&receipt(1, 1), None, at(0)),
    ];
    for wish in wishes {
        let mut backlog = backlog(&[1, 2]);
        begin_all(&mut backlog, at(0));
        settle(&mut backlog, 2, Outcome::Delivered, at(0));

        assert!(backlog.cancel(&receipt(1, 1), None, at(0)));
        assert!(wish(&mut backlog));
        assert!(!backlog.retry(2, at(0)));
        assert!(!backlog.cancel(&receipt(2, 2), None, at(0)));

        // Also where somebody else leads before the attempt has ended.
        let rows = vec![(1, State::Pending), (2, State::Delivered)];
        assert_eq!(record(&mut backlog), (2, rows));
        settle(&mut backlog, 1, Outcome::Refused, at(0));
        record(&mut backlog);
        assert_eq!(begin_all(&mut backlog, at(0)), [1]);
    }
}

#[test]
fn a_wish_to_be_left_alone_moves_the_next_try_but_not_forward() {
    for (pause, wait) in [(100, 100), (1, 5)] {
        let mut backlog = backlog(&[1]);
        begin_all(&mut backlog, at(0));
        let wish = Wish::Less {
            pause: Some(SECOND * pause),
        };
        settle_with(&mut backlog, 1, Outcome::Refused, wish, at(0));
        record(&mut backlog);

        assert_eq!(backlog.next_at(), Some(at(wait)));
    }
}

#[test]
fn what_can_never_be_taken_is_dead_at_once_and_the_jobs_next_goes_on() {
    let mut backlog = backlog(&[1, 1]);
    begin_all(&mut backlog, at(0));

    let state = settle_with(&mut backlog, 1, Outcome::Ours, Wish::NeverThis, at(0));

    assert_eq!(state, State::Dead);
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(0)), [2]);
}

#[test]
fn when_the_destination_is_back_what_it_could_not_take_goes_at_once() {
    let mut backlog = backlog(&[1, 2, 3]);
    begin_all(&mut backlog, at(0));
    settle(&mut backlog, 1, Outcome::Unreachable, at(0));
    settle(&mut backlog, 2, Outcome::Refused, at(0));
    settle(&mut backlog, 3, Outcome::Failed, at(0));
    record(&mut backlog);

    backlog.hurry(at(0));

    assert_eq!(begin_all(&mut backlog, at(1)), [1, 3]);
}

#[test]
fn what_failed_while_it_was_down_goes_at_once_when_it_is_back_also_what_was_refused() {
    let mut backlog = backlog(&[1, 2, 3]);
    begin_all(&mut backlog, at(0));
    // It may have brought it down.
    settle(&mut backlog, 1, Outcome::Refused, at(0));
    settle(&mut backlog, 2, Outcome::Refused, at(1));
    settle(&mut backlog, 3, Outcome::Failed, at(2));
    record(&mut backlog);

    backlog.hurry_all(at(1));

    assert_eq!(begin_all(&mut backlog, at(2)), [2, 3]);
    settle(&mut backlog, 2, Outcome::Refused, at(3));
    record(&mut backlog);
    assert_eq!(backlog.next_at(), Some(at(5)), "it used up no try");
    assert_eq!(begin_all(&mut backlog, at(5)), [1]);
}

#[test]
fn what_may_have_brought_the_destination_down_keeps_its_time_but_not_what_found_nobody() {
    let outcome = Outcome::Unreachable;
    let hurries: [fn(&mut Backlog); 2] = [|it| it.hurry(at(1)), |it| it.hurry_all(at(1))];
    for hurry in hurries {
        let mut backlog = backlog(&[1, 2, 3]);
        begin_all(&mut backlog, at(0));
        settle_with(&mut backlog, 1, outcome, Wish::Unknown, at(0));
        settle_with(&mut backlog, 2, outcome, Wish::WhenBack, at(0));
        settle_with(&mut backlog, 3, outcome, Wish::WhenBack, at(1));
        record(&mut backlog);

        hurry(&mut backlog);

        assert_eq!(begin_all(&mut backlog, at(1)), [2, 3]);
    }
}

#[test]
fn of_several_that_end_at_one_moment_each_is_hurried_twice_until_its_time_has_come() {
    let hurries: [fn(&mut Backlog, u64); 2] = [
        |it, second| it.hurry(at(second)),
        |it, second| it.hurry_all(at(second)),
    ];
    for hurry in hurries {
        let mut backlog = backlog(&[1, 2, 3]);
        for second in 0..=2 {
            assert_eq!(begin_all(&mut backlog, at(second)), [1, 2, 3]);
            for (sequence, wish) in [(1, Wish::Unknown), (2, Wish::Unknown), (3, Wish::WhenBack)] {
                settle_with(&mut backlog, sequence, Outcome::Unreachable, wish, at(second));
            }
            // Also what is not recorded yet.
            hurry(&mut backlog, second);
            record(&mut backlog);
        }
        assert_eq!(begin_all(&mut backlog, at(3)), [3], "that one found nobody");
        settle(&mut backlog, 3, Outcome::Delivered, at(3));
        record(&mut backlog);

        assert_eq!(begin_all(&mut backlog, at(5)), [1, 2]);
        for sequence in [1, 2] {
            settle(&mut backlog, sequence, Outcome::Failed, at(5));
        }
        record(&mut backlog);
        hurry(&mut backlog, 5);
        assert_eq!(begin_all(&mut backlog, at(6)), [1, 2], "they were due in between");
    }
}

#[test]
fn what_was_called_off_while_it_was_loaded_is_not_sent_when_it_comes_back() {
    let mut backlog = backlog(&[1]);
    begin_all(&mut backlog, at(0));
    backlog.cancel(&receipt(1, 1), None, at(0));

    backlog.give_back(1, at(0));

    assert_eq!(begin_all(&mut backlog, at(9)), [] as [u64; 0]);
    assert_eq!(record(&mut backlog), (1, vec![(1, State::Cancelled)]));
}

#[test]
fn what_has_a_row_ahead_of_what_was_read_can_be_opened_again_when_that_has_been_read() {
    let mut backlog = backlog(&[1]);
    let row = Delivery {
        state: State::Dead,
        ..Item::new(&receipt(5, 1), at(0)).row(DestinationId(1), 5, State::Dead, at(0))
    };
    let fifth = receipt(5, 1);
    assert!(!backlog.takes([(&fifth, Some(&row))].into_iter()));
    assert!(
        backlog.takes([(&fifth, None)].into_iter()),
        "it will be pending by itself"
    );

    backlog.read_up_to(5);
    assert!(backlog.takes([(&fifth, Some(&row))].into_iter()));
    assert!(backlog.reopen(&fifth, Some(&row), at(0)));
}

#[test]
fn what_the_filter_does_not_let_through_is_passed_over() {
    let filter = Filter {
        events: vec!["training.*".parse::<Pattern>().unwrap()],
        chatbots: Vec::new(),
    };
    let mut backlog = Backlog::new(&destination(0), schedule(), filter);
    for sequence in 1..=CURSOR_LAG {
        assert_eq!(
            backlog
                .progress(PauseChange::Keep)
                .map(|progress| progress.cursor),
            None
        );
        backlog.offer(&receipt(sequence, 1), at(0));
    }
    assert_eq!(
        backlog
            .progress(PauseChange::Keep)
            .map(|progress| progress.cursor),
        Some(CURSOR_LAG)
    );
    assert_eq!(backlog.pending_count(), 0);
}

#[test]
fn where_it_ends_the_cursor_is_recorded_so_that_what_was_passed_over_is_not_read_again() {
    let filter = Filter {
        events: vec!["training.*".parse::<Pattern>().unwrap()],
        chatbots: Vec::new(),
    };
    let mut backlog = Backlog::new(&destination(0), schedule(), filter);
    backlog.offer(&receipt(1, 1), at(0));
    assert!(backlog.progress(PauseChange::Keep).is_none());

    backlog.close();

    let progress = backlog.progress(PauseChange::Keep).expect("the cursor");
    assert_eq!(progress.cursor, 1);
    backlog.recorded();
    assert!(backlog.progress(PauseChange::Keep).is_none(), "once");
}

#[test]
fn what_is_read_ahead_has_a_bound() {
    let mut backlog = backlog(&[]);
    for sequence in 1..=WINDOW as u64 {
        assert!(backlog.room() > 0);
        backlog.offer(&receipt(sequence, sequence.into()), at(0));
    }
    assert_eq!(backlog.room(), 0);

    // What has a row is not in the way.
    begin_all(&mut backlog, at(0));
    for sequence in 1..=10 {
        settle(&mut backlog, sequence, Outcome::Failed, at(0));
    }
    assert_eq!(backlog.room(), 10);
}

#[test]
fn what_has_ended_can_be_opened_again_once_that_is_recorded() {
    let mut backlog = backlog(&[1]);
    begin_all(&mut backlog, at(0));
    settle_with(&mut backlog, 1, Outcome::Refused, Wish::NeverThis, at(0));
    let first = receipt(1, 1);
    let progress = backlog.progress(PauseChange::Keep).expect("it has ended");
    let dead = progress.deliveries[0];
    // It may be in the store by now, and nobody be told yet.
    assert_eq!(dead.state, State::Dead);
    assert!(!backlog.takes([(&first, Some(&dead))].into_iter()));

    backlog.recorded();

    assert!(backlog.takes([(&first, Some(&dead))].into_iter()));
    assert!(backlog.reopen(&first, Some(&dead), at(0)));
}

#[test]
fn where_as_many_wait_as_are_known_what_is_behind_them_stays_in_the_log_until_one_is_done() {
    let mut backlog = backlog(&[]);
    for sequence in 1..=MAX_COUNT as u64 {
        assert!(backlog.room() > 0, "{sequence}");
        let waiting = tried(sequence, Outcome::Failed, at(0), at(60));
        backlog.restore(&waiting, &receipt(sequence, sequence.into()), at(0));
    }
    assert_eq!(backlog.room(), 0);
    // Nor is there room for what is to be sent once more, which leaves some to what is read ahead.
    let again = receipt(MAX_COUNT as u64 + 1, 1);
    assert!(!backlog.takes([(&again, None)].into_iter()));

    let done = backlog.begin(at(60)).unwrap().sequence;
    settle(&mut backlog, done, Outcome::Delivered, at(60));
    record(&mut backlog);

    assert_eq!(backlog.room(), 1);
}

#[test]
fn a_job_of_very_many_does_not_keep_the_rest_in_the_log() {
    let count = 2 * WINDOW as u64;
    let mut backlog = backlog(&[]);
    for sequence in 1..=count {
        assert!(backlog.room() > 0, "{sequence}");
        backlog.offer(&receipt(sequence, 1), at(0));
    }
    backlog.offer(&receipt(count + 1, 2), at(0));

    assert_eq!(begin_all(&mut backlog, at(0)), [1, count + 1]);
    let (cursor, rows) = record(&mut backlog);
    assert_eq!((cursor, rows.len() as u64), (count, count));
    assert!(rows.iter().all(|(_, state)| *state == State::Pending));
    settle(&mut backlog, 1, Outcome::Delivered, at(0));
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(0)), [2]);
}

#[test]
fn what_waits_is_called_off_at_once_and_what_is_under_way_when_it_has_failed() {
    let mut backlog = backlog(&[1, 1, 2, 3]);
    assert_eq!(begin_all(&mut backlog, at(0)), [1, 3, 4]);

    for sequence in [2, 3, 4] {
        assert!(backlog.cancel(&receipt(sequence, 1), None, at(0)));
    }
    assert_eq!(settle(&mut backlog, 3, Outcome::Failed, at(0)), State::Cancelled);
    assert_eq!(
        settle(&mut backlog, 4, Outcome::Delivered, at(0)),
        State::Delivered
    );
    let rows = vec![
        (2, State::Cancelled),
        (3, State::Cancelled),
        (4, State::Delivered),
    ];
    assert_eq!(record(&mut backlog), (0, rows));

    settle(&mut backlog, 1, Outcome::Failed, at(0));
    assert!(
        backlog.cancel(&receipt(1, 1), None, at(0)),
        "it is not recorded yet"
    );
    assert_eq!(record(&mut backlog), (4, vec![(1, State::Cancelled)]));
    assert_eq!(backlog.pending_count(), 0);
    assert!(!backlog.cancel(&receipt(1, 1), None, at(0)));
}

#[test]
fn what_is_called_off_while_it_is_recorded_that_it_failed_is_recorded_as_that() {
    let mut backlog = backlog(&[1]);
    begin_all(&mut backlog, at(0));
    settle(&mut backlog, 1, Outcome::Failed, at(0));
    backlog.progress(PauseChange::Keep).expect("it failed");

    assert!(backlog.cancel(&receipt(1, 1), None, at(0)));

    backlog.recorded();
    assert_eq!(record(&mut backlog), (1, vec![(1, State::Cancelled)]));
    assert_eq!(backlog.pending_count(), 0);
}

#[test]
fn what_is_called_off_in_flight_is_recorded_before_its_attempt_ends_and_once_more_after_it() {
    for (outcome, state) in [
        (Outcome::Failed, State::Cancelled),
        (Outcome::Delivered, State::Delivered),
    ] {
        let mut backlog = backlog(&[1, 1]);
        assert_eq!(begin_all(&mut backlog, at(0)), [1]);

        assert!(backlog.cancel(&receipt(1, 1), None, at(0)));
        let (_, rows) = record(&mut backlog);
        assert_eq!(rows[0], (1, State::Cancelled));
        assert_eq!(
            begin_all(&mut backlog, at(0)),
            [0; 0],
            "its job waits for the end"
        );

        assert_eq!(settle(&mut backlog, 1, outcome, at(0)), state);
        assert_eq!(record(&mut backlog).1, [(1, state)]);
        assert_eq!(begin_all(&mut backlog, at(0)), [2]);
    }
}

#[test]
fn what_was_called_off_before_it_was_read_is_not_read_any_more() {
    let mut backlog = backlog(&[1]);
    backlog.cancel(&receipt(2, 2), None, at(0));
    backlog.offer(&receipt(2, 2), at(0));

    assert_eq!(begin_all(&mut backlog, at(0)), [1]);
    assert_eq!(record(&mut backlog), (0, vec![(2, State::Cancelled)]));
}

#[test]
fn what_was_called_off_before_it_was_read_is_not_sent_by_a_read_that_began_before() {
    let mut backlog = backlog(&[1]);
    assert!(backlog.cancel(&receipt(2, 2), None, at(0)));
    record(&mut backlog);

    backlog.offer(&receipt(2, 2), at(0));

    assert_eq!(begin_all(&mut backlog, at(0)), [1]);
}

#[test]
fn what_the_filter_does_not_let_through_is_not_called_off_before_it_is_read() {
    let filter = Filter {
        events: vec!["training.*".parse::<Pattern>().unwrap()],
        ..Filter::default()
    };
    let mut backlog = Backlog::new(&destination(0), schedule(), filter);

    assert!(!backlog.cancel(&receipt(1, 1), None, at(0)));
}

#[test]
fn what_waits_before_what_is_opened_again_is_known_by_its_row_too() {
    let mut backlog = backlog(&[1, 1]);
    assert!(backlog.cancel(&receipt(2, 1), None, at(0)));
    let cancelled = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
    backlog.recorded();

    assert!(backlog.reopen(&receipt(2, 1), Some(&cancelled), at(0)));

    // Whoever leads next would else find the second alone.
    assert_eq!(record(&mut backlog).1, [(1, State::Pending), (2, State::Pending)]);
}

#[test]
fn what_is_opened_again_goes_before_the_rest_of_its_job() {
    let mut backlog = backlog(&[1, 1]);
    begin_all(&mut backlog, at(0));
    settle(&mut backlog, 1, Outcome::Delivered, at(0));
    let delivered = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
    backlog.recorded();

    assert!(backlog.reopen(&receipt(1, 1), Some(&delivered), at(1)));
    assert!(!backlog.reopen(&receipt(2, 1), None, at(1)), "it is pending");
    assert!(!backlog.reopen(&receipt(3, 1), None, at(1)), "it will be");
    record(&mut backlog);
    let begun = backlog.begin(at(1)).expect("it may go");
    assert_eq!((begun.sequence, begun.attempt), (1, 2));
    assert_eq!(begin_all(&mut backlog, at(1)), [] as [u64; 0]);

    settle(&mut backlog, 1, Outcome::Delivered, at(1));
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(1)), [2]);
}

#[test]
fn what_is_opened_again_waits_for_what_is_under_way_in_its_job() {
    let mut backlog = backlog(&[1, 1]);
    begin_all(&mut backlog, at(0));
    settle(&mut backlog, 1, Outcome::Delivered, at(0));
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(0)), [2]);

    backlog.reopen(&receipt(1, 1), None, at(0));
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(0)), [] as [u64; 0]);
    settle(&mut backlog, 2, Outcome::Failed, at(0));
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(100)), [1]);
}

#[test]
fn what_is_sent_again_is_late_from_then_on_and_what_was_given_up_since_it_came() {
    let delivered_at = |state| {
        let mut backlog = backlog(&[1, 2]);
        begin_all(&mut backlog, at(0));
        settle(&mut backlog, 1, Outcome::Delivered, at(0));
        let row = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
        backlog.recorded();
        (backlog, Delivery { state, ..row })
    };
    let now = at(86_400);
    for (state, late_since, after_restart) in [
        (State::Delivered, now, now),
        (State::Cancelled, now, now),
        // The row that is pending again does not say what it was.
        (State::Dead, at(0), now),
    ] {
        let (mut backlog, row) = delivered_at(state);
        assert!(backlog.reopen(&receipt(1, 1), Some(&row), now));
        let row = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
        backlog.recorded();
        let mut restarted = self::backlog(&[]);
        restarted.restore(&row, &receipt(1, 1), at(90_000));

        assert_eq!(restarted.oldest_received_at(), Some(after_restart), "{state:?}");
        // The other one is the oldest whatever its number.
        assert_eq!(backlog.oldest_received_at(), Some(at(0)), "{state:?}");
        settle(&mut backlog, 2, Outcome::Delivered, now);
        record(&mut backlog);
        assert_eq!(backlog.oldest_received_at(), Some(late_since), "{state:?}");
        begin_all(&mut backlog, now);
        settle(&mut backlog, 1, Outcome::Delivered, now);
        record(&mut backlog);
        assert_eq!(backlog.oldest_received_at(), None, "{state:?}");
    }
    // As for a destination that was added after it had come.
    let mut backlog = Backlog::new(&destination(1), schedule(), Filter::default());
    assert!(backlog.reopen(&receipt(1, 1), None, now));
    let row = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
    let mut restarted = self::backlog(&[]);
    restarted.restore(&row, &receipt(1, 1), at(90_000));
    for backlog in [backlog, restarted] {
        assert_eq!(backlog.oldest_received_at(), Some(now));
    }
}

#[test]
fn each_time_it_is_opened_again_has_a_number_that_its_attempts_and_a_restart_keep() {
    let mut backlog = backlog(&[1]);
    assert_eq!(backlog.begin(at(0)).unwrap().replay_count, 0);
    settle(&mut backlog, 1, Outcome::Delivered, at(0));
    let mut row = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
    backlog.recorded();

    for time in 1..=2 {
        assert!(backlog.reopen(&receipt(1, 1), Some(&row), at(0)));
        row = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
        let mut restarted = self::backlog(&[]);
        restarted.restore(&row, &receipt(1, 1), at(0));
        for backlog in [&mut backlog, &mut restarted] {
            backlog.recorded();
            for tried_at in [0, 1000] {
                assert_eq!(backlog.begin(at(tried_at)).unwrap().replay_count, time);
                settle(backlog, 1, Outcome::Timeout, at(tried_at));
                backlog.progress(PauseChange::Keep).unwrap();
                backlog.recorded();
            }
        }
        backlog.cancel(&receipt(1, 1), None, at(1000));
        row = backlog.progress(PauseChange::Keep).unwrap().deliveries[0];
        backlog.recorded();
    }
}

#[test]
fn what_cannot_be_loaded_waits_again_and_what_has_expired_is_gone() {
    let mut backlog = backlog(&[1, 1, 2]);
    assert_eq!(begin_all(&mut backlog, at(0)), [1, 3]);

    backlog.give_back(3, at(0));
    backlog.vanish(1);

    assert_eq!(backlog.in_flight_count(), 0);
    assert_eq!(begin_all(&mut backlog, at(0)), [2, 3]);
}

#[test]
fn what_waits_and_has_expired_is_forgotten_and_what_is_under_way_goes_on() {
    let mut backlog = backlog(&[1, 1, 2, 3, 3]);
    assert_eq!(backlog.begin(at(0)).unwrap().sequence, 1);

    assert_eq!(backlog.expire_below(5), 3);

    assert_eq!((backlog.pending_count(), backlog.in_flight_count()), (2, 1));
    assert_eq!(begin_all(&mut backlog, at(0)), [5]);
    for sequence in [1, 5] {
        settle(&mut backlog, sequence, Outcome::Delivered, at(1));
    }
    let progress = backlog.progress(PauseChange::Keep).unwrap();
    assert_eq!((progress.cursor, progress.deliveries.len()), (5, 2));
    backlog.recorded();
    assert!(backlog.is_empty());
}

#[test]
fn older_trainings_of_a_chatbot_keep_their_order() {
    let mut backlog = backlog(&[]);
    for (sequence, chatbot) in [(1, 7), (2, 8), (3, 7)] {
        let receipt = Receipt {
            event_id: None,
            chatbot_id: Some(ChatbotId::new(Uuid::from_u128(chatbot))),
            ..receipt(sequence, 0)
        };
        backlog.offer(&receipt, at(0));
    }

    assert_eq!(begin_all(&mut backlog, at(0)), [1, 2]);
}

const YEAR: u64 = 366 * 86_400;

#[test]
fn what_was_received_by_a_clock_that_was_ahead_is_sent_at_once() {
    let mut backlog = backlog(&[]);
    let of_the_future = Receipt {
        received_at: at(YEAR),
        ..receipt(1, 1)
    };

    backlog.offer(&of_the_future, at(7));

    assert_eq!(begin_all(&mut backlog, at(7)), [1]);
}

/// The row of a delivery that was tried once.
fn tried(sequence: u64, outcome: Outcome, changed_at: Timestamp, due_at: Timestamp) -> Delivery {
    Delivery {
        destination: DestinationId(1),
        sequence,
        state: State::Pending,
        step: 1,
        attempt_count: 1,
        replay_count: 0,
        outcome: Some(outcome),
        due_at,
        changed_at,
    }
}

#[test]
fn what_was_put_off_by_a_clock_that_was_ahead_waits_no_longer_than_it_was_to() {
    let mut backlog = backlog(&[]);
    let row = |sequence, changed_at, due_at| tried(sequence, Outcome::Failed, changed_at, due_at);

    backlog.restore(&row(1, at(YEAR), at(YEAR + 60)), &receipt(1, 1), at(7));
    backlog.restore(&row(2, at(5), at(65)), &receipt(2, 2), at(7));

    assert_eq!(begin_all(&mut backlog, at(64)), [0; 0]);
    assert_eq!(begin_all(&mut backlog, at(66)), [2]);
    assert_eq!(begin_all(&mut backlog, at(67)), [1]);
}

#[test]
fn what_found_nobody_is_tried_at_once_by_whoever_leads_next_and_uses_up_no_try() {
    let row = |sequence, outcome| tried(sequence, outcome, at(0), at(3600));
    let mut backlog = backlog(&[]);
    let outcomes = [
        (1, Outcome::Unreachable),
        (2, Outcome::Timeout),
        (3, Outcome::Failed),
        (4, Outcome::Refused),
    ];
    for (sequence, outcome) in outcomes {
        backlog.restore(
            &row(sequence, outcome),
            &receipt(sequence, sequence.into()),
            at(5),
        );
    }

    assert_eq!(begin_all(&mut backlog, at(5)), [1, 2]);
    settle(&mut backlog, 1, Outcome::Unreachable, at(5));
    record(&mut backlog);
    assert_eq!(begin_all(&mut backlog, at(3599)), [0; 0]);
    assert_eq!(begin_all(&mut backlog, at(3600)), [1, 3, 4]);
}

#[test]
fn a_clock_that_is_set_changes_no_wait() {
    for (was, is) in [(YEAR, 100), (100, YEAR)] {
        let mut backlog = backlog(&[]);
        backlog.offer(&receipt(1, 1), at(was));
        assert_eq!(begin_all(&mut backlog, at(was)), [1]);
        settle(&mut backlog, 1, Outcome::Failed, at(was));
        record(&mut backlog);

        backlog.set_clock(at(was + 1), at(is + 1));

        assert_eq!(backlog.next_at(), Some(at(is + 5)));
        assert_eq!(begin_all(&mut backlog, at(is + 4)), [0; 0]);
        assert_eq!(begin_all(&mut backlog, at(is + 5)), [1]);
    }
}

#[test]
fn what_failed_since_a_time_did_so_though_the_clock_was_set_since() {
    for (was, is) in [(YEAR, 100), (100, YEAR)] {
        let mut backlog = backlog(&[1, 2]);
        for (sequence, second) in [(1, was), (2, was + 2)] {
            let begun = backlog.begin(at(second)).expect("it may be sent");
            assert_eq!(begun.sequence, sequence);
            settle(&mut backlog, sequence, Outcome::Failed, at(second));
        }
        record(&mut backlog);

        backlog.set_clock(at(was + 3), at(is + 3));
        backlog.hurry(at(is + 1));

        assert_eq!(begin_all(&mut backlog, at(is + 3)), [2]);
    }
}

#[test]
fn who_is_left_alone_no_more_is_sent_what_it_would_get_at_the_end_of_that_time_and_nothing_else() {
    let mut backlog = backlog(&[1, 2]);
    begin_all(&mut backlog, at(0));
    settle(&mut backlog, 1, Outcome::Refused, at(0));
    let pause = Some(SECOND * 60);
    settle_with(&mut backlog, 2, Outcome::Refused, Wish::Less { pause }, at(0));
    record(&mut backlog);

    backlog.hurry_due_by(at(59));

    assert_eq!(begin_all(&mut backlog, at(1)), [1]);
}

#[test]
fn an_attempt_during_which_the_clock_is_set_uses_up_a_try_if_it_was_due() {
    for (was, is) in [(YEAR, 100), (100, YEAR)] {
        let mut backlog = backlog(&[]);
        backlog.offer(&receipt(1, 1), at(was));
        assert_eq!(begin_all(&mut backlog, at(was)), [1]);

        backlog.set_clock(at(was + 1), at(is + 1));

        let attempt = Attempt {
            number: 1,
            started_at: at(was),
            duration: SECOND,
            outcome: Outcome::Failed,
            status: None,
            detail: String::new(),
            answer: Default::default(),
        };
        backlog.settle(1, attempt, Wish::None, at(is + 1), 0.5);
        record(&mut backlog);
        assert_eq!(backlog.next_at(), Some(at(is + 6)), "as the schedule says");
    }
}

mod model;
