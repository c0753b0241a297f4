use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::super::Inbox;
use super::super::super::contract::{crawled, settings};
use super::super::SqliteInbox;
use super::*;
use crate::event::sample::Ids;

/// Has a copy of it take several steps.
fn make_long(path: &Path) {
    let other = Connection::open(path).unwrap();
    other
        .execute_batch("UPDATE state SET probe = zeroblob(100 << 20)")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_while_it_is_copied_is_not_in_a_copy_and_does_not_begin_it_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("inbox.db"), folder.path().join("copy.db"));
    let inbox: Arc<dyn Inbox> = Arc::new(SqliteInbox::open(&path, settings()).unwrap());
    inbox.accept_one(crawled(&Ids::fresh())).await;
    make_long(&path);
    let (step_count, runtime) = (Arc::new(AtomicUsize::new(0)), tokio::runtime::Handle::current());
    let watch: Watch = {
        let (step_count, inbox) = (Arc::clone(&step_count), Arc::clone(&inbox));
        Arc::new(move |progress| {
            if matches!(progress, Progress::Copied { .. }) {
                step_count.fetch_add(1, Ordering::Relaxed);
                runtime.block_on(inbox.accept_one(crawled(&Ids::fresh())));
            }
            step_count.load(Ordering::Relaxed) < 100
        })
    };

    let copied = tokio::task::spawn_blocking(move || backup(&path, &to, &watch));

    let copied = copied.await.unwrap().unwrap();
    assert_eq!(copied.receipt_count, 1);
    assert_eq!(step_count.load(Ordering::Relaxed), 7, "100 MiB in steps of 16");
}

#[tokio::test]
async fn a_copy_has_no_log_and_another_state_than_the_inbox() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("inbox.db"), folder.path().join("copy.db"));
    let inbox = SqliteInbox::open(&path, settings()).unwrap();

    backup(&path, &to, &(Arc::new(|_| true) as Watch)).unwrap();

    inbox.close().await.unwrap();
    let head = |path: &Path| fs::read(path).unwrap()[..100].to_vec();
    let changes_of_tables = |head: &[u8]| u32::from_be_bytes(*head[40..].first_chunk().unwrap());
    assert_eq!(head(&path)[18..20], [2, 2]);
    assert_eq!(head(&to)[18..20], [1, 1]);
    assert_eq!(changes_of_tables(&head(&to)), changes_of_tables(&head(&path)) + 1);
}
