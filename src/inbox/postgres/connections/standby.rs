//! Whether commits wait for a standby that does not confirm them.

use std::time::Duration;

use tokio_postgres::Error;

use super::super::Client;

/// What is then said of a write, with what to do.
pub const MISSING: &str = "commits there wait for a standby of synchronous_standby_names that does not confirm them: see that it runs \
                           and follows, or have the server wait for another one";

/// The standbys that a commit waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standbys {
    /// `synchronous_standby_names`; empty if a commit waits for none.
    pub names: String,
    /// Whether commits wait in vain now, as far as our user can see that.
    pub are_missing: bool,
}

/// Asks the server. A commit that has waited for `wait` waits in vain.
///
/// Of sessions of others a user without `pg_read_all_stats` sees nothing, and of standbys only how many follow.
pub async fn standbys(client: &Client, wait: Duration) -> Result<Standbys, Error> {
    let sql = "
        SELECT names,
               names <> '' AND (
                   EXISTS (SELECT FROM pg_stat_activity
                           WHERE wait_event = 'SyncRep' AND clock_timestamp() - query_start >= make_interval(secs => $1))
                   OR NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IS DISTINCT FROM 'async'))
        FROM (SELECT CASE WHEN current_setting('synchronous_commit') = 'local' THEN ''
                          ELSE current_setting('synchronous_standby_names') END AS names) AS waited_for";
    let row = client.query_one(sql, &[&wait.as_secs_f64()]).await?;
    Ok(Standbys {
        names: row.try_get(0)?,
        are_missing: row.try_get(1)?,
    })
}
