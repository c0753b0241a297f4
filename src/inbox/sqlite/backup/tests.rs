use parking_lot::Mutex;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::*;
use crate::inbox::sqlite::commits;

/// At each of how many steps the file is changed.
const DISTURBED: usize = 4;

/// All that is in a file.
type Content = Vec<(i64, Vec<u8>)>;

/// How the log stands to the file when a copy of it begins.
#[derive(Clone, Copy, Debug)]
enum Log {
    /// All of it is in the file, so the next commit begins it anew.
    Copied,
    /// A part of it is.
    PartlyCopied,
    /// None is.
    New,
}

/// An inbox with rows that change, and what was in it after each commit.
struct Changing {
    folder: TempDir,
    writer: Connection,
    history: Vec<Content>,
}

impl Changing {
    fn new(log: Log) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inbox.db");
        let writer = schema::open_writer(&path, schema::Missing::Create).expect("a new inbox opens");
        let mut changing = Self {
            folder,
            writer,
            history: Vec::new(),
        };
        let filled = "CREATE TABLE filler (number INTEGER PRIMARY KEY, bytes BLOB);
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400)
            INSERT INTO filler SELECT n, randomblob(2000) FROM n";
        changing.commit(|writer| writer.execute_batch(filled));
        changing.checkpoint();
        changing.change(3);
        match log {
            Log::Copied => changing.checkpoint(),
            Log::PartlyCopied => {
                let reader = schema::open_reader(&changing.path()).unwrap();
                reader
                    .execute_batch("BEGIN; SELECT count(*) FROM filler")
                    .unwrap();
                changing.change(4);
                changing.checkpoint();
            }
            Log::New => {}
        }
        changing
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("inbox.db")
    }

    fn commit(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) {
        self.writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        commits::counted(&self.writer, work).unwrap();
        self.writer.execute_batch("COMMIT").unwrap();
        self.history.push(content(&self.writer));
    }

    /// Changes every row whose number can be divided so, and adds one.
    fn change(&mut self, divisor: i64) {
        self.commit(|writer| {
            let changed = "UPDATE filler SET bytes = randomblob(2000) WHERE number % ?1 = 0";
            writer.execute(changed, params![divisor])?;
            let added = "INSERT INTO filler (bytes) VALUES (randomblob(9000))";
            writer.execute(added, []).map(drop)
        });
    }

    fn checkpoint(&self) {
        self.writer
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .unwrap();
    }
}

fn content(connection: &Connection) -> Content {
    let mut statement = connection
        .prepare("SELECT number, bytes FROM filler ORDER BY number")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_is_committed_and_checkpointed_while_it_is_copied_is_wholly_in_it_or_not_at_all() {
    for log in [Log::Copied, Log::PartlyCopied, Log::New] {
        let changing = Arc::new(Mutex::new(Changing::new(log)));
        let (folder, path, before) = {
            let changing = changing.lock();
            let folder = changing.folder.path().to_owned();
            (folder, changing.path(), changing.history.len())
        };
        let copied_steps = Arc::new(Mutex::new(0));
        let (of_watch, steps) = (Arc::clone(&changing), Arc::clone(&copied_steps));
        let watch: Watch = Arc::new(move |progress| {
            if let Progress::Copied { .. } = progress {
                let mut step = steps.lock();
                *step += 1;
                if *step % DISTURBED == 0 {
                    let mut changing = of_watch.lock();
                    changing.change(5);
                    changing.checkpoint();
                }
            }
            true
        });

        backup(&path, &folder.join("copy.db"), &watch).unwrap();

        assert!(*copied_steps.lock() > 10 * DISTURBED, "{log:?}: it was disturbed");
        let copied = content(&schema::open_alone(&folder.join("copy.db")).unwrap());
        let changing = changing.lock();
        let found = changing.history.iter().position(|content| *content == copied);
        assert!(
            found.is_some_and(|found| found + 1 >= before),
            "{log:?}: {found:?}"
        );
    }
}

#[test]
fn of_a_file_that_became_shorter_only_what_is_left_is_copied() {
    let mut changing = Changing::new(Log::New);
    changing.commit(|writer| writer.execute_batch("DELETE FROM filler WHERE number > 100"));
    changing.writer.execute_batch("VACUUM").unwrap();
    let watch: Watch = Arc::new(|_| true);
    let copy = changing.folder.path().join("copy.db");

    let copied = backup(&changing.path(), &copy, &watch).unwrap();

    let pages: u64 = changing
        .writer
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    assert_eq!(copied.bytes, pages * 4_096);
    assert!(copied.bytes < fs::metadata(changing.path()).unwrap().len());
    assert_eq!(
        Some(&content(&schema::open_alone(&copy).unwrap())),
        changing.history.last()
    );
}

#[test]
fn one_that_is_replaced_while_it_is_copied_is_not_copied() {
    let changing = Changing::new(Log::New);
    let path = changing.path();
    let other = changing.folder.path().join("other.db");
    drop(schema::open_writer(&other, schema::Missing::Create).unwrap());
    let replaced = std::sync::Once::new();
    let moved = path.clone();
    let watch: Watch = Arc::new(move |_| {
        replaced.call_once(|| fs::rename(&other, &moved).unwrap());
        true
    });

    let refused = backup(&path, &changing.folder.path().join("copy.db"), &watch);

    let why = refused.map_err(|error| std::error::Error::source(&error).map(ToString::to_string));
    let expected = format!(
        "the inbox is unavailable: cannot read {}: it was replaced meanwhile: begin anew",
        path.display()
    );
    assert_eq!(why, Err(Some(expected)));
    assert!(!changing.folder.path().join("copy.db").exists());
}

#[test]
fn what_the_program_puts_beside_an_inbox_is_no_name_for_a_copy() {
    let changing = Changing::new(Log::New);
    let path = changing.path();
    let watch: Watch = Arc::new(|_| true);

    for suffix in BESIDE {
        let refused = backup(&path, &schema::beside(&path, suffix), &watch).unwrap_err();

        assert!(
            refused
                .to_string()
                .ends_with("belongs to the inbox: choose another name"),
            "{refused}"
        );
    }
}

#[test]
fn an_inbox_without_tables_is_nothing_to_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("inbox.db"), folder.path().join("copy.db"));
    fs::write(&path, "").unwrap();
    let watch: Watch = Arc::new(|_| true);

    let refused = backup(&path, &copy, &watch).unwrap_err();

    let why = std::error::Error::source(&refused).map(ToString::to_string);
    assert!(
        why.is_some_and(|why| why.contains("inbox.db is empty")),
        "{refused:?}"
    );
    assert!(!copy.exists());
}

#[test]
fn a_copy_that_goes_while_it_is_made_is_what_is_missed_and_not_the_inbox() {
    let changing = Changing::new(Log::New);
    let folder = tempfile::tempdir().unwrap();
    let (target, removed) = (folder.path().join("copies"), folder.path().join("copies"));
    fs::create_dir(&target).unwrap();
    let watch: Watch = Arc::new(move |progress| {
        if progress == Progress::Checking {
            let _ = fs::remove_dir_all(&removed);
        }
        true
    });

    let refused = backup(&changing.path(), &target.join("copy.db"), &watch).unwrap_err();

    let said = refused.to_string();
    let copy = fs::canonicalize(folder.path()).unwrap().join("copies/copy.db.");
    assert!(said.starts_with(&copy.display().to_string()), "{refused:?}");
    assert!(said.contains(" is gone: it or its folder was removed "), "{said}");
}
