//! What an error of the server means.

use std::error::Error as _;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{WasNull, WrongType};

use super::super::Error;

/// Sorts an error by what an operator would do. `place` is the server and database, for people.
pub fn sort(place: &str, verb: &str, error: &tokio_postgres::Error) -> Error {
    let reason = format!("cannot {verb} {place}: {}", text(error));
    match error.code() {
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => Error::Corrupt { reason },
        Some(&SqlState::DISK_FULL) => Error::unavailable(format!("no space left for {place}")),
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => only_reads(place),
        Some(state) if is_refusal(state) => Error::Refused { reason },
        Some(state) if is_mixed_up(state, &reason) => Error::unavailable(format!(
            "{reason}: a pooler in transaction or statement mode seems to be between; {POOLER_ADVICE}"
        )),
        Some(&SqlState::UNDEFINED_TABLE) => Error::unavailable(format!(
            "{reason}: the tables are gone, or a pooler in transaction or statement mode is between, and this is the session of \
             another client; `inbox check` tells which"
        )),
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

/// What to do about a pooler that gives one session to several clients.
pub const POOLER_ADVICE: &str =
    "connect to the server itself, or set pool_mode=session and leave server_reset_query at DISCARD ALL";

/// Whether a session does not have what was prepared in it, or has what was not: it is not the one that it was.
fn is_mixed_up(state: &SqlState, reason: &str) -> bool {
    let is_prepared = [
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
    ]
    .contains(state);
    // PgBouncer says by this what it does not take in statement mode; the server, that another statement has this name.
    let is_said = *state == SqlState::PROTOCOL_VIOLATION
        && ["pooling mode", "prepared statement"]
            .iter()
            .any(|words| reason.contains(words));
    is_prepared || is_said
}

/// How it is said that there are as many connections as there may be, by the server and by PgBouncer.
const NO_ROOM: [&str; 4] = [
    "(SQLSTATE 53300)",
    "(max_client_conn)",
    "(max_db_client_connections)",
    "(max_user_client_connections)",
];

/// Whether a connection was refused since there are as many as there may be.
pub fn has_no_room(error: &Error) -> bool {
    matches!(error, Error::Unavailable { reason } if NO_ROOM.iter().any(|words| reason.contains(words)))
}

/// As [`sort`], of an error in making a connection.
pub fn sort_connecting(place: &str, error: &tokio_postgres::Error) -> Error {
    match sort(place, "connect to", error) {
        Error::Unavailable { reason } if is_refused_by_pooler(error.code(), &reason) => {
            Error::Refused { reason }
        }
        sorted => sorted,
    }
}

/// Whether PgBouncer does not let us in, and will not by itself. It has one code for all that it says, and for what its
/// server said to it: that this starts, or has no room, or that it has clients enough itself (`max_client_conn`).
fn is_refused_by_pooler(state: Option<&SqlState>, reason: &str) -> bool {
    let refusals = [
        "no such database",
        "no such user",
        "authentication failed",
        "no authentication method",
        "login rejected",
        "SSL required",
        "unsupported startup parameter",
        "bouncer config error",
        "username too long",
        // What it was told by its server.
        "does not exist",
        "no pg_hba.conf entry",
    ];
    state == Some(&SqlState::PROTOCOL_VIOLATION) && refusals.iter().any(|words| reason.contains(words))
}

/// The server takes no writes.
pub fn only_reads(place: &str) -> Error {
    Error::unavailable(format!(
        "{place} only reads: it is a standby, or was made read-only (default_transaction_read_only, of the server, the database or \
         the user)"
    ))
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

/// A value that this program does not write.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotOurs(pub String);
