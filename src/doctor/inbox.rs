//! Whether the inbox is sound, has room, and takes writes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::network::{Receiver, State};
use super::refused::refused;
use super::soundness::{CHECK, Condition, Soundness, of_file, reason_of};
use super::{Finding, Verdict, postgres};
use crate::clock::rounded;
use crate::config::{InboxLocation, Settings};
use crate::folder;
use crate::inbox::acceptance::Refused;
use crate::inbox::sqlite::{
    NO_INODE_ADVICE, Wanted, being_restored, flaws, has_no_inode, log_bytes, lost_in_use, marked,
    newest_quarantined, obstacle, on_no_disk, try_write,
};
use crate::inbox::{Error, Space};

/// Below this much, the next burst may be refused: a batch holds up to 8 MiB of bodies, and the log may have as much
/// that is not yet copied into the file.
const FULL_BYTES: u64 = 16 << 20;

/// A jump is of hours at least; of a restart beside it some seconds do not count.
const LEAST_HELD: Duration = Duration::from_secs(3_600);

pub async fn examine(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let path = match &settings.inbox_location {
        InboxLocation::Sqlite(path) => path.clone(),
        InboxLocation::Postgres(location) => {
            return postgres::examine(location, settings, receiver).await;
        }
    };
    let listen = receiver.place;
    let state = receiver.state();
    let examined = spawn_blocking(move || {
        // First, since SQLite gives the files of others to the inbox's owner where it is run by root.
        let access = access(&path);
        let soundness = soundness(&path, &state);
        // What is damaged must not be written to before it has been rescued.
        let is_sound = soundness.verdict == Verdict::Ok;
        let mut findings = vec![soundness, space(&path)];
        findings.extend(on_no_disk(&path).map(|flaw| Finding::warning("volume", flaw.found, flaw.advice)));
        findings.extend(log(&path));
        findings.extend(access);
        // Of a file that is not there only its folder is written to; of one that only a receiver has, that one alone knows.
        let is_only_there = lost_in_use(&path).is_some() && !matches!(state, State::Unready(_));
        if is_sound || (!path.exists() && !is_only_there) {
            findings.extend(writing(&path, listen, state));
            findings.extend(retention(&path));
            findings.extend(refused(newest_quarantined(&path, Refused::PAGE).ok().flatten()));
        }
        findings
    });
    examined.await.unwrap_or_else(|error| {
        vec![Finding::failure(
            CHECK,
            format!("it could not be examined: {error}"),
            "report this as a bug",
        )]
    })
}

fn soundness(path: &Path, receiver: &State) -> Finding {
    let Soundness {
        condition,
        found,
        advice,
        ..
    } = of_file(path);
    match (condition, advice) {
        (Condition::Missing, _) if matches!(receiver, State::Unready(_) | State::Changing("stopping")) => {
            Finding::failure(
                CHECK,
                format!("{} is not there, although a receiver runs", path.display()),
                "do not stop that receiver before you have done what `writing` says below: it may have what is here no more",
            )
        }
        (Condition::Sound | Condition::Missing, _) | (_, None) => Finding::ok(CHECK, found),
        (_, Some(advice)) => Finding::failure(CHECK, found, advice),
    }
}

fn space(path: &Path) -> Finding {
    const CHECK: &str = "free space";
    let folder = folder::existing(path);
    let shown = folder.display();
    let free_bytes = match rustix::fs::statvfs(folder) {
        Ok(volume) => volume.f_bavail.saturating_mul(volume.f_frsize),
        Err(error) => {
            return Finding::warning(
                CHECK,
                format!("the free space of {shown} cannot be told: {error}"),
                "look at it with df",
            );
        }
    };
    let found = format!("{} MiB are free in {shown}", free_bytes >> 20);
    if has_no_inode(folder) {
        let found = format!("{found}, but no inode is: no file can be made there");
        Finding::failure(CHECK, found, NO_INODE_ADVICE)
    } else if free_bytes < FULL_BYTES {
        Finding::failure(CHECK, found, Space::LOW_ADVICE)
    } else if free_bytes < Space::LOW_FREE_BYTES {
        Finding::warning(CHECK, found, Space::LOW_ADVICE)
    } else {
        Finding::ok(CHECK, found)
    }
}

/// That somebody goes on reading, so that the log grows.
fn log(path: &Path) -> Option<Finding> {
    let log_bytes = log_bytes(path);
    (log_bytes > Space::LARGE_LOG_BYTES).then(|| {
        let found = format!("it has {} MiB", log_bytes >> 20);
        Finding::warning("inbox's log", found, Space::LARGE_LOG_ADVICE)
    })
}

/// Whether the files are their owner's alone, and there is one owner.
fn access(path: &Path) -> Vec<Finding> {
    const CHECK: &str = "access";
    let flaws = flaws(path);
    if flaws.is_empty() && path.exists() {
        let found = format!("{} can be read and changed by its owner alone", path.display());
        return vec![Finding::ok(CHECK, found)];
    }
    let flaws = flaws.into_iter();
    flaws
        .map(|flaw| Finding::warning(CHECK, flaw.found, flaw.advice))
        .collect()
}

/// Whether receipts are kept for longer since the clock jumped.
fn retention(path: &Path) -> Option<Finding> {
    let held = marked(path).ok().flatten()?.held();
    (held >= LEAST_HELD).then(|| {
        Finding::warning(
            "retention",
            format!(
                "receipts are kept {} longer than inbox.retention_days by the clock, since it went ahead by as much at once",
                rounded(held)
            ),
            "see that the clock is right, with NTP. Either way it ends by itself: what was there before is removed once it is \
             as old by the time for which a receiver runs",
        )
    })
}

/// Whether writes are taken; `None` where only a receiver of another user knows, which is well.
fn writing(path: &Path, listen: SocketAddr, receiver: State) -> Option<Finding> {
    const CHECK: &str = "writing";
    let shown = path.display();
    let written = try_write(path);
    if let (Err(Error::InUse { .. }), Some(flaw)) = (&written, being_restored(path)) {
        return Some(Finding::failure(CHECK, flaw.found, flaw.advice));
    }
    Some(match (written, receiver) {
        (Ok(()), State::Absent) if path.exists() => Finding::ok(CHECK, format!("{shown} takes writes")),
        (Ok(()), State::Absent) => Finding::ok(CHECK, format!("the folder for {shown} takes writes")),
        (_, State::Changing(change)) => State::changing(change, listen),
        // Whatever this process can do, that one cannot.
        (_, State::Unready(reason)) => Finding::failure(
            CHECK,
            format!("the receiver that runs at {listen} cannot store anything: {reason}"),
            "if that does not say what to do: see that the volume is neither full nor mounted read-only, and that the file \
             is where it was when the receiver was started",
        ),
        (Ok(()), State::Ready) => Finding::warning(
            CHECK,
            format!("{shown} is not the inbox of the receiver that runs at {listen}: no process has it open"),
            "run this with the receiver's own settings and in its folder, for a path may be relative to that",
        ),
        (Err(Error::InUse { .. }), State::Ready) => Finding::ok(
            CHECK,
            format!("{shown} takes writes, says the receiver that has it open"),
        ),
        (Err(Error::InUse { reason }), State::Absent) => Finding::failure(
            CHECK,
            format!("{reason}, and no receiver answers at {listen}"),
            "if that process is this receiver, give this command its CAIGUNN_LISTEN; else end it, or give each receiver \
             an inbox of its own with CAIGUNN_INBOX_URL",
        ),
        (Err(error), receiver) => match obstacle(path, Wanted::Writing) {
            // Of a file that is not there nobody has said so: the receiver has another one.
            Some(_) if receiver == State::Ready && !matches!(path.try_exists(), Ok(false)) => return None,
            Some(obstacle) => Finding::failure(
                CHECK,
                format!("{shown} does not take writes: {}", obstacle.found),
                obstacle.advice,
            ),
            None => Finding::failure(
                CHECK,
                format!("{shown} does not take writes: {}", reason_of(error)),
                "see that the volume is neither full nor mounted read-only, and that no other program keeps the inbox to \
                 itself",
            ),
        },
    })
}
