//! Promise: what was answered 200 is there after a power cut at any moment, each once, in a sound inbox that the next
//! start opens without help.
//!
//! A receiver in a process of its own is recorded (`power_cut/recorder.c`): what it writes, truncates, makes, renames and
//! removes below its folder, what it syncs and when that came back, and what it answers, in one order. Then the folder
//! is made as a cut after any of these events may leave it, and looked at with the program. `CAIGUNN_TEST_POWER_CUTS`
//! says how many cuts (500). The moments and the luck follow from a seed, which is printed and which
//! `CAIGUNN_TEST_POWER_SEED` sets; each recording is another one, so a failure keeps what its cut left.
//!
//! # The model: what a disk may hold after a cut
//!
//! - **Files.** All that was written before an fsync or fdatasync of the file began, once that has come back, by
//!   whichever descriptor. Of each later write any of its parts, be these sectors of 512 bytes or pages of 4096, old and
//!   new ones side by side in any order. Sizes change in the order in which they were changed, as far as they got,
//!   whatever became of the data: a size without data reads as zeroes.
//! - **Names.** A file or folder that was made, renamed or removed is so for certain after an fsync of the folder that
//!   has the name; until then as it was or as it is now, each change for itself. A file without a name is lost, however
//!   often it was synced, and so is all that is in such a folder. A rename is done or not done, nothing in between.
//! - **The index of the log** (`-shm`) is memory that processes share: zeroes or noise.
//!
//! What it leaves out: disks that say "written" of what is not; sectors that are torn in themselves, or that change
//! though nobody wrote them; stale bytes of other files where data was not written yet; errors of an fsync; a rename
//! between folders (it fails the test). Syncs of ranges and of whole file systems count as none.
//!
//! A 200 counts from before it is handed to the system. How many threads write does not matter, but a sync that is under
//! way covers only what was written before it began.

mod disk;
mod journal;
mod recording;
mod workload;

use std::cell::Cell;
use std::env;
use std::fmt::Debug;
use std::future::Future;
use std::str::FromStr;
use std::sync::LazyLock;
use std::thread;

use fastrand::Rng;
use recording::Recording;
use workload::Workshop;

use crate::harness::postgres::fresh_database;
use crate::harness::process::run;

/// Shares of all cuts, in percent.
const FIRST_START_SHARE: usize = 40;
const MIGRATION_SHARE: usize = 30;
const RESTART_SHARE: usize = 15;
const KILL_SHARE: usize = 3;
const BACKUP_SHARE: usize = 4;
const RESTORE_SHARE: usize = 8;

/// How many restarts are recorded, each after another cut.
const RESTART_COUNT: usize = 3;

/// One of so many rounds of cuts must find what is left out on purpose. Where one sync of the log in ten is left out, 0 to 9
/// cuts of a hundred found it, 3 in the mean of 60 such hundreds: a single round of 400 missed it now and then.
const ENOUGH_ROUNDS: usize = 10;
const ROUND_CUTS: usize = 400;

static FIRST_START: LazyLock<Recording> = LazyLock::new(|| complete(workload::first_start));
static MIGRATION: LazyLock<Recording> = LazyLock::new(|| complete(workload::migration));

static KILLED: LazyLock<Recording> = LazyLock::new(|| complete(workload::killed_before_a_sync));

static BACKUP_AND_RESTORE: LazyLock<(Recording, Recording)> =
    LazyLock::new(|| complete(workload::backup_and_restore));

/// Runs a recording to its end, beside whichever test asks for it first.
fn complete<T: Send + 'static, F: Future<Output = T> + 'static>(record: fn() -> F) -> T {
    let recording = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.expect("a runtime starts").block_on(record())
    });
    recording.join().expect("the recording is made")
}

fn variable<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    let value = env::var(name).ok()?;
    Some(value.parse().expect("it is a number"))
}

/// Cuts so many hundredths of the times that are asked for.
#[track_caller]
fn assert_nothing_is_lost(recording: &Recording, share: usize) {
    let count = variable("CAIGUNN_TEST_POWER_CUTS").unwrap_or(500) * share / 100;
    let seed = variable("CAIGUNN_TEST_POWER_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!(
        "{count} cuts among {} events, seed {seed}",
        recording.event_count()
    );
    if let Err(broken) = recording.cut(seed, count) {
        panic!("{}", recording.report(&broken));
    }
}

#[track_caller]
fn assert_something_is_lost(recording: &Recording) {
    let round = |_| recording.cut(fastrand::u64(..), ROUND_CUTS).err();
    let broken = (0..ENOUGH_ROUNDS).find_map(round);
    let broken = broken.expect("the cuts find what was left out");
    println!("{}", broken.what);
}

#[test]
fn no_cut_since_a_first_start_loses_what_was_answered() {
    assert_nothing_is_lost(&FIRST_START, FIRST_START_SHARE);
}

#[test]
fn no_cut_since_a_migration_loses_what_was_answered() {
    assert_nothing_is_lost(&MIGRATION, MIGRATION_SHARE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cut_of_the_start_after_a_cut_loses_what_was_answered_before_either() {
    for _ in 0..RESTART_COUNT {
        let recording = workload::restart(&FIRST_START, &mut Rng::new()).await;
        assert_nothing_is_lost(&recording, RESTART_SHARE / RESTART_COUNT);
    }
}

#[test]
fn no_cut_after_a_kill_loses_what_only_the_next_start_answered() {
    assert_nothing_is_lost(&KILLED, KILL_SHARE);
}

#[test]
fn no_cut_of_a_backup_leaves_half_of_it_under_its_name() {
    assert_nothing_is_lost(&BACKUP_AND_RESTORE.0, BACKUP_SHARE);
}

#[test]
fn a_cut_of_a_restore_leaves_the_old_inbox_or_the_new_one_and_the_old_one_beside_it() {
    assert_nothing_is_lost(&BACKUP_AND_RESTORE.1, RESTORE_SHARE);
}

// A checker that finds nothing is worth nothing: these leave out of a recording what the promise rests on.

#[test]
fn cuts_find_that_nothing_is_synced() {
    assert_something_is_lost(&MIGRATION.without_syncs_of(|_| true));
}

#[test]
fn cuts_find_that_the_log_is_not_synced() {
    assert_something_is_lost(&MIGRATION.without_syncs_of(|path| path.ends_with("-wal")));
}

#[test]
fn cuts_find_that_a_start_does_not_sync_the_log_that_it_finds() {
    assert_something_is_lost(&KILLED.without_syncs_of(|path| path.ends_with("-wal")));
}

#[test]
fn cuts_find_that_the_file_is_not_synced_before_its_log_is_begun_anew() {
    assert_something_is_lost(&MIGRATION.without_syncs_of(|path| path.ends_with(".db")));
}

#[test]
fn cuts_find_that_the_folder_of_the_inbox_is_not_synced() {
    assert_something_is_lost(&FIRST_START.without_syncs_of(|path| path == "made/by/the/start"));
}

#[test]
fn cuts_find_that_the_folders_above_it_are_not_synced() {
    assert_something_is_lost(&FIRST_START.without_syncs_of(|path| path == "made/by"));
    assert_something_is_lost(&FIRST_START.without_syncs_of(str::is_empty));
}

#[test]
fn cuts_find_that_one_sync_of_the_log_in_ten_is_left_out() {
    let count = Cell::new(0);
    let is_tenth = |path: &str| {
        count.set(count.get() + usize::from(path.ends_with("-wal")));
        path.ends_with("-wal") && count.get().is_multiple_of(10)
    };
    assert_something_is_lost(&MIGRATION.without_syncs_of(is_tenth));
}

#[test]
fn cuts_find_that_a_copy_is_not_synced_before_it_has_its_name() {
    let (backup, restore) = &*BACKUP_AND_RESTORE;
    assert_something_is_lost(&backup.without_syncs_of(|path| path.ends_with(".partial")));
    assert_something_is_lost(&restore.without_syncs_of(|path| path.ends_with(".restoring")));
}

#[test]
fn cuts_find_that_the_folder_of_a_copy_is_not_synced() {
    let (backup, restore) = &*BACKUP_AND_RESTORE;
    assert_something_is_lost(&backup.without_syncs_of(str::is_empty));
    assert_something_is_lost(&restore.without_syncs_of(str::is_empty));
}

#[tokio::test]
async fn a_copy_to_postgres_only_reads_what_a_receiver_left() {
    for is_killed in [true, false] {
        let Some(database) = fresh_database().await else {
            return;
        };
        let workshop = Workshop::new("inbox.db").await;
        let mut process = workshop.start(false).await;
        workshop.post(&process, 20).await;
        match is_killed {
            true => process.kill(),
            false => workload::stop(process).await,
        }
        let (before, had_log) = (workshop.disk(), workshop.has_log());
        let kept = workshop.take_stored();
        assert!(had_log || !is_killed, "who is killed takes nothing away");

        let mut copy = workshop.command();
        copy.args(["inbox", "copy", "--to", database.url()]);
        let ended = run(copy).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        let recording = workshop.recording(before, &kept);
        // Where there is no log any more, SQLite makes an empty one for whoever reads. A receiver that stops in order takes
        // it away, unless somebody reads at that moment.
        let expected: &[_] = if had_log { &[] } else { &["inbox.db-wal was made"] };
        assert_eq!(recording.changes(), expected);
    }
}
