//! Why jobs failed, as their notifications say: read from the bodies, for few at a time.

use std::collections::HashMap;

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::super::{Error, Inbox, Receipt};
use super::{Job, JobState};
use crate::accents::cut;
use crate::event::{EventId, Notification, parse};

/// How much of bodies is read for one answer, and how much at once, or one that is larger. Of what is left it is said that it was
/// not read; its receipt shows all of it.
const MAX_BYTES: usize = 16 << 20;
const BATCH_BYTES: usize = 2 << 20;

/// What stands for a reason that was not read.
const UNREAD: &str = "(not read here, where it would be too much: its receipt says it)";

/// How much of a text of CaiGunn's is shown, in characters, and how many failed files of one notification.
const MAX_TEXT_CHARS: usize = 500;
const MAX_FAILED_FILES: usize = 100;

/// A job with its notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WholeJob {
    /// Its id.
    pub event_id: EventId,
    /// How it stands.
    pub state: JobState,
    /// Why it failed, where CaiGunn says so; of a completed upload, how many of its files failed, with the first; cut. As
    /// lists of jobs have it.
    pub reason: Option<String>,
    /// What came of it, oldest first, 100 at most.
    pub notifications: Vec<Step>,
}

/// A notification of a job, with what it says of failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Step {
    /// Its receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// Why the job failed, where it did and CaiGunn says so; cut. In parentheses, that it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The files of a completed upload that failed, 100 at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_files: Vec<FailedFile>,
    /// How many files failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed_file_count: usize,
}

/// A file of an upload that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FailedFile {
    /// Its name as uploaded, cut; empty where CaiGunn gives none.
    pub filename: String,
    /// Why, where CaiGunn says so; cut.
    pub detail: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A job that was found, with its word.
pub struct Found {
    pub job: Job,
    pub word: Receipt,
}

/// The jobs, those that failed with the reason that their word gives, and uploads with what failed of their files.
pub async fn with_reasons(inbox: &dyn Inbox, found: Vec<Found>) -> Result<Vec<Job>, Error> {
    let words = found.iter().map(|found| &found.word);
    let said = said(inbox, words.filter(|word| gives_reason(word))).await?;
    let mut jobs: Vec<Job> = Vec::with_capacity(found.len());
    for Found { mut job, word } in found {
        job.reason = match said.get(&word.sequence) {
            Some(Said::Read(notification)) => detail(notification)
                .or_else(|| of_files(&failed_files(notification), failed_file_count(notification))),
            Some(Said::Unread) => Some(UNREAD.to_owned()),
            None => None,
        };
        jobs.push(job);
    }
    Ok(jobs)
}

/// Why a job stands as it does, as its word says.
pub fn reason(steps: &[Step]) -> Option<String> {
    let ended = steps.iter().rfind(|step| step.receipt.event.ends_job());
    let word = ended.filter(|word| gives_reason(&word.receipt))?;
    let of_files = || of_files(&word.failed_files, word.failed_file_count);
    word.detail.clone().or_else(of_files)
}

/// Whether the word of a job has a reason in it: where that failed, and of an upload, of which files may have.
fn gives_reason(word: &Receipt) -> bool {
    let name = &word.event;
    name.status == "failed" || (name.status == "completed" && name.event == "uploading")
}

/// Notifications of a job with what they say of failures.
pub async fn steps(inbox: &dyn Inbox, receipts: Vec<Receipt>) -> Result<Vec<Step>, Error> {
    let may_say = |receipt: &&Receipt| receipt.event.ends_job();
    let said = said(inbox, receipts.iter().filter(may_say)).await?;
    let steps = receipts.into_iter().map(|receipt| {
        let (notification, unread) = match said.get(&receipt.sequence) {
            Some(Said::Read(notification)) => (Some(notification), None),
            Some(Said::Unread) => (None, Some(UNREAD.to_owned())),
            None => (None, None),
        };
        Step {
            receipt,
            detail: notification.and_then(detail).or(unread),
            failed_files: notification.map(failed_files).unwrap_or_default(),
            failed_file_count: notification.map_or(0, failed_file_count),
        }
    });
    Ok(steps.collect())
}

/// What is known of what a notification says.
enum Said {
    Read(Notification),
    Unread,
}

/// What notifications say, by number.
async fn said(
    inbox: &dyn Inbox,
    receipts: impl Iterator<Item = &Receipt>,
) -> Result<HashMap<u64, Said>, Error> {
    let mut said = HashMap::new();
    let (mut batch, mut batch_bytes, mut bytes) = (Vec::new(), 0, 0);
    let mut batches = Vec::new();
    for receipt in receipts {
        bytes += receipt.body_bytes;
        if bytes > MAX_BYTES {
            bytes -= receipt.body_bytes;
            said.insert(receipt.sequence, Said::Unread);
            continue;
        }
        if batch_bytes + receipt.body_bytes > BATCH_BYTES && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            batch_bytes = 0;
        }
        batch.push(receipt.sequence);
        batch_bytes += receipt.body_bytes;
    }
    batches.push(batch);
    for batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
        let loaded = inbox.outbox().load(batch).await?;
        // Large ones take their time, for which nobody else is to wait.
        let reading = spawn_blocking(move || {
            let read = loaded
                .into_iter()
                .filter_map(|(receipt, body)| Some((receipt.sequence, Said::Read(parse(&body).ok()?))));
            read.collect::<Vec<_>>()
        });
        said.extend(reading.await.expect("it reads what was read before"));
    }
    Ok(said)
}

fn detail(notification: &Notification) -> Option<String> {
    let given = notification.event.detail();
    let given = given.map(|detail| cut(detail, MAX_TEXT_CHARS));
    // A blank one is none.
    given.filter(|detail| !detail.trim().is_empty())
}

/// How many files of an upload failed, and why the first of them did.
fn of_files(files: &[FailedFile], count: usize) -> Option<String> {
    let FailedFile { filename, detail } = files.first()?;
    let filename = match &**filename {
        "" => "a file without a name",
        filename => filename,
    };
    let why = detail.as_deref().unwrap_or("no reason given");
    Some(cut(
        &format!("{count} of the files failed: {filename}: {why}"),
        MAX_TEXT_CHARS,
    ))
}

fn failed_file_count(notification: &Notification) -> usize {
    notification.event.failed_files().count()
}

fn failed_files(notification: &Notification) -> Vec<FailedFile> {
    let files = notification.event.failed_files().take(MAX_FAILED_FILES);
    let files = files.map(|file| FailedFile {
        filename: cut(&file.filename, MAX_TEXT_CHARS),
        detail: file.detail.as_deref().map(|detail| cut(detail, MAX_TEXT_CHARS)),
    });
    files.collect()
}
