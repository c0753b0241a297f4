//! Which of the receivers leads.

use tokio_postgres::Error;

use super::super::{Candidate, LEASE, Leadership};
use super::connections::Client;

/// See [`super::Inbox::lead`]. The server's clock counts, so that those of the receivers may differ.
pub async fn lead(client: &Client, candidate: &Candidate) -> Result<Leadership, Error> {
    let take = client
        .prepare_cached(
            "INSERT INTO lease (holder, name, until)
             VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')
             ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, name = excluded.name, until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()",
        )
        .await?;
    let seconds = LEASE.as_secs_f64();
    let taken_count = client
        .execute(&take, &[&candidate.id, &candidate.name, &seconds])
        .await?;
    if taken_count > 0 {
        return Ok(Leadership::Leader);
    }
    let holder = client.prepare_cached("SELECT name FROM lease").await?;
    let row = client.query_opt(&holder, &[]).await?;
    Ok(Leadership::Follower {
        // Nobody has it if it was given up in between; then this candidate is the first to ask again.
        leader: row.map_or(Ok(String::new()), |row| row.try_get(0))?,
    })
}

/// See [`super::Inbox::resign`].
pub async fn resign(client: &Client, candidate: &Candidate) -> Result<(), Error> {
    let end = client
        .prepare_cached("DELETE FROM lease WHERE holder = $1")
        .await?;
    client.execute(&end, &[&candidate.id]).await.map(drop)
}
