//! Promise: what a leader says of a destination is kept as it was said, all of it, until the receipt goes.

use super::*;
use crate::inbox::outbox::{MAX_ANSWER_BYTES, MAX_ATTEMPTS, Pause};

pub async fn a_cursor_only_rises(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..4).await;

    for (said, expected) in [(2, 2), (0, 2), (2, 2), (3, 3), (1, 3)] {
        let progress = Progress {
            cursor: sequences[said],
            ..nothing_new(&one)
        };
        led.record(progress).await;
        assert_eq!(led.destination(one.id).await.cursor, sequences[expected]);
    }
    assert_eq!(led.destination(other.id).await, other);
    let led = led.reopen(place).await;
    assert_eq!(led.destination(one.id).await.cursor, sequences[3]);
}

pub async fn a_delivery_is_kept_as_it_was_said_last(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..7).await;
    let outcomes = Outcome::ALL.into_iter().map(Some).chain([None]);
    let said: Vec<_> = (0..)
        .zip(&sequences)
        .zip(outcomes)
        .map(|((number, sequence), outcome)| Delivery {
            destination: one.id,
            sequence: *sequence,
            state: State::ALL[number % 5],
            step: number as u32,
            attempt_count: 10 + number as u32,
            replay_count: 20 + number as u32,
            outcome,
            due_at: Timestamp::from_micros(at(0).as_micros() + number as i64),
            changed_at: Timestamp::from_micros(at(1).as_micros() + number as i64),
        })
        .collect();

    led.deliver(&one, said.clone()).await;

    for expected in &said {
        let read = led.delivery(&one, expected.sequence).await;
        assert_eq!(read, Some((*expected, Vec::new())));
        assert_eq!(led.delivery(&other, expected.sequence).await, None);
    }
    // And then otherwise, every one.
    let changed = said.iter().map(|delivery| Delivery {
        state: State::ALL[(delivery.step as usize + 1) % 5],
        step: u32::MAX >> 1,
        attempt_count: delivery.attempt_count + 1,
        replay_count: delivery.replay_count + 1,
        outcome: delivery.outcome.is_none().then_some(Outcome::Ours),
        due_at: at(200),
        changed_at: at(201),
        ..*delivery
    });
    let changed: Vec<_> = changed.collect();
    led.deliver(&one, changed.clone()).await;
    let led = led.reopen(place).await;
    for expected in changed {
        let read = led.delivery(&one, expected.sequence).await;
        assert_eq!(read, Some((expected, Vec::new())));
    }
}

pub async fn attempts_are_kept_as_they_were(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..2).await;
    let details = ["", "connection refused", "„nein“ ☂\nsecond line"];
    let statuses = [None, Some(200), Some(599), Some(-1), Some(i32::MAX), None];
    let answers = [
        Bytes::new(),
        Bytes::from_iter((0..MAX_ANSWER_BYTES).map(|index| (index % 251) as u8)),
        Bytes::from_static(b"\0\xff not text"),
    ];
    let attempts: Vec<_> = (0..)
        .zip(Outcome::ALL.into_iter().zip(statuses))
        .map(|(index, (outcome, status))| Attempt {
            outcome,
            status,
            detail: details[index % 3].to_owned(),
            answer: answers[index % 3].clone(),
            duration: Duration::from_micros([0, 1, 30_000_001][index % 3]),
            ..attempt(index as u32 + 1)
        })
        .collect();
    let row = delivery(&one, sequences[0], State::Pending);
    // Some with the first row, one with another, and none beside what is no delivery of theirs.
    for (deliveries, attempts) in [
        (vec![row], &attempts[..2]),
        (vec![row], &attempts[2..]),
        (vec![delivery(&one, sequences[1], State::Dead)], &[]),
    ] {
        let attempts = attempts.iter().map(|attempt| (sequences[0], attempt.clone()));
        let progress = Progress {
            deliveries,
            attempts: attempts.collect(),
            ..nothing_new(&one)
        };
        led.record(progress).await;
    }
    led.deliver(&other, [delivery(&other, sequences[0], State::Dead)])
        .await;

    let led = led.reopen(place).await;

    let read = led.delivery(&one, sequences[0]).await;
    assert_eq!(read, Some((row, attempts)));
    for (destination, sequence) in [(&one, sequences[1]), (&other, sequences[0])] {
        let expected = delivery(destination, sequence, State::Dead);
        let read = led.delivery(destination, sequence).await;
        assert_eq!(read, Some((expected, Vec::new())));
    }
}

pub async fn what_is_said_twice_is_kept_once(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let sequences = led.accept(0..3).await;
    let progress = Progress {
        cursor: sequences[1],
        deliveries: vec![
            delivery(&destination, sequences[0], State::Delivered),
            delivery(&destination, sequences[1], State::Pending),
        ],
        attempts: vec![
            (sequences[0], attempt(1)),
            (sequences[1], attempt(1)),
            (sequences[1], attempt(2)),
        ],
        pause: PauseChange::Pause(Pause {
            at: at(3),
            reason: "410 Gone".to_owned(),
        }),
        ..nothing_new(&destination)
    };
    let read = async || {
        let mut read = Vec::new();
        for sequence in &sequences {
            read.push(led.delivery(&destination, *sequence).await);
        }
        (read, led.outbox().destinations().await.unwrap())
    };
    led.record(progress.clone()).await;
    let once = read().await;

    led.record(progress).await;

    assert_eq!(read().await, once);
    let attempt_counts = once
        .0
        .iter()
        .map(|read| read.as_ref().map(|(_, attempts)| attempts.len()));
    assert_eq!(attempt_counts.collect::<Vec<_>>(), [Some(1), Some(2), None]);
}

pub async fn only_the_latest_attempts_are_kept(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let sequences = led.accept(0..2).await;
    let record = async |sequence: u64, numbers: std::ops::RangeInclusive<u32>| {
        let row = Delivery {
            attempt_count: *numbers.end(),
            ..delivery(&destination, sequence, State::Pending)
        };
        let progress = Progress {
            deliveries: vec![row],
            attempts: numbers.map(|number| (sequence, attempt(number))).collect(),
            ..nothing_new(&destination)
        };
        led.record(progress).await;
        let (read, attempts) = led.delivery(&destination, sequence).await.expect("it is there");
        assert_eq!(read, row);
        attempts
    };
    let expected = |numbers: std::ops::RangeInclusive<u32>| numbers.map(attempt).collect::<Vec<_>>();

    // As many as there may be, one more, and many more at once; another delivery keeps its own.
    assert_eq!(record(sequences[1], 1..=2).await, expected(1..=2));
    assert_eq!(
        record(sequences[0], 1..=MAX_ATTEMPTS).await,
        expected(1..=MAX_ATTEMPTS)
    );
    let next = MAX_ATTEMPTS + 1;
    assert_eq!(record(sequences[0], next..=next).await, expected(2..=next));
    let last = 3 * MAX_ATTEMPTS;
    assert_eq!(
        record(sequences[0], next + 1..=last).await,
        expected(last - MAX_ATTEMPTS + 1..=last)
    );
    assert_eq!(record(sequences[1], 3..=3).await, expected(1..=3));
}

pub async fn expiry_takes_the_deliveries_along(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..4).await;
    for destination in [&one, &other] {
        let deliveries = sequences
            .iter()
            .map(|sequence| delivery(destination, *sequence, State::Pending));
        let attempts = sequences.iter().map(|sequence| (*sequence, attempt(1)));
        let progress = Progress {
            deliveries: deliveries.collect(),
            attempts: attempts.collect(),
            ..nothing_new(destination)
        };
        led.record(progress).await;
    }

    led.inbox.expire_all(2).await;

    for destination in [&one, &other] {
        assert_eq!(led.delivery(destination, sequences[1]).await, None);
        let (_, attempts) = led.delivery(destination, sequences[2]).await.expect("it is held");
        assert_eq!(attempts, [attempt(1)]);
    }
    let listed = led.pages(DeliveryFilter::default(), 100).await.concat();
    assert_eq!(listed.len(), 4);
    let pending = led.outbox().deliveries_after(one.id, State::Pending, 0, 10).await;
    assert_eq!(pending.unwrap().len(), 2);
    assert_eq!(led.destination(one.id).await.pending_count, 2);
}

pub async fn a_delivery_whose_receipt_has_expired_is_left_out(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let sequences = led.accept(0..3).await;
    led.inbox.expire_all(2).await;

    let progress = Progress {
        cursor: sequences[2],
        deliveries: sequences
            .iter()
            .map(|sequence| delivery(&destination, *sequence, State::Dead))
            .collect(),
        attempts: sequences.iter().map(|sequence| (*sequence, attempt(1))).collect(),
        ..nothing_new(&destination)
    };
    led.record(progress).await;

    assert_eq!(led.delivery(&destination, sequences[0]).await, None);
    assert_eq!(led.delivery(&destination, sequences[1]).await, None);
    let expected = delivery(&destination, sequences[2], State::Dead);
    assert_eq!(
        led.delivery(&destination, sequences[2]).await,
        Some((expected, vec![attempt(1)]))
    );
    let after = led.destination(destination.id).await;
    assert_eq!((after.cursor, after.dead_count), (sequences[2], 1));
}
