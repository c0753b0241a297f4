//! Promise: what was stored is read back unchanged, and by its id.

use super::*;
use crate::event::Name;

/// The ids just before and just after one.
fn neighbours(id: ReceiptId) -> [ReceiptId; 2] {
    let number = id.uuid().as_u128();
    [number - 1, number + 1].map(|number| ReceiptId::new(Uuid::from_u128(number)))
}

pub async fn bodies_are_kept_to_the_byte(place: &impl Place) {
    let inbox = place.open(settings()).await;
    // A store does not read the body of a first notification, so that any bytes do.
    let bodies = [
        Bytes::from_static(b"\n\t { \"event\" : \"\\u0063rawling\" }\r\n "),
        Bytes::from_static("\u{feff}\"ü\"".as_bytes()),
        Bytes::from_iter(0..=255),
        Bytes::from_iter((0..300_000_u32).map(|index| (index % 251) as u8)),
        Bytes::from_static(b"\0"),
        Bytes::new(),
    ];
    let notifications = bodies.iter().map(|body| NewReceipt {
        body: body.clone(),
        ..crawled(&Ids::fresh())
    });
    let receipt_ids = inbox.accept(notifications.collect()).await;

    let inbox = reopen(place, inbox).await;

    for (receipt_id, body) in receipt_ids.into_iter().zip(bodies) {
        let (receipt, read) = inbox
            .receipt(receipt_id)
            .await
            .unwrap()
            .expect("the receipt is there");
        assert_eq!(read, body);
        assert_eq!(receipt.body_bytes, body.len());
    }
}

pub async fn a_receipt_reads_back_as_it_was_stored(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let older = sent(Event::TrainingFailed { detail: None }, &ids, Wire::V2024_01).at(3);
    let unknown = posted(r#"{"event": "Wartung ☂", "status": "x"}"#);
    let receipt_ids = inbox.accept(vec![crawled(&ids), older, unknown]).await;

    let mut read = Vec::new();
    for receipt_id in receipt_ids.clone() {
        read.push(
            inbox
                .receipt(receipt_id)
                .await
                .unwrap()
                .expect("the receipt is there")
                .0,
        );
    }

    let crawled = Receipt {
        id: receipt_ids[0],
        sequence: read[0].sequence,
        received_at: at(0),
        event: Name {
            event: "crawling".into(),
            status: "completed".into(),
        },
        event_id: Some(ids.event_id),
        chatbot_id: Some(ids.chatbot_id),
        wire: Wire::V2024_07,
        origin: Origin::Webhook,
        body_bytes: crawled(&ids).body.len(),
        trace: None,
        damage: None,
    };
    let older = Receipt {
        id: receipt_ids[1],
        sequence: read[1].sequence,
        received_at: at(3),
        event: Name {
            event: "training".into(),
            status: "failed".into(),
        },
        event_id: None,
        chatbot_id: Some(ids.chatbot_id),
        wire: Wire::V2024_01,
        origin: Origin::Webhook,
        body_bytes: read[1].body_bytes,
        trace: None,
        damage: None,
    };
    let unknown = Receipt {
        id: receipt_ids[2],
        sequence: read[2].sequence,
        received_at: at(0),
        event: Name {
            event: "Wartung ☂".into(),
            status: "x".into(),
        },
        event_id: None,
        chatbot_id: None,
        wire: Wire::V2024_07,
        origin: Origin::Webhook,
        body_bytes: 39,
        trace: None,
        damage: None,
    };
    assert_eq!(read, [crawled, older, unknown]);
    // The lists show the same.
    read.reverse();
    assert_eq!(inbox.all().await, read);
}

pub async fn every_receipt_is_found_by_its_id(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for receipt_count in 1..=9 {
        inbox.accept_one(crawled(&Ids::fresh())).await;

        let receipts = inbox.all().await;

        assert_eq!(receipts.len(), receipt_count);
        for receipt in receipts {
            assert_eq!(
                inbox.receipt(receipt.id).await.unwrap().expect("it is there").0,
                receipt
            );
        }
    }
}

pub async fn an_id_that_was_never_given_is_not_found(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let nobodys = [Uuid::nil(), Uuid::max(), Uuid::now_v7()].map(ReceiptId::new);
    for id in nobodys {
        assert_eq!(inbox.receipt(id).await.unwrap(), None, "{id} in an empty inbox");
    }
    let receipt_ids = inbox
        .accept((0..5).map(|_| crawled(&Ids::fresh())).collect())
        .await;

    for id in nobodys
        .into_iter()
        .chain(receipt_ids.into_iter().flat_map(neighbours))
    {
        assert_eq!(inbox.receipt(id).await.unwrap(), None, "{id}");
    }
}

pub async fn receipts_are_found_by_id_beside_the_gap_that_expiry_left(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let old = inbox
        .accept((0..6).map(|_| crawled(&Ids::fresh())).collect())
        .await;
    let kept = inbox
        .accept((0..3).map(|_| crawled(&Ids::fresh()).at(10)).collect())
        .await;
    assert_eq!(inbox.expire_all(10).await, [6]);
    let inbox = reopen(place, inbox).await;
    let new = inbox
        .accept((0..3).map(|_| crawled(&Ids::fresh()).at(10)).collect())
        .await;

    for id in old.into_iter().chain(kept.iter().copied().flat_map(neighbours)) {
        assert_eq!(inbox.receipt(id).await.unwrap(), None, "{id}");
    }
    for id in kept.into_iter().chain(new) {
        assert_eq!(inbox.receipt(id).await.unwrap().expect("it is there").0.id, id);
    }
}

pub async fn a_quarantined_request_reads_back_as_it_was_stored(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let plain = refused(b"{");
    let original = inbox.accept_one(crawled(&Ids::fresh())).await;
    let special = NewQuarantined {
        received_at: at(7),
        reason: "not-a-notification".to_owned(),
        detail: "/event: expected a string, found 'nothing' ☂".to_owned(),
        receipt_id: Some(original),
        content_type: None,
        truncated: true,
        ..refused(&Vec::from_iter(0..=255))
    };
    let [plain_id, special_id] = [
        inbox.refuse(plain.clone()).await,
        inbox.refuse(special.clone()).await,
    ];

    let inbox = reopen(place, inbox).await;

    let expected = [(special_id, special), (plain_id, plain)].map(|(id, new)| {
        let quarantined = Quarantined {
            id,
            received_at: new.received_at,
            request_id: new.request_id,
            reason: new.reason,
            detail: new.detail,
            duplicate_of: None,
            accepted_as: new.receipt_id,
            content_type: new.content_type,
            body_bytes: new.body.len(),
            truncated: new.truncated,
            damage: None,
        };
        (quarantined, new.body)
    });
    assert_eq!(inbox.whole_quarantine().await, expected);
}

pub async fn of_long_texts_beside_a_body_in_quarantine_the_start_is_kept(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let request = NewQuarantined {
        detail: "x".repeat(1 << 16),
        // A character that the cut would part.
        content_type: Some("x".repeat(1023) + "☂"),
        ..refused(b"{")
    };

    inbox.refuse(request).await;

    let (kept, _) = inbox.whole_quarantine().await.remove(0);
    assert_eq!(kept.detail, "x".repeat(1024));
    assert_eq!(kept.content_type, Some("x".repeat(1023)));
}

pub async fn an_id_that_is_not_in_quarantine_is_not_found(place: &impl Place) {
    let inbox = place.open(settings()).await;
    inbox.refuse(refused(b"{")).await;

    let id = QuarantineId::new(Uuid::now_v7());

    assert_eq!(inbox.quarantined(id).await.unwrap(), None);
}

pub async fn the_quarantine_is_listed_newest_first_in_pages(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let mut quarantine_ids = Vec::new();
    for _ in 0..5 {
        quarantine_ids.insert(0, inbox.refuse(refused(b"x")).await);
    }

    for limit in 1..=6 {
        let (mut listed, mut cursor) = (Vec::new(), None);
        while listed.len() <= quarantine_ids.len() {
            let page = inbox.quarantine(PageRequest { cursor, limit }).await.unwrap();
            assert!(page.items.len() <= limit);
            listed.extend(page.items.into_iter().map(|item| item.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, quarantine_ids, "in pages of {limit}");
    }
}

pub async fn an_export_shows_every_receipt_once_oldest_first(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notifications: Vec<_> = (0..7).map(|_| crawled(&Ids::fresh())).collect();
    let receipt_ids = inbox.accept(notifications.clone()).await;

    for limit in [1, 2, 3, 7, 8] {
        let (mut exported, mut after) = (Vec::new(), 0);
        loop {
            let part = inbox.export(after, limit).await.unwrap();
            assert!(part.len() <= limit);
            let Some((last, _)) = part.last() else { break };
            after = last.sequence;
            exported.extend(part);
        }

        let (receipts, bodies): (Vec<_>, Vec<_>) = exported.into_iter().unzip();
        assert_eq!(ids_of(&receipts), receipt_ids, "{limit} at a time");
        let stored = notifications.iter().map(|notification| &notification.body);
        assert!(bodies.iter().eq(stored), "{limit} at a time");
        let mut listed = inbox.all().await;
        listed.reverse();
        assert_eq!(receipts, listed);
    }
}

pub async fn an_export_of_large_bodies_is_cut_but_never_empty(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let large = |size: usize| {
        let mut notification = crawled(&Ids::fresh());
        notification.body = Bytes::from(vec![b' '; size]);
        notification
    };
    let sizes = [1 << 20, 20 << 20, 1 << 20, 5 << 20, 5 << 20, 5 << 20];
    inbox.accept(sizes.map(large).to_vec()).await;

    let (mut counts, mut after) = (Vec::new(), 0);
    while let [.., (last, _)] = &inbox.export(after, 100).await.unwrap()[..] {
        counts.push(last.sequence - after);
        after = last.sequence;
    }

    // No receipt is added to 8 MiB or more.
    assert_eq!(counts, [2, 3, 1]);
}

pub async fn an_export_shows_nothing_that_has_expired(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let notifications = (0..4).map(|second| crawled(&Ids::fresh()).at(second));
    let receipt_ids = inbox.accept(notifications.collect()).await;
    inbox.expire_all(2).await;

    let exported = inbox.export(0, 10).await.unwrap();

    let receipts: Vec<_> = exported.into_iter().map(|(receipt, _)| receipt).collect();
    assert_eq!(ids_of(&receipts), receipt_ids[2..]);
}
