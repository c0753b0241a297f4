//! What a leader has to say of one destination.

use super::super::super::outbox::{MAX_ATTEMPTS, Pause, PauseChange, Progress};
use super::super::super::{Candidate, Error};
use super::super::PostgresInbox;
use super::super::quarantine::without_nul;
use super::super::values::{Column, bigint, parameters};
use super::leader;
use super::rows::{attempt_columns, delivery_columns, first_attempt_columns};
use crate::clock::Timestamp;

pub const RECORD: &str = include_str!("record.sql");

/// See [`super::Outbox::record`].
pub async fn record(inbox: &PostgresInbox, candidate: &Candidate, progress: &Progress) -> Result<(), Error> {
    let (changes_pause, pause) = match &progress.pause {
        PauseChange::Keep => (false, None),
        PauseChange::Pause(pause) => (true, Some(pause)),
        PauseChange::Resume => (true, None),
    };
    let (paused_at, pause_reason) = pause_columns(pause);
    let further = progress.attempts.iter().filter(|(_, attempt)| attempt.number > 1);
    let further: Vec<_> = further.map(|(sequence, attempt)| (*sequence, attempt)).collect();
    let mut columns: Vec<Column<'_>> = vec![
        Box::new(progress.destination.0),
        Box::new(bigint(progress.cursor)),
        Box::new(changes_pause),
        Box::new(paused_at),
        Box::new(pause_reason),
    ];
    columns.extend(delivery_columns(&progress.deliveries));
    columns.extend(first_attempt_columns(progress));
    columns.extend(attempt_columns(&further));
    columns.push(Box::new(MAX_ATTEMPTS as i32));
    leader::write(inbox, candidate, RECORD, &parameters(&columns))
        .await
        .map(drop)
}

/// A pause, or none, as the columns have it.
pub fn pause_columns(pause: Option<&Pause>) -> (Option<Timestamp>, Option<String>) {
    (
        pause.map(|pause| pause.at),
        pause.map(|pause| without_nul(&pause.reason)),
    )
}
