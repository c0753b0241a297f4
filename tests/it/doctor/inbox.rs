//! Whether the inbox is sound, has room, and takes writes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{REFUSED, assert_finds, files};
use crate::harness::process::{Ended, NAMESPACE, can_mount};
use crate::harness::site::TOKEN;
use crate::harness::{Site, client, json, sample};

const MAKE_ROOM: &str = "make room on that volume, or put the inbox on a larger one (a lower inbox.retention_days gives nothing \
                         back: it only keeps the file from growing); without room posts get 503";

const MAKE_WRITABLE: &str = "see that the volume is neither full nor mounted read-only, and that no other program keeps the inbox to itself";

const MOUNT: &str = "mount it for writing, or set CAIGUNN_INBOX_URL to a file elsewhere";

/// Has only its owner read it, as what a receiver makes.
fn close(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder to mount something at.
fn mount_point(site: &Site) -> PathBuf {
    let disk = site.path("disk");
    fs::create_dir(&disk).unwrap();
    close(&disk, 0o700);
    disk
}

/// One whose receiver has stopped in order.
async fn stopped() -> Site {
    let mut site = Site::running().await;
    site.stop().await;
    site
}

/// Runs `doctor` for `disk/inbox.db` once this script has mounted something at `disk`; `None` where the system lets us
/// mount nothing.
async fn doctor_on_mount(site: &Site, script: &str) -> Option<Ended> {
    if !can_mount() {
        return None;
    }
    let script = format!("{script} && exec \"$0\" \"$@\"");
    let wrapper: Vec<_> = NAMESPACE.into_iter().chain(["sh", "-c", &script]).collect();
    let inbox = [("CAIGUNN_INBOX_URL", "sqlite:disk/inbox.db")];
    Some(site.run_under(&wrapper, &["doctor"], &inbox).await)
}

/// Asserts what is found wrong while no receiver runs, after which its public URL leads nowhere.
#[track_caller]
fn assert_finds_stopped(site: &Site, ended: &Ended, expected: &str) {
    let not_running = format!(
        "\
warning  public URL: no receiver answers at {}/, and none runs here either
         start the receiver and ask again",
        site.tunnel.url()
    );
    assert_finds(ended, &format!("{expected}\n{not_running}"));
}

#[tokio::test]
async fn a_full_disk_is_named() {
    let site = stopped().await;
    mount_point(&site);
    let script = "mount -t tmpfs -o size=4m,mode=700 none disk && cp inbox.db disk && { cat /dev/zero > disk/ballast; true; }";
    let Some(ended) = doctor_on_mount(&site, script).await else {
        return;
    };

    // What `cat` says comes first.
    let errors = ended.errors.lines().last().map(|line| format!("{line}\n"));
    let ended = Ended {
        errors: errors.unwrap_or_default(),
        ..ended
    };
    assert_finds_stopped(
        &site,
        &ended,
        &format!(
            "\
FAILURE  free space: 0 MiB are free in disk
         {MAKE_ROOM}
FAILURE  writing: disk/inbox.db does not take writes: cannot write to the folder of {}: No space left on device \
(os error 28)
         {MAKE_WRITABLE}",
            site.path("disk/inbox.db").display()
        ),
    );
}

#[tokio::test]
async fn a_nearly_full_disk_is_named_before_it_is_full() {
    let site = stopped().await;
    mount_point(&site);
    let cases = [
        ("200m", "warning  free space: 199"),
        ("12m", "FAILURE  free space: 11"),
    ];
    for (size, expected) in cases {
        let script = format!("mount -t tmpfs -o size={size} none disk && cp inbox.db disk");
        let Some(ended) = doctor_on_mount(&site, &script).await else {
            return;
        };

        let expected = format!("{expected} MiB are free in disk\n         {MAKE_ROOM}\n");
        assert!(ended.output.contains(&expected), "{expected}{}", ended.output);
        assert!(
            ended.output.contains("disk/inbox.db takes writes"),
            "{}",
            ended.output
        );
    }
}

#[tokio::test]
async fn a_read_only_inbox_is_named() {
    let site = stopped().await;
    mount_point(&site);
    let mount = "mount --bind disk disk && mount -o remount,ro,bind disk";
    let inbox = site.path("disk/inbox.db");
    fs::copy(site.inbox(), &inbox).unwrap();
    let lock = site.path("disk/inbox.db.lock");
    for has_lock in [true, false] {
        if has_lock {
            fs::write(&lock, "").unwrap();
            close(&lock, 0o600);
        } else {
            fs::remove_file(&lock).unwrap();
        }
        let Some(ended) = doctor_on_mount(&site, mount).await else {
            return;
        };

        assert_finds_stopped(
            &site,
            &ended,
            &format!(
                "FAILURE  writing: disk/inbox.db does not take writes: {} is on a file system that is mounted read-only\n         {MOUNT}",
                inbox.display()
            ),
        );
    }
}

#[tokio::test]
async fn a_read_only_folder_is_named_before_the_first_start() {
    let site = stopped().await;
    let disk = mount_point(&site);
    let mount = "mount --bind disk disk && mount -o remount,ro,bind disk";
    let Some(ended) = doctor_on_mount(&site, mount).await else {
        return;
    };

    let reason = format!("{} is on a file system that is mounted read-only", disk.display());
    assert_finds_stopped(
        &site,
        &ended,
        &format!("FAILURE  writing: disk/inbox.db does not take writes: {reason}\n         {MOUNT}"),
    );
}

#[tokio::test]
async fn a_damaged_inbox_is_named_and_not_written_to() {
    let site = stopped().await;
    let mut bytes = fs::read(site.inbox()).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(site.inbox(), bytes).unwrap();
    let before = files(&site);

    let ended = site.doctor(&[]).await;

    let inbox = site.inbox();
    let inbox = inbox.display();
    let reason = ended
        .output
        .lines()
        .find_map(|line| line.split_once(" is damaged: "));
    let (_, reason) = reason.unwrap_or_else(|| panic!("{}", ended.output));
    assert_finds_stopped(
        &site,
        &ended,
        &format!(
            "\
FAILURE  inbox: it is damaged: {inbox} is damaged: {}
         stop the receiver and restore a backup (`caigunn-webhook inbox restore COPY`), which keeps {inbox} and its log \
under another name; what can be read of a damaged file, `sqlite3 FILE .dump` prints as SQL, and more of it `.recover`, where \
that sqlite3 has it (Debian 12's has not)",
            reason.rsplit(" is damaged: ").next().unwrap()
        ),
    );
    assert!(reason.contains("Tree "), "{reason}");
    assert_eq!(before, files(&site));
}

fn write_text(path: &Path) {
    fs::write(path, "Notes.\n".repeat(1000)).unwrap();
}

fn write_database(path: &Path) {
    fs::remove_file(path).unwrap();
    let database = Connection::open(path).unwrap();
    database.execute_batch("CREATE TABLE song (name)").unwrap();
}

fn write_newer(path: &Path) {
    let newer = Connection::open(path).unwrap();
    newer
        .execute_batch("PRAGMA application_id = 0x43475748; PRAGMA user_version = 99")
        .unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_inbox_is_named_and_not_written_to() {
    let site = stopped().await;
    let inbox = site.inbox();
    let shown = inbox.display();
    let right_file = "set CAIGUNN_INBOX_URL to the inbox's own file, or to a new one; if this was the inbox, restore a backup of it: `caigunn-webhook inbox restore COPY`";
    let cases = [
        (
            write_text as fn(&Path),
            format!("it is no inbox: {shown} is not a database"),
            right_file,
        ),
        (
            write_database,
            format!("it is no inbox: {shown} is an SQLite database, but not an inbox of this program"),
            right_file,
        ),
        (
            write_newer,
            format!(
                "{shown} was written by a newer program: its tables are version 99, this program knows up to 9"
            ),
            "run the newer program with it, or set CAIGUNN_INBOX_URL to another inbox; an inbox cannot go back to an \
             older version",
        ),
    ];
    for (plant, found, advice) in cases {
        plant(&inbox);
        close(&inbox, 0o600);
        let before = files(&site);

        let ended = site.doctor(&[]).await;

        assert_finds_stopped(
            &site,
            &ended,
            &format!("FAILURE  inbox: {found}\n         {advice}"),
        );
        assert_eq!(before, files(&site));
    }
}

#[tokio::test]
async fn a_copy_beside_the_log_of_the_old_inbox_is_named_and_not_written_to() {
    let mut site = Site::running().await;
    let made = site.run(&["inbox", "backup", "copy.db"], &[]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut receiver = site.receiver.take().unwrap();
    receiver.kill();
    site.tunnel.lead_nowhere();
    fs::copy(site.path("copy.db"), site.inbox()).unwrap();
    let before = files(&site);

    let ended = site.doctor(&[]).await;

    let inbox = site.inbox();
    let inbox = inbox.display();
    assert_finds_stopped(
        &site,
        &ended,
        &format!(
            "\
FAILURE  inbox: {inbox}-wal is not the log of {inbox}, but of what was there before: it seems that a copy was put in its \
place after a crash
         nothing was changed; to have the copy: `mv {inbox} {inbox}.copy`, then `caigunn-webhook inbox restore \
{inbox}.copy`, which keeps the log under another name; to have the inbox as it was: put the file that it was in back at \
{inbox}"
        ),
    );
    assert_eq!(before, files(&site));
}

#[tokio::test]
async fn an_inbox_in_use_by_a_process_that_is_no_receiver_here_is_named() {
    let site = Site::running().await;
    let link = site.path("link.db");
    symlink(site.inbox(), &link).unwrap();
    for inbox in [site.inbox(), link] {
        let url = format!("sqlite:{}", inbox.display());
        let elsewhere = [
            ("CAIGUNN_LISTEN", "127.0.0.1:0"),
            ("CAIGUNN_ADMIN_LISTEN", "127.0.0.1:0"),
            ("CAIGUNN_INBOX_URL", &url),
        ];
        let ended = site.doctor(&elsewhere).await;

        let expected = format!(
            "\
FAILURE  writing: another process has {} open: one receiver writes to an inbox file at a time, and no receiver answers at \
127.0.0.1:0
         if that process is this receiver, give this command its CAIGUNN_LISTEN; else end it, or give each receiver an \
inbox of its own with CAIGUNN_INBOX_URL
warning  public URL: {}/: a receiver answers, but none runs at 127.0.0.1:0 here, so nobody can say whether it is this one
         run this where the receiver runs, with the same settings",
            site.inbox().display(),
            site.tunnel.url()
        );
        assert_finds(&ended, &expected);
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_a_failure() {
    let site = stopped().await;

    // Nothing listens there.
    let url = "postgres://me:planted-admin-token@127.0.0.1:1/inbox";
    let ended = site.doctor(&[("CAIGUNN_INBOX_URL", url)]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let failure = ended
        .output
        .lines()
        .skip_while(|line| !line.starts_with("FAILURE  inbox: "));
    let failure: Vec<_> = failure.take(2).collect();
    let [found, advice] = failure[..] else {
        panic!("{ended:?}")
    };
    assert!(
        found.starts_with("FAILURE  inbox: PostgreSQL at 127.0.0.1:1/inbox does not open: "),
        "{found}"
    );
    assert_eq!(
        advice.trim_start(),
        "see that the server runs, can be reached from here and takes writes, and that host, port and sslmode in \
         CAIGUNN_INBOX_URL are right"
    );
}

#[tokio::test]
async fn an_inbox_that_is_not_the_running_receivers_is_warned_about() {
    let site = Site::running().await;

    let ended = site
        .doctor(&[("CAIGUNN_INBOX_URL", "sqlite:data/inbox.db")])
        .await;

    let expected = format!(
        "\
warning  writing: data/inbox.db is not the inbox of the receiver that runs at {}: no process has it open
         run this with the receiver's own settings and in its folder, for a path may be relative to that",
        site.receiver.as_ref().unwrap().public
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn a_receiver_that_cannot_store_anything_is_named_with_its_own_reason() {
    let site = Site::running().await;
    let inbox = site.inbox();
    fs::rename(&inbox, site.path("moved.db")).unwrap();
    let url = site.receiver.as_ref().unwrap().url(&format!("/webhook/{TOKEN}"));
    let refused = client().post(url).json(&json(&sample("crawling.initial"))).send();
    assert_eq!(refused.await.unwrap().status(), 503);

    let ended = site.doctor(&[]).await;
    fs::remove_file(inbox.with_extension("db.lock")).unwrap();
    let without_lock = site.doctor(&[]).await;

    let writing = format!(
        "\
FAILURE  writing: the receiver that runs at {0} cannot store anything: {1} was moved or deleted while in use; find it and \
put it back (`mv`) while the receiver runs; only if it cannot be found, stop the receiver and put a backup back with `caigunn-webhook inbox restore COPY`
         if that does not say what to do: see that the volume is neither full nor mounted read-only, and that the file is \
where it was when the receiver was started",
        site.receiver.as_ref().unwrap().public,
        inbox.display()
    );
    let expected = format!(
        "\
FAILURE  inbox: {} was deleted or moved while a receiver has it open
         do not stop that receiver, with which all that it holds may be lost: `caigunn-webhook healthcheck` says how to get \
it back
{writing}",
        inbox.display()
    );
    assert_finds(&ended, &expected);
    let expected = format!(
        "\
FAILURE  inbox: {} is not there, although a receiver runs
         do not stop that receiver before you have done what `writing` says below: it may have what is here no more
{writing}",
        inbox.display()
    );
    assert_finds(&without_lock, &expected);
    assert!(!inbox.exists());
}

#[tokio::test]
async fn a_log_that_does_not_begin_anew_is_warned_about() {
    let site = Site::running().await;
    // As long as behind a reader that does not end; what is behind the last commit is read by nobody.
    let log = fs::OpenOptions::new().write(true).open(site.path("inbox.db-wal"));
    log.unwrap().set_len(300 << 20).unwrap();

    let ended = site.doctor(&[]).await;

    let expected = "\
warning  inbox's log: it has 300 MiB
         some program reads the inbox and does not end, which keeps its log from beginning anew: end it; the warning \
`long_log` in the receiver's log names it where it may see it, else `lslocks` does, as root";
    assert_finds(&ended, expected);
}

#[tokio::test]
async fn a_receiver_that_stops_in_order_has_no_broken_inbox() {
    let mut site = Site::running_with(&[("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "600")]).await;
    let receiver = site.receiver.as_mut().unwrap();
    receiver.signal("TERM");
    receiver.wait_for_log("SIGTERM: not ready any more", 1).await;
    let place = receiver.public;

    let ended = site.doctor(&[]).await;

    let expected = format!(
        "\
warning  writing: the receiver that runs at {place} is stopping, and says nothing of the inbox meanwhile
         run this again when that is over"
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn posts_that_were_refused_of_late_are_named() {
    let site = Site::running().await;
    site.post_what_is_no_notification().await;

    let ended = site.doctor(&[]).await;

    assert_finds(&ended, REFUSED);
}
