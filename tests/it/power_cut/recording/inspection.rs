//! Opens what a cut left, with the program, and looks whether all is there that was promised.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::inbox::sqlite::{Check, SqliteInbox, check};
use caigunn_webhook::inbox::{self, Inbox};
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use super::Due;

/// How many receipts are read at once.
const PAGE_COUNT: usize = 1_000;

pub struct Inspector {
    folder: TempDir,
    settings: inbox::Settings,
    runtime: Runtime,
}

/// A folder for what is not to be kept, in memory if the system has such a place.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("the system has a folder for temporary files")
}

impl Inspector {
    pub fn new() -> Self {
        let settings = config::load(&Sources::default()).expect("the defaults are right");
        Self {
            folder: scratch(),
            settings: settings.settings.inbox,
            runtime: runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime starts"),
        }
    }

    /// Looks at the folder that `restore` makes, and clears it away.
    pub fn look(&mut self, due: &Due<'_>, restore: impl FnOnce(&Path)) -> Result<(), String> {
        let folder = self.folder.path().join("left");
        restore(&folder);
        let path = folder.join(due.inbox);
        let looked = self
            .look_at(&path, due)
            .and_then(|()| look_at_backup(&folder, due));
        fs::remove_dir_all(&folder).expect("the folder is ours");
        looked
    }

    fn look_at(&self, path: &Path, due: &Due<'_>) -> Result<(), String> {
        match check(path) {
            Ok(Check::Sound { .. }) => {}
            Ok(Check::Missing) if due.ids.is_empty() => {}
            // The next start takes back the making of the file, and promises nothing before.
            Ok(Check::Unusable(_)) if due.ids.is_empty() => {}
            // The next start ends what was cut off of a restore.
            Ok(Check::ForeignLog(_)) if !due.replaced.is_empty() => {}
            other => return Err(format!("`inbox check` says {other:?}")),
        }
        let found = self.open(path, due)?;
        let replaced_count = due.replaced.iter().filter(|id| found.contains(*id)).count();
        if replaced_count < due.replaced.len() {
            if replaced_count > 0 {
                return Err(format!("it is half of what it was: {replaced_count}"));
            }
            let kept = kept(path).ok_or("the old inbox is not there any more")?;
            let found = self.open(&kept, due)?;
            if let Some(lost) = due.replaced.iter().find(|id| !found.contains(*id)) {
                return Err(format!("{lost} was in the old inbox, and is in none now"));
            }
        }
        match check(path) {
            Ok(Check::Sound { .. }) => Ok(()),
            other => Err(format!("after a start, `inbox check` says {other:?}")),
        }
    }
}

impl Inspector {
    /// Opens an inbox as a start does, looks into it, and closes it; the receipts that are there.
    fn open(&self, path: &Path, due: &Due<'_>) -> Result<HashSet<String>, String> {
        let inbox = SqliteInbox::open(path, self.settings.clone());
        let inbox = inbox.map_err(|error| format!("it cannot be opened: {error}"))?;
        let found = self.runtime.block_on(look_into(&inbox, due));
        let closed = self.runtime.block_on(inbox.close());
        closed.map_err(|error| error.to_string())?;
        found
    }
}

/// The old inbox, if a restore has replaced it.
fn kept(path: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(path.parent()?).ok()?.flatten();
    let is_kept = |name: &str| {
        name.contains(".until-")
            && !["-wal", "-shm", ".lock"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
    };
    names
        .map(|entry| entry.path())
        .find(|path| path.to_str().is_some_and(is_kept))
}

fn look_at_backup(folder: &Path, due: &Due<'_>) -> Result<(), String> {
    let Some((path, expected)) = due.backup else {
        return Ok(());
    };
    match check(&folder.join(path)) {
        Ok(Check::Sound { receipt_count, .. }) if receipt_count == expected => Ok(()),
        Ok(Check::Missing) if !due.is_end => Ok(()),
        other => Err(format!("of the backup, `inbox check` says {other:?}")),
    }
}

/// Looks for what is due; the receipts that are there.
async fn look_into(inbox: &SqliteInbox, due: &Due<'_>) -> Result<HashSet<String>, String> {
    let (mut found, mut after) = (HashSet::new(), 0);
    loop {
        let page = inbox
            .export(after, PAGE_COUNT)
            .await
            .map_err(|error| error.to_string())?;
        let Some((last, _)) = page.last() else { break };
        after = last.sequence;
        for (receipt, body) in page {
            let id = receipt.id.to_string();
            if due.bodies.get(&id).is_some_and(|promised| *promised != body) {
                return Err(format!("{id} has another body"));
            }
            if !found.insert(id) {
                return Err(format!("{} is there twice", receipt.id));
            }
        }
    }
    if let Some(lost) = due.ids.iter().find(|id| !found.contains(**id)) {
        return Err(format!(
            "{lost} was promised, and is not there; {} are",
            found.len()
        ));
    }
    let totals = inbox
        .quarantine_totals()
        .await
        .map_err(|error| error.to_string())?;
    if totals.quarantined_count < due.quarantined_count {
        return Err(format!(
            "{} were said to be in quarantine, of which it knows {}",
            due.quarantined_count, totals.quarantined_count
        ));
    }
    Ok(found)
}
