//! What a leader has to say of one destination.

use tokio_postgres::types::ToSql;

use super::super::super::outbox::{MAX_ATTEMPTS, Pause, PauseChange, Progress};
use super::super::super::{Candidate, Error};
use super::super::quarantine::without_nul;
use super::super::{PostgresInbox, system_time};
use super::rows::{AttemptColumns, DeliveryColumns, FirstAttemptColumns};
use super::{leader, seq};

pub const RECORD: &str = include_str!("record.sql");

/// See [`super::Outbox::record`].
pub async fn record(inbox: &PostgresInbox, candidate: &Candidate, progress: &Progress) -> Result<(), Error> {
    let (changes_pause, pause) = match &progress.pause {
        PauseChange::Keep => (false, None),
        PauseChange::Pause(pause) => (true, Some(pause)),
        PauseChange::Resume => (true, None),
    };
    let (paused_at, pause_reason) = pause_columns(pause);
    let (cursor, max_attempts) = (seq(progress.cursor), MAX_ATTEMPTS as i32);
    let deliveries = DeliveryColumns::of(&progress.deliveries);
    let firsts = FirstAttemptColumns::of(&progress.deliveries, &progress.attempts);
    let further = progress.attempts.iter().filter(|(_, attempt)| attempt.number > 1);
    let further: Vec<_> = further.map(|(sequence, attempt)| (*sequence, attempt)).collect();
    let further = AttemptColumns::of(&further);
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
        &progress.destination.0,
        &cursor,
        &changes_pause,
        &paused_at,
        &pause_reason,
    ];
    parameters.extend(deliveries.parameters());
    parameters.extend(firsts.parameters());
    parameters.extend(further.parameters());
    parameters.push(&max_attempts);
    leader::write(inbox, candidate, RECORD, &parameters)
        .await
        .map(drop)
}

/// A pause, or none, as the columns have it.
pub fn pause_columns(pause: Option<&Pause>) -> (Option<std::time::SystemTime>, Option<String>) {
    (
        pause.map(|pause| system_time(pause.at)),
        pause.map(|pause| without_nul(&pause.reason)),
    )
}
