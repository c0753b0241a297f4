//! Which of the receivers leads.

use std::sync::Mutex;

use tokio_postgres::Error;

use super::super::{Candidate, LEASE, Leadership};
use super::Client;
use super::hosts::{Connection, History};
use super::lock;

/// Renews the candidate's lease, or takes one that has ended or is not there. The first writes no key and the second
/// does, so whoever has the lease locked as the `outbox` does is in the way of the second only. Followers lock nothing.
const LEAD: &str = "
    WITH renewed AS (
        UPDATE lease SET name = $2, until = clock_timestamp() + $3 * interval '1 second' WHERE holder = $1
        RETURNING tableoid
    ),
    taken AS (
        INSERT INTO lease (holder, name, until)
        SELECT $1, $2, clock_timestamp() + $3 * interval '1 second'
        WHERE NOT EXISTS (SELECT FROM renewed)
          AND NOT EXISTS (SELECT FROM lease WHERE until >= clock_timestamp())
        ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, name = excluded.name, until = excluded.until
        WHERE lease.until < clock_timestamp()
        RETURNING tableoid
    )
    SELECT pg_relation_filenode(tableoid) FROM (TABLE renewed UNION ALL TABLE taken) AS led";

/// What a candidate leads by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// `None` where the server does not tell.
    pub history: Option<History>,
    /// Which file the lease is in: another one once the tables were put back from a copy of them.
    pub file: u32,
}

/// By what a candidate leads, as far as it was told. What it knows is of that: after a failover, or where a backup was put
/// back under it, numbers that it has seen may be those of other receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// It never did.
    Never,
    By(Term),
    /// It did, and the history or the file is another one now.
    Interrupted,
}

impl Led {
    /// What to make of [`lead`] saying that it leads.
    pub fn next(&mut self, term: Term) -> Leadership {
        match *self {
            Self::By(before) if before != term => {
                *self = Self::Interrupted;
                Leadership::Interrupted
            }
            _ => {
                *self = Self::By(term);
                Leadership::Leader
            }
        }
    }
}

/// See [`super::Inbox::lead`]. The server's clock counts, so that those of the receivers may differ.
pub async fn lead(
    connection: &Connection,
    candidate: &Candidate,
    led: &Mutex<Led>,
) -> Result<Leadership, Error> {
    let client = &connection.client;
    let lead = client.prepare_cached(LEAD).await?;
    let seconds = LEASE.as_secs_f64();
    let leads = client
        .query_opt(&lead, &[&candidate.id, &candidate.name, &seconds])
        .await?;
    if let Some(row) = leads {
        let history = connection.history();
        let file = row.try_get(0)?;
        return Ok(lock(led).next(Term { history, file }));
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
