//! Promise: what was accepted is read in its order, to the end and none twice, and only whoever leads says what became
//! of it.

use super::*;
use crate::inbox::outbox::{Instruction, MAX_DISORDER, MAX_UNDELIVERED_EXAMINED, Matching};
use crate::inbox::{Error, Span};

pub async fn the_last_sequence_is_that_of_the_newest_receipt_there_ever_was(place: &impl Place) {
    let led = Led::open(place).await;
    assert_eq!(led.outbox().last_sequence().await.unwrap(), 0);

    let sequences = led.accept(0..3).await;
    let newest = sequences[2];
    assert_eq!(led.outbox().last_sequence().await.unwrap(), newest);

    led.inbox.expire_all(10).await;
    assert!(led.inbox.all().await.is_empty());
    assert_eq!(led.outbox().last_sequence().await.unwrap(), newest);
    let led = led.reopen(place).await;
    assert_eq!(led.outbox().last_sequence().await.unwrap(), newest);

    let sequences = led.accept([11]).await;
    assert!(sequences[0] > newest);
    assert_eq!(led.outbox().last_sequence().await.unwrap(), sequences[0]);
}

pub async fn receipts_after_a_number_page_oldest_first_to_the_end(place: &impl Place) {
    let led = Led::open(place).await;
    assert!(led.outbox().receipts_after(0, 10).await.unwrap().is_empty());
    led.accept(0..7).await;
    led.inbox.expire_all(2).await;
    let mut expected = led.inbox.all().await;
    expected.reverse();

    let (mut read, mut after) = (Vec::new(), 0);
    loop {
        let receipts = led.outbox().receipts_after(after, 2).await.unwrap();
        assert!(receipts.len() <= 2, "{}", receipts.len());
        let Some(last) = receipts.last() else { break };
        after = last.sequence;
        read.extend(receipts);
    }

    assert_eq!(read.len(), 5);
    assert_eq!(read, expected);
    // What is accepted later is found from there on.
    let later = led.accept([9]).await;
    let receipts = led.outbox().receipts_after(after, 10).await.unwrap();
    assert_eq!(super::sequences(&receipts), later);
}

pub async fn what_is_asked_for_is_loaded_with_its_body_oldest_first(place: &impl Place) {
    let led = Led::open(place).await;
    let bodies = ["first", "second", "third", ""].map(|body| Bytes::from_static(body.as_bytes()));
    let receipts = (0..).zip(&bodies).map(|(second, body)| {
        let body = body.clone();
        NewReceipt {
            body,
            ..crawled(&Ids::fresh()).at(second)
        }
    });
    led.inbox.accept(receipts.collect()).await;
    let mut receipts = led.inbox.all().await;
    receipts.reverse();
    led.inbox.expire_all(1).await;
    let [expired, second, third, fourth] = [0, 1, 2, 3].map(|index: usize| receipts[index].sequence);

    let asked = vec![fourth, fourth + 1_000, second, expired];
    let loaded = led.outbox().load(asked).await.unwrap();

    let with_body = |index: usize| (receipts[index].clone(), bodies[index].clone());
    assert_eq!(loaded, [with_body(1), with_body(3)]);
    let loaded = led.outbox().load(vec![third]).await.unwrap();
    assert_eq!(loaded, [with_body(2)]);
    assert!(led.outbox().load(Vec::new()).await.unwrap().is_empty());
}

pub async fn undelivered_leaves_out_what_has_a_delivery_to_that_destination(place: &impl Place) {
    let led = Led::open(place).await;
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..6).await;

    // In whatever state it is.
    let of_one = [(1, State::Delivered), (3, State::Pending), (4, State::Cancelled)];
    led.deliver(
        &one,
        of_one.map(|(index, state)| delivery(&one, sequences[index], state)),
    )
    .await;
    led.deliver(&other, [delivery(&other, sequences[0], State::Dead)])
        .await;

    let without = [0, 2, 5].map(|index| sequences[index]);
    assert_eq!(led.undelivered(&one).await, without);
    assert_eq!(led.undelivered(&other).await, sequences[1..]);
    let page = led.outbox().undelivered(one.id, 0, 2).await.unwrap();
    assert_eq!(super::sequences(&page.receipts), without[..2]);
    assert_eq!((page.read_to, page.newest), (without[1], sequences[5]));
    let page = led.outbox().undelivered(one.id, without[1], 2).await.unwrap();
    assert_eq!(super::sequences(&page.receipts), without[2..]);
    assert_eq!((page.read_to, page.newest), (sequences[5], sequences[5]));
    let all = led.outbox().receipts_after(0, 10).await.unwrap();
    assert_eq!(page.receipts[0], all[5], "the receipt is the same");
    let page = led.outbox().undelivered(one.id, without[2], 2).await.unwrap();
    assert!(page.receipts.is_empty());
    assert_eq!(page.read_to, sequences[5]);
    let page = led.outbox().undelivered(one.id, sequences[2], 0).await.unwrap();
    assert_eq!((page.receipts.len(), page.read_to), (0, sequences[2]));
    assert_eq!(page.first, sequences[0]);
}

pub async fn undelivered_says_from_where_on_receipts_are_held(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let sequences = led.accept(0..3).await;

    for (expired_count, first) in [(2, sequences[2]), (3, sequences[2] + 1)] {
        led.inbox.expire_all(expired_count).await;

        let page = led.outbox().undelivered(destination.id, 0, 0).await.unwrap();
        assert_eq!(page.first, first);
    }
}

pub async fn undelivered_looks_at_a_bounded_part_and_says_how_far_it_came(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let bound = MAX_UNDELIVERED_EXAMINED as usize;
    for _ in 0..=bound / 500 {
        let batch = (0..500).map(|second| crawled(&Ids::fresh()).at(second));
        led.inbox.accept(batch.collect()).await;
    }

    let part = led
        .outbox()
        .undelivered(destination.id, 0, 2 * bound)
        .await
        .unwrap();
    assert_eq!(part.receipts.len(), bound);
    assert!(part.read_to < part.newest);
    let rest = led
        .outbox()
        .undelivered(destination.id, part.read_to, 2 * bound)
        .await
        .unwrap();
    assert_eq!(rest.read_to, rest.newest);
    let all = [super::sequences(&part.receipts), super::sequences(&rest.receipts)].concat();
    assert!(all.is_sorted_by(|one, next| one < next));
    assert_eq!(all.len(), bound + 500);
}

/// A store says itself who leads: one that several receivers may have open at once names one of them, and one that a
/// single receiver has lets whoever asks.
pub async fn whoever_does_not_lead_writes_nothing(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let sequences = led.accept(0..2).await;
    led.deliver(
        &destination,
        [delivery(&destination, sequences[0], State::Pending)],
    )
    .await;
    let instruction = Instruction::new("{}".to_owned());
    led.outbox().instruct(instruction.clone()).await.unwrap();
    let other = candidate("other");
    led.leader().await;
    let leads = led.inbox.lead(&other).await.unwrap() == Leadership::Leader;
    let before = led.destination(destination.id).await;

    let progress = Progress {
        cursor: sequences[1],
        deliveries: vec![delivery(&destination, sequences[1], State::Dead)],
        attempts: vec![(sequences[1], attempt(1))],
        ..nothing_new(&destination)
    };
    let done = Instruction {
        progress: "all of it".to_owned(),
        done_at: Some(at(1)),
        ..instruction.clone()
    };
    // The lease is prolonged before each, so that it is never free.
    led.leader().await;
    let recorded = led.outbox().record(&other, progress).await;
    led.leader().await;
    let followed_up = led.outbox().follow_up(&other, done.clone()).await;
    let after = led.destination(destination.id).await;
    led.leader().await;
    let removed = led.outbox().remove_destination(&other, destination.id).await;
    led.leader().await;
    let noticed = led.outbox().keep_notices(&other, "{}".to_owned()).await;

    let kept = led.outbox().instruction(instruction.id).await.unwrap();
    if leads {
        recorded.unwrap();
        followed_up.unwrap();
        assert_eq!(removed.unwrap(), 1);
        noticed.unwrap();
        assert_eq!(kept, Some(done));
    } else {
        assert!(matches!(recorded, Err(Error::NotLeader)), "{recorded:?}");
        assert!(matches!(followed_up, Err(Error::NotLeader)), "{followed_up:?}");
        assert!(matches!(removed, Err(Error::NotLeader)), "{removed:?}");
        assert!(matches!(noticed, Err(Error::NotLeader)), "{noticed:?}");
        assert_eq!(led.outbox().notices().await.unwrap(), None);
        assert_eq!(kept, Some(instruction));
        assert_eq!(after, before);
        assert_eq!(led.destination(destination.id).await, before);
        assert_eq!(led.undelivered(&destination).await, sequences[1..]);
    }
}

pub async fn a_closed_inbox_refuses_every_call_of_the_way_out(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("crm").await;
    let (outbox, leader, id) = (led.outbox(), led.leader().await, destination.id);
    let instruction = Instruction::new("{}".to_owned());
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };

    led.inbox.close().await.unwrap();

    let refusals = [
        outbox.last_sequence().await.err(),
        outbox.receipts_after(0, 10).await.err(),
        outbox.undelivered(id, 0, 10).await.err(),
        outbox.load(vec![1]).await.err(),
        outbox.destinations().await.err(),
        outbox.add_destination("crm".to_owned(), Start::Now).await.err(),
        outbox
            .add_destination("new".to_owned(), Start::Since(at(0)))
            .await
            .err(),
        outbox.remove_destination(leader, id).await.err(),
        outbox.record(leader, nothing_new(&destination)).await.err(),
        outbox.deliveries(DeliveryFilter::default(), page).await.err(),
        outbox.deliveries_after(id, State::Pending, 0, 10).await.err(),
        outbox.delivery(id, 1).await.err(),
        outbox.instruct(instruction.clone()).await.err(),
        outbox.instruction(instruction.id).await.err(),
        outbox.open_instructions(10).await.err(),
        outbox.instructions(10).await.err(),
        outbox.follow_up(leader, instruction).await.err(),
        outbox.notices().await.err(),
        outbox.keep_notices(leader, "{}".to_owned()).await.err(),
    ];
    for (call, refusal) in refusals.iter().enumerate() {
        assert!(
            matches!(refusal, Some(Error::Unavailable { .. })),
            "call {call}: {refusal:?}"
        );
    }
}

pub async fn what_matches_is_found_a_part_at_a_time(place: &impl Place) {
    let led = Led::open(place).await;
    let ids = Ids::fresh();
    let all = [
        crawled(&Ids::fresh()).at(1),
        sent(Event::CrawlingInitial, &ids, Wire::V2024_07).at(2),
        crawled(&ids).at(3),
        crawled(&Ids::fresh()).at(4),
        sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_07).at(5),
        crawled(&Ids::fresh()).at(6),
    ];
    led.inbox.accept(all.to_vec()).await;
    led.inbox.expire_all(2).await;
    let mut held = led.inbox.all().await;
    held.reverse();
    let (first, last) = (held[0].sequence, held[4].sequence);
    let found = async |filter: ReceiptFilter, span: Span, limit: usize| {
        let (mut found, mut after) = (Vec::new(), 0);
        while after < last {
            let what = Matching {
                filter: filter.clone(),
                span,
                after,
                until: last,
            };
            let part = led.outbox().matching(what, limit).await.unwrap();
            assert!(part.receipts.len() <= limit && part.read_to > after, "{part:?}");
            after = part.read_to;
            found.extend(part.receipts);
        }
        assert_eq!(after, last);
        found
    };

    let chatbot_id = ids.chatbot_id;
    for limit in [1, 2, 10] {
        let everything = found(ReceiptFilter::default(), Span::default(), limit).await;
        assert_eq!(everything, held, "{limit}");
        let event = |event: &str| ReceiptFilter {
            event: Some(event.to_owned()),
            ..ReceiptFilter::default()
        };
        let of_job = ReceiptFilter {
            event_id: Some(ids.event_id),
            chatbot_id: Some(chatbot_id),
            ..ReceiptFilter::default()
        };
        let none = event("billing");
        for filter in [event("crawling"), event("crawling.completed"), of_job, none] {
            let expected = held.iter().filter(|receipt| filter.matches(receipt));
            let expected: Vec<_> = expected.cloned().collect();
            assert_eq!(
                found(filter.clone(), Span::default(), limit).await,
                expected,
                "{filter:?}"
            );
        }
        let span = Span {
            since: Some(at(3)),
            until: Some(at(5)),
        };
        assert_eq!(
            found(ReceiptFilter::default(), span, limit).await,
            held[1..3],
            "{limit}"
        );
    }
    // No further than it is asked.
    let what = Matching {
        filter: ReceiptFilter::default(),
        span: Span::default(),
        after: first,
        until: first + 2,
    };
    let part = led.outbox().matching(what, 10).await.unwrap();
    assert_eq!((part.receipts, part.read_to), (held[1..3].to_vec(), first + 2));
}

pub async fn the_last_receipt_before_a_time_is_found_as_clocks_may_have_it(place: &impl Place) {
    let led = Led::open(place).await;
    assert_eq!(led.outbox().last_before(at(1)).await.unwrap(), 0);
    let apart = MAX_DISORDER.as_secs();
    let sequences = led.accept((1..=20).map(|number| number * apart)).await;

    for number in 0..=22 {
        let found = led.outbox().last_before(at(number * apart + 1)).await.unwrap();
        // As far back as clocks may be out of order, and no further.
        let expected = (number as usize)
            .min(20)
            .checked_sub(1)
            .map(|before| sequences[before]);
        let clear = (number as usize).saturating_sub(2).min(20);
        let lowest = clear
            .checked_sub(1)
            .map_or(sequences[0] - 1, |before| sequences[before]);
        assert!(found <= expected.unwrap_or(sequences[0] - 1), "{number}: {found}");
        assert!(found >= lowest, "{number}: {found}");
    }
    led.inbox.expire_all(5 * apart).await;
    assert_eq!(led.outbox().last_before(at(1)).await.unwrap(), sequences[3]);
    led.inbox.expire_all(100 * apart).await;
    assert_eq!(led.outbox().last_before(at(1)).await.unwrap(), sequences[19]);
}
