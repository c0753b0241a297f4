//! A recorded run of a receiver, what it promised when, and whether a cut at any moment breaks a promise.

mod inspection;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::Value;

use super::disk::Disk;
use super::journal::{Event, Journal};
use inspection::Inspector;
pub use inspection::scratch;

/// How many cuts are looked at side by side.
const THREAD_COUNT: usize = 2;

/// What a receiver did to a folder and answered.
#[derive(Clone)]
pub struct Recording {
    events: Vec<Event>,
    /// What the folder held when it began, all of it certain.
    before: Disk,
    promises: Promises,
    /// Each receipt that was promised while it was recorded, with the place of the answer.
    answered: Vec<(usize, String)>,
    /// The places of answers that said that a request is in quarantine.
    quarantined: Vec<usize>,
}

/// A promise that a cut broke.
#[derive(Debug)]
pub struct Broken {
    moment: usize,
    /// The seed of what survived.
    luck: u64,
    pub what: String,
}

/// What is known beforehand of what must be there.
#[derive(Clone, Debug)]
pub struct Promises {
    /// Where the inbox is, below the folder.
    pub inbox: PathBuf,
    /// The bodies of receipts that are to be there, each once, by the ids of these. Nothing else may have these ids.
    pub bodies: HashMap<String, Bytes>,
    /// The receipts that were there when it began, and that nothing is to remove.
    pub kept: Vec<String>,
    /// Receipts that only the inbox has that a restore replaces: all of them are in it, or all in the one that is kept.
    pub replaced: Vec<String>,
    /// A backup that is made, below the folder, and how many receipts it has to have as soon as it has its name.
    pub backup: Option<(PathBuf, u64)>,
}

/// What must be there after a cut.
struct Due<'a> {
    inbox: &'a Path,
    bodies: &'a HashMap<String, Bytes>,
    ids: Vec<&'a str>,
    quarantined_count: u64,
    replaced: &'a [String],
    backup: Option<(&'a Path, u64)>,
    /// Whether all had been done.
    is_end: bool,
}

impl Recording {
    /// As one of a restore.
    pub fn of_restore(mut self, replaced: Vec<String>) -> Self {
        self.promises.replaced = replaced;
        self
    }

    /// As one of a backup.
    pub fn of_backup(mut self, path: &str, receipt_count: u64) -> Self {
        self.promises.backup = Some((PathBuf::from(path), receipt_count));
        self
    }

    /// Reads what was recorded of a folder by receivers that have ended. Fails if it is not all that they did.
    pub fn read(journal: &Journal, before: Disk, now: &Disk, promises: Promises) -> Self {
        let events = journal.events();
        let mut played = before.clone();
        events.iter().for_each(|event| played.follow(event));
        played.sync();
        if let Some(difference) = played.difference(now) {
            panic!("the recorder did not see all that was done: {difference}");
        }
        let recording = Self {
            events,
            before,
            promises,
            answered: Vec::new(),
            quarantined: Vec::new(),
        };
        let recording = recording.with_answers();
        let ids: HashSet<_> = recording.due(usize::MAX).ids.into_iter().collect();
        let unseen = recording.promises.bodies.keys().find(|id| !ids.contains(&***id));
        assert_eq!(
            unseen, None,
            "the recorder did not see the answer that promised it"
        );
        recording
    }

    /// As if the receiver had left out some of what it did.
    pub fn without(&self, is_left_out: impl Fn(&str, &Event) -> bool) -> Self {
        let mut paths: HashMap<u64, &str> = HashMap::new();
        let mut events = Vec::new();
        for event in &self.events {
            let path = match event {
                Event::Started { inode } => {
                    paths.insert(*inode, "");
                    ""
                }
                Event::Opened { inode, path } | Event::Made { inode, path, .. } => {
                    paths.insert(*inode, path);
                    path
                }
                Event::Written { inode, .. }
                | Event::Truncated { inode, .. }
                | Event::Synced { inode, .. } => paths[inode],
                Event::Moved { .. }
                | Event::Linked { .. }
                | Event::Removed { .. }
                | Event::SyncBegun { .. }
                | Event::Answered(_) => "",
            };
            if !is_left_out(path, event) {
                events.push(event.clone());
            }
        }
        let recording = Self {
            events,
            ..self.clone()
        };
        recording.with_answers()
    }

    /// As if the receiver had not asked for some syncs, by the paths of the files and folders.
    pub fn without_syncs_of(&self, is_left_out: impl Fn(&str) -> bool) -> Self {
        self.without(|path, event| matches!(event, Event::Synced { .. }) && is_left_out(path))
    }

    /// As if all before the last start had been done just before it, and none of the log's syncs had come back: so nothing was
    /// answered.
    pub fn without_syncs_before_the_last_start(&self) -> Self {
        let is_start = |event: &Event| matches!(event, Event::Started { .. });
        let left = Cell::new(self.events.iter().filter(|event| is_start(event)).count());
        self.without(|path, event| {
            left.set(left.get() - usize::from(is_start(event)));
            let is_sync = matches!(event, Event::Synced { .. }) && path.ends_with("-wal");
            left.get() > 0 && (is_sync || matches!(event, Event::Answered(_)))
        })
    }

    /// What was done to the files and folders: a line a change. The index of the log is left out.
    pub fn changes(&self) -> Vec<String> {
        let changes = RefCell::new(Vec::new());
        self.without(|path, event| {
            let change = match event {
                Event::Made { .. } => format!("{path} was made"),
                Event::Written { offset, bytes, .. } => {
                    format!("{path} was written to: {} bytes at {offset}", bytes.len())
                }
                Event::Truncated { size, .. } => format!("{path} was truncated to {size}"),
                Event::Moved { from, to } | Event::Linked { from, to } => format!("{from} became {to}"),
                Event::Removed { path } => format!("{path} was removed"),
                _ => return false,
            };
            if !change.contains("-shm was ") {
                changes.borrow_mut().push(change);
            }
            false
        });
        changes.into_inner()
    }

    /// Finds the answers again, by which it was promised what must be there.
    fn with_answers(mut self) -> Self {
        (self.answered, self.quarantined) = Default::default();
        for (place, event) in self.events.iter().enumerate() {
            let Event::Answered(bytes) = event else { continue };
            match answer(bytes) {
                Some(Said::Stored(id)) => self.answered.push((place, id)),
                Some(Said::Quarantined) => self.quarantined.push(place),
                None => {}
            }
        }
        self
    }

    /// What must be there after a cut at that moment.
    fn due(&self, moment: usize) -> Due<'_> {
        let answered = self.answered.iter().take_while(|(place, _)| *place <= moment);
        let ids = self.promises.kept.iter().chain(answered.map(|(_, id)| id));
        Due {
            inbox: &self.promises.inbox,
            bodies: &self.promises.bodies,
            ids: ids.map(String::as_str).collect(),
            quarantined_count: self.quarantined.partition_point(|place| *place <= moment) as u64,
            replaced: &self.promises.replaced,
            backup: self
                .promises
                .backup
                .as_ref()
                .map(|(path, count)| (&**path, *count)),
            is_end: moment >= self.events.len() - 1,
        }
    }

    /// Where the inbox is, below the folder.
    pub fn inbox(&self) -> &Path {
        &self.promises.inbox
    }

    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Cuts so many times, at moments and with luck that follow from the seed; the first broken promise, if there is
    /// one.
    pub fn cut(&self, seed: u64, count: usize) -> Result<(), Broken> {
        let mut rng = Rng::with_seed(seed);
        let mut cuts: Vec<_> = self.moments(&mut rng, count);
        cuts.sort_unstable();
        let cuts: Vec<_> = cuts.into_iter().map(|moment| (moment, rng.u64(..))).collect();
        let share = count.div_ceil(THREAD_COUNT).max(1);
        let is_found = &AtomicBool::new(false);
        thread::scope(|scope| {
            let begin = |cuts| scope.spawn(move || self.cut_at(cuts, is_found));
            let threads: Vec<_> = cuts.chunks(share).map(begin).collect();
            let mut ended = threads.into_iter().map(|thread| thread.join());
            ended.try_for_each(|looked| looked.expect("it does not panic"))
        })
    }

    /// Cuts after each of these events, in their order, each with its luck, until any thread has found what is broken.
    fn cut_at(&self, cuts: &[(usize, u64)], is_found: &AtomicBool) -> Result<(), Broken> {
        let mut inspector = Inspector::new();
        let mut disk = self.before.clone();
        let mut next = 0;
        for (moment, luck) in cuts.iter().copied() {
            if is_found.load(Ordering::Relaxed) {
                break;
            }
            self.events[next..=moment]
                .iter()
                .for_each(|event| disk.follow(event));
            next = moment + 1;
            let mut rng = Rng::with_seed(luck);
            let looked = inspector.look(&self.due(moment), |folder| disk.survive(folder, &mut rng));
            looked.map_err(|what| {
                is_found.store(true, Ordering::Relaxed);
                Broken { moment, luck, what }
            })?;
        }
        Ok(())
    }

    /// Tells of a broken promise, and keeps what the cut left.
    pub fn report(&self, broken: &Broken) -> String {
        let folder = scratch().keep().join("left");
        self.leave(broken.moment, &folder, &mut Rng::with_seed(broken.luck));
        let last = &self.events[broken.moment.saturating_sub(5)..=broken.moment];
        format!(
            "a cut after event {} of {}: {}; it left {}; the last events: {last:#?}",
            broken.moment,
            self.events.len(),
            broken.what,
            folder.display()
        )
    }

    /// Makes a folder as a cut at that moment may leave it.
    fn leave(&self, moment: usize, to: &Path, rng: &mut Rng) {
        let mut disk = self.before.clone();
        self.events[..=moment].iter().for_each(|event| disk.follow(event));
        disk.survive(to, rng);
    }

    /// Makes a folder as some cut may leave it; the ids and bodies of the receipts that are due in it.
    pub fn leave_any(&self, to: &Path, rng: &mut Rng) -> Vec<(String, Bytes)> {
        let moment = self.moments(rng, 1)[0];
        self.leave(moment, to, rng);
        let due = self.due(moment);
        let body = |id: &str| Some((id.to_owned(), due.bodies.get(id)?.clone()));
        due.ids.iter().filter_map(|id| body(id)).collect()
    }

    /// When to cut: a third anywhere, a third when something was just promised, a third around an event of each kind as
    /// often, so that what is rare has its share.
    fn moments(&self, rng: &mut Rng, count: usize) -> Vec<usize> {
        let mut kinds: Vec<(Discriminant<Event>, Vec<usize>)> = Vec::new();
        for (place, event) in self.events.iter().enumerate() {
            let kind = discriminant(event);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, places)) => places.push(place),
                None => kinds.push((kind, vec![place])),
            }
        }
        let last = self.events.len() - 1;
        let draw = |_| match rng.u8(..3) {
            0 if !self.answered.is_empty() => self.answered[rng.usize(..self.answered.len())].0,
            1 => {
                let (_, places) = &kinds[rng.usize(..kinds.len())];
                let place = places[rng.usize(..places.len())];
                (place + rng.usize(..5)).saturating_sub(2).min(last)
            }
            _ => rng.usize(..=last),
        };
        (0..count).map(draw).collect()
    }
}

enum Said {
    Stored(String),
    Quarantined,
}

/// What an answer promises.
fn answer(bytes: &[u8]) -> Option<Said> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    if head.starts_with("HTTP/1.1 422 ") {
        return Some(Said::Quarantined);
    }
    if !head.starts_with("HTTP/1.1 200 ") {
        return None;
    }
    let body: Value = serde_json::from_str(body).ok()?;
    match body["outcome"].as_str()? {
        "accepted" | "duplicate" => Some(Said::Stored(body["receipt_id"].as_str()?.to_owned())),
        _ => None,
    }
}
