//! Which of the receivers leads.

use tokio_postgres::Error;

use super::super::{Candidate, LEASE, Leadership};
use super::connections::Client;
use super::hosts::History;

/// Renews the candidate's lease, or takes one that has ended or is not there. The first writes no key and the second
/// does, so whoever has the lease locked as the `outbox` does is in the way of the second only. Followers lock nothing.
const LEAD: &str = "
    WITH renewed AS (
        UPDATE lease SET name = $2, until = clock_timestamp() + $3 * interval '1 second' WHERE holder = $1
        RETURNING holder
    ),
    taken AS (
        INSERT INTO lease (holder, name, until)
        SELECT $1, $2, clock_timestamp() + $3 * interval '1 second'
        WHERE NOT EXISTS (SELECT FROM renewed)
          AND NOT EXISTS (SELECT FROM lease WHERE until >= clock_timestamp())
        ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, name = excluded.name, until = excluded.until
        WHERE lease.until < clock_timestamp()
        RETURNING holder
    )
    SELECT holder FROM renewed UNION ALL SELECT holder FROM taken";

/// In which history a candidate leads, as far as it was told. What it knows is of that one: after a failover numbers that
/// it has seen may be those of other receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// It never did.
    Never,
    /// `None` where the server does not tell.
    In(Option<History>),
    /// It did, and the history is another one now.
    Interrupted,
}

impl Led {
    /// What to make of an answer of [`lead`] that came from a server with this history.
    pub fn next(&mut self, answer: Leadership, history: Option<History>) -> Leadership {
        if answer != Leadership::Leader {
            return answer;
        }
        match *self {
            Self::In(before) if before != history => {
                *self = Self::Interrupted;
                Leadership::Interrupted
            }
            _ => {
                *self = Self::In(history);
                Leadership::Leader
            }
        }
    }

    /// Whether what the leader says may be written to a server with this history.
    pub fn may_write(self, history: Option<History>) -> bool {
        match self {
            Self::Never => true,
            Self::In(led_in) => led_in == history,
            Self::Interrupted => false,
        }
    }
}

/// See [`super::Inbox::lead`]. The server's clock counts, so that those of the receivers may differ.
pub async fn lead(client: &Client, candidate: &Candidate) -> Result<Leadership, Error> {
    let lead = client.prepare_cached(LEAD).await?;
    let seconds = LEASE.as_secs_f64();
    let leads = client
        .query_opt(&lead, &[&candidate.id, &candidate.name, &seconds])
        .await?
        .is_some();
    if leads {
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
