use super::*;
use crate::config::{self, Sources};
use crate::inbox::instruction::Replay;
use crate::inbox::sqlite::SqliteInbox;

#[tokio::test]
async fn a_replay_that_is_not_done_is_listed_however_much_was_asked_for_since() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = config::load(&Sources::default())
        .expect("the defaults are right")
        .settings;
    let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings.inbox).expect("it opens");
    let deliveries = Deliveries::new(Arc::new(inbox), &settings.delivery, &[], Arc::default());
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
