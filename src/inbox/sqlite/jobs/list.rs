//! What is read of jobs for lists of them.

use rusqlite::{Connection, params};

use super::super::super::jobs::{Jobs, MAX_COUNTED, Sought, Word};
use super::super::super::{Answer, Receipt};
use super::super::SqliteInbox;
use super::super::index::Seq;
use super::super::read::{self, RECEIPT, receipt_of_row};
use crate::clock::Timestamp;
use crate::event::EventId;

impl Jobs for SqliteInbox {
    fn words(&self, sought: Sought) -> Answer<'_, Vec<Receipt>> {
        Box::pin(self.read(move |connection, _| words(connection, &sought)))
    }

    fn each(&self, event_ids: Vec<EventId>) -> Answer<'_, Vec<Vec<Receipt>>> {
        Box::pin(self.read(move |connection, index| {
            let jobs = event_ids.into_iter();
            jobs.map(|event_id| read::job(connection, index, event_id))
                .collect()
        }))
    }

    fn open_count(&self, began_before: Option<Timestamp>) -> Answer<'_, u64> {
        Box::pin(self.read(move |connection, _| {
            connection.query_row(OPEN_COUNT, params![began_before, MAX_COUNTED], |row| row.get(0))
        }))
    }
}

/// How many began before a time, if one is given, of so many, the oldest.
pub const OPEN_COUNT: &str = "
    SELECT count(*) FROM (SELECT seq FROM open_job ORDER BY seq LIMIT ?2) AS open
    WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM receipt WHERE receipt.seq = open.seq AND received_at < ?1)";

/// From a number on, up to another, so many, of a status, of an event, of a chatbot.
pub fn words_sql() -> String {
    format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq >= ?1 AND seq <= ?2 AND event_id IS NOT NULL AND (?4 IS NULL OR status = ?4)
           AND (?5 IS NULL OR event = ?5 OR event || '.' || status = ?5) AND (?6 IS NULL OR chatbot_id = ?6)
         ORDER BY seq DESC LIMIT ?3"
    )
}

/// From a number on, up to another, so many.
pub fn open_words_sql() -> String {
    format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq IN (SELECT seq FROM open_job WHERE seq >= ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3)
         ORDER BY seq DESC"
    )
}

fn words(connection: &Connection, sought: &Sought) -> rusqlite::Result<Vec<Receipt>> {
    let (from, until): (Seq, Seq) = (sought.from, sought.until);
    let status = match sought.word {
        Word::Any => None,
        Word::Status(status) => Some(status),
        Word::Open => {
            let mut statement = connection.prepare(&open_words_sql())?;
            let rows = statement.query_map(params![from, until, sought.limit], receipt_of_row)?;
            return rows.collect();
        }
    };
    let chatbot_id = sought.chatbot_id.map(|id| id.uuid().into_bytes());
    let mut statement = connection.prepare(&words_sql())?;
    let rows = statement.query_map(
        params![from, until, sought.limit, status, sought.event, chatbot_id],
        receipt_of_row,
    )?;
    rows.collect()
}
