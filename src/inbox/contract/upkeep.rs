//! Promise: the inbox keeps within its bounds, gives way to age step by step, and ends when it is told to.

use super::*;
use crate::event::Identity;
use crate::inbox::{Candidate, Error, Leadership, QuarantineTotals};

async fn bodies(inbox: &dyn Inbox) -> Vec<Bytes> {
    inbox
        .whole_quarantine()
        .await
        .into_iter()
        .map(|(_, body)| body)
        .collect()
}

pub async fn the_quarantine_is_bounded_by_count_the_oldest_going_first(place: &impl Place) {
    let inbox = place
        .open(Settings {
            quarantine_max_count: 3,
            ..settings()
        })
        .await;
    for body in ["one", "two", "three", "four"] {
        inbox.refuse(refused(body.as_bytes())).await;
    }
    // The last two share a batch.
    let batch = [refused(b"five"), refused(b"six")]
        .map(Entry::Quarantine)
        .to_vec();
    inbox.append(batch).await.unwrap();

    assert_eq!(bodies(&*inbox).await, ["six", "five", "four"]);
    let totals = inbox.quarantine_totals().await.unwrap();
    assert_eq!(
        totals,
        QuarantineTotals {
            bytes: 11,
            quarantined_count: 6,
            evicted_count: 3
        }
    );
}

pub async fn the_quarantine_is_bounded_by_bytes_the_oldest_going_first(place: &impl Place) {
    let inbox = place
        .open(Settings {
            quarantine_max_bytes: 10,
            ..settings()
        })
        .await;
    for body in ["aaaa", "bbb", "ccc"] {
        inbox.refuse(refused(body.as_bytes())).await;
    }
    assert_eq!(bodies(&*inbox).await, ["ccc", "bbb", "aaaa"]);

    inbox.refuse(refused(b"ddddd")).await;

    assert_eq!(bodies(&*inbox).await, ["ddddd", "ccc"]);
    let totals = inbox.quarantine_totals().await.unwrap();
    assert_eq!(
        totals,
        QuarantineTotals {
            bytes: 8,
            quarantined_count: 4,
            evicted_count: 2
        }
    );
}

pub async fn a_body_larger_than_the_quarantine_is_cut_and_marked(place: &impl Place) {
    let inbox = place
        .open(Settings {
            quarantine_max_bytes: 10,
            ..settings()
        })
        .await;
    inbox.refuse(refused(b"before")).await;

    inbox.refuse(refused(b"0123456789abc")).await;

    let quarantined = inbox.whole_quarantine().await;
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].1, "0123456789");
    assert!(quarantined[0].0.truncated);
}

pub async fn the_quarantine_and_its_totals_survive_reopening(place: &impl Place) {
    let bounds = Settings {
        quarantine_max_count: 2,
        ..settings()
    };
    let inbox = place.open(bounds.clone()).await;
    for body in ["one", "two", "three"] {
        inbox.refuse(refused(body.as_bytes())).await;
    }
    inbox.close().await.unwrap();
    drop(inbox);

    let inbox = place.open(bounds).await;
    let totals = inbox.quarantine_totals().await.unwrap();
    inbox.refuse(refused(b"four")).await;

    assert_eq!(
        totals,
        QuarantineTotals {
            bytes: 8,
            quarantined_count: 3,
            evicted_count: 1
        }
    );
    assert_eq!(bodies(&*inbox).await, ["four", "three"]);
    let totals = inbox.quarantine_totals().await.unwrap();
    assert_eq!(
        totals,
        QuarantineTotals {
            bytes: 9,
            quarantined_count: 4,
            evicted_count: 2
        }
    );
}

pub async fn a_quarantine_of_size_zero_counts_and_keeps_nothing(place: &impl Place) {
    let inbox = place
        .open(Settings {
            quarantine_max_count: 0,
            ..settings()
        })
        .await;

    inbox.refuse(refused(b"gone")).await;

    assert!(inbox.whole_quarantine().await.is_empty());
    let totals = inbox.quarantine_totals().await.unwrap();
    assert_eq!(
        totals,
        QuarantineTotals {
            bytes: 0,
            quarantined_count: 1,
            evicted_count: 1
        }
    );
}

pub async fn a_probe_leaves_nothing_behind(place: &impl Place) {
    let inbox = place.open(settings()).await;

    for _ in 0..2 {
        let stored = inbox.append(vec![Entry::Probe]).await.unwrap();
        assert!(matches!(stored[..], [Ok(Stored::Probed)]), "{stored:?}");
    }

    assert!(inbox.all().await.is_empty());
    assert_eq!(
        inbox.quarantine_totals().await.unwrap(),
        QuarantineTotals::default()
    );
}

pub async fn a_mixed_batch_is_answered_in_order(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let known = crawled(&Ids::fresh());
    let known_id = inbox.accept_one(known.clone()).await;

    let batch = vec![
        Entry::Probe,
        Entry::Receipt(known),
        Entry::Quarantine(refused(b"{")),
        Entry::Receipt(crawled(&Ids::fresh())),
    ];
    let stored = inbox.append(batch).await.unwrap();

    let (new, kept) = (inbox.all().await[0].id, inbox.whole_quarantine().await[0].0.id);
    assert_ne!(new, known_id);
    let stored: Vec<_> = stored.into_iter().map(Result::unwrap).collect();
    let expected = [
        Stored::Probed,
        Stored::Receipt(duplicate_of(known_id)),
        Stored::Quarantined(kept),
        Stored::Receipt(Appended::New { receipt_id: new }),
    ];
    assert_eq!(stored, expected);
}

pub async fn an_empty_batch_is_answered_with_nothing(place: &impl Place) {
    let inbox = place.open(settings()).await;

    assert!(inbox.append(Vec::new()).await.unwrap().is_empty());
}

pub async fn expiry_removes_only_what_is_older(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let steps = vec![
        sent(Event::CrawlingInitial, &ids, Wire::V2024_07).at(0),
        unrecognized("crawling", "paused", &ids).at(1),
        unrecognized("crawling", "resumed", &ids).at(2),
        crawled(&ids).at(3),
    ];
    let receipt_ids = inbox.accept(steps).await;
    inbox
        .refuse(refused(b"the quarantine has bounds of its own"))
        .await;
    assert!(inbox.expire_all(0).await.is_empty());

    assert_eq!(inbox.expire_all(2).await, [2]);

    assert_eq!(ids_of(&inbox.all().await), [receipt_ids[3], receipt_ids[2]]);
    assert_eq!(
        ids_of(&inbox.job(ids.event_id).await.unwrap()),
        [receipt_ids[2], receipt_ids[3]]
    );
    assert_eq!(inbox.receipt(receipt_ids[1]).await.unwrap(), None);
    assert_eq!(inbox.whole_quarantine().await.len(), 1);
}

pub async fn expiry_goes_in_bounded_steps(place: &impl Place) {
    let inbox = place.open(settings()).await;
    inbox
        .accept((0..1_000).map(|_| crawled(&Ids::fresh())).collect())
        .await;
    let kept = inbox.accept_one(crawled(&Ids::fresh()).at(10)).await;

    let steps = inbox.expire_all(10).await;

    assert_eq!(steps.iter().sum::<usize>(), 1_000);
    assert!(steps.iter().all(|count| *count <= 500), "{steps:?}");
    assert_eq!(ids_of(&inbox.all().await), [kept]);
}

pub async fn an_expired_identity_is_accepted_anew(place: &impl Place) {
    let mut inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let trained = Event::TrainingCompleted {
        model_id: ids.model_id,
        training_data_ids: Vec::new(),
    };
    let notifications = vec![
        crawled(&ids),
        sent(trained, &ids, Wire::V2024_01),
        unrecognized("billing", "due", &ids),
    ];
    let mut seen = Vec::new();
    for reopened in [false, true, false] {
        seen.extend(inbox.accept(notifications.clone()).await);
        assert_eq!(inbox.expire_all(1).await, [3]);
        assert!(inbox.job(ids.event_id).await.unwrap().is_empty());
        if reopened {
            inbox = reopen(place, inbox).await;
        }
    }

    let receipt_ids = inbox.accept(notifications.clone()).await;

    assert!(receipt_ids.iter().all(|id| !seen.contains(id)));
    let appended = inbox.store(notifications).await;
    assert_eq!(
        appended,
        receipt_ids.into_iter().map(duplicate_of).collect::<Vec<_>>()
    );
}

pub async fn expiry_forgets_no_identity_that_stays(place: &impl Place) {
    let mut inbox = place.open(settings()).await;
    // Batches of ten seconds' receipts, so that expiry cuts through the middle of one.
    let notifications: Vec<_> = (0..30).map(|second| crawled(&Ids::fresh()).at(second)).collect();
    let mut receipt_ids = Vec::new();
    for batch in notifications.chunks(10) {
        receipt_ids.extend(inbox.accept(batch.to_vec()).await);
    }

    for expired_count in [5, 15] {
        inbox.expire_all(expired_count as u64).await;
        for _ in 0..2 {
            let appended = inbox.store(notifications[expired_count..].to_vec()).await;
            let expected: Vec<_> = receipt_ids[expired_count..]
                .iter()
                .copied()
                .map(duplicate_of)
                .collect();
            assert_eq!(appended, expected);
            inbox = reopen(place, inbox).await;
        }
    }
}

pub async fn whoever_asks_alone_leads(place: &impl Place) {
    let mut inbox = place.open(settings()).await;
    let [one, other] = ["one", "other"].map(|name| Candidate {
        id: Uuid::new_v4(),
        name: name.to_owned(),
    });
    for candidate in [&one, &one, &other] {
        for _ in 0..2 {
            assert_eq!(inbox.lead(candidate).await.unwrap(), Leadership::Leader);
        }
        inbox.resign(candidate).await.unwrap();
        inbox = reopen(place, inbox).await;
    }
}

pub async fn a_closed_inbox_refuses_every_call(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let receipt_id = inbox.accept_one(crawled(&ids)).await;
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };

    inbox.close().await.unwrap();

    let refusals = [
        inbox.append(vec![Entry::Probe]).await.err(),
        inbox.receipts(ReceiptFilter::default(), page).await.err(),
        inbox.receipt(receipt_id).await.err(),
        inbox.job(ids.event_id).await.err(),
        inbox.open_jobs(page).await.err(),
        inbox.jobs().each(vec![ids.event_id]).await.err(),
        inbox.jobs().open_count(None).await.err(),
        inbox.find(Identity::Windowed).await.err(),
        inbox.last_received().await.err(),
        inbox.export(0, 10).await.err(),
        inbox.quarantine(page).await.err(),
        inbox.quarantined(QuarantineId::new(Uuid::now_v7())).await.err(),
        inbox.quarantine_totals().await.err(),
        inbox
            .accept_quarantined(QuarantineId::new(Uuid::now_v7()), receipt_id)
            .await
            .err(),
        inbox.expire(at(1)).await.err(),
        inbox.close().await.err(),
    ];
    for (call, refusal) in refusals.iter().enumerate() {
        assert!(
            matches!(refusal, Some(Error::Unavailable { .. })),
            "call {call}: {refusal:?}"
        );
    }
}
