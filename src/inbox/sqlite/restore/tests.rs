use std::collections::BTreeMap;
use std::sync::Arc;

use tempfile::TempDir;
use uuid::Uuid;

use super::super::super::contract::{crawled, settings};
use super::super::super::{Candidate, Inbox, ReceiptId};
use super::super::hold::lost_in_use;
use super::super::log::UNTIL;
use super::super::{SqliteInbox, backup};
use super::*;
use crate::event::sample::Ids;

/// What a start makes of a folder.
#[derive(Debug, PartialEq, Eq)]
enum Start {
    Old,
    New,
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

/// Makes such a folder. What is a second name there is one here too.
fn write(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    for (kept, bytes) in files.iter().filter(|(name, _)| name.contains(UNTIL)) {
        let suffix = SUFFIXES
            .iter()
            .rev()
            .find(|suffix| kept.ends_with(*suffix))
            .unwrap();
        if files.get(&format!("inbox.db{suffix}")) == Some(bytes) {
            fs::remove_file(folder.path().join(kept)).unwrap();
            let inbox = folder.path().join(format!("inbox.db{suffix}"));
            fs::hard_link(inbox, folder.path().join(kept)).unwrap();
        }
    }
    folder
}

async fn start(files: &BTreeMap<String, Vec<u8>>, old: &[ReceiptId], new: &[ReceiptId]) -> Start {
    let folder = write(files);
    let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings()).unwrap();
    let found = ids(&inbox).await;
    if found == old {
        return Start::Old;
    }
    assert_eq!(found, new);
    Start::New
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
async fn what_is_left_after_each_step_is_the_old_inbox_or_the_new_one() {
    let (folder, old, copy, new) = killed().await;
    let path = folder.path().join("inbox.db");
    let partial = Partial::create(folder.path().join("inbox.db.restoring")).unwrap();
    super::super::backup::copy(&copy, &partial, &watch()).unwrap();
    let mut left = Vec::new();

    let kept = put_in_place(partial.path(), &path, link, |step| {
        left.push((step, files(folder.path())))
    })
    .unwrap();

    let cut_off = write(&left[5].1);
    assert_eq!(left[5].0, Step::RenameSynced);
    let checked = check(&cut_off.path().join("inbox.db")).unwrap();
    let is_advised =
        matches!(&checked, Check::ForeignLog(flaw) if flaw.advice.contains("start the receiver"));
    assert!(is_advised, "{checked:?}");
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
            (Step::Renamed, Start::New),
            (Step::RenameSynced, Start::New),
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
        assert_eq!(restored.unwrap().copied.receipt_count, 2);
        let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings()).unwrap();
        assert_eq!(ids(&inbox).await, new);
    }
    let inbox = SqliteInbox::open(&kept.unwrap(), settings()).unwrap();
    assert_eq!(ids(&inbox).await, old, "what was there is kept");
}

#[tokio::test]
async fn without_second_names_what_was_there_is_kept_as_a_copy() {
    let (folder, old, copy, new) = killed().await;
    let path = folder.path().join("inbox.db");
    let partial = Partial::create(folder.path().join("inbox.db.restoring")).unwrap();
    super::super::backup::copy(&copy, &partial, &watch()).unwrap();
    let no_link = |_: &Path, _: &Path| Err(io::Error::from(ErrorKind::PermissionDenied));
    let mut left = Vec::new();

    let kept = put_in_place(partial.path(), &path, no_link, |step| {
        left.push((step, files(folder.path())));
    })
    .unwrap();

    for (step, files) in &left {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings()).unwrap();
        let expected = if matches!(step, Step::Linked | Step::LinksSynced) {
            &old
        } else {
            &new
        };
        assert_eq!(&ids(&inbox).await, expected, "{step:?}");
    }
    let inbox = SqliteInbox::open(&kept.unwrap(), settings()).unwrap();
    assert_eq!(ids(&inbox).await, old, "what was there is kept");
}

#[tokio::test]
async fn what_a_restore_removes_or_replaces_is_no_copy_to_restore() {
    let (folder, ..) = killed().await;
    let path = folder.path().join("inbox.db");
    let left = folder.path().join("inbox.db.restoring");
    backup(&path, &folder.path().join("good.db"), &watch()).unwrap();
    fs::rename(folder.path().join("good.db"), &left).unwrap();
    fs::hard_link(&left, folder.path().join("other-name.db")).unwrap();
    let before = files(folder.path());

    for (name, expected) in [
        (
            "inbox.db.restoring",
            "is what a restore that was cut off has left",
        ),
        ("other-name.db", "is what a restore that was cut off has left"),
        (
            "inbox.db",
            "is the inbox itself, and nothing is to be restored of it",
        ),
    ] {
        let refused = restore(&path, &folder.path().join(name), &watch()).unwrap_err();

        assert!(refused.to_string().contains(expected), "{refused}");
        assert_eq!(files(folder.path()), before, "{name}");
    }
}

#[tokio::test]
async fn a_copy_that_was_put_over_the_inbox_is_not_called_the_inbox_itself() {
    let (folder, _, copy, _) = killed().await;
    let path = folder.path().join("inbox.db");
    fs::copy(&copy, &path).unwrap();

    let refused = restore(&path, &path, &watch()).unwrap_err();

    let why = std::error::Error::source(&refused).map(ToString::to_string);
    assert!(
        why.is_some_and(|why| why.contains("is not the log of")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_notices_had_said_is_not_restored_and_all_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let inbox = open_and_fill(&path, 2).await;
    let leader = Candidate {
        id: Uuid::nil(),
        name: "one".to_owned(),
    };
    inbox
        .outbox()
        .keep_notices(&leader, "{}".to_owned())
        .await
        .unwrap();
    let held = ids(&inbox).await;
    let copy = folder.path().join("copy.db");
    backup(&path, &copy, &watch()).unwrap();
    let before = fs::read(&copy).unwrap();
    let elsewhere = folder.path().join("restored.db");

    restore(&elsewhere, &copy, &watch()).unwrap();

    let inbox = SqliteInbox::open(&elsewhere, settings()).unwrap();
    assert_eq!(inbox.outbox().notices().await.unwrap(), None);
    assert_eq!(ids(&inbox).await, held);
    assert_eq!(fs::read(&copy).unwrap(), before, "the copy stays as it is");
}

#[tokio::test]
async fn what_cannot_be_replaced_stays_as_it_was() {
    let (folder, ..) = killed().await;
    let before = files(folder.path());
    let nowhere = folder.path().join("nowhere");

    let failed = put_in_place(&nowhere, &folder.path().join("inbox.db"), link, |_| ());

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
    assert!(matches!(checked, Check::ForeignLog(_)), "{checked:?}");
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

#[tokio::test]
async fn a_log_that_was_left_alone_is_named_as_what_is_kept() {
    let (folder, _, copy, new) = killed().await;
    let path = folder.path().join("inbox.db");
    fs::remove_file(&path).unwrap();

    let restored = restore(&path, &copy, &watch()).unwrap();

    let kept = restored.kept.expect("there was a log");
    assert!(
        kept.to_str().unwrap().ends_with("-wal") && kept.is_file(),
        "{kept:?}"
    );
    let inbox = SqliteInbox::open(&path, settings()).unwrap();
    assert_eq!(ids(&inbox).await, new);
}

#[tokio::test]
async fn a_start_and_a_stop_while_it_is_copied_leave_no_half_of_either_in_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let inbox = open_and_fill(&path, 1).await;
    inbox.close().await.unwrap();
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 50000)
                INSERT INTO mark (seq, at, clock) SELECT 1, n, n FROM n";
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch(many).unwrap();
    other.close().unwrap();
    let start = {
        let path = path.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                open_and_fill(&path, 2).await.close().await.unwrap();
            });
        }
    };
    let started = std::sync::Once::new();
    let watch: Watch = Arc::new(move |_| {
        started.call_once(|| std::thread::scope(|scope| drop(scope.spawn(&start).join())));
        true
    });

    let copied = backup(&path, &folder.path().join("copy.db"), &watch).unwrap();

    assert_eq!(copied.receipt_count, 3);
}

/// What each says that wants an inbox in whose place a copy is just being put.
fn all_that_is_said(inbox: &Path, copy: &Path) -> Vec<String> {
    let mut said = vec![
        SqliteInbox::open(inbox, settings())
            .err()
            .map(|error| error.to_string()),
        restore(inbox, copy, &watch())
            .err()
            .map(|error| error.to_string()),
        check::try_write(inbox).err().map(|error| error.to_string()),
    ];
    if !inbox.exists() {
        said.push(lost_in_use(inbox).map(|flaw| flaw.to_string()));
        let checked = check(inbox).unwrap();
        said.push(match checked {
            Check::Unusable(flaw) => Some(flaw.to_string()),
            _ => None,
        });
    }
    said.into_iter().map(Option::unwrap_or_default).collect()
}

#[tokio::test]
async fn beside_a_restore_that_is_at_work_everybody_is_told_so_and_nothing_else() {
    let (folder, _, copy, new) = killed().await;
    let expected = |inbox: &Path| {
        let inbox = inbox.display();
        format!("a restore is just putting a copy in the place of {inbox}; wait until it has ended")
    };
    for name in ["inbox.db", "new.db"] {
        let inbox = folder.path().join(name);
        let said = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let watch: Watch = {
            let (said, inbox, copy) = (Arc::clone(&said), inbox.clone(), copy.clone());
            Arc::new(move |_| {
                if said.lock().is_empty() {
                    let all = all_that_is_said(&inbox, &copy);
                    *said.lock() = all;
                }
                true
            })
        };

        restore(&inbox, &copy, &watch).unwrap();

        let said = std::mem::take(&mut *said.lock());
        assert_eq!(said.len(), if name == "new.db" { 5 } else { 3 });
        for said in said {
            let (_, told) = said.split_once("unavailable: ").unwrap_or(("", &said));
            assert_eq!(told, expected(&inbox), "{said}");
        }
        let inbox = SqliteInbox::open(&inbox, settings()).unwrap();
        assert_eq!(ids(&inbox).await, new);
    }
}

#[tokio::test]
async fn of_a_restore_that_was_cut_off_nobody_says_that_it_is_at_work() {
    let (folder, ..) = killed().await;
    let path = folder.path().join("inbox.db");
    drop(Hold::take_to_replace(&path).unwrap());
    fs::write(schema::beside(&path, ".restoring"), "").unwrap();

    let inbox = SqliteInbox::open(&path, settings()).unwrap();

    let second = SqliteInbox::open(&path, settings())
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(second.contains("another process has"), "{second}");
    fs::remove_file(&path).unwrap();
    let lost = SqliteInbox::open(&path, settings())
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        lost.contains("was deleted or moved while a receiver has it open; do not stop"),
        "{lost}"
    );
    // Whose file has no name is told so, and the locks are free.
    let _ = inbox.close().await;
    assert_eq!(lost_in_use(&path), None);
}

#[tokio::test]
async fn beside_a_receiver_whose_lock_file_was_deleted_a_restore_names_that_and_not_itself() {
    let (folder, _, copy, _) = killed().await;
    let path = folder.path().join("inbox.db");
    let inbox = SqliteInbox::open(&path, settings()).unwrap();
    fs::remove_file(schema::beside(&path, ".lock")).unwrap();

    let refused = restore(&path, &copy, &watch()).unwrap_err();

    let BackupError::To(reason) = refused else {
        panic!("{refused:?}");
    };
    let expected = format!(
        "another process has {} open: one receiver writes to an inbox file at a time; stop it first",
        path.display()
    );
    assert_eq!(reason, expected);
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn a_restore_that_has_ended_leaves_nothing_that_says_that_one_is_at_work() {
    let (folder, _, copy, _) = killed().await;
    let path = folder.path().join("inbox.db");
    let lock = schema::beside(&path, ".lock");

    // Once the copy is none, and once it is one.
    restore(&path, &lock, &watch()).unwrap_err();
    assert_eq!(fs::read(&lock).unwrap(), b"");
    restore(&path, &copy, &watch()).unwrap();
    assert_eq!(fs::read(&lock).unwrap(), b"");
}
