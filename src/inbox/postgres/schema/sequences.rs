//! The sequences that number rows: which are behind their table, and what sets them.

use super::{Client, SCHEMA, newest};

/// The columns that get their numbers from a sequence, each with its table and the version from which on it is there.
const NUMBERED: [(i32, &str, &str); 2] = [(1, "quarantine", "seq"), (2, "destination", "id")];

/// A sequence that is behind its table: as in a copy by logical replication, which leaves sequences as they were made.
pub struct Behind {
    pub sequence: String,
    /// The greatest number of its table, in SQL.
    query: String,
    /// The table's greatest number.
    pub greatest: i64,
    /// Whether our user may set it.
    is_ours: bool,
}

impl Behind {
    /// What sets it to its table, to be run by a person, who may do so late or twice: it never goes back.
    pub fn setting(&self) -> String {
        let (sequence, query) = (format!("{SCHEMA}.{}", self.sequence), &self.query);
        format!("SELECT setval('{sequence}', greatest(last_value, ({query}))) FROM {sequence}")
    }
}

/// The sequences that are behind in tables of that version. One that our user may not read is passed over.
pub async fn sequences_behind(client: &Client, version: i32) -> Result<Vec<Behind>, tokio_postgres::Error> {
    let mut behind = Vec::new();
    for (_, table, column) in NUMBERED.into_iter().filter(|(since, ..)| *since <= version) {
        let sequence = format!(
            "SELECT sequence::regclass::text, greatest, has_sequence_privilege(sequence, 'UPDATE') FROM (
                 SELECT pg_get_serial_sequence('{SCHEMA}.{table}', '{column}') AS sequence,
                        (SELECT max({column})::bigint FROM {table}) AS greatest) AS held
             WHERE greatest > CASE WHEN has_sequence_privilege(sequence, 'SELECT')
                                   THEN coalesce(pg_sequence_last_value(sequence::regclass), 0) END"
        );
        if let Some(row) = client.query_opt(&sequence, &[]).await? {
            behind.push(Behind {
                sequence: row.try_get(0)?,
                query: format!("SELECT max({column}) FROM {SCHEMA}.{table}"),
                greatest: row.try_get(1)?,
                is_ours: row.try_get(2)?,
            });
        }
    }
    Ok(behind)
}

/// Sets sequences that are behind their table to its greatest number, so that what is put in next does not get one that
/// is taken. Nobody else puts anything in meanwhile, and may have had one before that would be given again.
pub async fn catch_up(client: &Client) -> Result<(), tokio_postgres::Error> {
    if sequences_behind(client, newest()).await?.is_empty() {
        return Ok(());
    }
    client
        .batch_execute("LOCK TABLE quarantine, destination IN SHARE ROW EXCLUSIVE MODE")
        .await?;
    for behind in sequences_behind(client, newest()).await? {
        let (sequence, greatest) = (&behind.sequence, behind.greatest);
        if !behind.is_ours {
            // Notifications are stored all the same. What is refused each time moves it on by one.
            tracing::warn!(
                error.type = "sequence_behind",
                "the sequence {sequence} is behind its table, which has {greatest}, and this user may not set it: what is to be \
                 kept in quarantine, or a new destination, is refused until it has caught up; have its owner run {}",
                behind.setting()
            );
            continue;
        }
        let set = "SELECT setval($1::text::regclass, $2)";
        client.query_one(set, &[sequence, &greatest]).await?;
        tracing::info!(
            "the sequence {sequence} was behind its table, as in a copy by logical replication: it goes on after {greatest} now"
        );
    }
    Ok(())
}
