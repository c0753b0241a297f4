//! Promise: deliveries are listed in their order, each once, with their receipts.

use super::*;

/// Five receipts on their ways to two destinations.
struct Mixture {
    led: Led,
    one: Destination,
    other: Destination,
    sequences: Vec<u64>,
}

impl Mixture {
    async fn new(place: &impl Place) -> Self {
        let led = Led::open(place).await;
        let (one, other) = (led.add("one").await, led.add("other").await);
        let sequences = led.accept(0..5).await;
        let of_one = [
            (4, State::Pending),
            (0, State::Dead),
            (1, State::Delivered),
            (3, State::Dead),
        ];
        let of_other = [
            (0, State::Dead),
            (2, State::Pending),
            (3, State::Cancelled),
            (4, State::Removed),
        ];
        for (destination, states) in [(&one, of_one), (&other, of_other)] {
            let deliveries = states.map(|(index, state)| delivery(destination, sequences[index], state));
            led.deliver(destination, deliveries).await;
        }
        Self {
            led,
            one,
            other,
            sequences,
        }
    }

    /// What matches, as names of destinations and the places of receipts among the five.
    async fn list(&self, filter: DeliveryFilter, limit: usize) -> Vec<(&str, usize)> {
        let listed = self.led.pages(filter, limit).await.concat();
        let listed = listed.iter().map(|(delivery, receipt)| {
            assert_eq!(delivery.sequence, receipt.sequence);
            (self.name(delivery), self.place(delivery.sequence))
        });
        listed.collect()
    }

    fn name(&self, delivery: &Delivery) -> &str {
        if delivery.destination == self.one.id {
            &self.one.name
        } else {
            assert_eq!(delivery.destination, self.other.id);
            &self.other.name
        }
    }

    fn place(&self, sequence: u64) -> usize {
        let place = self.sequences.iter().position(|known| *known == sequence);
        place.expect("it is one of the five")
    }
}

/// Nothing, as names and places.
const NONE: [(&str, usize); 0] = [];

/// All that is in the mixture: the newest receipt first, and of one receipt the oldest destination.
const ALL: [(&str, usize); 8] = [
    ("one", 4),
    ("other", 4),
    ("one", 3),
    ("other", 3),
    ("other", 2),
    ("one", 1),
    ("one", 0),
    ("other", 0),
];

pub async fn deliveries_are_listed_newest_receipt_first(place: &impl Place) {
    let mixture = Mixture::new(place).await;

    let listed = mixture.led.pages(DeliveryFilter::default(), 10).await;

    let [page] = listed.try_into().expect("one page");
    let names = page
        .iter()
        .map(|(delivery, _)| (mixture.name(delivery), mixture.place(delivery.sequence)));
    assert_eq!(names.collect::<Vec<_>>(), ALL);
    let mut receipts = mixture.led.inbox.all().await;
    receipts.reverse();
    for (delivery, receipt) in page {
        assert_eq!(receipt, receipts[mixture.place(delivery.sequence)]);
    }
}

pub async fn each_filter_lists_the_deliveries_that_match_it(place: &impl Place) {
    let mixture = Mixture::new(place).await;
    let of_one = DeliveryFilter {
        destination: Some(mixture.one.id),
        ..DeliveryFilter::default()
    };
    let dead = DeliveryFilter {
        state: Some(State::Dead),
        ..DeliveryFilter::default()
    };
    let from_third = DeliveryFilter {
        from_sequence: mixture.sequences[2],
        ..DeliveryFilter::default()
    };
    let unknown = DeliveryFilter {
        destination: Some(DestinationId(1_000)),
        ..DeliveryFilter::default()
    };
    for limit in [1, 2, 10] {
        assert_eq!(
            mixture.list(of_one, limit).await,
            [("one", 4), ("one", 3), ("one", 1), ("one", 0)]
        );
        assert_eq!(
            mixture.list(dead, limit).await,
            [("one", 3), ("one", 0), ("other", 0)]
        );
        assert_eq!(mixture.list(from_third, limit).await, ALL[..5]);
        assert_eq!(mixture.list(unknown, limit).await, NONE);
        // Each state of a destination, and of receipts from a number on.
        for (state, expected) in [
            (State::Pending, &[("one", 4)][..]),
            (State::Dead, &[("one", 3), ("one", 0)]),
            (State::Delivered, &[("one", 1)]),
            (State::Cancelled, &[]),
            (State::Removed, &[]),
        ] {
            let state = Some(state);
            let both = DeliveryFilter { state, ..of_one };
            assert_eq!(mixture.list(both, limit).await, expected, "{state:?}");
            let all_three = DeliveryFilter {
                from_sequence: mixture.sequences[2],
                ..both
            };
            let expected: Vec<_> = expected
                .iter()
                .filter(|(_, place)| *place >= 2)
                .copied()
                .collect();
            assert_eq!(mixture.list(all_three, limit).await, expected, "{state:?}");
        }
        let last = DeliveryFilter {
            from_sequence: mixture.sequences[4] + 1,
            ..DeliveryFilter::default()
        };
        assert_eq!(mixture.list(last, limit).await, NONE);
    }
}

pub async fn pages_of_deliveries_show_each_once_and_part_no_receipts(place: &impl Place) {
    let mixture = Mixture::new(place).await;

    for limit in 1..=9 {
        let pages = mixture.led.pages(DeliveryFilter::default(), limit).await;

        let listed = pages.concat();
        let names = listed
            .iter()
            .map(|(delivery, _)| (mixture.name(delivery), mixture.place(delivery.sequence)));
        assert_eq!(names.collect::<Vec<_>>(), ALL, "limit {limit}");
        for page in &pages {
            assert!(page.len() <= limit + 1, "{} on a page of {limit}", page.len());
        }
        let ends = pages.iter().filter_map(|page| Some(page.last()?.0.sequence));
        let starts = pages.iter().filter_map(|page| Some(page.first()?.0.sequence));
        assert!(
            ends.zip(starts.skip(1)).all(|(end, start)| end > start),
            "limit {limit}"
        );
    }
}

pub async fn deliveries_of_a_state_page_oldest_first_to_the_end(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..10).await;
    for destination in [&one, &other] {
        let states = State::ALL.into_iter().chain([State::Pending; 5]);
        let deliveries = sequences.iter().zip(states);
        let deliveries = deliveries.map(|(sequence, state)| delivery(destination, *sequence, state));
        led.deliver(destination, deliveries).await;
    }
    let mut receipts = led.inbox.all().await;
    receipts.reverse();

    for (state, places) in [
        (State::Pending, &[0, 5, 6, 7, 8, 9][..]),
        (State::Delivered, &[1]),
        (State::Dead, &[2]),
        (State::Cancelled, &[3]),
        (State::Removed, &[4]),
    ] {
        let expected = places
            .iter()
            .map(|place| (delivery(&one, sequences[*place], state), receipts[*place].clone()));
        let expected: Vec<_> = expected.collect();
        for limit in [1, 4, 100] {
            let (mut read, mut after) = (Vec::new(), 0);
            loop {
                let page = led.outbox().deliveries_after(one.id, state, after, limit);
                let page = page.await.unwrap();
                assert!(page.len() <= limit);
                let Some((last, _)) = page.last() else { break };
                after = last.sequence;
                read.extend(page);
            }
            assert_eq!(read, expected, "{state:?} in pages of {limit}");
        }
    }
}

pub async fn where_nothing_was_said_there_are_no_deliveries(place: &impl Place) {
    let led = Led::open(place).await;
    led.add("crm").await;
    led.accept(0..2).await;

    assert_eq!(led.pages(DeliveryFilter::default(), 10).await, [[]]);
}

pub async fn a_receipt_without_a_row_has_no_delivery(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..2).await;
    led.deliver(&one, [delivery(&one, sequences[0], State::Pending)])
        .await;

    for (destination, sequence) in [
        (&one, sequences[1]),
        (&other, sequences[0]),
        (&one, sequences[1] + 1_000),
        (&one, 0),
    ] {
        assert_eq!(led.delivery(destination, sequence).await, None);
    }
}

pub async fn the_rows_of_receipts_are_found_by_their_numbers(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..5).await;
    let row = |destination: &Destination, index: usize| delivery(destination, sequences[index], State::Dead);
    led.deliver(&one, [row(&one, 0), row(&one, 1), row(&one, 3)])
        .await;
    led.deliver(&other, [row(&other, 0), row(&other, 3), row(&other, 4)])
        .await;
    let asked: Vec<_> = [1, 3, 0, 3, 2].map(|index| sequences[index]).to_vec();
    let found = async |destination: Option<&Destination>, asked: &[u64]| {
        let id = destination.map(|destination| destination.id);
        let found = led.outbox().rows_of(id, asked.to_vec()).await;
        found.expect("the store answers")
    };

    let of_all = [
        row(&one, 3),
        row(&other, 3),
        row(&one, 1),
        row(&one, 0),
        row(&other, 0),
    ];
    assert_eq!(found(None, &asked).await, of_all);
    assert_eq!(
        found(Some(&other), &asked).await,
        [row(&other, 3), row(&other, 0)]
    );
    assert!(found(Some(&other), &[]).await.is_empty());
    led.inbox.expire_all(2).await;
    assert_eq!(found(Some(&other), &asked).await, [row(&other, 3)]);
}
