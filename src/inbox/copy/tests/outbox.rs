//! Promise: what is pending in the first inbox is pending in the second, and what is delivered from there stays so.

use std::time::Duration;

use uuid::Uuid;

use super::super::super::contract::at;
use super::super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, Destination, DestinationId, Instruction, Outcome as Ending, Pause,
    PauseChange, Progress as Said, Start, State,
};
use super::super::super::{Candidate, Leadership};
use super::*;
use crate::clock::Timestamp;

/// A first inbox of eight receipts, with deliveries in every state.
struct Delivering {
    moving: Move,
    leader: Candidate,
    shop: DestinationId,
}

impl Delivering {
    async fn new(database: Database) -> Self {
        let moving = Move::new(database).await;
        let from = &*moving.from;
        from.accept(mixture()).await;
        let leader = leading(from).await;
        let (gone, shop, audit) = (
            add(from, "gone").await,
            add(from, "shop").await,
            add(from, "audit").await,
        );
        let waits = [delivery(2, State::Pending, 1, 5)];
        record(from, &leader, gone, 1, &waits, PauseChange::Keep).await;
        from.outbox().remove_destination(&leader, gone).await.unwrap();
        let deliveries = [
            delivery(1, State::Delivered, 1, 1),
            delivery(2, State::Dead, 3, 2),
            delivery(3, State::Cancelled, 0, 3),
            delivery(4, State::Pending, 2, 4),
            delivery(6, State::Delivered, 1, 5),
        ];
        record(from, &leader, shop, 4, &deliveries, PauseChange::Keep).await;
        let pause = PauseChange::Pause(Pause {
            at: at(9),
            reason: "it is down".to_owned(),
        });
        record(from, &leader, audit, 0, &[], pause).await;
        for done_at in [None, Some(at(20))] {
            let mut instruction = Instruction::new(r#"{"what": "any"}"#.to_owned());
            from.outbox().instruct(instruction.clone()).await.unwrap();
            instruction.progress = r#"{"count": 1}"#.to_owned();
            instruction.done_at = done_at;
            from.outbox().follow_up(&leader, instruction).await.unwrap();
        }
        Self { moving, leader, shop }
    }

    /// More of the shop, in the first inbox.
    async fn go_on(&self, cursor: u64, deliveries: &[Delivery]) {
        let from = &*self.moving.from;
        record(
            from,
            &self.leader,
            self.shop,
            cursor,
            deliveries,
            PauseChange::Keep,
        )
        .await;
    }
}

/// Becomes the leader.
async fn leading(inbox: &dyn Inbox) -> Candidate {
    let candidate = Candidate {
        id: Uuid::new_v4(),
        name: "leader".to_owned(),
    };
    assert_eq!(inbox.lead(&candidate).await.unwrap(), Leadership::Leader);
    candidate
}

async fn add(inbox: &dyn Inbox, name: &str) -> DestinationId {
    let adding = inbox
        .outbox()
        .add_destination(name.to_owned(), Start::Since(at(0)));
    adding.await.expect("it is put in").id
}

/// What has become of a receipt at that second, after so many attempts.
fn delivery(sequence: u64, state: State, attempt_count: u32, seconds: u64) -> Delivery {
    Delivery {
        destination: DestinationId(0),
        sequence,
        state,
        step: attempt_count,
        attempt_count,
        replay_count: 2 * attempt_count,
        outcome: (attempt_count > 0).then_some(Ending::Timeout),
        due_at: at(seconds + 60),
        changed_at: at(seconds),
    }
}

/// Says this of a destination, with as many attempts as there were.
async fn record(
    inbox: &dyn Inbox,
    leader: &Candidate,
    destination: DestinationId,
    cursor: u64,
    deliveries: &[Delivery],
    pause: PauseChange,
) {
    let mut said = Said {
        destination,
        cursor,
        deliveries: Vec::new(),
        attempts: Vec::new(),
        pause,
    };
    for one in deliveries {
        said.deliveries.push(Delivery { destination, ..*one });
        for number in 1..=one.attempt_count {
            let attempt = Attempt {
                number,
                started_at: at(u64::from(number)),
                duration: Duration::from_micros(1_500),
                outcome: Ending::Timeout,
                status: Some(504),
                detail: format!("attempt {number}"),
                answer: Bytes::from_static(b"\x00late"),
            };
            said.attempts.push((one.sequence, attempt));
        }
    }
    let recorded = inbox.outbox().record(leader, said).await;
    recorded.expect("the leader writes");
}

/// All that an inbox knows of the way out, by the names of destinations.
#[derive(Debug, PartialEq)]
struct Known {
    /// With the numbers of what is pending for want of a delivery.
    destinations: Vec<(Destination, Vec<u64>)>,
    deliveries: Vec<(String, Delivery, Vec<Attempt>)>,
    instructions: Vec<Instruction>,
}

async fn known(inbox: &dyn Inbox) -> Known {
    let outbox = inbox.outbox();
    let mut known = Known {
        destinations: Vec::new(),
        deliveries: Vec::new(),
        instructions: outbox.instructions(100).await.unwrap(),
    };
    let id = DestinationId(0);
    for destination in outbox.destinations().await.unwrap() {
        let filter = DeliveryFilter {
            destination: Some(destination.id),
            ..DeliveryFilter::default()
        };
        let page = PageRequest {
            cursor: None,
            limit: 1_000,
        };
        for (one, _) in outbox.deliveries(filter, page).await.unwrap().items {
            let found = outbox.delivery(destination.id, one.sequence).await.unwrap();
            let (one, attempts) = found.expect("it was listed");
            let one = Delivery {
                destination: id,
                ..one
            };
            known.deliveries.push((destination.name.clone(), one, attempts));
        }
        let undelivered = outbox.undelivered(destination.id, destination.cursor, 100);
        let undelivered = undelivered.await.unwrap().receipts;
        let sequences = undelivered.iter().map(|receipt| receipt.sequence).collect();
        known
            .destinations
            .push((Destination { id, ..destination }, sequences));
    }
    known
        .destinations
        .sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    known
        .deliveries
        .sort_by_key(|(name, one, _)| (name.clone(), one.sequence));
    known
}

#[tokio::test]
async fn what_is_pending_stays_pending_whatever_the_ids_of_destinations_are() {
    let Delivering { moving, .. } = Delivering::new(database!()).await;
    let to = moving.to().await;
    add(&*to, "own").await;

    let outcome = moving.copy().await.unwrap();

    assert_eq!((outcome.destination_count, outcome.delivery_count), (3, 6));
    let mut copied = known(&*to).await;
    copied
        .destinations
        .retain(|(destination, _)| destination.name != "own");
    assert_eq!(copied, known(&*moving.from).await);
    let pending: Vec<_> = copied
        .destinations
        .iter()
        .map(|(destination, undelivered)| (&*destination.name, destination.pending_count, &undelivered[..]))
        .collect();
    assert_eq!(pending[0], ("audit", 0, &[1, 2, 3, 4, 5, 6, 7, 8][..]));
    assert_eq!(pending[2], ("shop", 1, &[5, 7, 8][..]));
}

#[tokio::test]
async fn another_copy_brings_what_has_become_of_deliveries_since() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    moving.copy().await.unwrap();
    let newer = [
        delivery(4, State::Delivered, 3, 30),
        delivery(5, State::Pending, 1, 31),
    ];
    site.go_on(6, &newer).await;

    let second = moving.copy().await.unwrap();
    let third = moving.copy().await.unwrap();

    assert_eq!((second.delivery_count, &third), (7, &second));
    assert_eq!(known(&*moving.to().await).await, known(&*moving.from).await);
}

#[tokio::test]
async fn what_receivers_have_delivered_from_the_copy_stays_delivered() {
    let Delivering { moving, .. } = Delivering::new(database!()).await;
    moving.copy().await.unwrap();
    let to = moving.to().await;
    let leader = leading(&*to).await;
    let deliveries = [
        delivery(4, State::Delivered, 3, 50),
        delivery(8, State::Delivered, 1, 51),
    ];
    for destination in to.outbox().destinations().await.unwrap() {
        record(&*to, &leader, destination.id, 8, &deliveries, PauseChange::Resume).await;
    }
    for mut instruction in to.outbox().open_instructions(10).await.unwrap() {
        instruction.done_at = Some(at(60));
        to.outbox().follow_up(&leader, instruction).await.unwrap();
    }
    let delivered = known(&*to).await;
    to.resign(&leader).await.unwrap();

    let outcome = moving.copy().await.unwrap();

    assert_eq!(outcome.delivery_count, 6);
    assert_eq!(known(&*to).await, delivered);
}

#[tokio::test]
async fn a_replay_that_went_on_from_the_copy_is_not_set_back_by_another() {
    let Delivering { moving, leader, .. } = Delivering::new(database!()).await;
    let replay = Instruction::new(r#"{"kind":"replay"}"#.to_owned());
    let so_far = |examined_count: u64| Instruction {
        progress: format!(r#"{{"examined_count":{examined_count},"matched_count":0}}"#),
        ..replay.clone()
    };
    let from = moving.from.outbox();
    from.instruct(replay.clone()).await.unwrap();
    let to = moving.to().await;
    let progress = async || {
        moving.copy().await.unwrap();
        let known = to.outbox().instruction(replay.id).await.unwrap();
        known.expect("it is copied").progress
    };
    assert_eq!(progress().await, "");
    from.follow_up(&leader, so_far(5)).await.unwrap();
    assert_eq!(progress().await, so_far(5).progress);
    let there = leading(&*to).await;
    to.outbox().follow_up(&there, so_far(12)).await.unwrap();
    to.resign(&there).await.unwrap();

    assert_eq!(progress().await, so_far(12).progress);
    let done = Instruction {
        done_at: Some(at(60)),
        ..so_far(9)
    };
    from.follow_up(&leader, done.clone()).await.unwrap();
    assert_eq!(progress().await, done.progress);
}

#[tokio::test]
async fn after_all_receipts_have_expired_what_the_second_inbox_takes_is_pending() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    site.go_on(8, &[]).await;
    moving.from.expire_all(1_000_000_000).await;

    let outcome = moving.copy().await.unwrap();

    assert_eq!((outcome.destination_count, outcome.delivery_count), (3, 0));
    let to = moving.to().await;
    to.accept_one(crawled(&Ids::fresh())).await;
    for (destination, undelivered) in known(&*to).await.destinations {
        assert_eq!(undelivered, [1], "{}", destination.name);
    }
}

/// Has the second inbox not take them, so that a copy fails between its deliveries and its cursors.
async fn lose_dead_letters(database: &Database) {
    database
        .execute(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RETURN CASE WHEN NEW.state = 'dead' THEN NULL ELSE NEW END; END $$;
             CREATE TRIGGER lose BEFORE INSERT ON caigunn_webhook.delivery FOR EACH ROW EXECUTE FUNCTION lose()",
        )
        .await;
}

#[tokio::test]
async fn deliveries_that_the_second_inbox_does_not_take_are_said_to_be_missing() {
    let Delivering { moving, .. } = Delivering::new(database!()).await;
    moving.to().await;
    lose_dead_letters(&moving.database).await;

    let difference = moving.copy().await.unwrap_err();

    let is_said = matches!(&difference, CopyError::Differs(reason) if reason.starts_with("of 6 deliveries"));
    assert!(is_said, "{difference}");
    // So nobody takes them for finished.
    for destination in moving.to().await.outbox().destinations().await.unwrap() {
        assert_eq!(destination.cursor, 0, "{}", destination.name);
    }
}

#[tokio::test]
async fn what_is_of_receipts_that_are_not_copied_yet_is_left_to_another_copy() {
    let site = Delivering::new(database!()).await;
    site.go_on(6, &[delivery(5, State::Delivered, 1, 30)]).await;
    let reader = SqliteReader::open(&site.moving.folder.path().join("inbox.db")).unwrap();
    let to = PostgresInbox::open(&site.moving.database.location(), settings())
        .await
        .unwrap();
    to.import(&reader.export(0, 100).await.unwrap()).await.unwrap();

    // As if the others had come since, where the second inbox has taken some of its own.
    let copied = super::super::outbox::copy(&reader, &to, 4, true).await.unwrap();

    assert_eq!((copied.destination_count, copied.delivery_count), (3, 5));
    let known = known(&to).await;
    let cursors: Vec<_> = known
        .destinations
        .iter()
        .map(|(destination, _)| (&*destination.name, destination.cursor))
        .collect();
    assert_eq!(cursors, [("audit", 0), ("gone", 1), ("shop", 4)]);
    assert!(known.deliveries.iter().all(|(_, one, _)| one.sequence <= 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_started_during_a_copy_loses_nothing_that_is_pending() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    let to = moving.to().await;

    moving
        .copy_while(async || {
            for name in ["gone", "shop", "audit"] {
                let adding = to.outbox().add_destination(name.to_owned(), Start::Now);
                adding.await.expect("it is put in");
            }
            // Whatever becomes of the copy, it sends nothing of what is there so far.
            assert_are_held(&*to).await;
        })
        .await
        .unwrap();

    assert_eq!(known(&*to).await, known(&*moving.from).await);
}

#[tokio::test]
async fn a_receiver_that_was_started_on_a_part_of_a_copy_loses_nothing_that_is_pending() {
    let Delivering { moving, .. } = Delivering::new(database!()).await;
    let reader = SqliteReader::open(&moving.folder.path().join("inbox.db")).unwrap();
    let to = PostgresInbox::open(&moving.database.location(), settings())
        .await
        .unwrap();
    to.import(&reader.export(0, 6).await.unwrap()).await.unwrap();
    for name in ["gone", "shop", "audit"] {
        let adding = to.outbox().add_destination(name.to_owned(), Start::Now);
        assert_eq!(adding.await.unwrap().cursor, 6);
    }

    moving.copy().await.unwrap();

    assert_eq!(known(&to).await, known(&*moving.from).await);
}

#[tokio::test]
async fn what_receivers_have_removed_and_put_in_again_stays_as_they_have_it() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    moving.copy().await.unwrap();
    let to = moving.to().await;
    let leader = leading(&*to).await;
    let destinations = to.outbox().destinations().await.unwrap();
    // One is removed in the first inbox, and one is not.
    for destination in &destinations {
        to.outbox()
            .remove_destination(&leader, destination.id)
            .await
            .unwrap();
        to.outbox()
            .add_destination(destination.name.clone(), Start::Now)
            .await
            .unwrap();
    }
    let own = to.accept_one(crawled(&Ids::fresh())).await;
    to.resign(&leader).await.unwrap();
    // The first inbox goes on meanwhile.
    let later = [4, 5].map(|sequence| Delivery {
        changed_at: Timestamp::now(),
        ..delivery(sequence, State::Pending, 3, 40)
    });
    site.go_on(8, &later).await;
    let before = known(&*to).await;

    moving.copy().await.unwrap();

    assert_eq!(known(&*to).await, before);
    assert_eq!(to.all().await[0].id, own);
    for (destination, undelivered) in before.destinations {
        let is_live = destination.removed_at.is_none();
        assert_eq!(
            (is_live, &undelivered[..]),
            (true, &[9][..]),
            "{}",
            destination.name
        );
    }
}

#[tokio::test]
async fn another_copy_is_made_where_all_of_the_first_inbox_has_expired_since() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    moving.copy().await.unwrap();
    site.go_on(8, &[delivery(4, State::Delivered, 2, 40)]).await;
    moving.from.expire_all(1_000_000_000).await;

    moving.copy().await.unwrap();

    // What the first inbox has done with is not sent from the second.
    let to = moving.to().await;
    let known = known(&*to).await;
    let (shop, undelivered) = &known.destinations[2];
    assert_eq!((&*shop.name, &undelivered[..]), ("shop", &[][..]));
    let pending = known
        .deliveries
        .iter()
        .filter(|(_, one, _)| one.state == State::Pending);
    assert_eq!(pending.count(), 0);
    // Where receivers have begun, their receipts cannot be told from those.
    to.accept_one(crawled(&Ids::fresh())).await;
    let refusal = moving.copy().await.unwrap_err();
    assert!(
        refusal
            .to_string()
            .starts_with("all receipts of the first inbox have expired, up to number 8,"),
        "{refusal}"
    );
}

#[tokio::test]
async fn where_no_copy_can_end_it_is_said_how_to_go_on_with_what_is_paused() {
    let Delivering { moving, .. } = Delivering::new(database!()).await;
    let to = moving.to().await;
    lose_dead_letters(&moving.database).await;
    moving.copy().await.unwrap_err();
    to.accept_one(crawled(&Ids::fresh())).await;
    moving.from.accept_one(crawled(&Ids::fresh())).await;

    let refusal = moving.copy().await.unwrap_err();

    assert!(matches!(refusal, CopyError::NotACopy(_)), "{refusal}");
    let expected = "; a copy that did not end has left destinations paused, which `destinations resume NAME` has go on \
                    after the number that they were at, also with what was delivered from the first inbox, and \
                    `destinations remove NAME` closes where one is configured no more: gone (after number 0), shop (after number 0), audit (after number 0)";
    assert!(refusal.to_string().ends_with(expected), "{refusal}");
}

#[tokio::test]
async fn a_copy_that_brings_nothing_and_fails_pauses_nothing() {
    let Delivering { moving, .. } = Delivering::new(database!()).await;
    moving.copy().await.unwrap();
    let to = moving.to().await;
    // As where the second inbox's retention has passed.
    to.expire_all(1_000_000_000).await;
    to.accept_one(crawled(&Ids::fresh())).await;
    let before = known(&*to).await;

    let difference = moving.copy().await.unwrap_err();

    assert!(matches!(difference, CopyError::Differs(_)), "{difference}");
    assert_eq!(known(&*to).await, before);
}

#[tokio::test]
async fn nothing_is_delivered_from_half_a_copy() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    let to = moving.to().await;
    lose_dead_letters(&moving.database).await;

    moving.copy().await.unwrap_err();

    assert_are_held(&*to).await;
    moving.database.execute("DROP FUNCTION lose CASCADE").await;
    moving.copy().await.unwrap();
    assert_eq!(known(&*to).await, known(&*moving.from).await);
    // Nor from half of another one, whose receipts are in the log already.
    let more = (0..8).map(|_| crawled(&Ids::fresh())).collect();
    moving.from.accept(more).await;
    site.go_on(16, &[delivery(9, State::Dead, 1, 40)]).await;
    lose_dead_letters(&moving.database).await;

    moving.copy().await.unwrap_err();

    assert_are_held(&*to).await;
    moving.database.execute("DROP FUNCTION lose CASCADE").await;
    moving.copy().await.unwrap();
    assert_eq!(known(&*to).await, known(&*moving.from).await);
}

async fn assert_are_held(inbox: &dyn Inbox) {
    let destinations = inbox.outbox().destinations().await.unwrap();
    assert_eq!(destinations.len(), 3);
    for Destination { name, pause, .. } in destinations {
        let reason = pause.map(|pause| pause.reason);
        assert_eq!(
            reason.as_deref(),
            Some("inbox copy has not ended; run it again"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_destination_that_was_removed_and_put_in_again_between_two_copies_is_as_it_is_in_the_first_inbox() {
    let site = Delivering::new(database!()).await;
    let moving = &site.moving;
    let to = moving.to().await;
    moving.copy().await.unwrap();
    // All that was closed with its removal is in the log again, with what came before it was put in.
    add(&*moving.from, "gone").await;
    let gone = |known: &Known| {
        let (destination, undelivered) = &known.destinations[1];
        (destination.removed_at, destination.cursor, undelivered.len())
    };
    let original = known(&*moving.from).await;
    assert_eq!(gone(&original), (None, 0, 8));

    moving.copy().await.unwrap();

    assert_eq!(known(&*to).await, original);
}
