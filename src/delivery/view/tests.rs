use std::path::Path;

use bytes::Bytes;
use futures_util::future::join_all;
use uuid::Uuid;

use super::*;
use crate::config::{self, Sources};
use crate::delivery::send::sample;
use crate::delivery::status::Status;
use crate::event::Wire;
use crate::event::sample::{self as events, Ids};
use crate::inbox::fake::FakeInbox;
use crate::inbox::instruction::Replay;
use crate::inbox::outbox::{Delivery, Outcome, PauseChange, Progress, Start};
use crate::inbox::sqlite::SqliteInbox;
use crate::inbox::{Candidate, Entry, NewReceipt, Origin, RequestId};

/// Those of an inbox in that folder, without a destination.
fn of_nobody(folder: &Path) -> Deliveries {
    let settings = config::load(&Sources::default())
        .expect("the defaults are right")
        .settings;
    let inbox = SqliteInbox::open(&folder.join("inbox.db"), settings.inbox).expect("it opens");
    Deliveries::new(Arc::new(inbox), &settings.delivery, &[], Arc::default())
}

#[tokio::test]
async fn a_replay_that_is_not_done_is_listed_however_much_was_asked_for_since() {
    let folder = tempfile::tempdir().expect("a folder");
    let deliveries = of_nobody(folder.path());
    let replay = deliveries
        .instruct(&Instruction::Replay(Replay::default()))
        .await
        .expect("it is kept");
    let later = Instruction::EndReplay { id: replay };
    for _ in 0..=MAX_DONE_INSTRUCTIONS {
        deliveries.instruct(&later).await.expect("it is kept");
    }

    let listed = deliveries.replays(10).await.expect("they are read");

    assert_eq!(listed.iter().map(|shown| shown.id).collect::<Vec<_>>(), [replay]);
}

#[tokio::test]
async fn what_is_in_the_log_for_a_destination_whose_rows_cannot_be_read_is_counted_too() {
    let list = r#"[{name = "app", kind = "http", url = "http://127.0.0.1:9/"}]"#;
    let sources = Sources {
        flags: vec![("delivery.destination".to_owned(), list.to_owned())],
        ..Sources::default()
    };
    let settings = config::load(&sources).expect("they are right").settings;
    let inbox = FakeInbox::new();
    let receipt = sample::parcel(r#"{"event":"x","status":"y"}"#).receipt;
    inbox.outbox.log.lock().push((receipt, "{}".into()));
    inbox.outbox.destinations.lock().push(Destination {
        id: outbox::DestinationId(1),
        name: "app".to_owned(),
        cursor: 0,
        added_at: Timestamp::now(),
        removed_at: None,
        unconfigured_at: None,
        pause: None,
        pending_count: 2,
        dead_count: 0,
    });
    let board = Board::default();
    let deliveries = Deliveries::new(
        inbox,
        &settings.delivery,
        std::slice::from_ref(&board),
        Arc::default(),
    );
    for (is_restored, expected) in [(false, 3), (true, 1)] {
        board.show(Some(Status {
            is_restored,
            pending_count: 1,
            failing_since: Some(Timestamp::now()),
            ..Status::default()
        }));

        let shown = deliveries.destinations().await.expect("they are read").remove(0);

        assert_eq!(shown.pending_count, expected, "{shown:?}");
        assert_eq!(shown.status.map(|status| status.pending_count), Some(expected));
        assert_eq!(
            shown.trouble.map(|trouble| trouble.kind),
            Some(TroubleKind::Failing)
        );
    }
}

#[tokio::test]
async fn no_more_replays_are_taken_than_may_be_open_also_at_once_and_those_that_only_count_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let deliveries = of_nobody(folder.path());
    // Older than all of them.
    let nothing = InstructionId::new(uuid::Uuid::nil());
    for _ in 0..=MAX_OPEN_REPLAYS {
        let other = Instruction::EndReplay { id: nothing };
        deliveries.instruct(&other).await.expect("it is kept");
    }
    for dry_run in [true, false] {
        let replay = Instruction::Replay(Replay {
            dry_run,
            ..Replay::default()
        });

        let given = join_all((0..MAX_OPEN_REPLAYS + 10).map(|_| deliveries.instruct(&replay))).await;

        let refused: Vec<_> = given.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 10, "{refused:?}");
        let is_said = |error: &Error| match dry_run {
            true => matches!(error, Error::TooManyCounts),
            false => matches!(error, Error::TooManyReplays),
        };
        assert!(refused.iter().all(is_said), "{refused:?}");
    }
}

/// Puts a notification of a job of its own into the inbox.
async fn accept(inbox: &dyn Inbox) {
    let event = events::events(&Ids::fresh()).swap_remove(0);
    let notification = events::notification(event, &Ids::fresh(), Wire::V2024_07);
    let body = Bytes::from(events::to_json(&notification).to_string());
    let request_id = RequestId::new(Uuid::now_v7());
    let receipt = NewReceipt::new(&notification, body, Timestamp::now(), request_id, Origin::Webhook);
    let stored = inbox.append(vec![Entry::Receipt(receipt)]).await;
    assert!(stored.expect("it takes the batch").iter().all(Result::is_ok));
}

/// Destinations `app` and `other` of an inbox in that folder.
fn of_two(folder: &Path) -> (Arc<dyn Inbox>, Deliveries, [Board; 2]) {
    let list = r#"[{name = "app", kind = "http", url = "http://127.0.0.1:9/"},
                   {name = "other", kind = "http", url = "http://127.0.0.1:9/"}]"#;
    let sources = Sources {
        flags: vec![("delivery.destination".to_owned(), list.to_owned())],
        ..Sources::default()
    };
    let settings = config::load(&sources).expect("they are right").settings;
    let inbox = SqliteInbox::open(&folder.join("inbox.db"), settings.inbox).expect("it opens");
    let inbox: Arc<dyn Inbox> = Arc::new(inbox);
    let boards = [Board::default(), Board::default()];
    let deliveries = Deliveries::new(Arc::clone(&inbox), &settings.delivery, &boards, Arc::default());
    (inbox, deliveries, boards)
}

/// One that leads there.
async fn leader(inbox: &dyn Inbox) -> Candidate {
    let leader = Candidate {
        id: Uuid::new_v4(),
        name: "leader".to_owned(),
    };
    inbox.lead(&leader).await.expect("it leads");
    leader
}

async fn all(deliveries: &Deliveries) -> Vec<Listed> {
    let page = deliveries.list(&Query::default(), PageRequest::first(10)).await;
    page.expect("it is read").items
}

#[tokio::test]
async fn of_each_destination_that_is_listed_which_it_lacks_and_of_a_removed_one_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inbox, deliveries, _) = of_two(folder.path());
    let outbox = inbox.outbox();
    outbox
        .add_destination("app".to_owned(), Start::Now)
        .await
        .unwrap();
    accept(&*inbox).await;
    let other = outbox
        .add_destination("other".to_owned(), Start::Now)
        .await
        .unwrap();
    accept(&*inbox).await;
    let listed = async || {
        let all = all(&deliveries).await.into_iter();
        all.map(|item| (item.destination, item.sequence))
            .collect::<Vec<_>>()
    };
    let id = |name: &str, sequence| (name.to_owned(), sequence);

    assert_eq!(listed().await, [id("app", 2), id("other", 2), id("app", 1)]);

    let leader = leader(&*inbox).await;
    outbox.remove_destination(&leader, other.id).await.unwrap();

    assert_eq!(listed().await, [id("app", 2), id("app", 1)]);
    let newest = inbox
        .receipts(ReceiptFilter::default(), PageRequest::first(1))
        .await;
    let newest = newest.expect("it is read").items.remove(0);
    assert!(deliveries.show("other", newest.id).await.unwrap().is_none());
}

#[tokio::test]
async fn it_is_said_which_time_each_waits_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inbox, deliveries, [board, _]) = of_two(folder.path());
    let app = inbox
        .outbox()
        .add_destination("app".to_owned(), Start::Now)
        .await
        .unwrap();
    let (now, hour) = (Timestamp::now(), Duration::from_secs(3600));
    let dues = [now.plus(2 * hour), now.plus(hour / 2), now.minus(hour)];
    let mut rows = Vec::new();
    for (sequence, due_at) in (1..).zip(dues) {
        accept(&*inbox).await;
        rows.push(Delivery {
            destination: app.id,
            sequence,
            state: State::Pending,
            step: 1,
            attempt_count: 1,
            replay_count: 0,
            outcome: Some(Outcome::Failed),
            due_at,
            changed_at: now,
        });
    }
    let progress = Progress {
        destination: app.id,
        cursor: 3,
        deliveries: rows,
        attempts: Vec::new(),
        pause: PauseChange::Keep,
    };
    let leader = leader(&*inbox).await;
    inbox.outbox().record(&leader, progress).await.unwrap();
    let waits = async || {
        let all = all(&deliveries).await.into_iter().rev();
        all.map(|item| (item.waits, item.next_attempt_at))
            .collect::<Vec<_>>()
    };
    let until = |words: &str, at| (Some(words.to_owned()), Some(at));
    let next = "waits for its next attempt";

    assert_eq!(
        waits().await,
        [until(next, dues[0]), until(next, dues[1]), (None, None)]
    );

    let quiet_until = now.plus(hour);
    board.show(Some(Status {
        quiet_until: Some(quiet_until),
        ..Status::default()
    }));
    let left_alone = until("its destination asked to be left alone", quiet_until);
    assert_eq!(
        waits().await,
        [until(next, dues[0]), left_alone.clone(), left_alone]
    );
}
