//! Which of a location's hosts is the server: one that takes writes, and has the newest history.
//!
//! A standby that takes over begins a new timeline, which has a greater number. Once it was seen, a server with a smaller
//! one is a primary that was replaced and came back: what it took would be in no history that lasts, so it is refused,
//! and connections to it are let go of.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use parking_lot::Mutex;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use tokio_postgres::error::SqlState;

use super::super::Error;
use super::error::{only_reads, sort, sort_connecting};
use super::{Location, tls};

/// Which server it is, and which of the histories that began with it.
const HISTORY: &str = "
    SELECT (SELECT system_identifier FROM pg_control_system()),
           ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint";

/// The classes of errors that say nothing of what was asked: the connection, what the server runs out of, an operator, the system.
const OF_THE_MOMENT: [&str; 6] = ["08", "40", "53", "57", "58", "XX"];

/// Makes connections, for the pool.
pub struct Hosts {
    location: Location,
    /// What is set on every connection before it is used.
    session_settings: String,
    /// How long all hosts together may take for one.
    time: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The host that is asked first: the one that worked last.
    first: usize,
    /// The newest history that was seen.
    history: Option<History>,
    /// Connections that were made in an earlier one are not used again.
    generation: u64,
}

/// A connection, and where it leads.
pub struct Connection {
    pub client: ClientWrapper,
    host: usize,
    history: Option<History>,
    generation: u64,
}

/// A server's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Standbys have it from their primary.
    system: i64,
    /// Grows when a standby takes over.
    timeline: i64,
}

/// Whether an error is the answer of a server that has no such functions, does not let us see them, or has them only in another
/// setting: Aurora of AWS wants logical replication for them.
fn tells_no_history(code: &SqlState) -> bool {
    !OF_THE_MOMENT.iter().any(|class| code.code().starts_with(class))
}

impl Hosts {
    pub fn new(location: Location, session_settings: String, time: Duration) -> Self {
        Self {
            location,
            session_settings,
            time,
            state: Mutex::default(),
        }
    }

    /// Tells that a call on a connection was not answered in time: if there are other hosts, they are asked first from
    /// now on, and no connection is used that was made before.
    pub fn suspect(&self, connection: &Connection) {
        let count = self.location.hosts().len();
        let mut state = self.state.lock();
        if count > 1 && connection.generation == state.generation {
            state.first = (connection.host + 1) % count;
            state.generation += 1;
        }
    }

    /// Connects to the first host that will do. Each has an equal share of the time that is left, for finding its
    /// address, TCP, TLS and all that the server asks.
    async fn connect(&self) -> Result<Connection, Error> {
        let (order, is_known) = self.order();
        let ends_at = Instant::now() + self.time;
        let mut newest: Option<Connection> = None;
        let mut errors = Vec::new();
        for (left, host) in (1..=order.len() as u32).rev().zip(order) {
            let share = (ends_at - Instant::now()) / left;
            let connected = match timeout(share, self.connect_to(host, share)).await {
                Ok(connected) => connected,
                Err(_) => Err(self.too_slow(host, share)),
            };
            match connected {
                // One that takes writes and does not tell its history has no other to be compared with.
                Ok(connection) if is_known || (self.location.must_write && connection.history.is_none()) => {
                    match self.judge(&connection) {
                        Ok(generation) => return Ok(connection.of(generation)),
                        Err(error) => errors.push(error),
                    }
                }
                // The first of this process: a primary that was replaced may be up, and named first.
                Ok(connection) => {
                    let is_newer = newest
                        .as_ref()
                        .is_none_or(|newest| newest.timeline() < connection.timeline());
                    if is_newer {
                        newest = Some(connection);
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        let judged = newest.map(|connection| Ok((self.judge(&connection)?, connection)));
        match judged {
            Some(Ok((generation, connection))) => Ok(connection.of(generation)),
            Some(Err(error)) => Err(error),
            None => Err(worst(errors)),
        }
    }

    /// The hosts in the order in which they are asked, and whether a history is known.
    fn order(&self) -> (Vec<usize>, bool) {
        let count = self.location.hosts().len();
        let state = self.state.lock();
        let mut order: Vec<usize> = (0..count).map(|place| (state.first + place) % count).collect();
        if self.location.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            fastrand::shuffle(&mut order);
        }
        (order, state.history.is_some() || count == 1)
    }

    async fn connect_to(&self, host: usize, share: Duration) -> Result<Connection, Error> {
        let ends_at = Instant::now() + share;
        let addresses = self.addresses(host).await?;
        let mut last_error = None;
        for (left, address) in (1..=addresses.len() as u32).rev().zip(addresses) {
            let share = (ends_at - Instant::now()) / left;
            match timeout(share, self.connect_once(host, address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => last_error = Some(error),
                Err(_) => last_error = Some(self.too_slow(host, share)),
            }
        }
        Err(last_error.unwrap_or_else(|| {
            Error::unavailable(format!("{} has no address", self.location.shown_host(host)))
        }))
    }

    /// The addresses of a host, looked up each time: a name may come to lead elsewhere. `None` where none is needed.
    async fn addresses(&self, host: usize) -> Result<Vec<Option<IpAddr>>, Error> {
        if let Some(address) = self.location.config.get_hostaddrs().get(host) {
            return Ok(vec![Some(*address)]);
        }
        match &self.location.hosts()[host] {
            Host::Unix(_) => Ok(vec![None]),
            Host::Tcp(name) => {
                let found = lookup_host((name.as_str(), 0)).await;
                let found = found.map_err(|error| {
                    Error::unavailable(format!(
                        "cannot find the address of {}: {error}",
                        self.location.shown_host(host)
                    ))
                })?;
                Ok(found.map(|address| Some(address.ip())).collect())
            }
        }
    }

    async fn connect_once(&self, host: usize, address: Option<IpAddr>) -> Result<Connection, Error> {
        let place = self.location.shown_host(host);
        // Read each time: certificates and passwords are changed while this runs.
        let tls = tls::connector(&self.location)?;
        let config: Config = self.location.config_of(host, address)?;
        let (client, connection) = config
            .connect(tls)
            .await
            .map_err(|error| sort_connecting(&place, &error))?;
        let task = tokio::spawn(async move {
            // What ends it is told to whoever uses the client.
            let _ = connection.await;
        });
        let client = ClientWrapper::new(client, task);
        client
            .batch_execute(&self.session_settings)
            .await
            .map_err(|error| sort(&place, "prepare a connection to", &error))?;
        let history = self.examine(&client, &place).await?;
        Ok(Connection {
            client,
            host,
            history,
            generation: 0,
        })
    }

    /// Refuses one that only reads, unless it is wanted; gives its history, where it tells.
    async fn examine(&self, client: &ClientWrapper, place: &str) -> Result<Option<History>, Error> {
        let failed = |error: tokio_postgres::Error| sort(place, "look at", &error);
        let reads = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
        let row = client.query_typed_one(reads, &[]).await.map_err(failed)?;
        let (is_standby, is_read_only): (bool, bool) =
            (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        if self.location.must_write && (is_standby || is_read_only) {
            return Err(only_reads(place));
        }
        if is_standby {
            return Ok(None);
        }
        let row = match client.query_typed_one(HISTORY, &[]).await {
            Ok(row) => row,
            Err(error) if error.code().is_some_and(tells_no_history) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        Ok(Some(History {
            system: row.try_get(0).map_err(failed)?,
            timeline: row.try_get(1).map_err(failed)?,
        }))
    }

    /// Whether a connection leads to the newest history that is known; gives the generation it is of.
    fn judge(&self, connection: &Connection) -> Result<u64, Error> {
        let mut state = self.state.lock();
        if let Some(seen) = connection.history {
            let place = self.location.shown_host(connection.host);
            match state.history {
                Some(known) if known.system != seen.system => {
                    return Err(Error::unavailable(format!(
                        "{place} is another server than the one that was used before (system identifier {} in \
                         place of {}); if it is the right one, restart all receivers",
                        seen.system, known.system
                    )));
                }
                Some(known) if known.timeline > seen.timeline => {
                    return Err(Error::unavailable(format!(
                        "{place} was replaced: it is on timeline {}, and a standby that took over is on timeline \
                         {}; make it a standby of that one, or, if that is gone for good, restart all receivers",
                        seen.timeline, known.timeline
                    )));
                }
                Some(known) if known.timeline < seen.timeline => {
                    state.generation += 1;
                    tracing::warn!(
                        error.type = "failover",
                        "a standby has taken over: {place}, on timeline {} after {}",
                        seen.timeline,
                        known.timeline
                    );
                }
                Some(_) | None => {}
            }
            state.history = Some(seen);
        }
        state.first = connection.host;
        Ok(state.generation)
    }

    fn too_slow(&self, host: usize, share: Duration) -> Error {
        Error::unavailable(format!(
            "{} did not take a connection within {:.1} s",
            self.location.shown_host(host),
            share.as_secs_f64()
        ))
    }
}

impl Connection {
    /// The history that it was in when it was made, where the server told.
    pub fn history(&self) -> Option<History> {
        self.history
    }

    fn timeline(&self) -> i64 {
        self.history.map_or(0, |history| history.timeline)
    }

    fn of(self, generation: u64) -> Self {
        Self { generation, ..self }
    }
}

impl managed::Manager for Hosts {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection, Error> {
        // Boxed, so that it is not a part of every future that needs a connection.
        let connecting: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(self.connect());
        connecting.await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Error> {
        // A test query would be one more round trip for each batch.
        if connection.client.is_closed() {
            return Err(RecycleError::message("it is closed"));
        }
        if connection.generation != self.state.lock().generation {
            return Err(RecycleError::message("the server may have been replaced"));
        }
        Ok(())
    }
}

/// Of what was wrong with each host, what an operator should read: a refusal first, which does not pass by itself, and
/// otherwise all of it.
fn worst(mut errors: Vec<Error>) -> Error {
    if let Some(place) = errors
        .iter()
        .position(|error| !matches!(error, Error::Unavailable { .. }))
    {
        return errors.swap_remove(place);
    }
    let reasons = errors.into_iter().map(|error| match error {
        Error::Unavailable { reason } => reason,
        other => other.to_string(),
    });
    Error::unavailable(reasons.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_cannot_answer_now_is_no_server_that_has_no_history() {
        let of_the_moment = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::QUERY_CANCELED,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::CONNECTION_FAILURE,
            SqlState::IO_ERROR,
            SqlState::INTERNAL_ERROR,
        ];
        assert!(!of_the_moment.iter().any(tells_no_history));
        let without = [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::UNDEFINED_FUNCTION,
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        ];
        assert!(without.iter().all(tells_no_history));
    }
}
