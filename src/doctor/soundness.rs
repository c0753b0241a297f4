//! Whether an inbox is sound, found out by reading all of it.

use std::fs;
use std::path::{self, Path};

use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::config::InboxLocation;
use crate::inbox::{Error, NEWER_ADVICE, Settings, postgres, sqlite};

/// What is looked at.
pub const CHECK: &str = "inbox";

/// How an inbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// An inbox without damage.
    Sound,
    /// There is none yet.
    Missing,
    /// It is a newer program's.
    Newer,
    /// The log beside the file is another one's.
    ForeignLog,
    /// It is something else.
    Foreign,
    /// It is damaged.
    Damaged,
    /// It cannot be read.
    Unreadable,
}

/// What was found of an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Soundness {
    /// `sqlite` or `postgres`.
    pub kind: &'static str,
    /// How it is.
    pub condition: Condition,
    /// The version of its tables, if it is known.
    pub tables_version: Option<u64>,
    /// How many receipts it holds, if it is sound.
    pub receipt_count: Option<u64>,
    /// What was seen.
    pub found: String,
    /// What to do about it; `None` where it is sound.
    pub advice: Option<String>,
    /// What takes the damage out of it, if that is known, whatever it is.
    #[serde(skip)]
    mend: Option<String>,
}

impl Soundness {
    /// What to do about it where it is not the configured one, such as a backup: no receiver is to be stopped, and nothing set.
    fn advice_of_another(&self, location: &InboxLocation) -> Option<String> {
        let advice = self.advice.as_ref()?;
        let another = match location {
            InboxLocation::Sqlite(_) => "make another (`caigunn-webhook inbox backup FILE`) or name another",
            InboxLocation::Postgres(_) => {
                "make another (`caigunn-webhook inbox copy`, `pg_dump`) or name another"
            }
        };
        Some(match self.condition {
            Condition::Sound => return None,
            Condition::Missing => {
                "see that the URL is right; a path is relative to the folder where this runs".to_owned()
            }
            Condition::Newer => "have the newer program look at it".to_owned(),
            Condition::ForeignLog | Condition::Foreign | Condition::Damaged => match &self.mend {
                Some(mend) => {
                    format!("this copy is of no use: {another}, or take the damage out of it: {mend}")
                }
                None => format!("this copy is of no use: {another}"),
            },
            // Of files it says nothing of settings.
            Condition::Unreadable => advice.replace("CAIGUNN_INBOX_URL", "the URL"),
        })
    }
}

/// Reads all of an inbox: a second for each GiB of a file and one for each million receipts, minutes where a database holds millions of receipts. Changes
/// nothing; a receiver may run meanwhile. What is to be done about one that is not the configured one is another thing.
pub async fn soundness(
    location: &InboxLocation,
    configured: &InboxLocation,
    settings: &Settings,
) -> Soundness {
    let found = of_any(location, settings).await;
    if is_same(location, configured) {
        return found;
    }
    let advice = found.advice_of_another(location);
    Soundness {
        advice: advice
            .map(|advice| format!("{advice}; of the configured inbox, {configured}, this says nothing")),
        found: match found.condition {
            Condition::Missing => format!("there is no inbox at {location}"),
            _ => found.found,
        },
        ..found
    }
}

/// Whether both are one inbox, whatever path leads to its file.
fn is_same(one: &InboxLocation, other: &InboxLocation) -> bool {
    let whole = |path| fs::canonicalize(path).or_else(|_| path::absolute(path)).ok();
    match (one, other) {
        (InboxLocation::Sqlite(one), InboxLocation::Sqlite(other)) => whole(one) == whole(other),
        (one, other) => one == other,
    }
}

async fn of_any(location: &InboxLocation, settings: &Settings) -> Soundness {
    match location {
        InboxLocation::Sqlite(path) => {
            let path = path.clone();
            let checked = spawn_blocking(move || of_file(&path)).await;
            checked.unwrap_or_else(|error| {
                let found = format!("it could not be examined: {error}");
                unsound("sqlite", Condition::Unreadable, found, "report this as a bug")
            })
        }
        InboxLocation::Postgres(location) => of_database(location, settings).await,
    }
}

/// As [`soundness`], of a file.
pub fn of_file(path: &Path) -> Soundness {
    const KIND: &str = "sqlite";
    let shown = path.display();
    match sqlite::check(path) {
        Ok(sqlite::Check::Missing) => missing(
            KIND,
            format!("{shown} does not exist yet; the first start makes it"),
        ),
        Ok(sqlite::Check::Sound { version: 0, .. }) => {
            missing(KIND, format!("{shown} is empty yet; the first start fills it"))
        }
        Ok(sqlite::Check::Sound {
            version,
            receipt_count,
        }) => sound(KIND, version as u64, receipt_count, &shown.to_string()),
        Ok(sqlite::Check::Newer { reason }) => unsound(KIND, Condition::Newer, reason, NEWER_ADVICE),
        Ok(sqlite::Check::ForeignLog(flaw)) => unsound(KIND, Condition::ForeignLog, flaw.found, flaw.advice),
        Ok(sqlite::Check::Unusable(flaw)) => unsound(KIND, Condition::Unreadable, flaw.found, flaw.advice),
        Ok(sqlite::Check::DamagedRows { reason, advice, mend }) => Soundness {
            mend: Some(mend),
            ..unsound(
                KIND,
                Condition::Damaged,
                format!("it is damaged: {reason}"),
                advice,
            )
        },
        Ok(sqlite::Check::Foreign { reason }) => unsound(
            KIND,
            Condition::Foreign,
            format!("it is no inbox: {reason}"),
            sqlite::FOREIGN_ADVICE,
        ),
        Err(Error::Corrupt { reason }) => unsound(
            KIND,
            Condition::Damaged,
            format!("it is damaged: {reason}"),
            format!(
                "stop the receiver and restore a backup (`caigunn-webhook inbox restore COPY`), which keeps {shown} and \
                 its log under another name; what can be read of a damaged file, `sqlite3 FILE .dump` prints as SQL, and more of it \
                 `.recover`, where that sqlite3 has it (Debian 12's has not)"
            ),
        ),
        Err(error) => {
            let (found, advice) = match sqlite::obstacle(path, sqlite::Wanted::Reading) {
                Some(obstacle) => (obstacle.found, obstacle.advice),
                None => (
                    reason_of(error),
                    format!(
                        "see that {shown} is a file that the user that the receiver runs as can read, that no other program \
                         keeps it to itself, and that the disk can be read (the kernel's log says if not)"
                    ),
                ),
            };
            unsound(KIND, Condition::Unreadable, found, advice)
        }
    }
}

async fn of_database(location: &postgres::Location, settings: &Settings) -> Soundness {
    const KIND: &str = "postgres";
    let shown = location.shown();
    match postgres::check(location, settings).await {
        Ok(postgres::Check::Missing) => missing(
            KIND,
            format!("{shown} has no tables of an inbox yet; the first start makes them"),
        ),
        Ok(postgres::Check::Sound {
            version,
            receipt_count,
        }) => sound(KIND, version.unsigned_abs().into(), receipt_count, &shown),
        Ok(postgres::Check::Newer { version }) => Soundness {
            tables_version: Some(version.unsigned_abs().into()),
            ..unsound(KIND, Condition::Newer, newer(&shown, version), NEWER_ADVICE)
        },
        Ok(postgres::Check::Unfit { reason }) => {
            unsound(KIND, Condition::Foreign, unfit(&shown, &reason), UNFIT_ADVICE)
        }
        Ok(postgres::Check::Uneven { reason, advice }) => unsound(
            KIND,
            Condition::Damaged,
            format!("{shown} does not fit together: {reason}"),
            advice,
        ),
        Err(Error::Corrupt { reason }) => unsound(
            KIND,
            Condition::Damaged,
            format!("it is damaged: {reason}"),
            "stop the receivers, keep a copy (`pg_dump --schema=caigunn_webhook`), and put a backup back with \
             `pg_restore` or `psql`; then look for what wrote to the tables, or for what is wrong with the server's disk",
        ),
        Err(error) => {
            let advice = opening_advice(&error);
            unsound(KIND, Condition::Unreadable, reason_of(error), advice)
        }
    }
}

/// That the tables are those of a newer program.
pub fn newer(shown: &str, version: i32) -> String {
    format!("{shown} is the inbox of a newer program, which has brought its tables to version {version}")
}

/// That no inbox can be in a database.
pub fn unfit(shown: &str, reason: &str) -> String {
    format!("there can be no inbox at {shown}: {reason}")
}

/// What to do about such a database.
pub const UNFIT_ADVICE: &str = "set CAIGUNN_INBOX_URL to a database of a server of PostgreSQL 14 or newer that was made with ENCODING 'UTF8'";

/// What to do about a pooler that mixes up sessions, of which the reason says how else it is to be set.
const POOLER_ADVICE: &str = "name the server itself in CAIGUNN_INBOX_URL, or have the pooler give each client a session of its own; with the \
                             pooler as it is no receiver starts, and one that runs fails now and then";

/// What to do where there are not enough connections.
pub const CONNECTIONS_ADVICE: &str = "raise max_connections of the server (or the limit of the user, the database or the pooler), or lower \
                                      CAIGUNN_INBOX_MAX_CONNECTIONS; while one receiver replaces another, both have theirs";

/// What to do about a server that could not be asked.
pub fn opening_advice(error: &Error) -> &'static str {
    match error {
        Error::Unavailable { reason } | Error::Refused { reason } if reason.contains("pool_mode=session") => {
            POOLER_ADVICE
        }
        error if postgres::has_no_room(error) => CONNECTIONS_ADVICE,
        Error::Unavailable { reason }
            if ["certificate", "sslrootcert", "sslcert", "sslkey"]
                .iter()
                .any(|word| reason.contains(word)) =>
        {
            "see that sslrootcert in CAIGUNN_INBOX_URL names a file with the certificate of the authority that has signed the \
             server's (without it the system's list counts), that the host is written as in that certificate, and that the files of \
             sslcert and sslkey, if they are given, can be read"
        }
        Error::Refused { .. } => {
            "see that user, password and database in CAIGUNN_INBOX_URL are right, that the server's pg_hba.conf lets \
             that user in from here, and that it has the rights to the schema caigunn_webhook"
        }
        Error::Corrupt { .. } => {
            "see that the schema caigunn_webhook has the tables of this program, and nobody else's"
        }
        Error::Full { .. }
        | Error::Unavailable { .. }
        | Error::InUse { .. }
        | Error::Timeout { .. }
        | Error::NotLeader => {
            "see that the server runs, can be reached from here and takes writes, and that host, port and sslmode in \
             CAIGUNN_INBOX_URL are right"
        }
    }
}

fn sound(kind: &'static str, tables_version: u64, receipt_count: u64, shown: &str) -> Soundness {
    Soundness {
        kind,
        condition: Condition::Sound,
        tables_version: Some(tables_version),
        receipt_count: Some(receipt_count),
        found: format!("{shown} is sound; receipts in it: {receipt_count}"),
        advice: None,
        mend: None,
    }
}

fn missing(kind: &'static str, found: String) -> Soundness {
    let advice = "if there should be an inbox, see that CAIGUNN_INBOX_URL is the receiver's, and that this runs in its \
                  folder";
    unsound(kind, Condition::Missing, found, advice)
}

fn unsound(kind: &'static str, condition: Condition, found: String, advice: impl Into<String>) -> Soundness {
    Soundness {
        kind,
        condition,
        tables_version: None,
        receipt_count: None,
        found,
        advice: Some(advice.into()),
        mend: None,
    }
}

/// What is wrong, without the words that are for whoever does not know that it is about the inbox.
pub fn reason_of(error: Error) -> String {
    match error {
        Error::Unavailable { reason }
        | Error::Refused { reason }
        | Error::InUse { reason }
        | Error::Corrupt { reason } => reason,
        error @ (Error::Full { .. } | Error::Timeout { .. } | Error::NotLeader) => error.to_string(),
    }
}
