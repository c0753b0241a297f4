//! Connections to the server: how many, how they are set, and what an error on one means.

use std::error::Error as _;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{WasNull, WrongType};

use super::super::{Error, Settings};
use super::location::Location;
use super::read::NotOurs;
use super::schema::SCHEMA;
use super::{closed, tls};

/// A connection, with the statements that were prepared on it.
pub type Client = deadpool_postgres::ClientWrapper;

/// The way to the server.
pub struct Connections {
    pool: Pool,
    /// Which server and database, for people.
    place: String,
    /// How long a call may take.
    timeout: Duration,
}

impl Connections {
    /// Opens none yet.
    pub fn new(location: &Location, settings: &Settings) -> Result<Self, Error> {
        let manager = Manager::from_config(
            location.config().clone(),
            tls::connector(location)?,
            ManagerConfig {
                // Whether it has been closed; a test query would be one more round trip for each batch.
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.max_connections)
            .wait_timeout(Some(settings.timeout))
            .create_timeout(Some(settings.timeout))
            .recycle_timeout(Some(settings.timeout))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn({
                let prepare = session_settings(settings.timeout);
                move |client: &mut Client, _| {
                    let prepare = prepare.clone();
                    Box::pin(async move { client.batch_execute(&prepare).await.map_err(HookError::Backend) })
                }
            }))
            .build()
            .expect("a runtime is named");
        Ok(Self {
            pool,
            place: location.shown(),
            timeout: settings.timeout,
        })
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
        let done = tokio::time::timeout(self.timeout, async {
            let client = self.pool.get().await.map_err(|error| self.no_connection(error))?;
            let lent = Lent(Some(client));
            let done = work(lent.client()).await;
            let done = done.map_err(|error| self.sort(verb, &error))?;
            lent.give_back();
            Ok(done)
        });
        done.await.unwrap_or_else(|_| {
            let (place, seconds) = (&self.place, self.timeout.as_secs_f64());
            Err(Error::Unavailable {
                reason: format!("{place} did not answer within {seconds} s"),
            })
        })
    }

    /// Closes all connections. Those in use end with what they do.
    pub fn close(&self) -> Result<(), Error> {
        if self.pool.is_closed() {
            return Err(closed());
        }
        self.pool.close();
        Ok(())
    }

    fn no_connection(&self, error: PoolError) -> Error {
        let place = &self.place;
        let seconds = self.timeout.as_secs_f64();
        let reason = match error {
            PoolError::Backend(error) => return self.sort("connect to", &error),
            PoolError::PostCreateHook(HookError::Backend(error)) => {
                return self.sort("prepare a connection to", &error);
            }
            PoolError::Closed => return closed(),
            PoolError::Timeout(TimeoutType::Wait) => format!(
                "all {} connections to {place} have been in use for {seconds} s",
                self.pool.status().max_size
            ),
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                format!("{place} did not take a connection within {seconds} s")
            }
            error @ (PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                format!("cannot connect to {place}: {error}")
            }
        };
        Error::Unavailable { reason }
    }

    /// Sorts an error by what an operator would do.
    fn sort(&self, verb: &str, error: &tokio_postgres::Error) -> Error {
        let place = &self.place;
        let reason = format!("cannot {verb} {place}: {}", text(error));
        let only_reads = Error::Unavailable {
            reason: format!("{place} only reads: it is a standby, or was made read-only"),
        };
        match error.code() {
            Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => Error::Corrupt { reason },
            Some(&SqlState::DISK_FULL) => Error::Unavailable {
                reason: format!("no space left for {place}"),
            },
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => only_reads,
            Some(state) if is_refusal(state) => Error::Refused { reason },
            // The same, found out when connecting: `target_session_attrs` asks for one that writes.
            None if reason.ends_with("database does not allow writes") => only_reads,
            // The server asks for a password, and the location has none.
            None if reason.ends_with("password missing") => Error::Refused { reason },
            Some(_) => Error::Unavailable { reason },
            // What the server sent is not what this program's tables hold.
            None if error.source().is_some_and(|source| {
                source.is::<WrongType>() || source.is::<WasNull>() || source.is::<NotOurs>()
            }) =>
            {
                Error::Corrupt { reason }
            }
            None => Error::Unavailable { reason },
        }
    }
}

/// A connection in use.
struct Lent(Option<Object>);

impl Lent {
    fn client(&self) -> &Client {
        self.0.as_ref().expect("it is given back at the end")
    }

    /// Back into the pool.
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Out of the pool, and closed.
        drop(self.0.take().map(Object::take));
    }
}

/// What an error says, with what it does not say itself.
pub fn text(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Whether an error says that one of the rows cannot be stored, and nothing of the server: what was sent is not what
/// the tables take, in some way that nobody thought of.
pub fn concerns_one_row(error: &tokio_postgres::Error) -> bool {
    // Data exceptions, violated constraints, and limits of a row's size.
    error
        .code()
        .is_some_and(|state| ["22", "23", "54"].contains(&&state.code()[..2]))
}

/// Whether the server does not let us in, or not to what we need: an unknown user, a wrong password, a database that is
/// not there, a right that was not granted.
fn is_refusal(state: &SqlState) -> bool {
    state.code().starts_with("28")
        || [SqlState::INVALID_CATALOG_NAME, SqlState::INSUFFICIENT_PRIVILEGE].contains(state)
}

/// What is set on every connection before it is used.
fn session_settings(timeout: Duration) -> String {
    let milliseconds = timeout.as_millis();
    format!(
        "SET search_path = {SCHEMA};
         -- The server gives up when we do, whether or not it hears of us.
         SET statement_timeout = {milliseconds};
         SET idle_in_transaction_session_timeout = {milliseconds};
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
         SET jit = off;
         -- A commit is on disk before it is answered. What is stricter or looser about standbys is left as it is.
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
    )
}
