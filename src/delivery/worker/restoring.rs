//! What a worker finds when it begins: what waits with a row, whether the destination had asked to be left alone, and what a
//! filter that was changed means for what waits.

use std::time::Duration;

use tokio::time::sleep;

use super::{Parts, STORE_PAUSE};
use crate::clock::Timestamp;
use crate::delivery::backlog::Backlog;
use crate::delivery::health::Health;
use crate::delivery::send::{ASKS_FOR_PAUSE, MAX_PAUSE};
use crate::delivery::status::{Failure, Status};
use crate::delivery::{Filter, Schedule, log};
use crate::inbox;
use crate::inbox::Receipt;
use crate::inbox::outbox::{Attempt, Delivery, Destination, Outcome, State, Undelivered};

/// How many deliveries are read at once.
const COUNT: usize = 1000;

/// How many of those are looked at that wait for longer than by the schedule, which may have been another one when they were
/// tried.
const MAX_LOOKED_AT: usize = 100;

/// What a worker begins with.
pub(super) struct Restored {
    pub backlog: Backlog,
    pub health: Health,
    /// With what it asked to be left alone, if it did.
    pub last_failure: Option<Failure>,
}

/// What is pending with a row, and for how long the destination is left alone yet, read from the store however long that
/// takes.
pub(super) async fn restore(parts: &Parts) -> Restored {
    let name = &parts.settings.name;
    let mut failing_since = None;
    loop {
        match try_restore(parts).await {
            Ok(restored) => {
                if failing_since.is_some() {
                    log::store_works(name);
                }
                return restored;
            }
            Err(error) => {
                if failing_since.is_none() {
                    log::store_fails(name, &error);
                }
                let since = *failing_since.get_or_insert_with(Timestamp::now);
                parts
                    .board
                    .show(Some(unrestored(&parts.destination, since, &error)));
                sleep(STORE_PAUSE).await;
            }
        }
    }
}

/// What is shown of a destination that nothing is sent to, since what waits for it cannot be read: so that it is told of it
/// as it is of one that fails.
fn unrestored(destination: &Destination, since: Timestamp, error: &inbox::Error) -> Status {
    Status {
        is_restored: false,
        pending_count: destination.pending_count,
        // It has waited for that long at least.
        oldest_received_at: (destination.pending_count > 0).then_some(since),
        dead_count: destination.dead_count,
        pause: destination.pause.clone(),
        failing_since: Some(since),
        last_failure: Some(Failure {
            at: Timestamp::now(),
            detail: format!("nothing is sent, since what waits for it cannot be read in the inbox: {error}"),
        }),
        ..Status::default()
    }
}

async fn try_restore(parts: &Parts) -> Result<Restored, inbox::Error> {
    let (destination, settings) = (&parts.destination, &parts.settings);
    let mut backlog = Backlog::new(destination, parts.schedule.clone(), settings.filter.clone());
    let mut health = Health::new(settings.max_in_flight, settings.max_per_second, Timestamp::now());
    let (mut after, mut left_out_count) = (0, 0);
    let mut quiet: Vec<(Timestamp, u64)> = Vec::new();
    loop {
        let outbox = parts.inbox.outbox();
        let page = outbox.deliveries_after(destination.id, State::Pending, after, COUNT);
        let page = page.await?;
        let Some((last, _)) = page.last() else { break };
        after = last.sequence;
        let now = Timestamp::now();
        for (delivery, receipt) in &page {
            backlog.restore(delivery, receipt, now);
            left_out_count += u64::from(!settings.filter.matches(receipt));
            let pause = pause_of(delivery, &parts.schedule);
            let until = pause.map(|pause| delivery.due_at.min(now.plus(pause)));
            quiet.extend(until.map(|until| (until, delivery.sequence)));
        }
        // The latest of them.
        quiet.sort_unstable_by(|one, other| other.cmp(one));
        quiet.truncate(MAX_LOOKED_AT);
    }
    let now = Timestamp::now();
    let mut last_failure = None;
    for (until, sequence) in quiet.into_iter().filter(|(until, _)| *until > now) {
        let tried = parts.inbox.outbox().delivery(destination.id, sequence).await?;
        let last = tried.and_then(|(row, mut attempts)| Some((row.changed_at, attempts.pop()?)));
        let asks = |attempt: &Attempt| attempt.detail.ends_with(ASKS_FOR_PAUSE);
        if let Some((at, Attempt { detail, .. })) = last.filter(|(_, attempt)| asks(attempt)) {
            health.leave_alone(until);
            log::is_left_alone(&settings.name, until);
            last_failure = Some(Failure { at, detail });
            break;
        }
    }
    if left_out_count > 0 {
        log::sends_still(&settings.name, left_out_count);
    }
    Ok(Restored {
        backlog,
        health,
        last_failure,
    })
}

/// How long the destination had asked to be left alone for with its answer to the last attempt, where that is what the
/// delivery waits for: it waits for longer than the schedule has it.
fn pause_of(delivery: &Delivery, schedule: &Schedule) -> Option<Duration> {
    let has_answered = matches!(delivery.outcome, Some(Outcome::Refused | Outcome::Failed));
    let wait = delivery.due_at.since(delivery.changed_at);
    let longest = schedule.next(delivery.step, 1.0).unwrap_or_default();
    (has_answered && wait > longest && wait <= MAX_PAUSE).then_some(wait)
}

/// What was in the log when a worker began, and what of it the filter leaves out: where that was changed, somebody may miss
/// it.
#[derive(Debug, Default)]
pub(super) struct Arrears {
    /// The number of the last receipt then, when the log was looked into for the first time.
    until: Option<u64>,
    left_out_count: u64,
}

impl Arrears {
    /// Takes note of what was read. Gives how many it leaves out of all, when that was the last of them.
    pub(super) fn note(&mut self, undelivered: &Undelivered, filter: &Filter) -> Option<u64> {
        let until = *self.until.get_or_insert(undelivered.newest);
        let is_left_out = |receipt: &&Receipt| receipt.sequence <= until && !filter.matches(receipt);
        self.left_out_count += undelivered.receipts.iter().filter(is_left_out).count() as u64;
        (undelivered.read_to >= until).then_some(self.left_out_count)
    }
}
