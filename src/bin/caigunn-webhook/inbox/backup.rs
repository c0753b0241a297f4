//! `inbox backup`

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use caigunn_webhook::config::{InboxLocation, Settings};
use caigunn_webhook::inbox::sqlite::{BackupError, Progress, Watch, backup};
use caigunn_webhook::shutdown::StopSignals;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{must_exist, named_file};
use crate::output::{self, Format, WrongUsage, counted};

pub async fn run(file: &Path, settings: &Settings, format: Format) -> anyhow::Result<()> {
    let InboxLocation::Sqlite(inbox) = &settings.inbox_location else {
        let text = "the configured inbox is a database, and PostgreSQL has backups of its own: `pg_dump \
                    --schema=caigunn_webhook`, or base backups of the server";
        return Err(WrongUsage(text.to_owned()).into());
    };
    must_exist(inbox)?;
    let file = named_file("FILE", file)?;
    let (from, to) = (inbox.clone(), file.clone());
    let copied = watched(move |watch| backup(&from, &to, watch)).await?;
    let (file, receipt_count) = (file.display().to_string(), copied.receipt_count);
    let result = json!({ "file": file, "receipt_count": receipt_count, "bytes": copied.bytes });
    let receipts = counted(receipt_count, "receipt");
    format.print(&result, || {
        format!(
            "{} holds {receipts} in {} bytes; it is on the disk, and sound\n",
            output::printable(&file),
            copied.bytes
        )
    })
}

/// Does what takes its time on a thread of its own, with a bar on standard error where that is a terminal. A signal to
/// stop takes it back.
pub async fn watched<T: Send + 'static>(
    work: impl FnOnce(&Watch) -> Result<T, BackupError> + Send + 'static,
) -> anyhow::Result<T> {
    let mut signals = StopSignals::listen().context("listening for signals")?;
    let is_stopped = Arc::new(AtomicBool::new(false));
    let bar = output::progress("{msg:8} {bar:40} {bytes}/{total_bytes}, {eta} left");
    let (of_watch, shown) = (Arc::clone(&is_stopped), bar.clone());
    let watch: Watch = Arc::new(move |progress| {
        match progress {
            Progress::Copied { bytes, total_bytes } => {
                shown.set_message("copying");
                shown.set_length(total_bytes);
                shown.set_position(bytes);
            }
            Progress::Checking => shown.set_message("checking"),
        }
        !of_watch.load(Ordering::Relaxed)
    });
    let mut work = spawn_blocking(move || work(&watch));
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = signals.next() => is_stopped.store(true, Ordering::Relaxed),
        }
    };
    bar.finish_and_clear();
    Ok(done.context("it ended")??)
}
