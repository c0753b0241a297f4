//! The state of the tables, and what brings them up to date.
//!
//! Receivers of two versions run side by side while one replaces the other, so a migration first expands: it leaves
//! what the version before it reads and writes as that expects it. What nobody uses any more is taken away by a later
//! one. Each states the oldest version of the tables whose programs can run beside it.

mod sequences;

use std::mem;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::error::SqlState;

use super::super::{Error, NEWER_ADVICE};
use super::Client;
use super::error::text;
use sequences::catch_up;
pub use sequences::{Behind, sequences_behind};

/// Where the tables are, so that they get into nobody's way in a database with other tables.
pub const SCHEMA: &str = "caigunn_webhook";

/// "CGWH" in the upper half of the 64 bits that name an advisory lock: other programs use other ones.
const LOCKS: i64 = 0x4347_5748 << 32;

/// Whoever appends has it. One name for ever, also when the tables are put back from a backup while receivers run.
const APPEND_LOCK: i64 = LOCKS | 0xffff_ffff;

/// PostgreSQL 14, as the server numbers it: the oldest that its makers keep up at the time of writing, and the first
/// with `client_connection_check_interval`.
const MIN_SERVER_VERSION: i32 = 140_000;

/// Numbered from 1, forward only, each with the oldest version whose programs can run with the tables as it leaves them.
/// Never change one that was released: add another.
const MIGRATIONS: [(&str, i32); 9] = [
    (include_str!("../../../migrations/postgres/0001_inbox.sql"), 1),
    (include_str!("../../../migrations/postgres/0002_outbox.sql"), 1),
    (include_str!("../../../migrations/postgres/0003_way_out.sql"), 1),
    (include_str!("../../../migrations/postgres/0004_replays.sql"), 1),
    (
        include_str!("../../../migrations/postgres/0005_plain_receipts.sql"),
        5,
    ),
    (include_str!("../../../migrations/postgres/0006_notices.sql"), 5),
    (include_str!("../../../migrations/postgres/0007_traces.sql"), 5),
    (
        include_str!("../../../migrations/postgres/0008_first_attempts.sql"),
        5,
    ),
    (include_str!("../../../migrations/postgres/0009_collation.sql"), 5),
];

/// Writes what shows that the store takes writes.
pub const PROBE: &str = "UPDATE state SET probed_at = now() WHERE one";

/// The tables that this program reads and writes, each with the version from which on it is there.
const TABLES: [(i32, &str); 13] = [
    (1, "state"),
    (1, "receipt"),
    (1, "latest"),
    (1, "open_job"),
    (1, "quarantine"),
    (1, "quarantine_totals"),
    (1, "lease"),
    (2, "destination"),
    (2, "delivery"),
    (2, "attempt"),
    (2, "instruction"),
    (3, "dead_letters"),
    (6, "notices"),
];

/// The first step with which programs before it cannot go on.
const FIRST_ALONE: i32 = 5;

/// A step waits for no table longer than that, since all who come after it wait behind it.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";

/// Until a step that was held up is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// Which versions the tables have had.
const MIGRATION_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS migration (
        version    integer     PRIMARY KEY, -- of the tables
        runs_from  integer     NOT NULL,    -- the oldest version whose programs can run with them
        applied_at timestamptz NOT NULL DEFAULT now()
    )";

/// What is to be known of a server before its tables.
pub struct Server {
    /// As people write it.
    pub version: String,
    /// Why no inbox can be in this database, if none can.
    pub unfit: Option<String>,
    /// Whether what it has written is on disk when it says so.
    pub has_fsync: bool,
}

/// Asks the server what it is.
pub async fn server(client: &Client) -> Result<Server, tokio_postgres::Error> {
    let server = client
        .query_one(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                    current_setting('server_encoding'), current_setting('fsync') = 'on'",
            &[],
        )
        .await?;
    let (number, version): (i32, String) = (server.try_get(0)?, server.try_get(1)?);
    let encoding: &str = server.try_get(2)?;
    let unfit = if number < MIN_SERVER_VERSION {
        Some(format!(
            "the server is PostgreSQL {version}, and this needs 14 or newer"
        ))
    } else if encoding != "UTF8" {
        Some(format!(
            "the database's encoding is {encoding}, and this needs UTF8"
        ))
    } else {
        None
    };
    Ok(Server {
        version,
        unfit,
        has_fsync: server.try_get(3)?,
    })
}

/// Whether a connection has a session of the server's for itself. Behind a pooler that gives one to whoever sends the
/// next statement, what is set and prepared on one connection reaches another.
pub async fn is_alone(client: &Client, other: &Client) -> Result<bool, tokio_postgres::Error> {
    let mark = uuid::Uuid::new_v4();
    client
        .batch_execute(&format!("SET caigunn_webhook.mark = '{mark}'"))
        .await?;
    let mark_of = async |client: &Client| {
        let mark = "SELECT current_setting('caigunn_webhook.mark', true)";
        let row = client.query_typed_one(mark, &[]).await?;
        row.try_get::<_, Option<String>>(0)
    };
    let mark = Some(mark.to_string());
    // The session that was used last is the first to be given to another one.
    if mark_of(other).await? == mark {
        return Ok(false);
    }
    // Or the other one has it for as long as it is in a transaction, and this one gets another.
    match other.batch_execute("BEGIN").await {
        // One that gives a session for a statement takes no transactions.
        Err(error) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => return Ok(false),
        begun => begun?,
    }
    let of_other = mark_of(other).await?;
    let own = mark_of(client).await?;
    other.batch_execute("ROLLBACK").await?;
    Ok(of_other != mark && own == mark)
}

/// Makes the tables, or brings them up to date, unless they are. That may take minutes where there are some that are
/// older: all receipts may have to be copied, or another receiver waited for that does so.
pub async fn prepare(client: &Client, are_older: bool) -> Result<Result<(), Error>, tokio_postgres::Error> {
    let server = server(client).await?;
    if let Some(reason) = server.unfit {
        return Ok(Err(Error::refused(reason)));
    }
    if !server.has_fsync {
        tracing::warn!(
            error.type = "no_fsync",
            "the server has fsync turned off: what is answered with 200 may be lost when it loses power; turn it on"
        );
    }
    let setting = if are_older {
        "SET LOCAL statement_timeout = 0"
    } else {
        ""
    };
    let mut is_said = false;
    loop {
        client.batch_execute(&begin(setting)).await?;
        let done = match step(client).await {
            Err(error) if is_held_up(&error) => {
                if !mem::replace(&mut is_said, true) {
                    tracing::info!(
                        "bringing the inbox's tables up to date waits for a session that reads or writes them for long, such as \
                         pg_dump: {}",
                        text(&error)
                    );
                }
                client.batch_execute("ROLLBACK").await?;
                sleep(PAUSE).await;
                continue;
            }
            done => done?,
        };
        client.batch_execute("COMMIT").await?;
        if let ControlFlow::Break(end) = done {
            return Ok(end);
        }
    }
}

/// Whether somebody reads or writes for long what a step changes.
fn is_held_up(error: &tokio_postgres::Error) -> bool {
    let held_up = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| held_up.contains(code))
}

/// Whether there are tables of a program before this one.
pub async fn are_older(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let version = version(client).await?;
    Ok(version.is_some_and(|(version, _)| version < newest()))
}

/// Begins a transaction that appends. Whatever the database's default is, each statement must see what was committed before
/// it.
pub fn begin_append() -> String {
    format!("BEGIN ISOLATION LEVEL READ COMMITTED; {}", lock_append())
}

/// Waits until nobody else appends.
pub fn lock_append() -> String {
    format!("SELECT pg_advisory_xact_lock({APPEND_LOCK})")
}

/// The version of the tables, and the oldest whose programs can run with them; `None` if there are none.
pub async fn version(client: &Client) -> Result<Option<(i32, i32)>, tokio_postgres::Error> {
    let table = "SELECT to_regclass($1) IS NOT NULL";
    let table = client.query_one(table, &[&format!("{SCHEMA}.migration")]).await?;
    if !table.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let latest = "SELECT version, runs_from FROM migration ORDER BY version DESC LIMIT 1";
    let latest = client.query_opt(latest, &[]).await?;
    latest
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .transpose()
}

/// A table that should be there by that version, and is not, if there is one.
pub async fn missing_table(client: &Client, version: i32) -> Result<Option<String>, tokio_postgres::Error> {
    let missing = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass($2::text || '.' || name) IS NULL LIMIT 1";
    let missing = client.query_opt(missing, &[&tables_of(version), &SCHEMA]).await?;
    missing.map(|row| row.try_get(0)).transpose()
}

/// What our user may not do that a receiver has to, in tables of that version which are all there; nothing if there is
/// nothing. Those of a program before this one it has to change, too.
pub async fn missing_right(client: &Client, version: i32) -> Result<Option<String>, tokio_postgres::Error> {
    let missing = "
        SELECT 'has no right to ' || privilege || ' on the table ' || name
        FROM unnest($1::text[]) AS name, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
        WHERE NOT has_table_privilege($2::text || '.' || name, privilege)
        UNION ALL
        SELECT 'does not own the table ' || name || ', which is to be brought up to date'
        FROM unnest($1::text[]) AS name JOIN pg_class ON pg_class.oid = ($2 || '.' || name)::regclass
        WHERE $3::bool AND NOT pg_has_role(relowner, 'USAGE')
        UNION ALL
        SELECT 'has no right to CREATE tables in the schema, which are to be brought up to date'
        WHERE $3 AND NOT has_schema_privilege($2, 'CREATE')
        LIMIT 1";
    let missing = client
        .query_opt(missing, &[&tables_of(version), &SCHEMA, &(version < newest())])
        .await?;
    missing.map(|row| row.try_get(0)).transpose()
}

fn tables_of(version: i32) -> Vec<&'static str> {
    let tables = TABLES.into_iter().filter(|(since, _)| *since <= version);
    tables.map(|(_, name)| name).collect()
}

/// The version of the tables that this program makes.
pub fn newest() -> i32 {
    MIGRATIONS.len() as i32
}

/// Begins a transaction that makes tables, of which a setting holds. Receivers that start together come here one after the
/// other.
pub fn begin(setting: &str) -> String {
    format!("BEGIN ISOLATION LEVEL READ COMMITTED; {setting}; SELECT pg_advisory_xact_lock({LOCKS})")
}

/// Makes what the tables are in, unless it is there.
pub async fn make_schema(client: &Client) -> Result<(), tokio_postgres::Error> {
    // To make one that is there already takes a right that this program's user need not have.
    let has_schema = client
        .query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&SCHEMA])
        .await?;
    if has_schema.try_get(0)? {
        return Ok(());
    }
    client.batch_execute(&format!("CREATE SCHEMA {SCHEMA}")).await
}

/// Applies the next step that is missing: alone, so that what it has locked is free again while a later one copies receipts; or
/// with all that are left, from that later one on, so that no receiver is without tables that it can go on with before others can.
/// Says how that ends once there is none left, or these tables are not for this program.
async fn step(client: &Client) -> Result<ControlFlow<Result<(), Error>>, tokio_postgres::Error> {
    make_schema(client).await?;
    let known = version(client).await?;
    if known.is_none() {
        // To make one that is there already takes a right, too.
        client.batch_execute(MIGRATION_TABLE).await?;
    }
    let (version, runs_from) = known.unwrap_or_default();
    let is_alone = known.is_some() && version + 1 < FIRST_ALONE;
    let count = if is_alone { 1 } else { MIGRATIONS.len() };
    let newest = newest();
    if runs_from > newest {
        return Ok(ControlFlow::Break(Err(Error::refused(format!(
            "a newer program has brought its tables to version {version}, with which programs can run that know \
             {runs_from} or a later one; this one knows up to {newest}; {NEWER_ADVICE}"
        )))));
    }
    let missing = (1..).zip(&MIGRATIONS).filter(|(number, _)| *number > version);
    let mut reached = version;
    for (number, (sql, runs_from)) in missing.take(count) {
        client.batch_execute(LOCK_TIMEOUT).await?;
        client.batch_execute(sql).await?;
        client
            .execute(
                "INSERT INTO migration (version, runs_from) VALUES ($1, $2)",
                &[&number, runs_from],
            )
            .await?;
        reached = number;
    }
    if reached < newest {
        return Ok(ControlFlow::Continue(()));
    }
    catch_up(client).await?;
    Ok(ControlFlow::Break(Ok(())))
}
