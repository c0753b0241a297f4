//! What only the leader may write.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::super::{Candidate, Error};
use super::super::{PostgresInbox, lock};

/// Gives the lease if the candidate holds it, and locks it until the commit: see `lease_holder` in the migrations.
const LEADER: &str = "leader AS MATERIALIZED (SELECT FROM lease WHERE holder = $1 FOR KEY SHARE)";

/// A statement for a candidate that must lead.
pub fn sql(rest: &str) -> String {
    format!("WITH {LEADER}, {rest}")
}

/// Runs a statement for a candidate that must lead: `WITH leader AS (…), …`, where `rest` is what follows. All that it
/// writes it must write `FROM leader`, which is empty where another one leads, and it gives one row if that is not so.
/// The candidate is `$1`, and `parameters` go on from there.
///
/// # Errors
/// [`Error::NotLeader`] where another one leads, or a standby has taken over since this one began to lead: nothing was
/// written.
pub async fn write(
    inbox: &PostgresInbox,
    candidate: &Candidate,
    rest: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Row, Error> {
    let sql = sql(rest);
    let mut all: Vec<&(dyn ToSql + Sync)> = vec![&candidate.id];
    all.extend(parameters);
    let written = inbox.deliver_on("write to", async |connection| {
        let led = *lock(&inbox.led);
        if !led.may_write(connection.history()) {
            return Ok(None);
        }
        let statement = connection.client.prepare_cached(&sql).await?;
        connection.client.query_opt(&statement, &all).await
    });
    written.await?.ok_or(Error::NotLeader)
}
