//! Which of the receivers leads.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::super::{Candidate, LEASE, Leadership, Receipt};
use super::Client;
use super::hosts::{Connection, History};
use super::read::execute;
use super::values::bigint;
use crate::clock::Timestamp;

/// Renews the candidate's lease, or takes one that has ended, was not renewed since `$4`, or is not there. The first writes no
/// key and the second does, so whoever has the lease locked as the `outbox` does is in the way of the second only. Followers
/// lock nothing.
fn lead_sql() -> String {
    let holds = holds("$5", "$6");
    format!(
        "WITH renewed AS (
             UPDATE lease SET name = $2, until = clock_timestamp() + $3 * interval '1 second' WHERE holder = $1
             RETURNING tableoid
         ),
         taken AS (
             INSERT INTO lease (holder, name, until)
             SELECT $1, $2, clock_timestamp() + $3 * interval '1 second'
             WHERE NOT EXISTS (SELECT FROM renewed)
               AND NOT EXISTS (SELECT FROM lease WHERE until >= clock_timestamp() AND until IS DISTINCT FROM $4)
             ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, name = excluded.name, until = excluded.until
             WHERE lease.until < clock_timestamp() OR lease.until = $4
             RETURNING tableoid
         )
         SELECT pg_relation_filenode(tableoid), {holds}, newest.seq, newest.id
         FROM (TABLE renewed UNION ALL TABLE taken) AS led
         LEFT JOIN (SELECT seq, id FROM receipt ORDER BY seq DESC LIMIT 1) AS newest ON true"
    )
}

/// What is true where the store still has the receipt of that number and id, or let it expire: then it has all before it
/// too. Also where there is none to ask for.
pub fn holds(seq: &str, id: &str) -> String {
    format!(
        "({seq}::bigint IS NULL OR {seq} < (SELECT first_seq FROM state WHERE one)
          OR EXISTS (SELECT FROM receipt WHERE receipt.seq = {seq} AND receipt.id = {id}::uuid))"
    )
}

/// What a candidate leads by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// `None` where the server does not tell.
    pub history: Option<History>,
    /// Which file the lease is in: another one once the tables were put back from a copy of them.
    pub file: u32,
}

/// A receipt that was seen. One that is gone again tells that the database was put back to what it was before, whether or
/// not the server tells of histories: receipts only go by expiring, and numbers that were seen are used for others then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
}

/// By what a candidate leads, as far as it was told. What it knows is of that: after a failover, or where a backup was put
/// back under it, numbers that it has seen may be those of other receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// It never did.
    Never,
    /// It does, and this is the newest receipt that it has seen.
    By(Term, Option<Seen>),
    /// It did, and another one leads since, or the history, the file or the log is another one now.
    Interrupted,
}

impl Seen {
    fn of_row(row: &Row, at: usize) -> Result<Option<Self>, Error> {
        let seq: Option<i64> = row.try_get(at)?;
        let id: Option<Uuid> = row.try_get(at + 1)?;
        Ok(seq.zip(id).map(|(seq, id)| Self { seq, id }))
    }

    /// That one.
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            seq: bigint(receipt.sequence),
            id: receipt.id.uuid(),
        }
    }
}

impl Led {
    /// The newest receipt that was seen in this term.
    pub fn seen(self) -> Option<Seen> {
        match self {
            Self::By(_, seen) => seen,
            Self::Never | Self::Interrupted => None,
        }
    }

    /// Takes down that one was seen.
    pub fn see(&mut self, new: Option<Seen>) {
        if let Self::By(_, seen) = self {
            let is_newer = new.map(|new| new.seq) > seen.map(|seen| seen.seq);
            *seen = if is_newer { new } else { *seen };
        }
    }

    /// Takes down that another one leads.
    fn end(&mut self) {
        if matches!(self, Self::By(..)) {
            *self = Self::Interrupted;
        }
    }

    /// What to make of [`lead`] saying that it leads. `holds`: what was seen is there.
    fn next(&mut self, term: Term, holds: bool, newest: Option<Seen>) -> Leadership {
        match *self {
            Self::By(before, _) if before != term || !holds => {
                *self = Self::Interrupted;
                Leadership::Interrupted
            }
            Self::By(_, seen) => {
                *self = Self::By(term, seen);
                self.see(newest);
                Leadership::Leader
            }
            Self::Never | Self::Interrupted => {
                *self = Self::By(term, newest);
                Leadership::Leader
            }
        }
    }
}

/// The lease of another one, until when it lasts by the server's clock, and since when that is known here. One that is not
/// renewed for as long as it lasts has ended, also where that clock was set back meanwhile.
pub type Watched = Option<(Timestamp, Instant)>;

/// When the lease was last given to this candidate, unless another one leads since: by what has passed, and by the clock, which
/// goes on while the machine sleeps.
pub type Renewed = Option<(Instant, Timestamp)>;

/// After how long without it a lease that is given again is of another term, as far as is known: sooner than who leads by it
/// stops believing that he does, and later than he asks again.
const OF_ANOTHER_TERM: Duration = Duration::from_secs(LEASE.as_secs() / 3 * 2);

/// Whether a lease that was last given then, and is now, is of the same term. Where the clock was set it is taken for another:
/// that costs a wait for what is under way, and the other way round what was written before a sleep would be missed.
fn is_same_term((at, time): (Instant, Timestamp), (now, time_now): (Instant, Timestamp)) -> bool {
    now.duration_since(at) < OF_ANOTHER_TERM && time_now.distance(time) < OF_ANOTHER_TERM
}

/// Waits for what this candidate wrote in an earlier term and is still under way: the server does not tell it from what is of
/// this one, and what is read in this one may be from before it.
async fn await_earlier_writes(client: &Client, candidate: &Candidate) -> Result<(), Error> {
    // In the way of whoever has the lease locked as the `outbox` does.
    let lock = "SELECT FROM lease WHERE holder = $1 FOR UPDATE";
    execute(client, lock, &[&candidate.id]).await.map(drop)
}

/// See [`super::Inbox::lead`]. The server's clock counts, so that those of the receivers may differ.
pub async fn lead(
    connection: &Connection,
    candidate: &Candidate,
    (led, watched, renewed): (&Mutex<Led>, &Mutex<Watched>, &Mutex<Renewed>),
) -> Result<Leadership, Error> {
    let asked_at = (Instant::now(), Timestamp::now());
    let client = &connection.client;
    let lead = client.prepare_cached(&lead_sql()).await?;
    let seconds = LEASE.as_secs_f64();
    let unrenewed = watched.lock().filter(|(_, since)| since.elapsed() >= LEASE);
    let unrenewed = unrenewed.map(|(until, _)| until);
    let seen = led.lock().seen();
    let (seq, id) = (seen.map(|seen| seen.seq), seen.map(|seen| seen.id));
    let leads = client
        .query_opt(
            &lead,
            &[&candidate.id, &candidate.name, &seconds, &unrenewed, &seq, &id],
        )
        .await?;
    if let Some(row) = leads {
        let history = connection.history();
        let (file, holds): (u32, bool) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(seen) = seen.filter(|_| !holds) {
            tracing::warn!(
                error.type = "history",
                "the database is not what it was: it has no receipt {} any more, which has not expired; was a backup or a \
                 copy of it put back?",
                seen.id
            );
        }
        *watched.lock() = None;
        let given_before = *renewed.lock();
        if !given_before.is_some_and(|before| is_same_term(before, asked_at)) {
            await_earlier_writes(client, candidate).await?;
        }
        *renewed.lock() = Some(asked_at);
        return Ok(led
            .lock()
            .next(Term { history, file }, holds, Seen::of_row(&row, 2)?));
    }
    // What was seen in a term that is over says nothing of what is there now.
    led.lock().end();
    *renewed.lock() = None;
    holder(client, watched).await
}

/// Who holds the lease.
async fn holder(client: &Client, watched: &Mutex<Watched>) -> Result<Leadership, Error> {
    let holder = client
        .prepare_cached("SELECT name, until, holder FROM lease")
        .await?;
    let row = client.query_opt(&holder, &[]).await?;
    let Some(row) = row else {
        // It was given up in between; then this candidate is the first to ask again.
        return Ok(Leadership::Follower {
            id: Uuid::nil(),
            leader: String::new(),
        });
    };
    let until: Timestamp = row.try_get(1)?;
    let mut watched = watched.lock();
    *watched = watched
        .filter(|(before, _)| *before == until)
        .or_else(|| Some((until, Instant::now())));
    Ok(Leadership::Follower {
        id: row.try_get(2)?,
        leader: row.try_get(0)?,
    })
}

/// See [`super::Inbox::resign`].
pub async fn resign(client: &Client, candidate: &Candidate) -> Result<(), Error> {
    let end = "DELETE FROM lease WHERE holder = $1";
    execute(client, end, &[&candidate.id]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_another_one_where_much_has_passed_by_either_clock_or_that_was_set() {
        let (now, time) = (Instant::now(), Timestamp::now());
        let [little, much] = [OF_ANOTHER_TERM / 2, OF_ANOTHER_TERM];
        let is_same = |passed, time_now| is_same_term((now, time), (now + passed, time_now));

        assert!(is_same(little, time.plus(little)));
        assert!(!is_same(much, time.plus(much)));
        // As after a sleep of the machine.
        assert!(!is_same(little, time.plus(much)));
        assert!(!is_same(much, time.plus(little)));
        assert!(!is_same(little, time.minus(much)));
    }
}
