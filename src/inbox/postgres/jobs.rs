//! What is read of jobs for lists of them.

use tokio_postgres::Error;

use super::super::jobs::{Jobs, MAX_COUNTED, Sought, Word};
use super::super::{Answer, Receipt};
use super::read::{self, Parameters, RECEIPT, receipts_of, rows};
use super::values::bigint;
use super::{Client, PostgresInbox};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};

impl Jobs for PostgresInbox {
    fn words(&self, sought: Sought) -> Answer<'_, Vec<Receipt>> {
        Box::pin(self.read(async move |client| words(client, &sought).await))
    }

    fn each(&self, event_ids: Vec<EventId>) -> Answer<'_, Vec<Vec<Receipt>>> {
        Box::pin(self.read(async move |client| read::jobs(client, &event_ids).await))
    }

    fn open_count(&self, began_before: Option<Timestamp>) -> Answer<'_, u64> {
        Box::pin(self.read(async move |client| {
            let counted = rows(client, OPEN_COUNT, &[&began_before, &(MAX_COUNTED as i64)]).await?;
            Ok(counted[0].try_get::<_, i64>(0)? as u64)
        }))
    }
}

/// How many began before a time, if one is given, of so many, the oldest. The last limit leaves the planner no other way
/// than to look each of them up.
pub const OPEN_COUNT: &str = "
    SELECT count(*) FROM (SELECT seq FROM open_job
                          WHERE seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq LIMIT $2) AS open
    WHERE $1::timestamptz IS NULL
       OR (SELECT received_at FROM receipt WHERE receipt.seq = open.seq LIMIT 1) < $1";

/// From a number on, up to another, so many, of a status, of an event, of a chatbot.
pub fn words_sql() -> String {
    format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq >= $1 AND seq <= $2 AND seq >= (SELECT first_seq FROM state WHERE one)
           AND event_id IS NOT NULL AND ($4::text IS NULL OR status = $4)
           AND ($5::text IS NULL OR event = $5 OR event || '.' || status = $5)
           AND ($6::uuid IS NULL OR chatbot_id = $6)
         ORDER BY seq DESC LIMIT $3"
    )
}

/// From a number on, up to another, so many.
pub fn open_words_sql() -> String {
    format!(
        "SELECT {RECEIPT}
         FROM (SELECT seq FROM open_job
               WHERE seq >= $1 AND seq <= $2 AND seq >= (SELECT first_seq FROM state WHERE one)
               ORDER BY seq DESC LIMIT $3) AS open
         JOIN receipt ON receipt.seq = open.seq ORDER BY receipt.seq DESC"
    )
}

async fn words(client: &Client, sought: &Sought) -> Result<Vec<Receipt>, Error> {
    let (from, until, limit) = (bigint(sought.from), bigint(sought.until), bigint(sought.limit));
    let status = match sought.word {
        Word::Any => None,
        Word::Status(status) => Some(status),
        Word::Open => return receipts_of(client, &open_words_sql(), &[&from, &until, &limit]).await,
    };
    let chatbot_id = sought.chatbot_id.map(ChatbotId::uuid);
    let parameters: Parameters<'_> = &[&from, &until, &limit, &status, &sought.event, &chatbot_id];
    receipts_of(client, &words_sql(), parameters).await
}
