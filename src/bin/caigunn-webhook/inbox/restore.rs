//! `inbox restore`

use std::path::{self, Path};

use caigunn_webhook::config::{InboxLocation, Settings};
use caigunn_webhook::inbox::sqlite::restore;
use serde_json::json;

use super::backup::watched;
use super::named_file;
use crate::output::{Format, WrongUsage, counted};

/// What there is to say where there was no inbox before.
const NOTHING_KEPT: &str = "nothing was there before: if there should have been an inbox, run this in the receiver's folder, with its \
                            settings; if it was deleted while a receiver runs, `caigunn-webhook healthcheck` says how to copy it until \
                            that ends\n";

pub async fn run(copy: &Path, settings: &Settings, format: Format) -> anyhow::Result<()> {
    let InboxLocation::Sqlite(inbox) = settings.inbox_location.clone() else {
        let text = "the configured inbox is a database, and PostgreSQL puts back its own backups: `psql` for what pg_dump made, in \
                    one transaction, as docs/scaling.md says; then `caigunn-webhook inbox check`";
        return Err(WrongUsage(text.to_owned()).into());
    };
    let copy = named_file("COPY", copy)?;
    let (to, from) = (inbox.clone(), copy.clone());
    let restored = watched(move |watch| restore(&to, &from, watch)).await?;
    let kept = restored.kept.map(|path| path.display().to_string());
    // Whole, so that who is in another folder than he thinks sees it.
    let inbox = path::absolute(&inbox).unwrap_or(inbox);
    let (inbox, copy) = (inbox.display().to_string(), copy.display().to_string());
    let result = json!({
        "inbox": inbox,
        "copy": copy,
        "receipt_count": restored.copied.receipt_count,
        "bytes": restored.copied.bytes,
        "kept": kept,
    });
    let receipts = counted(restored.copied.receipt_count, "receipt");
    format.print(&result, || {
        let kept = kept.map_or_else(
            || NOTHING_KEPT.to_owned(),
            |kept| format!("what was there before is kept as {kept}, with its log beside it if it had one\n"),
        );
        format!(
            "{inbox} is now what {copy} holds: {receipts}, on the disk, and sound\n{kept}what was delivered since the copy was \
             made is delivered again, and new receipts get numbers that were used since then: whoever follows receipts by \
             number must begin again\nends of jobs that were received since then are backfilled under other ids: an application \
             knows them by event_id, event and status\nwhat operators asked for since then is forgotten: see which destinations are \
             paused, and which replays run\nwhat is wrong now is told as new by notices\n"
        )
    })
}
