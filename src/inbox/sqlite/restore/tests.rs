use std::collections::BTreeMap;
use std::sync::Arc;

use tempfile::TempDir;

use super::super::super::contract::{crawled, settings};
use super::super::super::{Inbox, ReceiptId};
use super::super::{SqliteInbox, backup};
use super::*;
use crate::event::sample::Ids;

/// What a start makes of a folder.
#[derive(Debug, PartialEq, Eq)]
enum Start {
    Old,
    New,
    Refused,
}

fn watch() -> Watch {
    Arc::new(|_| true)
}

async fn open_and_fill(path: &Path, count: usize) -> SqliteInbox {
    let inbox = SqliteInbox::open(path, settings()).expect("the inbox opens");
    for _ in 0..count {
        let inbox: &dyn Inbox = &inbox;
        inbox.accept_one(crawled(&Ids::fresh())).await;
    }
    inbox
}

async fn ids(inbox: &SqliteInbox) -> Vec<ReceiptId> {
    let exported = inbox.export(0, 100).await.unwrap();
    exported.iter().map(|(receipt, _)| receipt.id).collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let content = |file: fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        (name, fs::read(file.path()).unwrap())
    };
    files.map(content).collect()
}

fn write(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

async fn start(files: &BTreeMap<String, Vec<u8>>, old: &[ReceiptId], new: &[ReceiptId]) -> Start {
    let folder = write(files);
    match SqliteInbox::open(&folder.path().join("inbox.db"), settings()) {
        Err(Error::Refused { .. }) => Start::Refused,
        Err(error) => panic!("{error}"),
        Ok(inbox) => {
            let found = ids(&inbox).await;
            if found == old {
                return Start::Old;
            }
            assert_eq!(found, new);
            Start::New
        }
    }
}

/// A folder as a kill leaves it, with all receipts in the log; these; and a backup, with its own.
async fn killed() -> (TempDir, Vec<ReceiptId>, PathBuf, Vec<ReceiptId>) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open_and_fill(&folder.path().join("inbox.db"), 2).await;
    let copy = folder.path().join("copy.db");
    backup(&folder.path().join("inbox.db"), &copy, &watch()).unwrap();
    let new = ids(&inbox).await;
    for _ in 0..3 {
        let inbox: &dyn Inbox = &inbox;
        inbox.accept_one(crawled(&Ids::fresh())).await;
    }
    let old = ids(&inbox).await;
    let left = write(&files(folder.path()));
    let copy = left.path().join("copy.db");
    (left, old, copy, new)
}

#[tokio::test]
async fn what_is_left_after_each_step_is_the_old_inbox_or_refused_or_the_new_one() {
    let (folder, old, copy, new) = killed().await;
    let path = folder.path().join("inbox.db");
    let partial = Partial::create(folder.path().join("inbox.db.restoring")).unwrap();
    super::super::backup::copy(&copy, &partial, &watch()).unwrap();
    let mut left = Vec::new();

    let kept = put_in_place(partial.path(), &path, |step| {
        left.push((step, files(folder.path())))
    })
    .unwrap();

    let mut starts = Vec::new();
    for (step, files) in &left {
        starts.push((*step, start(files, &old, &new).await));
    }
    assert_eq!(
        starts,
        [
            (Step::Linked, Start::Old),
            (Step::Linked, Start::Old),
            (Step::Linked, Start::Old),
            (Step::LinksSynced, Start::Old),
            (Step::Renamed, Start::Refused),
            (Step::RenameSynced, Start::Refused),
            (Step::Removed, Start::New),
            (Step::Removed, Start::New),
        ]
    );
    // And another restore goes on from each.
    for (_, files) in &left {
        let folder = write(files);
        let restored = restore(
            &folder.path().join("inbox.db"),
            &folder.path().join("copy.db"),
            &watch(),
        );
        // Within the second of the first one.
        let names = |error: &BackupError| error.to_string().contains("File exists");
        if restored.as_ref().is_err_and(names) {
            continue;
        }
        assert_eq!(restored.unwrap().copied.receipt_count, 2);
        let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings()).unwrap();
        assert_eq!(ids(&inbox).await, new);
    }
    let inbox = SqliteInbox::open(&kept.unwrap(), settings()).unwrap();
    assert_eq!(ids(&inbox).await, old, "what was there is kept");
}

#[tokio::test]
async fn what_cannot_be_replaced_stays_as_it_was() {
    let (folder, ..) = killed().await;
    let before = files(folder.path());
    let nowhere = folder.path().join("nowhere");

    let failed = put_in_place(&nowhere, &folder.path().join("inbox.db"), |_| ());

    assert!(failed.is_err());
    assert_eq!(files(folder.path()), before);
}

#[tokio::test]
async fn a_copy_with_a_log_of_its_own_is_restored_with_what_is_in_it() {
    let (folder, old, ..) = killed().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("new/inbox.db");

    let restored = restore(&path, &folder.path().join("inbox.db"), &watch()).unwrap();

    assert_eq!((restored.copied.receipt_count, restored.kept), (5, None));
    let inbox = SqliteInbox::open(&path, settings()).unwrap();
    assert_eq!(ids(&inbox).await, old);
}

#[tokio::test]
async fn a_copy_that_was_put_over_the_inbox_is_refused_by_whoever_would_apply_the_log() {
    let (folder, _, copy, new) = killed().await;
    let path = folder.path().join("inbox.db");
    fs::copy(&copy, &path).unwrap();
    let before = files(folder.path());

    let opened = SqliteInbox::open(&path, settings()).err();
    let checked = check(&path).unwrap();
    let read = super::super::SqliteReader::open(&path).err();
    let backed_up = backup(&path, &folder.path().join("other.db"), &watch()).err();

    assert!(matches!(opened, Some(Error::Refused { .. })), "{opened:?}");
    assert!(matches!(checked, Check::ForeignLog { .. }), "{checked:?}");
    assert!(matches!(read, Some(Error::Refused { .. })), "{read:?}");
    assert!(
        matches!(backed_up, Some(BackupError::From(Error::Refused { .. }))),
        "{backed_up:?}"
    );
    let mut after = files(folder.path());
    assert!(after.remove("inbox.db.lock").is_some());
    assert_eq!(
        after,
        before
            .into_iter()
            .filter(|(name, _)| name != "inbox.db.lock")
            .collect()
    );
    // As the message says.
    let moved = folder.path().join("inbox.db.copy");
    fs::rename(&path, &moved).unwrap();
    restore(&path, &moved, &watch()).unwrap();
    let inbox = SqliteInbox::open(&path, settings()).unwrap();
    assert_eq!(ids(&inbox).await, new);
}
