//! What only the leader may write.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::super::{Candidate, Error};
use super::super::PostgresInbox;
use super::super::lease::{Led, holds};

/// A statement with so many parameters for a candidate that must lead, by a lease in that file if it is known. It gives the
/// lease if the candidate holds it, and locks it until the commit: see `lease_holder` in the migrations. Two more parameters
/// are the number and the id of a receipt that must be there, if any must.
pub fn sql(rest: &str, file: Option<u32>, parameter_count: usize) -> String {
    let is_there = file.map_or_else(String::new, |file| {
        format!(" AND pg_relation_filenode(tableoid) = {file}")
    });
    let [seq, id] = [1, 2].map(|more| format!("${}", parameter_count + more));
    let is_there = format!("{is_there} AND {}", holds(&seq, &id));
    format!(
        "WITH leader AS MATERIALIZED (SELECT FROM lease WHERE holder = $1{is_there} FOR KEY SHARE), {rest}"
    )
}

/// Runs a statement for a candidate that must lead: `WITH leader AS (…), …`, where `rest` is what follows. All that it
/// writes it must write `FROM leader`, which is empty where another one leads, and it gives one row if that is not so.
/// The candidate is `$1`, and `parameters` go on from there.
///
/// # Errors
/// [`Error::NotLeader`] where another one leads, or a standby has taken over since this one began to lead, or the database was
/// put back to what it was before: nothing was written.
pub async fn write(
    inbox: &PostgresInbox,
    candidate: &Candidate,
    rest: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Row, Error> {
    let mut all: Vec<&(dyn ToSql + Sync)> = vec![&candidate.id];
    all.extend(parameters);
    let written = inbox.deliver_on("write to", async |connection| {
        let (file, seen) = match *inbox.led.lock() {
            Led::Never => (None, None),
            Led::By(term, seen) if term.history == connection.history() => (Some(term.file), seen),
            Led::By(..) | Led::Interrupted => return Ok(None),
        };
        let sql = sql(rest, file, all.len());
        let statement = connection.client.prepare_cached(&sql).await?;
        let (seq, id) = (seen.map(|seen| seen.seq), seen.map(|seen| seen.id));
        let further: [&(dyn ToSql + Sync); 2] = [&seq, &id];
        let all: Vec<_> = all.iter().copied().chain(further).collect();
        connection.client.query_opt(&statement, &all).await
    });
    written.await?.ok_or(Error::NotLeader)
}
