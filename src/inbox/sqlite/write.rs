//! The writing side: the open file, its transactions, and what follows when one fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};

use super::super::{Entry, Error, Settings, Stored};
use super::append::Append;
use super::checkpoint::Checkpoints;
use super::hold::Hold;
use super::index::KeyIndex;
use super::opened::{Files, Opened, data_version};
use super::{commits, expire, folder, rights, schema, sort};
use crate::clock::Timestamp;

/// How long a lock that another program holds is waited for, when the last wait for it was in vain. All who wait meanwhile
/// must hear of it before they give up.
const BRIEFLY: Duration = Duration::from_millis(100);

/// What was done to a file beside the inbox that has not its name any more.
const REPLACED: &str = "removed or replaced";

/// How often a batch is begun anew because another program has written to the file meanwhile.
const MAX_READS: usize = 3;

/// The file and what is known of its content. Owned by the inbox thread.
pub struct Store {
    path: PathBuf,
    settings: Settings,
    index: Arc<Mutex<KeyIndex>>,
    /// `None` once it is closed, and until the file is open again and has its log.
    checkpoints: Option<Checkpoints>,
    /// `None` once it is closed, and where it could not be opened anew after an error.
    opened: Option<Opened>,
    /// Another program held the lock for writing for longer than it is waited for.
    is_held: bool,
    /// That the files are not as they should be has been said.
    is_troubled: bool,
    /// The last to go, after all that SQLite has open.
    hold: Arc<Hold>,
}

impl Store {
    /// Opens the file, which may be empty, and fills the index.
    pub fn open(
        path: &Path,
        settings: Settings,
        index: Arc<Mutex<KeyIndex>>,
        hold: Arc<Hold>,
    ) -> Result<Self, Error> {
        let mut store = Self {
            path: path.to_owned(),
            settings,
            index,
            checkpoints: None,
            opened: None,
            is_held: false,
            is_troubled: false,
            hold,
        };
        store.open_anew(schema::Missing::Create)?;
        store.checkpoints = Some(Checkpoints::start(&store.path)?);
        Ok(store)
    }

    /// How long a lock that another program holds is waited for.
    fn patience(&self) -> Duration {
        if self.is_held {
            BRIEFLY
        } else {
            self.settings.timeout
        }
    }

    /// See [`super::Inbox::append`].
    pub fn append(&mut self, batch: Vec<Entry>) -> Result<Vec<Result<Stored, Error>>, Error> {
        let (settings, index) = (self.settings.clone(), Arc::clone(&self.index));
        let mut batch = Some(batch);
        for _ in 0..MAX_READS {
            let opened = self.opened()?;
            let before = opened.memory;
            let mut added = Vec::new();
            let stored = transaction(&opened.connection, &mut opened.commit_count, |connection| {
                // Now nobody else writes. If somebody has, what is in memory is not what is in the file.
                if data_version(connection)? != opened.data_version {
                    return Ok(None);
                }
                let batch = batch.take().expect("it is there until it is stored or fails");
                added.reserve(batch.len());
                let mut index = index.lock();
                let mut append =
                    Append::new(connection, &settings, &mut opened.memory, &mut index, &mut added)?;
                let stored = batch.into_iter().map(|entry| append.entry(entry));
                let stored = stored.collect::<rusqlite::Result<Vec<_>>>()?;
                append.write_keys()?;
                Ok(Some(stored))
            });
            if stored.is_err() {
                opened.memory = before;
                let mut index = index.lock();
                added.into_iter().for_each(|(key, seq)| index.remove(key, seq));
            }
            match self.done(stored)? {
                Some(stored) => return Ok(stored),
                None => self.doubt("another program has written to it"),
            }
        }
        Err(Error::unavailable(format!(
            "another program goes on writing to {}",
            self.path.display()
        )))
    }

    /// See [`super::Inbox::expire`].
    pub fn expire(&mut self, before: Timestamp) -> Result<usize, Error> {
        let opened = self.opened()?;
        let expired = transaction(&opened.connection, &mut opened.commit_count, |connection| {
            expire::expire(connection, before)
        });
        match expired {
            Ok((keys, count)) => {
                let mut index = self.index.lock();
                keys.into_iter().for_each(|(key, seq)| index.remove(key, seq));
                Ok(count)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Does something else in a transaction of its own.
    pub fn write<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let opened = self.opened()?;
        let done = transaction(&opened.connection, &mut opened.commit_count, work);
        self.done(done)
    }

    /// Sees to the log between two transactions.
    pub fn tend_log(&mut self) {
        let (Some(opened), Some(checkpoints)) = (&self.opened, &mut self.checkpoints) else {
            return;
        };
        if let Err(error) = checkpoints.after_commit(&opened.connection, opened.log_pages()) {
            // What was committed is in the log all the same; if this is more than a moment's trouble, the next write
            // meets it too.
            let error = sort(&self.path, "copy the log into", &error);
            tracing::warn!(error.type = "checkpoint", "{error}");
        }
    }

    /// Looks whether the files are as they should be, for the times in which nothing is written. Says so if they are not,
    /// once.
    pub fn watch(&mut self) {
        let Err(error) = self.see_to_files() else {
            if std::mem::take(&mut self.is_troubled) {
                tracing::info!("the files of the inbox are as they should be again");
            }
            return;
        };
        if !self.is_troubled {
            tracing::warn!(error.type = "inbox_files", "nothing can be stored: {error}");
        }
        self.is_troubled = true;
    }

    /// The open file, opened anew if the last error left it in doubt, with all its files where they were: what is written
    /// to a file without a name is gone with the last handle.
    fn opened(&mut self) -> Result<&mut Opened, Error> {
        self.see_to_files()?;
        let patience = self.patience();
        let opened = self.opened.as_mut().expect("it has just been seen to");
        // It takes any number.
        let _ = opened.connection.busy_timeout(patience);
        Ok(opened)
    }

    /// Has the files be as they should be, and somebody copy the log, who is sent away where it has lost its name.
    fn see_to_files(&mut self) -> Result<(), Error> {
        self.see_to_names()?;
        if self.checkpoints.is_none() {
            self.checkpoints = Some(Checkpoints::start(&self.path)?);
        }
        Ok(())
    }

    fn see_to_names(&mut self) -> Result<(), Error> {
        let file = self.hold.at(&self.path);
        if file.is_none() {
            let closed = rights::out_of_reach(&self.path);
            return Err(closed.map_or_else(|| self.gone(), Error::unavailable));
        }
        let Some(opened) = &mut self.opened else {
            return self.open_anew(schema::Missing::Refuse);
        };
        opened.is_saved = false;
        match opened.look(&self.path, &self.hold, file)? {
            Files::AsTheyWere if opened.is_in_doubt => {
                self.opened = None;
                self.open_anew(schema::Missing::Refuse)
            }
            files => self.mend(files),
        }
    }

    /// Does what can be done about files that are not as they were.
    fn mend(&mut self, files: Files) -> Result<(), Error> {
        match files {
            Files::AsTheyWere => Ok(()),
            Files::Gone(suffix) => self.save_log(suffix, REPLACED),
            Files::CutBehindCopy => self.save_log("-wal", "cut short"),
            Files::Cut => Err(self.lost(self.cut())),
            Files::Overwritten => Err(self.lost(self.overwritten())),
        }
    }

    fn open_anew(&mut self, missing: schema::Missing) -> Result<(), Error> {
        let opened = Opened::new(&self.path, missing, &self.index, &self.hold)?;
        self.opened = Some(opened);
        Ok(())
    }

    /// The log, or its index, has no name any more, or its name is another file's, or a log is too short of which all is in
    /// the file. Only the connections that are open see what is in it, so it is copied into the file through one of them, and
    /// the log begun anew under its name.
    fn save_log(&mut self, suffix: &str, deed: &str) -> Result<(), Error> {
        let (lost, patience) = (schema::beside(&self.path, suffix), self.patience());
        let Some(opened) = &mut self.opened else {
            return Ok(());
        };
        // Its connection must not read the old log when the index speaks of the new one.
        self.checkpoints.take().into_iter().for_each(Checkpoints::end);
        if let Err(reason) = opened.empty_log(&self.path, patience) {
            self.is_held = true;
            return Err(Error::unavailable(format!(
                "{} was {deed} while in use, and what is in the log cannot be saved yet: {reason}",
                lost.display()
            )));
        }
        self.is_held = false;
        self.opened = None;
        self.open_anew(schema::Missing::Refuse)?;
        tracing::warn!(
            error.type = "inbox_files",
            "{} was {deed} while in use; all that was in the log has been copied into {} and synced, so nothing \
             is lost: leave the files beside an inbox alone while a receiver runs",
            lost.display(),
            self.path.display()
        );
        Ok(())
    }

    /// Why nothing is written where the file has lost its name. Its log is copied into it: who finds it may not find that.
    fn gone(&mut self) -> Error {
        if let Some(opened) = &mut self.opened
            && !opened.is_saved
        {
            opened.is_saved = opened.empty_log(&self.path, BRIEFLY).is_ok();
        }
        let path = self.path.display();
        Error::unavailable(match self.hold.last_resort().as_deref().map(Path::display) {
            Some(place) if self.path.exists() => format!(
                "{path} was deleted while in use; if what is there now is a copy of {place}, restart the receiver"
            ),
            Some(place) => format!(
                "{path} was deleted while in use; until this process ends, what it held can be copied from {place} by its \
                 user: stop posting, copy it, and put the copy there before a restart, which begins a new inbox"
            ),
            None => format!(
                "{path} was moved or deleted while in use; find it and put it back (`mv`) while the receiver runs; only if it \
                 cannot be found, stop the receiver and put a backup back with `caigunn-webhook inbox restore COPY`"
            ),
        })
    }

    /// Leaves the files as they are, where what is in them does not fit together: nothing is copied from the log any more.
    fn lost(&mut self, why: Error) -> Error {
        self.checkpoints.take().into_iter().for_each(Checkpoints::end);
        if let Some(opened) = &self.opened {
            opened.leave_log();
        }
        why
    }

    /// Why nothing is written where the log has lost its end: what would be written behind that is not found at the next
    /// start.
    fn cut(&self) -> Error {
        Error::corrupt(format!(
            "{}-wal was cut short while in use, so what was in it and not yet in the file is lost; restart to go on with \
             what is left, after a look with `inbox check`",
            self.path.display()
        ))
    }

    /// Why nothing is written where something else is in the file, on top of which the log's pages would make neither.
    fn overwritten(&self) -> Error {
        Error::corrupt(format!(
            "{0} was overwritten or cut short while in use, by something else than SQLite, so of what was in it only what is \
             in its log is left, {0}-wal; stop the receiver, and restore a backup (`caigunn-webhook inbox restore COPY`), or \
             what is there now (`mv {1} {1}.copy`, and restore that), either of which keeps the log under another name",
            self.path.display(),
            folder::quoted(&self.path)
        ))
    }

    /// Copies the log into the file, so that the next start need not, and closes it.
    pub fn close(&mut self) -> Result<(), Error> {
        // A log that has no name any more can be copied only now.
        let file = self.hold.at(&self.path);
        let looked = self
            .opened
            .as_mut()
            .map(|opened| opened.look(&self.path, &self.hold, file));
        let seen = match looked.transpose() {
            Ok(Some(Files::Gone(_))) if file.is_none() => Ok(()),
            Ok(Some(files)) => self.mend(files),
            Ok(None) => Ok(()),
            Err(error) => Err(self.lost(error)),
        };
        // Only the last connection copies the log.
        self.checkpoints.take().into_iter().for_each(Checkpoints::end);
        let closed = match self.opened.take() {
            None => Ok(()),
            Some(opened) => opened
                .connection
                .close()
                .map_err(|(_, error)| sort(&self.path, "close", &error)),
        };
        seen.and(closed)
    }

    /// The connection, for tests to set limits on.
    #[cfg(test)]
    pub fn connection(&self) -> &Connection {
        &self.opened.as_ref().expect("the file is open").connection
    }

    /// Sorts what came of a transaction, which has been rolled back if it failed.
    fn done<T>(&mut self, done: rusqlite::Result<T>) -> Result<T, Error> {
        match done {
            Ok(done) => {
                self.is_held = false;
                Ok(done)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Sorts the error of a transaction. After any but a full disk and a lock of others the connection is not trusted any
    /// more.
    fn failed(&mut self, error: &rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {}
            Some(ErrorCode::DatabaseBusy) => self.is_held = true,
            _ => {
                if let Some(opened) = &mut self.opened {
                    opened.is_in_doubt = true;
                }
            }
        }
        sort(&self.path, "write to", error)
    }

    /// Has the file read anew.
    fn doubt(&mut self, why: &str) {
        tracing::warn!(error.type = "inbox_files", "{} is read anew, since {why}", self.path.display());
        if let Some(opened) = &mut self.opened {
            opened.is_in_doubt = true;
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Before the descriptor of the file is closed, which would take SQLite's locks away.
        let _ = self.close();
    }
}

/// Runs `work` in a transaction and commits it, or undoes it. Then the count is that of the last commit.
fn transaction<T>(
    connection: &Connection,
    commit_count: &mut u32,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = commits::counted(connection, work).and_then(|done| {
        let count = commits::last_count(connection)?;
        connection.execute_batch("COMMIT")?;
        *commit_count = count;
        Ok(done)
    });
    if done.is_err() && !connection.is_autocommit() {
        // SQLite undoes some failed transactions by itself; what it leaves open must not be committed by the next.
        // Should this fail too, the first error is the one to report, and the caller drops the connection.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}
