//! Connections to the server: how many, how they are set, and how long a call may take.

mod standby;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, QueueMode, TimeoutType};
use tokio::sync::Notify;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::super::{Error, Settings};
use super::Client;
use super::error::{POOLER_ADVICE, has_no_room, sort};
use super::hosts::{Connection, Hosts};
use super::location::Location;
use super::schema::{self, SCHEMA};

pub use standby::{Standbys, standbys};

/// The longest that making a connection may take, however long a call may: a check reads for hours.
const CONNECTING_TIME: Duration = Duration::from_secs(30);

/// How long before a write is given up it is looked whether it waits for a standby, at most.
const LOOK_TIME: Duration = Duration::from_millis(500);

/// How long one waits for a connection in use, before it is seen whether the server has room for one more.
const ROOM_WAIT: Duration = Duration::from_millis(500);

/// The way to the server.
pub struct Connections {
    pool: Pool<Hosts>,
    /// Which server and database, for people.
    place: String,
    /// How long a call may take.
    timeout: Duration,
    /// Told when one in use comes free.
    freed: Notify,
}

impl Connections {
    /// Opens none yet.
    pub fn new(location: &Location, settings: &Settings) -> Self {
        // Less than a call may take, so that what is wrong with each host is told, and not only that it took too long.
        let time = (settings.timeout * 3 / 4).min(CONNECTING_TIME);
        let hosts = Hosts::new(location.clone(), session_settings(settings.timeout), time);
        let pool = Pool::builder(hosts)
            .max_size(settings.max_connections)
            .wait_timeout(Some(settings.timeout))
            // Few are used where few are enough: each has the server read into a process of its own what it works with.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a runtime is named");
        Self {
            pool,
            place: location.shown(),
            timeout: settings.timeout,
            freed: Notify::new(),
        }
    }

    /// Does `work` on a connection. One on which anything fails, or that is not waited for, is not used again: nobody
    /// knows what it is in the middle of.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after [`Settings::timeout`]; otherwise what the error means.
    pub async fn run<T>(
        &self,
        verb: &'static str,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        self.run_on(verb, async |connection| work(&connection.client).await)
            .await
    }

    /// As [`Connections::run`], where it matters where a connection leads.
    pub async fn run_on<T>(
        &self,
        verb: &'static str,
        work: impl AsyncFnOnce(&Connection) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        self.run_for(self.timeout, verb, work).await
    }

    /// As [`Connections::run_on`], of a call that may take so long.
    pub async fn run_for<T>(
        &self,
        time: Duration,
        verb: &'static str,
        work: impl AsyncFnOnce(&Connection) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let mut lent = self.lend();
        let mut no_room = None;
        let work = async {
            let connection = self.connection(&mut no_room).await?;
            let connection = lent.connection.insert(connection);
            lent.is_answered = false;
            let done = work(connection).await;
            lent.is_answered = true;
            done.map_err(|error| sort(&self.place, verb, &error))
        };
        let writes = ["write to", "open"].contains(&verb);
        let (done, is_standby_missing) = if writes {
            self.watch(time, work).await
        } else {
            (timeout(time, work).await, false)
        };
        match (done, no_room) {
            (Ok(Ok(done)), _) => {
                lent.give_back();
                Ok(done)
            }
            (Ok(Err(Error::Unavailable { reason })), _) if is_standby_missing => {
                Err(Error::unavailable(format!("{reason}; {}", standby::MISSING)))
            }
            (Ok(Err(error)), _) | (Err(_), Some(error)) => Err(error),
            (Err(_), None) => {
                let (place, seconds) = (&self.place, time.as_secs_f64());
                let mut reason = format!("{place} did not answer within {seconds} s");
                if writes && lent.connection.is_some() {
                    reason += ", and may do all the same what it was told";
                }
                if is_standby_missing {
                    reason = format!("{reason}; {}", standby::MISSING);
                } else {
                    lent.suspect();
                }
                Err(Error::Unavailable { reason })
            }
        }
    }

    /// Waits for `work` for a time. Shortly before it is over, while the server still has what is waited for, looks
    /// whether that waits for a standby; says so.
    async fn watch<T>(&self, time: Duration, work: impl Future<Output = T>) -> (Result<T, Elapsed>, bool) {
        let mut work = pin!(work);
        let last = LOOK_TIME.min(time / 4);
        if let Ok(done) = timeout(time - last, &mut work).await {
            return (Ok(done), false);
        }
        let looked = timeout(last, self.is_standby_missing(last));
        let (done, is_missing) = tokio::join!(timeout(last, work), looked);
        (done, is_missing.unwrap_or(false))
    }

    /// Whether commits have waited for a standby for that time, as far as it can be seen.
    async fn is_standby_missing(&self, wait: Duration) -> bool {
        let mut lent = self.lend();
        let Ok(connection) = self.pool.get().await else {
            return false;
        };
        let connection = lent.connection.insert(connection);
        let Ok(seen) = standbys(&connection.client, wait).await else {
            return false;
        };
        lent.give_back();
        seen.are_missing
    }

    fn lend(&self) -> Lent<'_> {
        Lent {
            connections: self,
            connection: None,
            is_answered: true,
        }
    }

    /// A connection. Where the server has no room for one more, one of ours that comes free will do; meanwhile what the
    /// server said is in `no_room`.
    async fn connection(&self, no_room: &mut Option<Error>) -> Result<Object<Hosts>, Error> {
        loop {
            let error = match self.pool.get().await {
                Ok(connection) => {
                    *no_room = None;
                    return Ok(connection);
                }
                Err(error) => self.no_connection(error),
            };
            if !has_no_room(&error) || self.pool.status().size == 0 {
                return Err(error);
            }
            *no_room = Some(error);
            let _ = timeout(ROOM_WAIT, self.freed.notified()).await;
        }
    }

    /// Refuses a pooler that mixes up sessions.
    ///
    /// # Errors
    /// [`Error::Refused`] if that is so; otherwise what is wrong with the server.
    pub async fn check_alone(&self) -> Result<(), Error> {
        if self.pool.status().max_size == 1 {
            // There is no other that it could be taken for.
            return Ok(());
        }
        let is_alone = self.run("look at", async |client| {
            // A server that has no room for a second one says so when there is work for it.
            match self.pool.get().await {
                Ok(other) => schema::is_alone(client, &other.client).await,
                Err(_) => Ok(true),
            }
        });
        if is_alone.await? {
            return Ok(());
        }
        Err(Error::refused(format!(
            "{} is a pooler that gives one session to several clients, as PgBouncer does with \
             pool_mode=transaction or statement: {POOLER_ADVICE}",
            self.place
        )))
    }

    /// Closes all connections. Those in use end with what they do.
    pub fn close(&self) -> Result<(), Error> {
        if self.pool.is_closed() {
            return Err(Error::closed());
        }
        self.pool.close();
        Ok(())
    }

    fn no_connection(&self, error: PoolError<Error>) -> Error {
        let place = &self.place;
        let reason = match error {
            PoolError::Backend(error) => return error,
            PoolError::Closed => return Error::closed(),
            PoolError::Timeout(TimeoutType::Wait) => format!(
                "all {} connections to {place} have been in use for {} s",
                self.pool.status().max_size,
                self.timeout.as_secs_f64()
            ),
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                format!("cannot connect to {place}: {error}")
            }
        };
        Error::Unavailable { reason }
    }
}

/// A connection in use. Unless it is given back, it is taken out of the pool and closed.
struct Lent<'a> {
    connections: &'a Connections,
    connection: Option<Object<Hosts>>,
    is_answered: bool,
}

impl Lent<'_> {
    /// Back into the pool.
    fn give_back(mut self) {
        drop(self.connection.take());
    }

    /// Tells that the server may be gone, if it was what took too long.
    fn suspect(&self) {
        if let Some(connection) = self.connection.as_ref().filter(|_| !self.is_answered) {
            self.connections.pool.manager().suspect(connection);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        drop(self.connection.take().map(Object::take));
        self.connections.freed.notify_one();
    }
}

/// What is set on every connection before it is used.
fn session_settings(timeout: Duration) -> String {
    let milliseconds = timeout.as_millis();
    format!(
        "SET search_path = {SCHEMA};
         -- The server gives up when we do, whether or not it hears of us.
         SET statement_timeout = {milliseconds};
         SET idle_in_transaction_session_timeout = {milliseconds};
         -- What is set for the user or the database, for programs of another kind, must not end what waits its turn or
         -- lies idle. Not every version has all of these.
         SELECT set_config(name, '0', false)
         FROM unnest(ARRAY['lock_timeout', 'transaction_timeout', 'idle_session_timeout']) AS setting(name)
         WHERE current_setting(name, true) IS NOT NULL;
         -- Whatever the database's default is, a statement that has waited for a row sees what has become of it.
         SET default_transaction_isolation = 'read committed';
         -- It looks whether we are still there while it waits for a lock, where its system can.
         DO $$ BEGIN
             SET client_connection_check_interval = 2000;
         EXCEPTION WHEN invalid_parameter_value THEN NULL;
         END $$;
         -- Every statement has one way to go, by its index, whatever the statistics say of tables that were empty when
         -- they were gathered. So it is planned once.
         SET plan_cache_mode = force_generic_plan;
         SET enable_seqscan = off;
         SET enable_bitmapscan = off;
         SET enable_mergejoin = off;
         SET enable_indexscan = on;
         SET enable_nestloop = on;
         SET jit = off;
         -- A commit is on disk before it is answered. What is stricter or looser about standbys is left as it is.
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
    )
}
