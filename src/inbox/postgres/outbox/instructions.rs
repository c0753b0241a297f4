//! What operators asked the leader to do.

use tokio_postgres::{Error as PostgresError, Row};

use super::super::super::outbox::{Instruction, InstructionId, MAX_DONE_INSTRUCTIONS, NOTHING_LEFT};
use super::super::super::{Candidate, Error};
use super::super::Client;
use super::super::PostgresInbox;
use super::super::clock::Ahead;
use super::super::quarantine::without_nul;
use super::super::read::{Parameters, execute, one, rows};
use super::super::values::bigint;
use super::leader;

const INSTRUCTION: &str = "id, created_at, body, progress, done_at, clock_timestamp()";

/// See [`super::Outbox::instruct`]. Whoever is not told that it is kept may say it again.
pub async fn instruct(client: &Client, instruction: &Instruction) -> Result<(), PostgresError> {
    // Where the clocks differ, the server's alone, which says of two wishes which was the later one: how far they are apart comes out
    // a little different each time.
    let is_same = Ahead::read(client).await?.is_none();
    let created_at = is_same.then_some(instruction.created_at);
    let put_in = "INSERT INTO instruction (id, created_at, body, progress, done_at)
                  VALUES ($1, coalesce($2, clock_timestamp()), $3, $4, $5)
                  ON CONFLICT (id) DO NOTHING";
    let parameters: Parameters<'_> = &[
        &instruction.id.uuid(),
        &created_at,
        &without_nul(&instruction.body),
        &without_nul(&instruction.progress),
        &instruction.done_at,
    ];
    execute(client, put_in, parameters).await.map(drop)
}

/// See [`super::Outbox::instruction`].
pub async fn find(client: &Client, id: InstructionId) -> Result<Option<Instruction>, PostgresError> {
    let sql = format!("SELECT {INSTRUCTION} FROM instruction WHERE id = $1");
    one(client, &sql, &[&id.uuid()], instruction_of_row).await
}

/// See [`super::Outbox::open_instructions`]. Ids go by the clocks of the receivers that were asked, times here by the server's.
pub async fn open(client: &Client, limit: usize) -> Result<Vec<Instruction>, PostgresError> {
    list(client, "WHERE done_at IS NULL ORDER BY created_at, id", limit).await
}

/// See [`super::Outbox::instructions`].
pub async fn latest(client: &Client, limit: usize) -> Result<Vec<Instruction>, PostgresError> {
    list(client, "ORDER BY id DESC", limit).await
}

/// See [`super::Outbox::follow_up`].
pub async fn follow_up(
    inbox: &PostgresInbox,
    candidate: &Candidate,
    instruction: &Instruction,
) -> Result<(), Error> {
    let write = "followed AS (
                     UPDATE instruction SET progress = $3, done_at = $4 FROM leader
                     WHERE id = $2 AND (done_at IS NULL OR done_at = $4)
                 )
                 SELECT 1 FROM leader";
    let progress = without_nul(&instruction.progress);
    leader::write(
        inbox,
        candidate,
        write,
        &[&instruction.id.uuid(), &progress, &instruction.done_at],
    )
    .await?;
    if instruction.done_at.is_none() {
        return Ok(());
    }
    // Only now is this one among those that are done.
    let evict = "evicted AS (
                     DELETE FROM instruction USING leader
                     WHERE done_at IS NOT NULL AND id <> $2
                       AND (progress = $3 OR (done_at, id) <= (
                           SELECT done_at, id FROM instruction WHERE done_at IS NOT NULL AND progress <> $3
                           ORDER BY done_at DESC, id DESC OFFSET $4 LIMIT 1))
                 )
                 SELECT 1 FROM leader";
    let max_count = MAX_DONE_INSTRUCTIONS as i64;
    let parameters: Parameters<'_> = &[&instruction.id.uuid(), &NOTHING_LEFT, &max_count];
    leader::write(inbox, candidate, evict, parameters).await.map(drop)
}

async fn list(client: &Client, which: &str, limit: usize) -> Result<Vec<Instruction>, PostgresError> {
    let sql = format!("SELECT {INSTRUCTION} FROM instruction {which} LIMIT $1");
    let rows = rows(client, &sql, &[&bigint(limit)]).await?;
    rows.iter().map(instruction_of_row).collect()
}

/// Reads the columns of [`INSTRUCTION`].
fn instruction_of_row(row: &Row) -> Result<Instruction, PostgresError> {
    Ok(Instruction {
        id: InstructionId::new(row.try_get(0)?),
        // Whoever asked may have another clock than we.
        created_at: Ahead::of(row.try_get(5)?).to_ours(row.try_get(1)?),
        body: row.try_get(2)?,
        progress: row.try_get(3)?,
        done_at: row.try_get(4)?,
    })
}
