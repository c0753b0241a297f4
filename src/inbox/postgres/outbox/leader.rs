//! What only the leader may write.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::super::{Candidate, Error};
use super::super::lease::Led;
use super::super::{PostgresInbox, lock};

/// A statement for a candidate that must lead, by a lease in that file if it is known. It gives the lease if the candidate
/// holds it, and locks it until the commit: see `lease_holder` in the migrations.
pub fn sql(rest: &str, file: Option<u32>) -> String {
    let is_there = file.map_or_else(String::new, |file| {
        format!(" AND pg_relation_filenode(tableoid) = {file}")
    });
    format!(
        "WITH leader AS MATERIALIZED (SELECT FROM lease WHERE holder = $1{is_there} FOR KEY SHARE), {rest}"
    )
}

/// Runs a statement for a candidate that must lead: `WITH leader AS (…), …`, where `rest` is what follows. All that it
/// writes it must write `FROM leader`, which is empty where another one leads, and it gives one row if that is not so.
/// The candidate is `$1`, and `parameters` go on from there.
///
/// # Errors
/// [`Error::NotLeader`] where another one leads, or a standby has taken over since this one began to lead, or the tables were
/// put back: nothing was written.
pub async fn write(
    inbox: &PostgresInbox,
    candidate: &Candidate,
    rest: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Row, Error> {
    let mut all: Vec<&(dyn ToSql + Sync)> = vec![&candidate.id];
    all.extend(parameters);
    let written = inbox.deliver_on("write to", async |connection| {
        let file = match *lock(&inbox.led) {
            Led::Never => None,
            Led::By(term) if term.history == connection.history() => Some(term.file),
            Led::By(_) | Led::Interrupted => return Ok(None),
        };
        let statement = connection.client.prepare_cached(&sql(rest, file)).await?;
        connection.client.query_opt(&statement, &all).await
    });
    written.await?.ok_or(Error::NotLeader)
}
