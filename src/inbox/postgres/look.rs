//! What there is at a location, seen in a moment and without changing it: for an operator, not for the receiver.

use std::time::Duration;

use tokio_postgres::Error as PostgresError;

use super::super::{Error, Page, PageRequest, Quarantined, Settings};
use super::connections::{Connections, Standbys, standbys};
use super::{Client, Location, read, schema};
use crate::clock::Timestamp;

/// What [`look`] saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The server's version, as people write it.
    pub server_version: String,
    /// Why no inbox can be in this database, if none can.
    pub unfit: Option<String>,
    /// What is in it.
    pub tables: Tables,
    /// What people know the receiver by that leads on it, if one does.
    pub leader: Option<String>,
    /// What its user may not do that a receiver has to, if the tables are whole and there is anything: `has no right to …`.
    pub missing_right: Option<String>,
    /// Whether what the server has written is on disk when it says so.
    pub has_fsync: bool,
    /// Whether a page that was half written when the power went is whole again after the next start.
    pub has_full_page_writes: bool,
    /// `synchronous_commit` as it is set for this user and database. The receiver uses it, but for `off`.
    pub synchronous_commit: String,
    /// The standbys that a commit waits for.
    pub standbys: Standbys,
    /// How many connections the server has at most.
    pub max_connections: i64,
    /// How many more this user may open to this database now.
    pub free_connections: i64,
    /// How far our clock is from the server's.
    pub clock_skew: Duration,
    /// The version of TLS that is spoken, if any.
    pub tls: Option<String>,
}

impl Tables {
    /// Refuses those of an older program, which whoever is no receiver leaves as they are: receivers of that program may be at
    /// work, and cannot go on with newer ones.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn refuse_older(&self) -> Result<(), Error> {
        match self {
            Self::Ours { version } if *version < schema::newest() => Err(Error::refused(
                "its tables were made by an older program: start a receiver of this version first, which brings them up to date",
            )),
            _ => Ok(()),
        }
    }
}

/// For how long a commit has waited where no standby is about to confirm it.
const STANDBY_WAIT: Duration = Duration::from_secs(1);

/// The tables of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tables {
    /// There are none yet: the next start makes them.
    Missing,
    /// Those of this program. A start brings them up to date.
    Ours {
        /// Their version.
        version: i32,
    },
    /// Some of this program's.
    Incomplete {
        /// Their version.
        version: i32,
        /// One that is not there.
        missing: String,
    },
    /// Those of a newer program, with which this one cannot run.
    Newer {
        /// Their version.
        version: i32,
    },
}

/// Asks the server about itself and the tables. A receiver may run meanwhile.
///
/// # Errors
/// [`Error::Refused`] if the server does not let us in, or is a pooler that mixes up sessions; [`Error::Unavailable`] if
/// it cannot be reached.
pub async fn look(location: &Location, settings: &Settings) -> Result<Look, Error> {
    refuse_pooler(location, settings).await?;
    connections(location, settings).run("look at", see).await
}

/// Writes to the inbox what `/readyz` writes, too, which changes nothing that is read of it. Where there are no tables
/// yet, begins to make them, and takes that back.
///
/// # Errors
/// Why it takes no writes.
pub async fn try_write(location: &Location, settings: &Settings) -> Result<(), Error> {
    let connections = connections(location, settings);
    connections.run("write to", write).await
}

/// What is kept of notices; `None` if nothing is.
///
/// # Errors
/// As [`look`] has them.
pub async fn kept_notices(location: &Location, settings: &Settings) -> Result<Option<String>, Error> {
    connections(location, settings).run("read", notices).await
}

/// The newest in quarantine, where there are tables.
///
/// # Errors
/// As [`look`] has them.
pub async fn newest_quarantined(
    location: &Location,
    settings: &Settings,
    page: PageRequest,
) -> Result<Page<Quarantined>, Error> {
    let newest = async |client: &Client| read::quarantine(client, page).await;
    connections(location, settings).run("read", newest).await
}

/// Refuses a pooler that mixes up sessions, as a start does. Whatever else is wrong, the next call says too.
///
/// # Errors
/// [`Error::Refused`].
pub async fn refuse_pooler(location: &Location, settings: &Settings) -> Result<(), Error> {
    match connections(location, settings).check_alone().await {
        Err(error @ Error::Refused { .. }) => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}

/// A second one, where the first does not tell all.
fn connections(location: &Location, settings: &Settings) -> Connections {
    let settings = Settings {
        max_connections: 2,
        ..settings.clone()
    };
    Connections::new(location, &settings)
}

async fn see(client: &Client) -> Result<Look, PostgresError> {
    let server = schema::server(client).await?;
    let asked_at = Timestamp::now();
    let time = client.query_one("SELECT clock_timestamp()", &[]).await?;
    let time: Timestamp = time.try_get(0)?;
    // It was then some time between the two; a slow answer is no wrong clock.
    let clock_skew = asked_at.since(time).max(time.since(Timestamp::now()));
    let tables = tables(client).await?;
    let missing_right = match tables {
        Tables::Ours { version } => schema::missing_right(client, version).await?,
        Tables::Missing | Tables::Incomplete { .. } | Tables::Newer { .. } => None,
    };
    let leader = match (&tables, &missing_right) {
        (Tables::Ours { .. }, None) => leader(client).await?,
        _ => None,
    };
    let standbys = standbys(client, STANDBY_WAIT).await?;
    // What is counted is visible to every user. This connection is not one of those that are in the way.
    let row = client
        .query_one(
            "SELECT current_setting('full_page_writes') = 'on',
                    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'),
                    (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl),
                    current_setting('max_connections')::bigint,
                    1 + least(
                        current_setting('max_connections')::bigint
                            - current_setting('superuser_reserved_connections')::bigint
                            - coalesce(current_setting('reserved_connections', true)::bigint, 0)
                            - (SELECT sum(numbackends)::bigint FROM pg_stat_database),
                        (SELECT datconnlimit - pg_stat_get_db_numbackends(oid) FROM pg_database
                         WHERE datname = current_database() AND datconnlimit >= 0),
                        (SELECT rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = rolname)
                         FROM pg_roles WHERE rolname = session_user AND rolconnlimit >= 0))",
            &[],
        )
        .await?;
    Ok(Look {
        server_version: server.version,
        unfit: server.unfit,
        tables,
        leader,
        missing_right,
        standbys,
        has_fsync: server.has_fsync,
        has_full_page_writes: row.try_get(0)?,
        synchronous_commit: row.try_get(1)?,
        clock_skew,
        tls: row.try_get(2)?,
        max_connections: row.try_get(3)?,
        free_connections: row.try_get::<_, i64>(4)?.max(0),
    })
}

async fn leader(client: &Client) -> Result<Option<String>, PostgresError> {
    let lease = "SELECT name FROM lease WHERE until >= clock_timestamp()";
    let row = client.query_opt(lease, &[]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

async fn tables(client: &Client) -> Result<Tables, PostgresError> {
    let Some((version, runs_from)) = schema::version(client).await? else {
        return Ok(Tables::Missing);
    };
    if runs_from > schema::newest() {
        return Ok(Tables::Newer { version });
    }
    let missing = schema::missing_table(client, version).await?;
    Ok(
        missing.map_or(Tables::Ours { version }, |missing| Tables::Incomplete {
            version,
            missing,
        }),
    )
}

async fn notices(client: &Client) -> Result<Option<String>, PostgresError> {
    let is_there = client
        .query_one("SELECT to_regclass('notices') IS NOT NULL", &[])
        .await?;
    // The next start brings its tables up to date.
    if !is_there.try_get(0)? {
        return Ok(None);
    }
    let kept = client.query_opt("SELECT book FROM notices", &[]).await?;
    kept.map(|row| row.try_get(0)).transpose()
}

async fn write(client: &Client) -> Result<(), PostgresError> {
    if schema::version(client).await?.is_some() {
        return client.batch_execute(schema::PROBE).await;
    }
    client.batch_execute(&schema::begin("")).await?;
    schema::make_schema(client).await?;
    client
        .batch_execute("CREATE TABLE doctor (seq bigint); INSERT INTO doctor VALUES (1); ROLLBACK")
        .await
}
