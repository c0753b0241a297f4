mod cases;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::*;
use crate::inbox::sqlite::{Watch, backup};

/// What may happen to an inbox.
#[derive(Clone, Debug)]
enum Step {
    /// A commit of ours: so many rows of so many bytes.
    Commit(usize, usize),
    /// A commit that removes some rows.
    Remove(u8),
    /// A commit that changes one row, whose pages are there already.
    Change(u8),
    /// A commit of another program, which does not count.
    Uncounted(usize),
    /// Most of the log is copied into the file, as far as readers allow.
    Checkpoint,
    /// The same, and it is killed in the middle: of the pages only some are written.
    CutCheckpoint(u64),
    /// A reader begins to hold up the log, or the oldest one ends.
    Read,
    EndRead,
    /// The process is killed and started again.
    Kill,
    /// It is stopped and started again.
    Stop,
    /// Somebody copies the file, with its log or without it.
    Copy(CopyKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyKind {
    Bytes,
    Vacuumed,
    /// By `VACUUM INTO`, and then opened as an inbox.
    VacuumedAndOpened,
    /// By `inbox backup`.
    BackedUp,
    BackedUpAndOpened,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4_usize, 1..6_000_usize).prop_map(|(rows, bytes)| Step::Commit(rows, bytes)),
        2 => any::<u8>().prop_map(Step::Remove),
        3 => any::<u8>().prop_map(Step::Change),
        1 => (1..3_000_usize).prop_map(Step::Uncounted),
        3 => Just(Step::Checkpoint),
        2 => any::<u64>().prop_map(Step::CutCheckpoint),
        1 => Just(Step::Read),
        1 => Just(Step::EndRead),
        1 => Just(Step::Kill),
        1 => Just(Step::Stop),
        2 => prop_oneof![
            2 => Just(CopyKind::Bytes),
            1 => Just(CopyKind::Vacuumed),
            1 => Just(CopyKind::VacuumedAndOpened),
            1 => Just(CopyKind::BackedUp),
            1 => Just(CopyKind::BackedUpAndOpened),
        ]
        .prop_map(Step::Copy),
    ]
}

/// An inbox to which all of that happens.
struct Bench {
    folder: TempDir,
    path: PathBuf,
    writer: Option<Connection>,
    readers: Vec<Connection>,
    copies: Vec<(CopyKind, PathBuf)>,
    copy_count: usize,
    /// What there was in the end at each count of commits.
    history: HashMap<u32, Content>,
}

/// All that is in a file, or that it is damaged.
type Content = Result<Vec<(i64, Vec<u8>)>, String>;

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inbox.db");
        let writer = open(&path);
        commits::counted(&writer, |writer| {
            writer.execute_batch("CREATE TABLE filler (number INTEGER PRIMARY KEY, bytes BLOB)")
        })
        .unwrap();
        Self {
            writer: Some(writer),
            readers: Vec::new(),
            copies: Vec::new(),
            copy_count: 0,
            history: HashMap::new(),
            path,
            folder,
        }
    }

    fn writer(&self) -> &Connection {
        self.writer.as_ref().expect("it is open")
    }

    fn commit(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) {
        let writer = self.writer();
        let (count_before, changes_before) = (count(writer), writer.total_changes());
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        commits::counted(writer, work).unwrap();
        writer.execute_batch("COMMIT").unwrap();
        let has_changed = writer.total_changes() != changes_before;
        let expected = (count_before + u32::from(has_changed)) % commits::COUNT_MODULUS;
        assert_eq!(count(writer), expected, "each commit counts once");
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Commit(rows, bytes) => self.commit(|writer| insert(writer, rows, bytes)),
            Step::Remove(modulus) => self.commit(|writer| {
                let remove = "DELETE FROM filler WHERE number % ?1 = 0";
                writer.execute(remove, [u32::from(modulus) + 2]).map(drop)
            }),
            Step::Change(place) => self.commit(|writer| {
                let change = "UPDATE filler SET bytes = randomblob(length(bytes))
                              WHERE number = (SELECT number FROM filler ORDER BY number LIMIT 1 OFFSET ?1)";
                writer.execute(change, [place % 8]).map(drop)
            }),
            Step::Uncounted(bytes) => {
                let other = Connection::open(&self.path).unwrap();
                other.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
                insert(&other, 1, bytes).unwrap();
                // Their commit does not count, so what came before it and what came after cannot be told apart.
                self.copies.clear();
            }
            Step::Checkpoint => checkpoint(self.writer()),
            Step::CutCheckpoint(luck) => self.cut_checkpoint(luck),
            Step::Read => {
                let reader = schema::open_reader(&self.path).unwrap();
                reader
                    .execute_batch("BEGIN; SELECT count(*) FROM filler")
                    .unwrap();
                self.readers.push(reader);
            }
            Step::EndRead => drop(self.readers.pop()),
            Step::Kill => {
                let left = self.left("killed");
                self.reopen(|path| replace(&left, path));
            }
            Step::Stop => self.reopen(|_| ()),
            Step::Copy(kind) => self.copy(kind),
        }
        self.history.insert(count(self.writer()), content(&self.path));
    }

    /// Whether a copy is what there was at its count: neither mixed of pages of several commits, nor without what another
    /// program wrote later without counting.
    fn is_whole(&self, copy: &Path) -> bool {
        let alone = self.folder.path().join("alone.db");
        replace(copy, &alone);
        let seen = content(&alone);
        // Of what is damaged not even the count can be read.
        seen.is_ok() && self.history.get(&count(&Connection::open(&alone).unwrap())) == Some(&seen)
    }

    /// What a kill at this moment leaves, in a folder of that name.
    fn left(&self, name: &str) -> PathBuf {
        let left = self.folder.path().join(name).join("inbox.db");
        let _ = fs::remove_dir_all(left.parent().expect("it has one"));
        fs::create_dir(left.parent().expect("it has one")).unwrap();
        replace(&self.path, &left);
        left
    }

    fn reopen(&mut self, change: impl FnOnce(&Path)) {
        self.readers.clear();
        self.writer = None;
        change(&self.path);
        assert_eq!(foreign(&self.path).unwrap(), None);
        self.writer = Some(open(&self.path));
    }

    fn cut_checkpoint(&mut self, luck: u64) {
        let mut rng = fastrand::Rng::with_seed(luck);
        let before = fs::read(&self.path).unwrap();
        let left = self.left("cut");
        checkpoint(self.writer());
        let mut mixed = fs::read(&self.path).unwrap();
        for (old, new) in before.chunks(4_096).zip(mixed.chunks_mut(4_096)) {
            if rng.bool() {
                new.copy_from_slice(old);
            }
        }
        fs::write(&left, mixed).unwrap();
        self.reopen(|path| replace(&left, path));
    }

    fn copy(&mut self, kind: CopyKind) {
        let to = self.folder.path().join(format!("copy-{}.db", self.copy_count));
        self.copy_count += 1;
        match kind {
            CopyKind::Bytes => {
                fs::copy(&self.path, &to).unwrap();
            }
            CopyKind::Vacuumed | CopyKind::VacuumedAndOpened => {
                let reader = schema::open_reader(&self.path).unwrap();
                reader.execute("VACUUM INTO ?1", [to.to_str()]).unwrap();
            }
            CopyKind::BackedUp | CopyKind::BackedUpAndOpened => {
                let watch: Watch = Arc::new(|_| true);
                backup(&self.path, &to, &watch).unwrap();
                assert_eq!(content(&to), content(&self.left("now")), "all of it, up to now");
            }
        }
        if matches!(kind, CopyKind::VacuumedAndOpened | CopyKind::BackedUpAndOpened) {
            drop(open(&to));
        }
        self.copies.push((kind, to));
    }

    /// Puts each copy over what a kill now would leave: it must be refused, unless the log makes of it what is there.
    fn check_copies(&self) {
        let left = self.left("restored");
        assert_eq!(foreign(&left).unwrap(), None, "a crash is refused");
        let expected = content(&self.left("expected"));
        let heads = logged_heads(&left);
        // Without any first page there is nothing to compare: so may what another program wrote be, where it is all there is.
        let can_be_judged = heads.iter().any(Option::is_some);
        for (kind, copy) in &self.copies {
            fs::copy(copy, &left).unwrap();
            match foreign(&left).unwrap() {
                Some(found) => assert_eq!((found, heads.is_empty()), (Foreign::OfAnother, false)),
                None if can_be_judged && self.is_whole(copy) => {
                    let seen = self.folder.path().join("seen.db");
                    replace(&left, &seen);
                    assert_eq!(content(&seen), expected, "{kind:?} is not refused");
                }
                None => {}
            }
        }
    }
}

/// The head of the file as each commit in its log wrote it, if it did.
fn logged_heads(path: &Path) -> Vec<Option<Head>> {
    let Some(mut log) = Log::open(&schema::beside(path, "-wal")).unwrap() else {
        return Vec::new();
    };
    std::iter::from_fn(|| next_head(&mut log).unwrap()).collect()
}

fn open(path: &Path) -> Connection {
    let connection = schema::open_writer(path, schema::Missing::Create).unwrap();
    connection.pragma_update(None, "synchronous", "off").unwrap();
    connection
}

fn insert(connection: &Connection, rows: usize, bytes: usize) -> rusqlite::Result<()> {
    for _ in 0..rows {
        connection.execute(
            "INSERT INTO filler (bytes) VALUES (randomblob(?1))",
            params![bytes],
        )?;
    }
    Ok(())
}

fn checkpoint(connection: &Connection) {
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .unwrap();
}

/// Puts a file and its log in the place of others, as they are.
fn replace(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    let _ = fs::remove_file(schema::beside(to, "-shm"));
    let log = schema::beside(from, "-wal");
    match log.exists() {
        true => drop(fs::copy(log, schema::beside(to, "-wal")).unwrap()),
        false => drop(fs::remove_file(schema::beside(to, "-wal"))),
    }
}

/// How many commits of ours there were.
fn count(connection: &Connection) -> u32 {
    commits::count(
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap(),
    )
}

fn content(path: &Path) -> Content {
    let connection = Connection::open(path).unwrap();
    let read = || -> rusqlite::Result<Content> {
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if check != "ok" {
            return Ok(Err(check));
        }
        let mut statement = connection.prepare("SELECT number, bytes FROM filler")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<_>>().map(Ok)
    };
    read().unwrap_or_else(|error| Err(error.to_string()))
}

/// Each case takes a fifth of a second. `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 48;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_crash_is_refused_and_every_copy_that_its_log_would_damage_is(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut bench = Bench::new();
        for step in &steps {
            bench.take(step);
        }
        bench.check_copies();
    }
}
