//! `inbox restore`

use std::path::PathBuf;

use caigunn_webhook::config::{InboxLocation, Settings};
use caigunn_webhook::inbox::sqlite::restore;
use clap::Args;
use serde_json::json;

use super::backup::watched;
use super::named_file;
use crate::output::{self, Format, FormatArgs, WrongUsage, counted};

#[derive(Args)]
pub struct RestoreArgs {
    /// A file that `inbox backup` made, or any other sound copy, with its -wal beside it if it has one
    copy: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

pub async fn run(args: &RestoreArgs, settings: &Settings) -> anyhow::Result<()> {
    let InboxLocation::Sqlite(inbox) = settings.inbox_location.clone() else {
        let text = "the configured inbox is a database, and PostgreSQL puts back its own backups: `pg_restore` or `psql` \
                    for what pg_dump made, with no receiver running; then `caigunn-webhook inbox check`";
        return Err(WrongUsage(text.to_owned()).into());
    };
    let copy = named_file("COPY", &args.copy)?;
    let (to, from) = (inbox.clone(), copy.clone());
    let restored = watched(move |watch| restore(&to, &from, watch)).await?;
    let kept = restored.kept.map(|path| path.display().to_string());
    let (inbox, copy) = (inbox.display().to_string(), copy.display().to_string());
    match args.format.format {
        Format::Json => output::write(&output::json(&json!({
            "inbox": inbox,
            "copy": copy,
            "receipt_count": restored.copied.receipt_count,
            "bytes": restored.copied.bytes,
            "kept": kept,
        }))),
        Format::Table => {
            let mut text = format!(
                "{inbox} is now what {copy} holds: {}, on the disk, and sound\n",
                counted(usize::try_from(restored.copied.receipt_count)?, "receipt"),
            );
            if let Some(kept) = kept {
                text += &format!(
                    "what was there before is kept as {kept}, with its log beside it if it had one\n"
                );
            }
            text += "what was delivered since the copy was made is delivered again, and new receipts get numbers that \
                     were used since then: whoever follows receipts by number must begin again\n";
            output::write(&text)
        }
    }
}
