//! What the leader keeps of notices.

use tokio_postgres::Error as PostgresError;

use super::super::super::{Candidate, Error};
use super::super::quarantine::without_nul;
use super::super::read::one;
use super::super::{Client, PostgresInbox};
use super::leader;

/// See [`super::Outbox::notices`].
pub async fn read(client: &Client) -> Result<Option<String>, PostgresError> {
    one(client, "SELECT book FROM notices", &[], |row| row.try_get(0)).await
}

/// See [`super::Outbox::keep_notices`].
pub async fn keep(inbox: &PostgresInbox, candidate: &Candidate, book: &str) -> Result<(), Error> {
    let write = "kept AS (
                     INSERT INTO notices (id, book) SELECT 1, $2 FROM leader
                     ON CONFLICT (id) DO UPDATE SET book = excluded.book
                 )
                 SELECT 1 FROM leader";
    leader::write(inbox, candidate, write, &[&without_nul(book)])
        .await
        .map(drop)
}
