use std::path::Path;

use futures_util::future::join_all;

use super::*;
use crate::config::{self, Sources};
use crate::delivery::send::sample;
use crate::delivery::status::Status;
use crate::inbox::fake::FakeInbox;
use crate::inbox::instruction::Replay;
use crate::inbox::sqlite::SqliteInbox;

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
