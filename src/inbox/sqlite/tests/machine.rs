//! Promise: whatever befalls it and in whatever order, the store holds what a list in memory holds.
//!
//! A run is some actions on one file, and shrinks to the few that matter. `CAIGUNN_TEST_STORE_RUNS` asks for more runs.

mod model;

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::super::super::contract::outbox::{candidate, delivery, nothing_new};
use super::super::super::outbox::{Destination, Outbox, Progress, Start, State};
use super::super::super::{NewQuarantined, RequestId};
use super::*;
use model::{Model, Sent};

const DAY: Duration = Duration::from_secs(86_400);
const RETENTION: Duration = Duration::from_secs(90 * 86_400);

/// How many runs there are unless more are asked for.
const RUNS: u32 = 40;

#[derive(Clone, Debug)]
enum Action {
    /// A batch of posts.
    Append(Vec<Sent>),
    /// A refused request.
    Refuse,
    /// The clock is set by so many days.
    ClockJump(i32),
    /// What is older than the retention goes.
    Expire,
    /// The process is killed, and started again.
    Crash,
    /// The receiver is stopped and started again.
    Reopen,
    /// Part of the log is copied into the file.
    CopyLog,
    /// The file may grow by so many pages.
    DiskFull(u32),
    /// It may grow as it likes.
    RoomAgain,
    /// Somebody else begins to read, and does not end.
    LongReader,
    /// He ends.
    ReaderEnds,
    /// So many receipts come out of the log as far as the way out is concerned; the first of them is so.
    Deliver(u8, State),
}

/// Days, some of them few, so that what a removal meets is sometimes old and sometimes young.
fn any_jump() -> impl Strategy<Value = i32> {
    prop_oneof![2 => -40 * 365..40 * 365, 1 => -100..100]
}

fn any_batch() -> impl Strategy<Value = Vec<Sent>> {
    let sent = (
        0..9_u8,
        prop::sample::select(&["initial", "completed", "failed"]),
        prop::bool::weighted(0.2),
        prop::sample::select(&[Wire::V2024_01, Wire::V2024_07]),
    );
    let sent = sent.prop_map(|(job, status, differs, wire)| Sent {
        job,
        status,
        differs,
        wire,
    });
    prop::collection::vec(sent, 1..5)
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => any_batch().prop_map(Action::Append),
        1 => Just(Action::Refuse),
        3 => any_jump().prop_map(Action::ClockJump),
        3 => Just(Action::Expire),
        2 => Just(Action::Crash),
        1 => Just(Action::Reopen),
        1 => Just(Action::CopyLog),
        3 => (0..9_u32).prop_map(Action::DiskFull),
        2 => Just(Action::RoomAgain),
        1 => Just(Action::LongReader),
        1 => Just(Action::ReaderEnds),
        3 => (1..4_u8, prop::sample::select(&State::ALL)).prop_map(|(count, state)| Action::Deliver(count, state)),
    ]
}

/// Most often one action; else a batch that comes while the clock is wrong, which chance alone seldom puts before a removal.
fn any_step() -> impl Strategy<Value = Vec<Action>> {
    let by_wrong_clock = (any_jump(), any_batch()).prop_map(|(days, batch)| {
        vec![
            Action::ClockJump(days),
            Action::Append(batch),
            Action::ClockJump(-days),
        ]
    });
    prop_oneof![9 => any_action().prop_map(|action| vec![action]), 1 => by_wrong_clock]
}

/// A store, and what befalls it.
struct Machine {
    folder: Folder,
    inbox: SqliteInbox,
    destination: Destination,
    model: Model,
    now: Timestamp,
    is_full: bool,
    reader: Option<(Connection, Vec<u64>)>,
}

fn ample() -> Settings {
    Settings {
        quarantine_max_count: 100_000,
        quarantine_max_bytes: 1 << 30,
        ..settings()
    }
}

impl Machine {
    async fn new() -> Self {
        let folder = Folder::new();
        let inbox = folder.open(ample());
        let start = Start::Since(Timestamp::MIN);
        let destination = inbox.add_destination("app".to_owned(), start).await.unwrap();
        Self {
            folder,
            inbox,
            destination,
            model: Model::default(),
            now: at(0),
            is_full: false,
            reader: None,
        }
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Append(batch) => self.append(batch).await,
            Action::Refuse => self.refuse().await,
            Action::ClockJump(days) => {
                let jump = DAY * days.unsigned_abs();
                self.now = if *days < 0 {
                    self.now.minus(jump)
                } else {
                    self.now.plus(jump)
                };
            }
            Action::Expire => self.expire().await,
            Action::Crash => self.crash(),
            Action::Reopen => {
                self.reader = None;
                self.inbox.close().await.unwrap();
                self.inbox = self.folder.open(ample());
                self.is_full = false;
            }
            Action::CopyLog => {
                let copy = "PRAGMA wal_checkpoint(PASSIVE)";
                let copied = |connection: &Connection| connection.query_row(copy, [], |_| Ok(()));
                self.inbox.on_connection(copied).await.unwrap();
            }
            Action::DiskFull(pages) => {
                let page_count = self.inbox.pragma::<u32>("page_count").await;
                self.inbox.bound_pages(page_count + pages).await;
                self.is_full = true;
            }
            Action::RoomAgain => {
                self.inbox.bound_pages(u32::MAX - 1).await;
                self.is_full = false;
            }
            Action::LongReader => {
                let connection = schema::open_reader(&self.folder.inbox_path()).unwrap();
                connection.execute_batch("BEGIN").unwrap();
                let seen = sequences_seen_by(&connection);
                self.reader = Some((connection, seen));
            }
            Action::ReaderEnds => self.reader = None,
            Action::Deliver(count, state) => self.deliver(*count, *state).await,
        }
        self.now = self.now.plus(Duration::from_secs(1));
    }

    /// What the store answered, if it did; else for want of room.
    fn taken<T>(&self, answer: Result<T, Error>) -> Option<T> {
        match answer {
            Ok(taken) => Some(taken),
            Err(error) => {
                assert!(
                    self.is_full && error.to_string().contains("no space left"),
                    "{error}"
                );
                None
            }
        }
    }

    async fn append(&mut self, batch: &[Sent]) {
        let entries = batch.iter().map(|sent| Entry::Receipt(sent.receipt(self.now)));
        let answer = self.inbox.append(entries.collect()).await;
        for (sent, stored) in batch.iter().zip(self.taken(answer).unwrap_or_default()) {
            match stored {
                Ok(Stored::Receipt(appended)) => self.model.take(sent, self.now, appended),
                other => panic!("{sent:?} was {other:?}"),
            }
        }
    }

    async fn refuse(&mut self) {
        let refused = Entry::Quarantine(NewQuarantined {
            request_id: RequestId::new(Uuid::nil()),
            received_at: self.now,
            reason: "not-json".to_owned(),
            detail: "the body is not JSON".to_owned(),
            receipt_id: None,
            content_type: None,
            body: Bytes::from_static(b"{"),
            truncated: false,
        });
        let answer = self.inbox.append(vec![refused]).await;
        self.model.quarantined_count += u64::from(self.taken(answer).is_some());
    }

    async fn expire(&mut self) {
        let before = self.now.minus(RETENTION);
        let mut removed_count = 0;
        let is_done = loop {
            let answer = self.inbox.expire(before).await;
            match self.taken(answer) {
                None => break false,
                Some(0) => break true,
                Some(count) => removed_count += count,
            }
        };
        let left = self.inbox.as_dyn().all().await;
        assert_eq!(self.model.held.len() - left.len(), removed_count);
        self.model.remove(removed_count, before, is_done);
    }

    /// Goes on with the files as they are, as a process does that follows one that was killed.
    fn crash(&mut self) {
        let folder = Folder::new();
        for suffix in ["", "-wal", "-shm"] {
            let [from, to] =
                [&self.folder, &folder].map(|folder| schema::beside(&folder.inbox_path(), suffix));
            if from.exists() {
                std::fs::copy(from, to).unwrap();
            }
        }
        let receipt_count = self.model.held.len() as u64;
        let sound = Check::Sound {
            version: schema::MIGRATIONS.len(),
            receipt_count,
        };
        assert_eq!(check(&folder.inbox_path()).unwrap(), sound);
        self.reader = None;
        self.inbox = folder.open(ample());
        self.folder = folder;
        self.is_full = false;
    }

    async fn deliver(&mut self, count: u8, state: State) {
        let behind = self
            .model
            .held
            .iter()
            .filter(|held| held.sequence > self.model.cursor);
        let behind: Vec<_> = behind.take(count.into()).map(|held| held.sequence).collect();
        let Some(last) = behind.last() else { return };
        let progress = Progress {
            cursor: *last,
            deliveries: behind
                .iter()
                .map(|sequence| delivery(&self.destination, *sequence, state))
                .collect(),
            ..nothing_new(&self.destination)
        };
        let answer = self.inbox.record(&candidate("leader"), progress).await;
        if self.taken(answer).is_some() {
            self.model.cursor = *last;
            self.model
                .deliveries
                .extend(behind.iter().map(|sequence| (*sequence, state)));
        }
    }

    async fn holds_what_the_model_holds(&self) {
        let model = &self.model;
        let mut receipts = self.inbox.as_dyn().all().await;
        receipts.reverse();
        let found: Vec<_> = receipts
            .iter()
            .map(|receipt| {
                (
                    receipt.sequence,
                    receipt.id,
                    receipt.received_at,
                    receipt.event_id,
                )
            })
            .collect();
        let held = model.held.iter();
        let held = held.map(|held| (held.sequence, held.id, held.received_at, Some(held.event_id)));
        assert_eq!(found, held.collect::<Vec<_>>());
        for receipt in &receipts {
            let (event_id, name) = (receipt.event_id.unwrap(), receipt.event.clone());
            let known = self.inbox.find(Identity::Job { event_id, name }).await.unwrap();
            assert_eq!(known.as_ref(), Some(receipt));
        }
        let page = PageRequest {
            cursor: None,
            limit: 100,
        };
        let open = self.inbox.open_jobs(page).await.unwrap().items;
        let open: BTreeSet<_> = open.iter().map(|receipt| receipt.sequence).collect();
        assert_eq!(open, model.open);
        let totals = self.inbox.quarantine_totals().await.unwrap();
        assert_eq!(totals.quarantined_count, model.quarantined_count);
        let undelivered = self
            .inbox
            .undelivered(self.destination.id, 0, 1000)
            .await
            .unwrap();
        let undelivered: Vec<_> = undelivered
            .receipts
            .iter()
            .map(|receipt| receipt.sequence)
            .collect();
        let pending = model.held.iter().map(|held| held.sequence);
        let pending: Vec<_> = pending
            .filter(|sequence| !model.deliveries.contains_key(sequence))
            .collect();
        assert_eq!(undelivered, pending);
        let destination = self.inbox.destinations().await.unwrap().remove(0);
        assert_eq!(destination.cursor, model.cursor);
        let waiting = model
            .deliveries
            .values()
            .filter(|state| **state == State::Pending);
        assert_eq!(destination.pending_count, waiting.count() as u64);
        if let Some((connection, seen)) = &self.reader {
            assert_eq!(sequences_seen_by(connection), *seen, "a reader sees one moment");
        }
    }
}

fn sequences_seen_by(connection: &Connection) -> Vec<u64> {
    let mut statement = connection
        .prepare("SELECT seq FROM receipt ORDER BY seq")
        .unwrap();
    let sequences = statement.query_map([], |row| row.get(0)).unwrap();
    sequences.map(Result::unwrap).collect()
}

fn runs() -> ProptestConfig {
    let asked = std::env::var("CAIGUNN_TEST_STORE_RUNS").ok();
    ProptestConfig::with_cases(asked.map_or(RUNS, |count| count.parse().expect("a number of runs")))
}

proptest! {
    #![proptest_config(runs())]

    #[test]
    fn whatever_befalls_it_the_store_holds_what_a_list_in_memory_holds(
        steps in prop::collection::vec(any_step(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut machine = Machine::new().await;
            for action in steps.iter().flatten() {
                machine.act(action).await;
                machine.holds_what_the_model_holds().await;
            }
        });
    }
}
