//! Promise: numbers and ids grow and are never used twice; lists are in their order and complete.

use super::*;
use crate::inbox::MAX_JOB_RECEIPTS;

/// No receipts, as numbers.
const NONE: [usize; 0] = [];

/// Notifications of a few kinds, of two chatbots.
struct Mixture {
    inbox: Arc<dyn Inbox>,
    one: Ids,
    other: Ids,
    receipt_ids: Vec<ReceiptId>,
}

impl Mixture {
    async fn new(place: &impl Place) -> Self {
        let inbox = place.open(settings()).await;
        let (one, other) = (Ids::fresh(), Ids::fresh());
        let same_chatbot = Ids {
            chatbot_id: one.chatbot_id,
            ..Ids::fresh()
        };
        let notifications = [
            (1, sent(Event::CrawlingInitial, &one, Wire::V2024_07)),
            (2, sent(Event::CrawlingInitial, &other, Wire::V2024_07)),
            (3, crawled(&one)),
            (4, unrecognized("billing", "due", &one)),
            (5, crawled(&same_chatbot)),
            (6, crawled(&other)),
            (7, posted(r#"{"event": "maintenance", "status": "completed"}"#)),
        ];
        let receipt_ids = inbox
            .accept(notifications.map(|(_, notification)| notification).to_vec())
            .await;
        Self {
            inbox,
            one,
            other,
            receipt_ids,
        }
    }

    /// The numbers, as in the list above, of what matches.
    async fn list(&self, filter: ReceiptFilter) -> Vec<usize> {
        self.numbers(&self.inbox.list(filter, 1_000).await)
    }

    fn numbers(&self, receipts: &[Receipt]) -> Vec<usize> {
        numbers(&self.receipt_ids, receipts)
    }
}

/// The places of receipts in a list of ids, counted from 1.
fn numbers(receipt_ids: &[ReceiptId], receipts: &[Receipt]) -> Vec<usize> {
    let position = |receipt: &Receipt| receipt_ids.iter().position(|id| *id == receipt.id);
    receipts
        .iter()
        .map(|receipt| 1 + position(receipt).expect("it is in the list"))
        .collect()
}

fn sequences(receipts: &[Receipt]) -> Vec<u64> {
    receipts.iter().map(|receipt| receipt.sequence).collect()
}

fn by_event(event: &str) -> ReceiptFilter {
    ReceiptFilter {
        event: Some(event.to_owned()),
        ..ReceiptFilter::default()
    }
}

fn assert_strictly_increasing<T: PartialOrd + std::fmt::Debug>(values: &[T]) {
    assert!(
        values.is_sorted_by(|one, next| one < next),
        "strictly increasing: {values:?}"
    );
}

pub async fn sequences_and_ids_grow_strictly_across_batches_and_reopening(place: &impl Place) {
    let mut inbox = place.open(settings()).await;
    let mut receipt_ids = Vec::new();
    for batch_count in [1, 3, 2] {
        receipt_ids.extend(
            inbox
                .accept((0..batch_count).map(|_| crawled(&Ids::fresh())).collect())
                .await,
        );
        // A duplicate takes no part in the order.
        let known = inbox.accept_one(crawled(&Ids::fresh())).await;
        receipt_ids.push(known);
        inbox = reopen(place, inbox).await;
    }

    let mut receipts = inbox.all().await;
    receipts.reverse();

    assert_eq!(ids_of(&receipts), receipt_ids);
    assert_strictly_increasing(&sequences(&receipts));
    assert_strictly_increasing(&receipt_ids);
}

pub async fn numbers_are_never_used_again_even_when_all_receipts_expired(place: &impl Place) {
    let mut inbox = place.open(settings()).await;
    let (mut receipt_ids, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        receipt_ids.extend(
            inbox
                .accept((0..5).map(|_| crawled(&Ids::fresh())).collect())
                .await,
        );
        let mut receipts = inbox.all().await;
        receipts.reverse();
        numbers.extend(sequences(&receipts));
        assert_eq!(inbox.expire_all(1).await, [5]);
        assert!(inbox.all().await.is_empty());
        inbox = reopen(place, inbox).await;
        // A second time, so that nothing hangs on what one start has in memory.
        inbox = reopen(place, inbox).await;
    }

    assert_eq!(numbers.len(), 15);
    assert_strictly_increasing(&numbers);
    assert_strictly_increasing(&receipt_ids);
}

pub async fn ids_grow_strictly_within_a_large_batch(place: &impl Place) {
    let inbox = place.open(settings()).await;

    let receipt_ids = inbox
        .accept((0..500).map(|_| crawled(&Ids::fresh())).collect())
        .await;

    assert_strictly_increasing(&receipt_ids);
    assert!(
        receipt_ids.iter().all(|id| id.uuid().get_version_num() == 7),
        "all are UUIDv7"
    );
}

pub async fn receipts_are_listed_newest_first(place: &impl Place) {
    let inbox = place.open(settings()).await;
    // The order is that of acceptance, whatever the time of arrival.
    let first = inbox.accept_one(crawled(&Ids::fresh()).at(9)).await;
    let rest = inbox
        .accept(vec![crawled(&Ids::fresh()).at(5), crawled(&Ids::fresh()).at(7)])
        .await;

    assert_eq!(ids_of(&inbox.all().await), [rest[1], rest[0], first]);
}

pub async fn pages_together_show_each_receipt_once(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let mut receipt_ids = inbox
        .accept((0..12).map(|_| crawled(&Ids::fresh())).collect())
        .await;
    receipt_ids.reverse();

    for limit in [1, 2, 3, 5, 11, 12, 13] {
        let listed = inbox.list(ReceiptFilter::default(), limit).await;

        assert_eq!(ids_of(&listed), receipt_ids, "in pages of {limit}");
    }
}

pub async fn a_page_is_not_disturbed_by_what_arrives_meanwhile(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let receipt_ids = inbox
        .accept((0..4).map(|_| crawled(&Ids::fresh())).collect())
        .await;

    let page = PageRequest {
        cursor: None,
        limit: 2,
    };
    let newest = inbox.receipts(ReceiptFilter::default(), page).await.unwrap();
    inbox
        .accept((0..3).map(|_| crawled(&Ids::fresh())).collect())
        .await;
    let page = PageRequest {
        cursor: Some(newest.next.expect("a second page")),
        limit: 10,
    };
    let older = inbox.receipts(ReceiptFilter::default(), page).await.unwrap();

    assert_eq!(ids_of(&newest.items), [receipt_ids[3], receipt_ids[2]]);
    assert_eq!(ids_of(&older.items), [receipt_ids[1], receipt_ids[0]]);
}

pub async fn each_filter_lists_what_matches_it(place: &impl Place) {
    let mixture = Mixture::new(place).await;
    let by_chatbot = |chatbot_id| ReceiptFilter {
        chatbot_id: Some(chatbot_id),
        ..ReceiptFilter::default()
    };
    let stranger = Ids::fresh();

    assert_eq!(mixture.list(by_event("crawling")).await, [6, 5, 3, 2, 1]);
    assert_eq!(mixture.list(by_event("crawling.completed")).await, [6, 5, 3]);
    assert_eq!(mixture.list(by_event("billing")).await, [4]);
    assert_eq!(mixture.list(by_event("maintenance.completed")).await, [7]);
    assert_eq!(mixture.list(by_event("completed")).await, NONE);
    assert_eq!(mixture.list(by_event("crawl")).await, NONE);
    assert_eq!(mixture.list(by_event("crawling.")).await, NONE);
    assert_eq!(mixture.list(by_event("")).await, NONE);
    assert_eq!(
        mixture.list(ReceiptFilter::of_job(mixture.one.event_id)).await,
        [4, 3, 1]
    );
    assert_eq!(
        mixture.list(ReceiptFilter::of_job(mixture.other.event_id)).await,
        [6, 2]
    );
    assert_eq!(mixture.list(ReceiptFilter::of_job(stranger.event_id)).await, NONE);
    assert_eq!(
        mixture.list(by_chatbot(mixture.one.chatbot_id)).await,
        [5, 4, 3, 1]
    );
    assert_eq!(mixture.list(by_chatbot(mixture.other.chatbot_id)).await, [6, 2]);
    assert_eq!(mixture.list(by_chatbot(stranger.chatbot_id)).await, NONE);
}

pub async fn filters_combine(place: &impl Place) {
    let mixture = Mixture::new(place).await;
    let (one, other) = (mixture.one, mixture.other);
    let filter = |event: &str, event_id, chatbot_id| ReceiptFilter {
        event_id,
        chatbot_id,
        ..by_event(event)
    };

    let (job, chatbot) = (Some(one.event_id), Some(one.chatbot_id));
    assert_eq!(mixture.list(filter("crawling", job, None)).await, [3, 1]);
    assert_eq!(mixture.list(filter("billing.due", job, None)).await, [4]);
    assert_eq!(
        mixture.list(filter("crawling.completed", None, chatbot)).await,
        [5, 3]
    );
    assert_eq!(
        mixture.list(filter("crawling.completed", job, chatbot)).await,
        [3]
    );
    assert_eq!(
        mixture
            .list(filter("crawling.completed", job, Some(other.chatbot_id)))
            .await,
        NONE
    );
    assert_eq!(mixture.list(filter("training", job, chatbot)).await, NONE);
    let any_event = ReceiptFilter {
        event_id: job,
        chatbot_id: chatbot,
        event: None,
    };
    assert_eq!(mixture.list(any_event).await, [4, 3, 1]);
}

pub async fn a_filter_by_event_finds_names_that_contain_dots(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let statuses = [
        ("billing", "invoice.paid"),
        ("billing.invoice", "paid"),
        ("billing", "invoice"),
    ];
    let notifications = statuses.map(|(event, status)| unrecognized(event, status, &ids));
    let receipt_ids = inbox.accept(notifications.to_vec()).await;

    for event_id in [None, Some(ids.event_id)] {
        let list = async |event| {
            numbers(
                &receipt_ids,
                &inbox
                    .list(
                        ReceiptFilter {
                            event_id,
                            ..by_event(event)
                        },
                        10,
                    )
                    .await,
            )
        };

        assert_eq!(list("billing.invoice.paid").await, [2, 1]);
        assert_eq!(list("billing.invoice").await, [3, 2]);
        assert_eq!(list("billing").await, [3, 1]);
    }
}

pub async fn a_filtered_list_pages_to_its_end(place: &impl Place) {
    let mixture = Mixture::new(place).await;
    let job = ReceiptFilter {
        event_id: Some(mixture.one.event_id),
        ..ReceiptFilter::default()
    };
    let chatbot = ReceiptFilter {
        chatbot_id: Some(mixture.one.chatbot_id),
        ..by_event("crawling")
    };

    for limit in 1..5 {
        let list =
            async |filter: &ReceiptFilter| mixture.numbers(&mixture.inbox.list(filter.clone(), limit).await);

        assert_eq!(list(&job).await, [4, 3, 1], "in pages of {limit}");
        assert_eq!(list(&chatbot).await, [5, 3, 1], "in pages of {limit}");
    }
}

pub async fn a_job_is_listed_oldest_first_with_its_undocumented_events(place: &impl Place) {
    let mixture = Mixture::new(place).await;

    let job = async |event_id| mixture.numbers(&mixture.inbox.job(event_id).await.unwrap());

    assert_eq!(job(mixture.one.event_id).await, [1, 3, 4]);
    assert_eq!(job(mixture.other.event_id).await, [2, 6]);
    assert_eq!(job(Ids::fresh().event_id).await, NONE);
}

pub async fn a_job_is_listed_the_same_after_reopening(place: &impl Place) {
    let Mixture { inbox, one, .. } = Mixture::new(place).await;
    let before = inbox.job(one.event_id).await.unwrap();

    let inbox = reopen(place, inbox).await;

    assert_eq!(before.len(), 3);
    assert_eq!(inbox.job(one.event_id).await.unwrap(), before);
}

pub async fn a_job_is_listed_page_by_page_to_its_end(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let mut notifications: Vec<_> = (0..2 * MAX_JOB_RECEIPTS)
        .map(|step| unrecognized("crawling", &format!("step {step}"), &ids))
        .collect();
    notifications.insert(0, crawled(&ids));
    let mut expected = inbox.accept(notifications).await;
    expected.reverse();

    for event in [
        None,
        Some("crawling".to_owned()),
        Some("crawling.step 7".to_owned()),
    ] {
        let filter = ReceiptFilter {
            event: event.clone(),
            event_id: Some(ids.event_id),
            ..ReceiptFilter::default()
        };
        let (mut listed, mut cursor) = (Vec::new(), None);
        loop {
            let page = inbox
                .receipts(filter.clone(), PageRequest { cursor, limit: 60 })
                .await
                .unwrap();
            listed.extend(ids_of(&page.items));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        match event.as_deref() {
            Some("crawling.step 7") => assert_eq!(listed.len(), 1, "{event:?}"),
            _ => assert_eq!(listed, expected, "{event:?}"),
        }
    }
}

pub async fn a_job_lists_a_bounded_number_of_receipts(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let mut notifications: Vec<_> = (0..MAX_JOB_RECEIPTS)
        .map(|step| unrecognized("crawling", &format!("step {step}"), &ids))
        .collect();
    // That it has ended is known however much came behind that.
    notifications.insert(0, crawled(&ids));
    let mut receipt_ids = inbox.accept(notifications).await;

    let job = inbox.job(ids.event_id).await.unwrap();

    receipt_ids.remove(1);
    assert_eq!(ids_of(&job), receipt_ids);
}
