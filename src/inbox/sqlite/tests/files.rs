//! Promise: a file of an older program is brought up to date, and a check tells a sound file from any other without
//! touching it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::event::Identity;

impl Folder {
    /// A file as version 1 of the tables left it, with these receipts in one batch.
    pub fn write_version_1(&self, notifications: &[NewReceipt]) {
        let file = Connection::open(self.inbox_path()).unwrap();
        file.pragma_update(None, "journal_mode", "wal").unwrap();
        file.execute_batch(schema::MIGRATIONS[0]).unwrap();
        file.pragma_update(None, "application_id", 0x4347_5748).unwrap();
        file.pragma_update(None, "user_version", 1).unwrap();
        let mut keys = Vec::new();
        for (seq, new) in (1..).zip(notifications) {
            let seq: u64 = seq;
            keys.extend(Key::to_bytes(Key::of(&new.identity)));
            let model_id = match &new.identity {
                Identity::Model { model_id } => Some(model_id.uuid().into_bytes()),
                Identity::Job { .. } | Identity::Windowed => None,
            };
            file.execute(
                "INSERT INTO receipt VALUES (?1, ?2, ?3, '2024-07', ?4, ?5, ?6, ?7, ?8, ?9)",
                rusqlite::params![
                    seq,
                    uuid::Uuid::now_v7().into_bytes(),
                    new.received_at.as_micros(),
                    new.name.event,
                    new.name.status,
                    new.event_id().map(|id| id.uuid().into_bytes()),
                    model_id,
                    new.chatbot_id.map(|id| id.uuid().into_bytes()),
                    &new.body[..],
                ],
            )
            .unwrap();
        }
        file.execute("INSERT INTO receipt_key VALUES (1, ?1)", [keys])
            .unwrap();
        file.close().unwrap();
    }

    fn check(&self) -> Result<Check, Error> {
        check(&self.inbox_path())
    }

    /// The names of its files, and what is in them.
    fn content(&self) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let mut content: Vec<_> = files
            .map(|file| {
                (
                    file.file_name().into_string().unwrap(),
                    fs::read(file.path()).unwrap(),
                )
            })
            .collect();
        content.sort();
        content
    }

    fn names(&self) -> Vec<String> {
        self.content().into_iter().map(|(name, _)| name).collect()
    }
}

fn corrupt(checked: Result<Check, Error>) -> String {
    match checked {
        Err(Error::Corrupt { reason }) => reason,
        other => panic!("corrupt, not {other:?}"),
    }
}

fn foreign(checked: Result<Check, Error>) -> String {
    match checked {
        Ok(Check::Foreign { reason }) => reason,
        other => panic!("foreign, not {other:?}"),
    }
}

fn initial(ids: &Ids) -> NewReceipt {
    sent(Event::CrawlingInitial, ids, Wire::V2024_07)
}

#[tokio::test]
async fn a_file_of_version_1_is_brought_up_to_date_with_its_open_jobs() {
    let folder = Folder::new();
    let [ended, begun, late, failed, other] = std::array::from_fn(|_| Ids::fresh());
    let notifications = [
        initial(&ended),
        initial(&begun),
        crawled(&late),
        crawled(&ended),
        initial(&late),
        unrecognized("indexing", "initial", &failed),
        unrecognized("indexing", "failed", &failed),
        unrecognized("indexing", "initial", &begun),
        unrecognized("indexing", "progressing", &begun),
        // Of the job, but of another event; and such as are of no job.
        initial(&other),
        unrecognized("indexing", "completed", &other),
        sent(Event::TrainingInitial, &other, Wire::V2024_01),
        sent(
            Event::TrainingCompleted {
                model_id: other.model_id,
                training_data_ids: Vec::new(),
            },
            &other,
            Wire::V2024_01,
        ),
    ];
    folder.write_version_1(&notifications);

    let inbox = folder.open(settings());

    assert_eq!(
        inbox.pragma::<i64>("user_version").await & 0xff,
        MIGRATIONS.len() as i64
    );
    let page = PageRequest {
        cursor: None,
        limit: 100,
    };
    let open = async || {
        let page = inbox.open_jobs(page).await.unwrap();
        page.items
            .iter()
            .map(|receipt| receipt.sequence)
            .collect::<Vec<_>>()
    };
    assert_eq!(open().await, [2, 8, 10]);
    assert_eq!(inbox.backfilled_count().await, 0);
    let receipts = inbox.as_dyn().all().await;
    assert_eq!(receipts.len(), 13);
    assert!(receipts.iter().all(|receipt| receipt.origin == Origin::Webhook));
    // It goes on as if it had always been so.
    inbox.as_dyn().accept_one(crawled(&begun)).await;
    assert_eq!(open().await, [8, 10]);
    let known = inbox.as_dyn().store_one(initial(&ended)).await;
    assert_eq!(known, duplicate_of(receipts[12].id));
}

#[tokio::test]
async fn what_came_before_the_recent_receipts_does_not_count_as_last_received() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let [early, late] = [Ids::fresh(), Ids::fresh()];
    inbox.as_dyn().accept(vec![crawled(&early), crawled(&late)]).await;
    let chatbots = async || {
        let last = inbox.last_received().await.unwrap();
        last.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };

    inbox.repeat_last(99_998).await;
    assert_eq!(chatbots().await, [early.chatbot_id, late.chatbot_id]);

    inbox.repeat_last(1).await;
    assert_eq!(chatbots().await, [late.chatbot_id]);
}

#[tokio::test]
async fn a_check_makes_nothing_where_there_is_nothing() {
    let folder = Folder::new();

    assert_eq!(folder.check().unwrap(), Check::Missing);
    assert_eq!(
        check(&folder.0.path().join("no/folder/inbox.db")).unwrap(),
        Check::Missing
    );
    assert_eq!(folder.names(), [""; 0]);
    fs::write(folder.inbox_path(), "").unwrap();
    let empty = Check::Sound {
        version: 0,
        receipt_count: 0,
    };
    assert_eq!(folder.check().unwrap(), empty);
    assert_eq!(folder.names(), ["inbox.db"]);
}

#[tokio::test]
async fn a_check_reads_a_closed_inbox_and_leaves_no_trace() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox
        .as_dyn()
        .accept(vec![crawled(&Ids::fresh()), crawled(&Ids::fresh())])
        .await;
    inbox.close().await.unwrap();
    let sound = Check::Sound {
        version: MIGRATIONS.len(),
        receipt_count: 2,
    };
    let before = folder.content();

    assert_eq!(folder.check().unwrap(), sound);

    assert_eq!(folder.content(), before);
    // By another name, too, one with signs that mean something in a URI.
    let link = folder.0.path().join("a?b#c%41.db");
    std::os::unix::fs::symlink(folder.inbox_path(), &link).unwrap();
    assert_eq!(check(&link).unwrap(), sound);
    fs::remove_file(&link).unwrap();
    fs::rename(folder.inbox_path(), &link).unwrap();
    assert_eq!(check(&link).unwrap(), sound);
}

/// What `journal_mode=PERSIST` leaves of a change that has ended, and what a change leaves that was cut off.
#[tokio::test]
async fn only_a_journal_with_a_head_makes_a_file_half_changed() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    inbox.close().await.unwrap();
    let file = Connection::open(folder.inbox_path()).unwrap();
    file.pragma_update(None, "journal_mode", "persist").unwrap();
    file.execute_batch("UPDATE state SET probe = x'01'").unwrap();
    drop(file);
    let (journal, copy) = (
        schema::beside(&folder.inbox_path(), "-journal"),
        folder.0.path().join("copy.db"),
    );
    assert!(fs::metadata(&journal).unwrap().len() > 0);
    let watch: Watch = Arc::new(|_| true);
    let sound = Check::Sound {
        version: MIGRATIONS.len(),
        receipt_count: 1,
    };

    assert_eq!(folder.check().unwrap(), sound);
    backup(&folder.inbox_path(), &copy, &watch).unwrap();
    restore(&folder.inbox_path(), &copy, &watch).unwrap();
    assert_eq!(folder.check().unwrap(), sound);

    fs::write(&journal, b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7").unwrap();
    let before = folder.content();
    let checked = folder.check();
    assert!(matches!(checked, Ok(Check::Unusable(_))), "{checked:?}");
    // Who only reads would see the half of it.
    let refused = backup(&folder.inbox_path(), &folder.0.path().join("other.db"), &watch);
    assert!(
        matches!(refused, Err(BackupError::From(Error::Refused { .. }))),
        "{refused:?}"
    );
    let refused = restore(&folder.inbox_path(), &copy, &watch);
    assert!(matches!(refused, Err(BackupError::To(_))), "{refused:?}");
    assert_eq!(folder.content(), before);
}

#[tokio::test]
async fn a_check_reads_an_older_version_and_leaves_it_so() {
    let folder = Folder::new();
    folder.write_version_1(&[crawled(&Ids::fresh())]);
    let before = folder.content();

    let checked = folder.check().unwrap();

    assert_eq!(
        checked,
        Check::Sound {
            version: 1,
            receipt_count: 1
        }
    );
    assert_eq!(marked(&folder.inbox_path()).unwrap(), None);
    assert_eq!(folder.content(), before);
}

#[tokio::test]
async fn a_check_disturbs_no_receiver_and_sees_what_it_has_stored() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    let names = folder.names();

    for receipt_count in 1..4 {
        let checked = folder.check().unwrap();

        assert_eq!(
            checked,
            Check::Sound {
                version: MIGRATIONS.len(),
                receipt_count
            }
        );
        inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    }
    assert_eq!(folder.names(), names);
}

#[tokio::test]
async fn a_check_reads_a_copy_of_the_file_and_its_log() {
    let (folder, copied) = (Folder::new(), Folder::new());
    let inbox = folder.open(settings());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    for name in ["inbox.db", "inbox.db-wal"] {
        fs::copy(folder.0.path().join(name), copied.0.path().join(name)).unwrap();
    }
    let before = copied.content();

    let checked = copied.check();

    assert_eq!(
        checked.unwrap(),
        Check::Sound {
            version: MIGRATIONS.len(),
            receipt_count: 1
        }
    );
    assert_eq!(copied.content(), before);
}

/// What a crash leaves: the file, its log and the log's index.
#[tokio::test]
async fn a_check_reads_what_a_crash_left_even_where_it_cannot_write() {
    let (folder, crashed) = (Folder::new(), Folder::new());
    let inbox = folder.open(settings());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    for name in ["inbox.db", "inbox.db-wal", "inbox.db-shm"] {
        fs::copy(folder.0.path().join(name), crashed.0.path().join(name)).unwrap();
        fs::set_permissions(crashed.0.path().join(name), PermissionsExt::from_mode(0o400)).unwrap();
    }
    fs::set_permissions(crashed.0.path(), PermissionsExt::from_mode(0o500)).unwrap();
    let names = crashed.names();

    let checked = crashed.check();

    assert_eq!(
        checked.unwrap(),
        Check::Sound {
            version: MIGRATIONS.len(),
            receipt_count: 1
        }
    );
    assert_eq!(crashed.names(), names);
    fs::set_permissions(crashed.0.path(), PermissionsExt::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_check_leaves_a_change_that_was_cut_off_to_the_next_start() {
    let folder = Folder::new();
    // As a program does that keeps no log, and is cut off once the disk has half of what it writes.
    let file = Connection::open(folder.inbox_path()).unwrap();
    file.execute_batch("CREATE TABLE t (x); PRAGMA cache_size = 1; BEGIN; PRAGMA user_version = 9;")
        .unwrap();
    file.execute_batch("INSERT INTO t VALUES (zeroblob(100000))")
        .unwrap();
    let cut = Folder::new();
    for name in ["inbox.db", "inbox.db-journal"] {
        fs::copy(folder.0.path().join(name), cut.0.path().join(name)).unwrap();
    }
    let before = cut.content();

    let checked = cut.check();

    let says = |advice: &str| advice.contains("start the receiver, which takes that back");
    assert!(
        matches!(&checked, Ok(Check::Unusable(flaw)) if says(&flaw.advice)),
        "{checked:?}"
    );
    assert_eq!(cut.content(), before);
}

#[tokio::test]
async fn a_check_names_what_is_wrong_in_bounded_words() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let many = (0..2_000).map(|_| crawled(&Ids::fresh())).collect();
    inbox.as_dyn().accept(many).await;
    inbox.close().await.unwrap();
    let sound = fs::read(folder.inbox_path()).unwrap();
    let page_count = sound.len() / 4_096;
    let damaged = |from: usize, to: usize| {
        let mut bytes = sound.clone();
        bytes[from * 4_096..to * 4_096].fill(0xa5);
        fs::write(folder.inbox_path(), bytes).unwrap();
        folder.check()
    };

    let findings = [
        corrupt(damaged(page_count / 2, page_count / 2 + 1)),
        corrupt(damaged(1, page_count)),
        foreign(damaged(0, 1)),
    ];

    // Only a check reads so closely that it can say what.
    assert!(findings[0].contains("is damaged: Tree "), "{}", findings[0]);
    for finding in findings {
        assert!(finding.contains("inbox.db"), "{finding}");
        assert!(finding.len() < 500, "{finding}");
    }
    fs::write(
        folder.inbox_path(),
        "Notes, and by no means a database. ".repeat(100),
    )
    .unwrap();
    let reason = foreign(folder.check());
    assert!(reason.contains("is not a database"), "{reason}");
    fs::remove_file(folder.inbox_path()).unwrap();
    fs::create_dir(folder.inbox_path()).unwrap();
    let reason = foreign(folder.check());
    assert!(reason.ends_with("inbox.db is not a file"), "{reason}");
}

#[tokio::test]
async fn a_check_refuses_what_a_start_refuses() {
    let folder = Folder::new();
    let other = Connection::open(folder.inbox_path()).unwrap();
    other.execute_batch("CREATE TABLE receipt (seq)").unwrap();
    let reason = foreign(folder.check());
    assert!(reason.contains("not an inbox of this program"), "{reason}");
    other.pragma_update(None, "application_id", 0x4347_5748).unwrap();
    other
        .pragma_update(None, "user_version", MIGRATIONS.len() + 1)
        .unwrap();

    let checked = folder.check();

    let is_newer =
        matches!(&checked, Ok(Check::Newer { reason }) if reason.contains("written by a newer program"));
    assert!(is_newer, "{checked:?}");
}

/// Has another program say that an inbox has tables of that version.
fn set_user_version(path: &std::path::Path, version: usize) {
    let other = Connection::open(path).unwrap();
    other.pragma_update(None, "user_version", version).unwrap();
}

#[tokio::test]
async fn tables_whose_version_another_program_has_reset_are_no_empty_inbox() {
    let folder = Folder::new();
    let path = folder.inbox_path();
    let inbox = folder.open(settings());
    let (before, later) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));
    let first = inbox.as_dyn().accept_one(before.clone()).await;
    set_user_version(&path, 0);

    let while_it_runs = inbox.append(vec![Entry::Receipt(later)]).await.unwrap_err();
    inbox.close().await.unwrap();
    let checked = check(&path);
    let started = folder.refusal();

    let mending = format!(
        "`sqlite3 {} 'PRAGMA user_version = {}'`",
        path.display(),
        MIGRATIONS.len()
    );
    assert!(
        matches!(&checked, Ok(Check::DamagedRows { advice, .. }) if advice.contains(&mending)),
        "{checked:?}"
    );
    for error in [while_it_runs, started] {
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains(&mending), "{error}");
    }
    // What it says mends it.
    set_user_version(&path, MIGRATIONS.len());
    let reopened = folder.open(settings());
    assert_eq!(reopened.as_dyn().store(vec![before]).await, [duplicate_of(first)]);
}

#[tokio::test]
async fn what_an_error_met_is_told_without_the_statements_it_was_met_in() {
    let folder = Folder::new();
    folder.open(settings()).close().await.unwrap();
    set_user_version(&folder.inbox_path(), 1);

    let refused = folder.refusal().to_string();

    assert!(
        refused.ends_with(": table backfilled already exists"),
        "{refused}"
    );
}
