//! `inbox backup` copies all that was answered before it began, beside whoever posts, and leaves nothing half done;
//! `inbox restore` puts such a copy in the inbox's place, so that it is there, once, after the next start; and what was
//! put there by hand with another one's log beside it is refused.

use std::collections::HashSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use super::*;
use crate::harness::posters::{End, Posted, Posters, assert_each_stored_once};
use crate::harness::postgres::leave_out;
use crate::harness::process::{NAMESPACE, can_mount};

/// What `inbox restore` says of a restored inbox.
const CONSEQUENCES: &str = "what was delivered since the copy was made is delivered again, and new receipts get numbers \
                            that were used since then: whoever follows receipts by number must begin again\n\
                            ends of jobs that were received since then are backfilled under other ids: an application knows \
                            them by event_id, event and status\n\
                            what operators asked for since then is forgotten: see which destinations are paused, and which \
                            replays run\n\
                            what is wrong now is told as new by notices\n";

fn names(folder: &Path) -> HashSet<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(Result::unwrap);
    entries
        .map(|entry| entry.file_name().into_string().expect("text"))
        .collect()
}

/// The receipts that a file holds, as a receiver shows them.
async fn receipts_of(file: &Path) -> Vec<Value> {
    let folder = folder();
    fs::copy(file, folder.path().join("inbox.db")).expect("it is there");
    let process = Process::start(folder.path(), &[]).await;
    process.receipts(&client()).await
}

#[tokio::test]
async fn a_backup_under_load_holds_all_that_was_answered_before_it_began() {
    let folder = folder();
    fill(folder.path(), 20_000).await;
    let mut process = Process::start(folder.path(), &[]).await;
    let posters = Posters::start(8, process.public);
    posters.wait_for_answers(200).await;
    let before = process.receipts(&client()).await;

    let (found, code) = printed(&inbox(folder.path(), &["backup", "copy.db", "--format", "json"]).await);

    process.kill();
    let posted = posters.end().await;
    assert_eq!(code, Some(0), "{found}");
    let copy = folder.path().join("copy.db");
    let metadata = fs::metadata(&copy).expect("the copy");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let copied = receipts_of(&copy).await;
    let expected = json!({
        "file": "copy.db", "receipt_count": copied.len(), "bytes": metadata.len(),
    });
    assert_eq!(found, expected);
    // Of the newest first: what came before is the end.
    assert!(copied.ends_with(&before));
    let held: HashSet<_> = copied
        .iter()
        .map(|receipt| receipt["event_id"].as_str())
        .collect();
    let stored: Vec<Posted> = posted
        .into_iter()
        .filter(|posted| held.contains(&Some(&posted.event_id)) && matches!(posted.end, End::Stored { .. }))
        .collect();
    assert!(stored.len() >= 200);
    assert_each_stored_once(&stored, &copied);
    let left: HashSet<_> = names(folder.path());
    assert!(!left.iter().any(|name| name.contains("partial")), "{left:?}");
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_that_belongs_to_the_inbox_is_made() {
    let folder = folder();
    fill(folder.path(), 1).await;
    fs::write(folder.path().join("taken.db"), "mine").expect("a file");
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.db")).expect("a link");
    fs::write(folder.path().join("stray.db-wal"), "a log").expect("a file");
    let before = names(folder.path());
    let root = fs::canonicalize(folder.path()).expect("it is there");
    let exists = |name: &str| format!("{} exists, and nothing is overwritten", root.join(name).display());
    let cases = [
        ("taken.db", exists("taken.db")),
        ("dangling.db", exists("dangling.db")),
        ("stray.db", exists("stray.db-wal")),
        (
            "inbox.db",
            "inbox.db belongs to the inbox: choose another name".to_owned(),
        ),
        (
            "no/folder/copy.db",
            "cannot find the folder of no/folder/copy.db: No such file or directory (os error 2)".to_owned(),
        ),
    ];
    for (name, expected) in cases {
        let ended = inbox(folder.path(), &["backup", name]).await;

        assert_eq!(ended.errors, format!("caigunn-webhook: {expected}\n"));
        assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{name}");
        assert_eq!(names(folder.path()), before, "{name}");
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("taken.db")).unwrap(),
        "mine"
    );
}

#[tokio::test]
async fn what_names_no_file_is_refused_before_anything_is_made() {
    let folder = folder();
    fill(folder.path(), 1).await;
    fs::create_dir(folder.path().join("backups")).expect("a folder");
    let before = names(folder.path());
    for (name, expected) in [
        ("copy.db-wal", "a name that ends with -wal is that of a file"),
        ("copy.db.lock", "a name that ends with .lock is that of a file"),
        ("copy.db ", "it begins or ends with a blank"),
        ("$HOME/copy.db", "variables are not replaced here"),
        ("file:copy.db", "write the path alone"),
        ("backups", "it is a folder: name a file in it"),
        ("new/", "it is a folder: name a file in it"),
        ("..", "it is a folder: name a file in it"),
        ("-", "- names no file"),
    ] {
        for command in ["backup", "restore"] {
            let ended = inbox(folder.path(), &[command, "--", name]).await;

            assert_eq!((ended.code, &*ended.output), (Some(64), ""), "{ended:?}");
            assert!(ended.errors.contains(expected), "{ended:?}");
            assert!(names(folder.path()).is_subset(&before), "{name}");
        }
    }
    let ended = inbox(folder.path(), &["backup", "sqlite:copy.db"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(names(folder.path()).contains("copy.db"));
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_copy_is_not_waited_for() {
    let folder = folder();
    fill(folder.path(), 1).await;
    let made = Command::new("mkfifo").arg(folder.path().join("pipe")).status();
    assert!(made.expect("the system makes pipes").success());

    let restored = inbox(folder.path(), &["restore", "pipe"]).await;
    let checked = inbox(folder.path(), &["check", "sqlite:pipe"]).await;

    for ended in [restored, checked] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.errors.contains("pipe is not a file"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_root_restores_is_the_receivers_with_all_that_is_made_for_it() {
    let folder = folder();
    fill(folder.path(), 1).await;
    let made = inbox(folder.path(), &["backup", "copy.db"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    if std::os::unix::fs::chown(&data, Some(65_532), Some(65_532)).is_err() {
        leave_out("giving a folder to another user takes root");
        return;
    }
    let variables = [(
        "CAIGUNN_INBOX_URL",
        &*format!("sqlite:{}/inbox.db", data.display()),
    )];
    let nested = format!("sqlite:{}/new/by/it/inbox.db", data.display());
    let nested = [("CAIGUNN_INBOX_URL", &*nested)];
    let ended = inbox_with(folder.path(), &["restore", "nothing.db"], &nested).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(names(&data), HashSet::new());
    let ended = inbox_with(folder.path(), &["restore", "copy.db"], &nested).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for made in [
        "new",
        "new/by",
        "new/by/it",
        "new/by/it/inbox.db",
        "new/by/it/inbox.db.lock",
    ] {
        let owner = fs::metadata(data.join(made)).expect("it was made").uid();
        assert_eq!(owner, 65_532, "{made}");
    }
    // The first comes to nothing, and leaves a lock file.
    for (copy, code) in [("nothing.db", 1), ("copy.db", 0)] {
        let ended = inbox_with(folder.path(), &["restore", copy], &variables).await;

        assert_eq!(ended.code, Some(code), "{ended:?}");
        for file in fs::read_dir(&data).expect("a folder").map(Result::unwrap) {
            let owner = file.metadata().expect("it is there").uid();
            assert_eq!(owner, 65_532, "{}", file.path().display());
        }
    }
}

#[tokio::test]
async fn a_backup_that_is_stopped_leaves_nothing() {
    let folder = folder();
    fill(folder.path(), 1).await;
    // Nothing but zeros follows, and the copying of these takes much longer than a signal.
    let inbox = fs::OpenOptions::new()
        .write(true)
        .open(folder.path().join("inbox.db"));
    inbox
        .and_then(|inbox| inbox.set_len(2 << 30))
        .expect("it is long");
    let before = names(folder.path());
    let backups = folder.path().join("backups");
    fs::create_dir(&backups).expect("a folder");
    for signal in ["TERM", "INT"] {
        let mut command = Process::command(folder.path());
        command.args(["inbox", "backup", "backups/copy.db"]);
        let beside = tempfile::tempdir().expect("a folder");
        let mut process = Process::launch(beside.path(), command);
        wait_for("the copy to be under way", || async {
            let seen = names(&backups);
            if seen.is_empty() {
                Err(format!("{seen:?}"))
            } else {
                Ok(())
            }
        })
        .await;

        process.signal(signal);

        let ended = wait_for("it to end", || {
            let ended = process.ended();
            async move { ended.ok_or_else(String::new) }
        })
        .await;
        let expected = "caigunn-webhook: it was stopped, and nothing is left of it\n";
        assert_eq!((ended.code(), &*process.errors()), (Some(1), expected));
        assert_eq!(names(&backups), HashSet::new());
    }
    fs::remove_dir(&backups).expect("it is empty");
    assert_eq!(names(folder.path()), before);
}

#[tokio::test]
async fn a_disk_without_room_is_told_beforehand() {
    if !can_mount() {
        return;
    }
    let folder = folder();
    fill(folder.path(), 5_000).await;
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let script = r#"mount -t tmpfs -o size=1m none disk && "$0" "$@"; code=$?; ls -A disk; exit $code"#;
    let wrapper: Vec<_> = NAMESPACE.into_iter().chain(["sh", "-c", script]).collect();
    let mut command = Process::command_under(&wrapper, folder.path());
    command.args(["inbox", "backup", "disk/copy.db"]);

    let ended = run(command).await;

    let disk = fs::canonicalize(&disk).expect("it is there");
    let expected = format!(
        "caigunn-webhook: {} has 1 MiB free, and the copy takes 2 MiB\n",
        disk.display()
    );
    assert_eq!(ended.errors, expected);
    assert_eq!((ended.code, &*ended.output), (Some(1), ""));
}

#[tokio::test]
async fn a_restored_inbox_holds_what_the_backup_did_and_the_old_one_is_kept() {
    let folder = folder();
    let mut process = Process::start(folder.path(), &[]).await;
    post(&process, 3).await;
    let backed_up = process.receipts(&client()).await;
    let made = inbox(folder.path(), &["backup", "copy.db"]).await;
    assert_eq!((made.code, &*made.errors), (Some(0), ""), "{made:?}");
    post(&process, 2).await;
    let all = process.receipts(&client()).await;

    let refused = inbox(folder.path(), &["restore", "copy.db"]).await;
    process.kill();
    let (restored, code) = printed(&inbox(folder.path(), &["restore", "copy.db", "--format", "json"]).await);

    let path = folder.path().join("inbox.db");
    assert_eq!((refused.code, &*refused.output), (Some(1), ""));
    let open = format!(
        "caigunn-webhook: another process has {} open: one receiver writes to an inbox file at a time; stop it first\n",
        path.display()
    );
    assert_eq!(refused.errors, open);
    assert_eq!(code, Some(0), "{restored}");
    assert_eq!(
        (&restored["receipt_count"], &restored["copy"]),
        (&json!(3), &json!("copy.db"))
    );
    let kept = restored["kept"].as_str().expect("a name").to_owned();
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(process.receipts(&client()).await, backed_up);
    post(&process, 1).await;
    drop(process);
    // The old one is whole, under its new name.
    let variables = [("CAIGUNN_INBOX_URL", &*format!("sqlite:{kept}"))];
    let other = tempfile::tempdir().expect("a folder");
    let old = Process::start(other.path(), &variables).await;
    assert_eq!(old.receipts(&client()).await, all);
}

#[tokio::test]
async fn people_are_told_what_a_restore_comes_to() {
    let folder = folder();
    fill(folder.path(), 2).await;
    let made = inbox(folder.path(), &["backup", "copy.db"]).await;
    let bytes = fs::metadata(folder.path().join("copy.db"))
        .expect("the copy")
        .len();
    assert_eq!(
        made.output,
        format!("copy.db holds 2 receipts in {bytes} bytes; it is on the disk, and sound\n")
    );
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = elsewhere.path().join("inbox.db");
    let copy = folder.path().join("copy.db").display().to_string();

    let first = inbox(elsewhere.path(), &["restore", &copy]).await;

    let expected = format!(
        "{} is now what {copy} holds: 2 receipts, on the disk, and sound\nnothing was there before: if there should have been an \
         inbox, run this in the receiver's folder, with its settings; if it was deleted while a receiver runs, `caigunn-webhook \
         healthcheck` says how to copy it until that ends\n{CONSEQUENCES}",
        path.display()
    );
    assert_eq!((first.code, first.output), (Some(0), expected));
    // Who is in another folder than he thinks sees which.
    let wrong = tempfile::tempdir().expect("a folder");
    let relative = [("CAIGUNN_INBOX_URL", "sqlite:data/inbox.db")];
    let elsewhere = inbox_with(wrong.path(), &["restore", &copy], &relative).await;
    let path = wrong.path().join("data/inbox.db").display().to_string();
    assert!(
        elsewhere.output.starts_with(&format!("{path} is now what ")),
        "{elsewhere:?}"
    );
    let again = inbox_with(wrong.path(), &["restore", &copy], &relative).await;
    assert!(!again.output.contains("nothing was there before"), "{again:?}");
}

#[tokio::test]
async fn what_is_no_sound_inbox_is_not_restored() {
    let folder = folder();
    fill(folder.path(), 500).await;
    let damaged = folder.path().join("damaged.db");
    let mut bytes = fs::read(folder.path().join("inbox.db")).expect("the inbox");
    for page in bytes.chunks_mut(4_096).skip(2) {
        page[..64].fill(0xff);
    }
    fs::write(&damaged, bytes).expect("a file");
    fs::write(folder.path().join("notes.db"), "Notes.\n".repeat(1_000)).expect("a file");
    let before = fs::read(folder.path().join("inbox.db")).expect("the inbox");
    for (copy, expected) in [
        ("damaged.db", "the copy cannot be restored: cannot open "),
        ("notes.db", "notes.db is not a database"),
        (
            "nothing.db",
            "the copy cannot be restored: there is no nothing.db",
        ),
        (".", "COPY: it is a folder: name a file in it\n"),
        (
            "inbox.db",
            "is the inbox itself, and nothing is to be restored of it",
        ),
    ] {
        let ended = inbox(folder.path(), &["restore", copy]).await;

        let code = if copy == "." { 64 } else { 1 };
        assert_eq!((ended.code, &*ended.output), (Some(code), ""), "{ended:?}");
        assert!(ended.errors.contains(expected), "{ended:?}");
        assert_eq!(
            fs::read(folder.path().join("inbox.db")).expect("the inbox"),
            before
        );
    }
}

#[tokio::test]
async fn nobody_is_told_to_stop_a_receiver_for_a_copy_that_is_none() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    post(&process, 1).await;
    fs::write(folder.path().join("notes.db"), "Notes.\n".repeat(1_000)).expect("a file");
    inbox(folder.path(), &["backup", "copy.db"]).await;

    for (copy, expected) in [
        ("nothing.db", "there is no nothing.db"),
        ("notes.db", "notes.db is not a database"),
        ("copy.db", "; stop it first"),
    ] {
        let ended = inbox(folder.path(), &["restore", copy]).await;

        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.errors.contains(expected), "{ended:?}");
        assert_eq!(
            ended.errors.contains("stop it first"),
            copy == "copy.db",
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_copy_put_over_the_inbox_after_a_crash_is_refused_in_words_and_restored_as_they_say() {
    let folder = folder();
    let path = folder.path().join("inbox.db");
    let mut process = Process::start(folder.path(), &[]).await;
    post(&process, 3).await;
    let backed_up = process.receipts(&client()).await;
    let made = inbox(folder.path(), &["backup", "copy.db"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    post(&process, 20).await;
    process.kill();
    fs::copy(folder.path().join("copy.db"), &path).expect("it is put there");
    let shown = path.display();

    let started = run(Process::command(folder.path())).await;
    let checked = inbox(folder.path(), &["check"]).await;
    let (found, _) = printed(&inbox(folder.path(), &["check", "--format", "json"]).await);

    let reason = format!(
        "{shown}-wal is not the log of {shown}, but of what was there before: it seems that a copy was put in its place \
         after a crash"
    );
    let advice = format!(
        "nothing was changed; to have the copy: `mv {shown} {shown}.copy`, then `caigunn-webhook inbox restore \
         {shown}.copy`, which keeps the log under another name; to have the inbox as it was: put the file that it was in \
         back at {shown}"
    );
    assert_eq!(started.code, Some(1), "{started:?}");
    assert!(
        started.errors.contains(&format!("{reason}; {advice}\n")),
        "{started:?}"
    );
    let expected = format!("caigunn-webhook: {reason}\n{advice}\n");
    assert_eq!((checked.code, checked.errors), (Some(1), expected));
    assert_eq!(found["condition"], "foreign_log");

    let moved = folder.path().join("inbox.db.copy");
    fs::rename(&path, &moved).expect("as it says");
    let alone = run(Process::command(folder.path())).await;
    assert!(alone.errors.contains("is not there, but its log is"), "{alone:?}");
    let checked = inbox(folder.path(), &["check"]).await;
    assert!(
        checked.errors.contains("is not there, but its log is"),
        "{checked:?}"
    );
    let restored = inbox(folder.path(), &["restore", "inbox.db.copy"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(process.receipts(&client()).await, backed_up);
}

#[tokio::test]
async fn a_database_is_told_what_backs_it_up() {
    let folder = folder();
    let configured = [("CAIGUNN_INBOX_URL", "postgres://me:planted@127.0.0.1:1/inbox")];
    for (arguments, expected) in [
        (["backup", "copy.db"], "`pg_dump --schema=caigunn_webhook`"),
        (["restore", "copy.db"], "`psql` for what pg_dump made"),
    ] {
        let ended = inbox_with(folder.path(), &arguments, &configured).await;

        assert_eq!((ended.code, &*ended.output), (Some(64), ""), "{ended:?}");
        assert!(ended.errors.contains(expected), "{ended:?}");
    }
    assert_eq!(names(folder.path()), HashSet::new());
}

#[tokio::test]
async fn an_inbox_of_a_newer_program_is_called_that_and_not_damaged() {
    let folder = folder();
    fill(folder.path(), 1).await;
    let path = folder.path().join("inbox.db");
    let newer = rusqlite::Connection::open(&path).expect("a database");
    newer.pragma_update(None, "user_version", 99).expect("a version");
    newer.close().expect("it is closed");

    let started = run(Process::command(folder.path())).await;
    let backed_up = inbox(folder.path(), &["backup", "copy.db"]).await;

    for ended in [started, backed_up] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let said = format!(
            "{} was written by a newer program: its tables are version 99, this program knows up to 9; run the newer \
             program with it, or",
            path.display()
        );
        assert!(ended.errors.contains(&said), "{ended:?}");
        assert!(!ended.errors.contains("damaged"), "{ended:?}");
    }
    assert!(!folder.path().join("copy.db").exists());
}
