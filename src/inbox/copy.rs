//! Moving up: copies an inbox of one receiver into one of many, and shows that both hold the same.
//!
//! Receipts keep their ids and their numbers, and what was to be delivered of them is still to be delivered. The copy goes on where an earlier one ended, so it can be cut off and run
//! again, also while a receiver still stores into the first inbox: then the last run, without it, is short.
//!
//! What it does not do: mix. Where receivers have stored into the second inbox before all of the first one was in it,
//! there is no order in which both would be right.

mod lead;
mod outbox;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::postgres::PostgresInbox;
use super::sqlite::{Held, SqliteReader};
use super::{Error, Inbox, Receipt};
use crate::fingerprint::hex;
use lead::Lead;

/// How many receipts go in one transaction.
const BATCH_COUNT: usize = 512;

/// How far it has come, of how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many receipts are copied.
    Copied {
        /// So far.
        count: u64,
        /// In the end, by this run. Fewer if numbers are missing between those that are left.
        total: u64,
    },
    /// So many receipts are the same in both.
    Compared {
        /// So far.
        count: u64,
        /// In the end.
        total: u64,
    },
}

/// What was done, and what both inboxes hold now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// Receipts copied by this run.
    pub copied_count: u64,
    /// Requests in quarantine copied by this run.
    pub quarantined_count: usize,
    /// Receipts that both hold.
    pub receipt_count: u64,
    /// Destinations that both know, removed ones too.
    pub destination_count: usize,
    /// Deliveries to these that both hold. Where receivers deliver from the second already, its own are newer.
    pub delivery_count: u64,
    /// The hash over all of these, with their bodies, ids and numbers, the same for both.
    pub sha256: String,
}

/// Why there is no copy, or not a good one.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The first inbox cannot be read.
    #[error("cannot read the first inbox")]
    From(#[source] Error),
    /// The second inbox cannot be read or written.
    #[error("cannot use the second inbox")]
    To(#[source] Error),
    /// A receiver leads on the second inbox.
    #[error(
        "{leader} leads on the second inbox, and would deliver from it what is being copied; stop the receivers that use \
         it, and start them again after the copy"
    )]
    Led {
        /// Which one.
        leader: String,
    },
    /// The second inbox holds what is not of the first one.
    #[error("{0}")]
    NotACopy(String),
    /// Both do not hold the same in the end.
    #[error("the copy is not the same: {0}")]
    Differs(String),
}

/// Copies what the second inbox lacks, then compares both. Meanwhile it leads there, so that no receiver delivers from a
/// part of the copy.
///
/// # Errors
/// What was copied stays, and its destinations are paused; another run goes on there.
///
/// # Cancel safety
/// May be dropped at any time; then receivers of the second inbox wait until the lease has ended.
pub async fn copy(
    from: &SqliteReader,
    to: &PostgresInbox,
    progress: impl FnMut(Progress),
) -> Result<Outcome, CopyError> {
    let lead = Lead::take(to).await?;
    let copied = tokio::select! {
        copied = copy_all(from, to, progress) => advised(copied, to).await,
        lost = lead.keep() => Err(lost),
    };
    lead.give_back().await;
    copied
}

async fn copy_all(
    from: &SqliteReader,
    to: &PostgresInbox,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, CopyError> {
    let Some(held) = from.held().await.map_err(CopyError::From)? else {
        // Of those that have expired an earlier run may have brought some.
        let last = from.last_sequence().await.map_err(CopyError::From)?;
        let after = last_copied(from, to, last).await?;
        if after > 0 {
            // With what is pending of them: the first inbox may have delivered it since.
            to.expire_below(after + 1).await.map_err(CopyError::To)?;
        }
        let quarantined_count = copy_quarantine(from, to).await?;
        let delivering = outbox::copy(from, to, after, after == 0).await?;
        return Ok(Outcome {
            copied_count: 0,
            quarantined_count,
            receipt_count: 0,
            destination_count: delivering.destination_count,
            delivery_count: delivering.delivery_count,
            sha256: Sum::default().text(),
        });
    };
    let mut after = last_copied(from, to, held.last).await?;
    // Where none come, only what is found to be the same is touched: receivers may use the second inbox long since.
    let brings = after < held.last;
    if brings {
        outbox::hold(from, to, held.last, brings).await?;
        // What has expired in the first must not stand in the way of what came again since.
        to.expire_below(held.first).await.map_err(CopyError::To)?;
    }
    let mut copied_count = 0;
    let total = held.count.min(held.last.saturating_sub(after));
    while after < held.last {
        let mut batch = from.export(after, BATCH_COUNT).await.map_err(CopyError::From)?;
        batch.retain(|(receipt, _)| receipt.sequence <= held.last);
        let Some((last, _)) = batch.last() else { break };
        after = last.sequence;
        refuse_damaged(batch.iter().map(|(receipt, _)| {
            let shown = format!("receipt {}, number {}", receipt.id, receipt.sequence);
            (shown, receipt.damage.as_deref())
        }))?;
        to.import(&batch).await.map_err(CopyError::To)?;
        copied_count += batch.len() as u64;
        progress(Progress::Copied {
            count: copied_count,
            total: total.max(copied_count),
        });
    }
    let (receipt_count, sum) = compare(from, to, held, progress).await?;
    // Not before: the receipts that they were accepted as are there.
    let quarantined_count = copy_quarantine(from, to).await?;
    let delivering = outbox::copy(from, to, held.last, brings).await?;
    Ok(Outcome {
        copied_count,
        quarantined_count,
        receipt_count,
        destination_count: delivering.destination_count,
        delivery_count: delivering.delivery_count,
        sha256: sum.text(),
    })
}

/// A copy would take over what is wrong as if it were right.
fn refuse_damaged<'a>(mut batch: impl Iterator<Item = (String, Option<&'a str>)>) -> Result<(), CopyError> {
    let Some((shown, damage)) = batch.find_map(|(shown, damage)| Some((shown, damage?))) else {
        return Ok(());
    };
    let reason = format!(
        "of {shown}, {damage}; restore a sound backup, or take it out as `caigunn-webhook inbox check` says, and copy then"
    );
    Err(CopyError::From(Error::corrupt(reason)))
}

/// Says of a copy that no other run may end what to do about destinations that stay paused.
async fn advised(copied: Result<Outcome, CopyError>, to: &PostgresInbox) -> Result<Outcome, CopyError> {
    match copied {
        Err(CopyError::NotACopy(reason)) => {
            Err(CopyError::NotACopy(reason + &outbox::how_to_resume(to).await?))
        }
        Err(CopyError::Differs(reason)) => {
            Err(CopyError::Differs(reason + &outbox::how_to_resume(to).await?))
        }
        ended => ended,
    }
}

/// The number of the last receipt that was copied before, 0 if none was; refuses a second inbox that is not the start of
/// the first one.
async fn last_copied(from: &SqliteReader, to: &PostgresInbox, last: u64) -> Result<u64, CopyError> {
    let newest = to.newest(u64::MAX).await.map_err(CopyError::To)?;
    let copied = to.newest(last).await.map_err(CopyError::To)?;
    let has_own = newest != copied;
    let Some((seq, id)) = copied else {
        return match newest {
            None => Ok(0),
            Some((_, id)) => Err(CopyError::NotACopy(format!(
                "the second inbox has receipts of its own already, such as {id}; copy into an empty database"
            ))),
        };
    };
    let original = from.export(seq - 1, 1).await.map_err(CopyError::From)?;
    let original = original
        .first()
        .map(|(receipt, _)| (receipt.sequence, receipt.id));
    match original {
        Some((original_seq, original_id)) if original_seq == seq && original_id != id => {
            Err(CopyError::NotACopy(format!(
                "receipt {id} in the second inbox has the number of receipt {original_id} in the first one: it is a \
                 copy of another inbox, or has receipts of its own"
            )))
        }
        // A wrong guess would pass over what is pending.
        None if has_own || seq < last => Err(CopyError::NotACopy(format!(
            "all receipts of the first inbox have expired, up to number {last}, so nobody can tell whether those of \
             the second, such as {id} with number {seq}, are of it; there is none left to copy: start the receivers \
             of the second inbox"
        ))),
        _ if has_own && seq < last => Err(CopyError::NotACopy(format!(
            "receivers have stored into the second inbox since receipt {id} was copied, and the first has newer \
             ones that are not in it; to move these, post their bodies to a receiver of the second inbox"
        ))),
        Some(_) | None => Ok(seq),
    }
}

/// Copies the quarantine, oldest first, as it was filled.
async fn copy_quarantine(from: &SqliteReader, to: &PostgresInbox) -> Result<usize, CopyError> {
    let (mut count, mut after) = (0, 0);
    loop {
        let batch = from.export_quarantine(after, BATCH_COUNT).await;
        let batch = batch.map_err(CopyError::From)?;
        let Some((last, ..)) = batch.last() else {
            return Ok(count);
        };
        after = *last;
        refuse_damaged(batch.iter().map(|(_, kept, _)| {
            let shown = format!("{} in quarantine", kept.id);
            (shown, kept.damage.as_deref())
        }))?;
        let batch = batch
            .into_iter()
            .map(|(_, quarantined, body)| (quarantined, body));
        let imported = to.import_quarantine(batch.collect()).await;
        count += imported.map_err(CopyError::To)?;
    }
}

/// Reads both inboxes again, side by side; gives how many receipts they have in common and the hash over them. What
/// expires in the first one meanwhile is left out: the second holds it still.
async fn compare(
    from: &SqliteReader,
    to: &PostgresInbox,
    held: Held,
    mut progress: impl FnMut(Progress),
) -> Result<(u64, Sum), CopyError> {
    let (mut count, mut sum, mut copied_sum) = (0, Sum::default(), Sum::default());
    let mut after = held.first - 1;
    while after < held.last {
        let mut originals = from.export(after, BATCH_COUNT).await.map_err(CopyError::From)?;
        let oldest = from.export(0, 1).await.map_err(CopyError::From)?;
        let (Some((last, _)), Some((oldest, _))) = (originals.last(), oldest.first()) else {
            break;
        };
        let (first, until) = (oldest.sequence, last.sequence.min(held.last));
        after = after.max(first - 1);
        originals.retain(|(receipt, _)| (first..=until).contains(&receipt.sequence));
        let copies = export_until(to, after, until).await.map_err(CopyError::To)?;
        sum.add(&originals);
        copied_sum.add(&copies);
        if sum.text() != copied_sum.text() {
            return Err(CopyError::Differs(format!(
                "of the numbers {} to {until} the first inbox has {} receipts and the second {}, with different hashes",
                after + 1,
                originals.len(),
                copies.len()
            )));
        }
        count += originals.len() as u64;
        after = until;
        progress(Progress::Compared {
            count,
            total: held.count.max(count),
        });
    }
    Ok((count, sum))
}

/// The receipts with numbers above `after`, up to `until`.
async fn export_until(
    inbox: &PostgresInbox,
    mut after: u64,
    until: u64,
) -> Result<Vec<(Receipt, Bytes)>, Error> {
    let mut exported = Vec::new();
    loop {
        let mut part = inbox.export(after, BATCH_COUNT).await?;
        part.retain(|(receipt, _)| receipt.sequence <= until);
        let Some((last, _)) = part.last() else {
            return Ok(exported);
        };
        after = last.sequence;
        exported.extend(part);
    }
}

/// A hash over receipts, with all that is known of them.
#[derive(Default)]
struct Sum(Sha256);

impl Sum {
    fn add(&mut self, receipts: &[(Receipt, Bytes)]) {
        for (receipt, body) in receipts {
            let known = serde_json::to_vec(receipt).expect("a receipt has a JSON form");
            // Each with its length before it, so that nothing can move from one to the other.
            for part in [&known[..], body] {
                self.0.update((part.len() as u64).to_be_bytes());
                self.0.update(part);
            }
        }
    }

    fn text(&self) -> String {
        hex(&self.0.clone().finalize())
    }
}

#[cfg(test)]
mod tests;
