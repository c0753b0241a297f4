//! Promise: a destination is put in once, begins where it is told to, and goes and comes back without losing what
//! became of its deliveries.

use super::*;
use crate::inbox::outbox::Pause;

impl Led {
    /// Adds a destination that gets what was received at [`at`] that second or later.
    async fn add_since(&self, name: &str, second: u64) -> Destination {
        let start = Start::Since(at(second));
        let added = self.outbox().add_destination(name.to_owned(), start).await;
        added.expect("the store takes the destination")
    }

    /// The numbers of the receipts that lie before it.
    async fn ahead_of(&self, destination: &Destination) -> Vec<u64> {
        let receipts = self.outbox().receipts_after(destination.cursor, 1_000).await;
        sequences(&receipts.expect("the store answers"))
    }

    async fn remove(&self, destination: &Destination) -> u64 {
        let leader = self.leader().await;
        let removed = self.outbox().remove_destination(leader, destination.id).await;
        removed.expect("the store removes the destination")
    }
}

pub async fn a_destination_added_now_gets_what_is_accepted_from_then_on(place: &impl Place) {
    let led = Led::open(place).await;
    let empty = led.add("in an empty inbox").await;
    let sequences = led.accept(0..3).await;

    let added = led.add("later").await;

    assert_eq!(empty.cursor, 0);
    assert_eq!(added.cursor, sequences[2]);
    assert!(added.id > empty.id && empty.id > DestinationId(0));
    let expected = Destination {
        id: added.id,
        name: "later".to_owned(),
        cursor: sequences[2],
        added_at: added.added_at,
        removed_at: None,
        unconfigured_at: None,
        pause: None,
        pending_count: 0,
        dead_count: 0,
    };
    assert_eq!(added, expected);
    assert_eq!(led.outbox().destinations().await.unwrap(), [empty, expected]);
    let later = led.accept(3..5).await;
    assert_eq!(led.ahead_of(&added).await, later);
    // Nor does it begin elsewhere when all is gone.
    led.inbox.expire_all(10).await;
    assert_eq!(led.add("without receipts").await.cursor, later[1]);
}

pub async fn a_destination_added_since_a_time_gets_what_was_received_from_then_on(place: &impl Place) {
    let led = Led::open(place).await;
    assert_eq!(led.add_since("in an empty inbox", 1).await.cursor, 0);
    // In the order of acceptance, which is not that of arrival.
    let sequences = led.accept([10, 30, 20, 40, 35]).await;

    // From the first on that was received at that time or later, whatever comes after it.
    for (second, expected) in [
        (0, &sequences[..]),
        (10, &sequences[..]),
        (11, &sequences[1..]),
        (30, &sequences[1..]),
        (31, &sequences[3..]),
        (40, &sequences[3..]),
    ] {
        let added = led.add_since(&format!("since {second}"), second).await;
        assert_eq!(led.ahead_of(&added).await, expected, "since {second}");
        assert_eq!(led.destination(added.id).await, added);
    }
    let added = led.add_since("since 41", 41).await;
    assert_eq!(added.cursor, sequences[4], "as if it began now");
    // What has expired is not there for anybody.
    led.inbox.expire_all(25).await;
    let held = super::sequences(&led.outbox().receipts_after(0, 10).await.unwrap());
    let added = led.add_since("since 0, later", 0).await;
    assert_eq!(led.ahead_of(&added).await, held);
    led.inbox.expire_all(100).await;
    let added = led.add_since("since 0, without receipts", 0).await;
    assert_eq!(added.cursor, sequences[4]);
}

pub async fn a_destination_added_again_is_the_same(place: &impl Place) {
    let led = Led::open(place).await;
    led.accept(0..2).await;
    let added = led.add("crm").await;
    led.accept(2..4).await;

    assert_eq!(led.add("crm").await, added);
    assert_eq!(led.add_since("crm", 0).await, added);
    let led = led.reopen(place).await;
    assert_eq!(led.add("crm").await, added);
    assert_eq!(led.outbox().destinations().await.unwrap(), [added]);
}

pub async fn names_of_destinations_are_kept_apart(place: &impl Place) {
    let led = Led::open(place).await;
    let mut added = Vec::new();
    for name in ["crm", "CRM", "crm ", "crm-2", "Ümlaut ☂", ""] {
        added.push(led.add(name).await);
    }

    assert!(added.is_sorted_by(|one, next| one.id < next.id));
    assert_eq!(led.outbox().destinations().await.unwrap(), added);
}

pub async fn what_is_pending_and_dead_is_counted(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..6).await;
    let states = [
        State::Pending,
        State::Dead,
        State::Delivered,
        State::Pending,
        State::Cancelled,
        State::Removed,
    ];
    let deliveries = sequences.iter().zip(states);
    led.deliver(
        &one,
        deliveries.map(|(sequence, state)| delivery(&one, *sequence, state)),
    )
    .await;
    led.deliver(&other, [delivery(&other, sequences[0], State::Dead)])
        .await;
    let counts = async || {
        let destinations = led.outbox().destinations().await.unwrap();
        let counts = destinations
            .iter()
            .map(|destination| (destination.pending_count, destination.dead_count));
        counts.collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [(2, 1), (0, 1)]);

    led.deliver(&one, [delivery(&one, sequences[0], State::Dead)])
        .await;
    led.deliver(&other, [delivery(&other, sequences[0], State::Delivered)])
        .await;
    assert_eq!(counts().await, [(1, 2), (0, 0)]);

    led.inbox.expire_all(2).await;
    assert_eq!(counts().await, [(1, 0), (0, 0)]);
}

pub async fn a_removed_destination_takes_its_pending_deliveries_with_it(place: &impl Place) {
    let led = Led::open(place).await;
    let (kept, removed) = (led.add("kept").await, led.add("removed").await);
    let sequences = led.accept(0..6).await;
    // The last of them has none.
    for destination in [&kept, &removed] {
        let states = [State::Pending, State::Dead, State::Pending, State::Delivered];
        let deliveries = sequences.iter().zip(states.into_iter().chain([State::Cancelled]));
        let deliveries = deliveries.map(|(sequence, state)| delivery(destination, *sequence, state));
        led.deliver(destination, deliveries).await;
    }
    let kept = led.destination(kept.id).await;

    assert_eq!(led.remove(&removed).await, 2);

    let after = led.destination(removed.id).await;
    let removed_at = after.removed_at.expect("it says when");
    assert!(removed_at >= after.added_at);
    assert_eq!(after.pending_count, 0);
    assert_eq!(after.dead_count, 1);
    assert_eq!(after.cursor, removed.cursor);
    assert_eq!(led.destination(kept.id).await, kept);
    let mut states = Vec::new();
    for sequence in &sequences[..5] {
        states.push(led.delivery(&removed, *sequence).await.expect("it has a row").0);
    }
    let expected = [
        State::Removed,
        State::Dead,
        State::Removed,
        State::Delivered,
        State::Cancelled,
    ];
    for (state, (sequence, expected)) in states.iter().zip(sequences.iter().zip(expected)) {
        let as_it_was = Delivery {
            changed_at: state.changed_at,
            ..delivery(&removed, *sequence, expected)
        };
        assert_eq!(*state, as_it_was);
        assert_eq!(state.changed_at != at(50), expected == State::Removed);
    }
    // Saying so again changes nothing.
    assert_eq!(led.remove(&removed).await, 0);
    assert_eq!(led.destination(removed.id).await, after);
    let led = led.reopen(place).await;
    assert_eq!(led.outbox().destinations().await.unwrap(), [kept, after]);
}

pub async fn a_destination_that_comes_back_begins_anew(place: &impl Place) {
    let led = Led::open(place).await;
    let first = led.add("crm").await;
    let sequences = led.accept(0..4).await;
    let deliveries = [
        delivery(&first, sequences[0], State::Dead),
        delivery(&first, sequences[1], State::Pending),
    ];
    let progress = Progress {
        cursor: sequences[1],
        deliveries: deliveries.to_vec(),
        pause: PauseChange::Pause(pause("410 Gone")),
        ..nothing_new(&first)
    };
    led.record(progress).await;
    led.remove(&first).await;
    let rows = led.pages(DeliveryFilter::default(), 10).await;

    let again = led.add("crm").await;

    let expected = Destination {
        id: first.id,
        name: "crm".to_owned(),
        cursor: sequences[3],
        added_at: again.added_at,
        removed_at: None,
        unconfigured_at: None,
        pause: None,
        pending_count: 0,
        dead_count: 1,
    };
    assert_eq!(again, expected);
    assert!(again.added_at > first.added_at);
    assert_eq!(led.outbox().destinations().await.unwrap(), [again]);
    assert_eq!(led.pages(DeliveryFilter::default(), 10).await, rows);
    // Also back to what lies behind where it was.
    led.remove(&first).await;
    let back = led.add_since("crm", 1).await;
    assert_eq!(led.ahead_of(&back).await, sequences[1..]);
    assert_eq!(led.undelivered(&back).await, sequences[1..]);
}

pub async fn what_was_closed_with_a_destination_is_sent_if_it_begins_before_that_again(place: &impl Place) {
    let led = Led::open(place).await;
    let (crm, other) = (led.add("crm").await, led.add("other").await);
    let sequences = led.accept(0..6).await;
    for destination in [&crm, &other] {
        let pending = |sequence| delivery(destination, sequence, State::Pending);
        let deliveries = [sequences[0], sequences[2], sequences[3]].map(pending);
        let finished = [
            delivery(destination, sequences[1], State::Delivered),
            delivery(destination, sequences[4], State::Cancelled),
        ];
        let tried = [1, 2].map(|number| (sequences[2], attempt(number)));
        let progress = Progress {
            cursor: sequences[4],
            deliveries: [&deliveries[..], &finished].concat(),
            attempts: tried.to_vec(),
            ..nothing_new(destination)
        };
        led.record(progress).await;
    }
    let kept = led.delivery(&other, sequences[2]).await;
    led.remove(&crm).await;
    led.remove(&other).await;
    let closed = led.delivery(&crm, sequences[0]).await;

    let back = led.add_since("crm", 1).await;

    assert_eq!(
        (back.id, back.cursor, back.pending_count),
        (crm.id, sequences[0], 0)
    );
    let open = [sequences[2], sequences[3], sequences[5]];
    assert_eq!(led.undelivered(&back).await, open);
    assert_eq!(led.delivery(&crm, sequences[0]).await, closed, "it came before");
    for finished in [1, 4] {
        assert!(led.delivery(&crm, sequences[finished]).await.is_some());
    }
    // It is as if it had not been tried.
    assert_eq!(led.delivery(&crm, sequences[2]).await, None);
    let progress = Progress {
        deliveries: vec![delivery(&crm, sequences[2], State::Delivered)],
        attempts: vec![(sequences[2], attempt(1))],
        ..nothing_new(&crm)
    };
    led.record(progress).await;
    let (_, attempts) = led.delivery(&crm, sequences[2]).await.expect("it has a row");
    assert_eq!(attempts, [attempt(1)]);
    // Of others nothing is forgotten, and of one that is there neither.
    let (_, attempts) = led.delivery(&other, sequences[2]).await.expect("it has a row");
    assert_eq!(Some(attempts), kept.map(|(_, attempts)| attempts));
    led.add("other").await;
    led.add_since("other", 0).await;
    assert_eq!(
        led.delivery(&other, sequences[2]).await.expect("a row").0.state,
        State::Removed
    );
}

pub async fn a_pause_is_kept_until_it_is_over(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let change = async |led: &Led, pause| {
        let progress = Progress {
            pause,
            ..nothing_new(&one)
        };
        led.record(progress).await;
        led.destination(one.id).await.pause
    };

    let first = pause("410 Gone");
    assert_eq!(
        change(&led, PauseChange::Pause(first.clone())).await,
        Some(first.clone())
    );
    assert_eq!(change(&led, PauseChange::Keep).await, Some(first.clone()));
    let led = led.reopen(place).await;
    assert_eq!(led.destination(one.id).await.pause, Some(first));
    let second = Pause {
        at: at(8),
        ..pause("by an operator: „Wartung“")
    };
    assert_eq!(
        change(&led, PauseChange::Pause(second.clone())).await,
        Some(second)
    );
    assert_eq!(led.destination(other.id).await, other);
    assert_eq!(change(&led, PauseChange::Resume).await, None);
    assert_eq!(change(&led, PauseChange::Keep).await, None);
}

fn pause(reason: &str) -> Pause {
    Pause {
        at: at(7),
        reason: reason.to_owned(),
    }
}

pub async fn a_destination_that_is_configured_no_more_keeps_its_place_until_it_is_again(place: &impl Place) {
    let led = Led::open(place).await;
    let (kept, missed) = (led.add("kept").await, led.add("missed").await);
    let sequences = led.accept(0..2).await;
    led.deliver(&missed, [delivery(&missed, sequences[0], State::Pending)])
        .await;

    let leader = led.leader().await;
    let first = led.outbox().miss_destination(leader, missed.id).await.unwrap();
    let since = led
        .destination(missed.id)
        .await
        .unconfigured_at
        .expect("since when");
    let led = led.reopen(place).await;
    let leader = led.leader().await;
    let second = led.outbox().miss_destination(leader, missed.id).await.unwrap();

    assert!(first < second, "{first:?} {second:?}");
    let known = led.destination(missed.id).await;
    assert_eq!(
        known.unconfigured_at,
        Some(since),
        "it is so since the first time"
    );
    assert_eq!((known.removed_at, known.pending_count), (None, 1));
    assert_eq!(led.destination(kept.id).await, kept);
    let configured = led.add("missed").await;
    assert_eq!((configured.id, configured.unconfigured_at), (missed.id, None));
    assert_eq!((configured.cursor, configured.pending_count), (missed.cursor, 1));
    assert_eq!(led.destination(missed.id).await, configured);
}

pub async fn what_a_removal_that_was_cut_off_has_closed_pends_once_the_destination_is_configured_again(
    place: &impl Place,
) {
    let led = Led::open(place).await;
    let crm = led.add("crm").await;
    let sequences = led.accept(0..3).await;
    led.deliver(&crm, [delivery(&crm, sequences[0], State::Pending)])
        .await;
    led.remove(&crm).await;
    led.add("crm").await;
    // By one whose clock was ahead.
    let earlier = Delivery {
        changed_at: Timestamp::now().plus(Duration::from_secs(3_600)),
        ..delivery(&crm, sequences[0], State::Removed)
    };
    led.deliver(&crm, [earlier]).await;
    let tried = [1, 2].map(|index| delivery(&crm, sequences[index], State::Pending));
    led.deliver(&crm, tried).await;
    let leader = led.leader().await;
    led.outbox().miss_destination(leader, crm.id).await.unwrap();
    // As its first lot leaves one.
    let closed = Delivery {
        changed_at: led.destination(crm.id).await.unconfigured_at.unwrap(),
        ..delivery(&crm, sequences[1], State::Removed)
    };
    led.deliver(&crm, [closed]).await;

    let back = led.add("crm").await;

    assert_eq!(led.destination(crm.id).await, back);
    assert_eq!((back.unconfigured_at, back.pending_count), (None, 2));
    let states = led
        .outbox()
        .rows_of(Some(crm.id), sequences.clone())
        .await
        .unwrap();
    let mut states: Vec<_> = states.iter().map(|row| (row.sequence, row.state)).collect();
    states.sort_unstable_by_key(|(sequence, _)| *sequence);
    let expected = [State::Removed, State::Pending, State::Pending];
    assert_eq!(states, sequences.into_iter().zip(expected).collect::<Vec<_>>());
}
