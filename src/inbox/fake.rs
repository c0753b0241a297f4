//! A store that does what a test tells it to.

mod outbox;

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Answer, Candidate, Entry, Error, Inbox, Jobs, Leadership, Origin, Outbox, Page, PageRequest,
    QuarantineId, QuarantineTotals, Quarantined, Receipt, ReceiptFilter, ReceiptId, Stored,
};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Identity, Name, Wire};
pub use outbox::{FakeOutbox, Record};

/// What the store says of a batch.
pub type BatchAnswer = Result<Vec<Result<Stored, Error>>, Error>;

/// A store that answers each batch when a test lets it.
pub struct FakeInbox {
    /// A permit lets one batch through.
    pub gate: Semaphore,
    /// Which batches may pass without one.
    let_through: watch::Sender<HashSet<usize>>,
    concurrency: usize,
    /// The answers to the coming batches; where there is none, every entry is stored.
    answers: Mutex<VecDeque<BatchAnswer>>,
    /// The batches it was given so far, by the sizes of their bodies, which name the entries in these tests.
    batches: watch::Sender<Vec<Vec<usize>>>,
    /// The entries of the last one.
    pub last_batch: Mutex<Vec<Entry>>,
    /// A permit lets one read of a receipt through.
    pub read_gate: Semaphore,
    /// How many of these there were.
    pub read_count: watch::Sender<usize>,
    /// How many of the next of these fail.
    pub failing_read_count: Mutex<usize>,
    /// The body of every receipt that is asked for, if it is held.
    pub held: Mutex<Option<Bytes>>,
    /// The one that is not held all the same.
    pub gone: Mutex<Option<ReceiptId>>,
    /// How many of them it has answered.
    pub answered_count: watch::Sender<usize>,
    /// What it says to whoever would lead or resign; nothing while it is `None`.
    pub leadership: watch::Sender<Option<Result<Leadership, Error>>>,
    /// Who asked to lead so far.
    pub candidates: watch::Sender<Vec<Candidate>>,
    /// Who resigned so far.
    pub resigned: Mutex<Vec<Candidate>>,
    /// Its way out.
    pub outbox: FakeOutbox,
}

impl FakeInbox {
    pub fn new() -> Arc<Self> {
        Self::taking(1)
    }

    /// One that takes so many batches at once.
    pub fn taking(concurrency: usize) -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(0),
            let_through: watch::Sender::default(),
            concurrency,
            answers: Mutex::default(),
            batches: watch::Sender::default(),
            last_batch: Mutex::default(),
            read_gate: Semaphore::new(0),
            read_count: watch::Sender::default(),
            failing_read_count: Mutex::default(),
            held: Mutex::default(),
            gone: Mutex::default(),
            answered_count: watch::Sender::default(),
            leadership: watch::Sender::default(),
            candidates: watch::Sender::default(),
            resigned: Mutex::default(),
            outbox: FakeOutbox::default(),
        })
    }

    pub fn batches(&self) -> Vec<Vec<usize>> {
        self.batches.borrow().clone()
    }

    pub fn batch_sizes(&self) -> Vec<usize> {
        self.batches.borrow().iter().map(Vec::len).collect()
    }

    /// Waits until it has been given so many batches.
    pub async fn given(&self, batch_count: usize) {
        reached(&self.batches, |batches| batches.len() == batch_count).await;
    }

    /// Waits until it has answered so many batches.
    pub async fn answered(&self, batch_count: usize) {
        reached(&self.answered_count, |count| *count == batch_count).await;
    }

    /// Lets a batch through, wherever it stands: 0 is the first that it was given.
    pub fn let_through(&self, index: usize) {
        self.let_through.send_modify(|indices| _ = indices.insert(index));
    }

    /// Waits until a receipt has been asked for so many times.
    pub async fn read(&self, read_count: usize) {
        reached(&self.read_count, |count| *count == read_count).await;
    }

    pub fn answer_next_with(&self, answer: BatchAnswer) {
        self.answers.lock().push_back(answer);
    }
}

impl Inbox for FakeInbox {
    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>> {
        let sizes: Vec<_> = batch.iter().map(Entry::body_bytes).collect();
        let index = self.batches.borrow().len();
        self.last_batch.lock().clone_from(&batch);
        self.batches.send_modify(|batches| batches.push(sizes));
        let mut let_through = self.let_through.subscribe();
        Box::pin(async move {
            tokio::select! {
                permit = self.gate.acquire() => permit.expect("the gate is never closed").forget(),
                _ = let_through.wait_for(|indices| indices.contains(&index)) => {}
            }
            self.answered_count.send_modify(|count| *count += 1);
            let answer = self.answers.lock().pop_front();
            answer.unwrap_or_else(|| Ok(batch.iter().map(|entry| Ok(stored(entry))).collect()))
        })
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn receipts(&self, _: ReceiptFilter, _: PageRequest) -> Answer<'_, Page<Receipt>> {
        assert!(*self.outbox.hangs.lock(), "no test reads what is stored");
        Box::pin(std::future::pending())
    }

    fn receipt(&self, id: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>> {
        self.read_count.send_modify(|count| *count += 1);
        Box::pin(async move {
            let permit = self.read_gate.acquire().await;
            permit.expect("the gate is never closed").forget();
            let mut failing_count = self.failing_read_count.lock();
            if *failing_count > 0 {
                *failing_count -= 1;
                return Err(Error::unavailable("the disk has a bad sector"));
            }
            let body = self.held.lock().clone();
            let body = body.filter(|_| *self.gone.lock() != Some(id));
            Ok(body.map(|body| (receipt(id), body)))
        })
    }

    fn job(&self, _: EventId) -> Answer<'_, Vec<Receipt>> {
        unreachable!("no test reads what is stored")
    }

    fn open_jobs(&self, _: PageRequest) -> Answer<'_, Page<Receipt>> {
        unreachable!("no test reads what is stored")
    }

    fn find(&self, _: Identity) -> Answer<'_, Option<Receipt>> {
        unreachable!("no test reads what is stored")
    }

    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>> {
        unreachable!("no test reads what is stored")
    }

    fn export(&self, _: u64, _: usize) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        unreachable!("no test reads what is stored")
    }

    fn quarantine(&self, _: PageRequest) -> Answer<'_, Page<Quarantined>> {
        unreachable!("no test reads what is stored")
    }

    fn quarantined(&self, _: QuarantineId) -> Answer<'_, Option<(Quarantined, Bytes)>> {
        unreachable!("no test reads what is stored")
    }

    fn accept_quarantined(&self, _: QuarantineId, _: ReceiptId) -> Answer<'_, ()> {
        unreachable!("no test reads what is stored")
    }

    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals> {
        unreachable!("no test reads what is stored")
    }

    fn outbox(&self) -> &dyn Outbox {
        &self.outbox
    }

    fn jobs(&self) -> &dyn Jobs {
        unreachable!("no test lists jobs")
    }

    fn expire(&self, _: Timestamp) -> Answer<'_, usize> {
        unreachable!("no test removes anything")
    }

    fn lead<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, Leadership> {
        self.candidates
            .send_modify(|candidates| candidates.push(candidate.clone()));
        let mut leadership = self.leadership.subscribe();
        Box::pin(async move {
            let answer = leadership.wait_for(Option::is_some).await;
            let answer = answer.expect("the sender is ours").clone();
            answer.expect("it was waited for")
        })
    }

    fn resign<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, ()> {
        self.resigned.lock().push(candidate.clone());
        let mut leadership = self.leadership.subscribe();
        Box::pin(async move {
            let answer = leadership.wait_for(Option::is_some).await;
            let answer = answer.expect("the sender is ours").clone();
            answer.expect("it was waited for").map(|_| ())
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        unreachable!("no test closes it")
    }
}

/// Waits for a state, an hour at most, and shows the last one if it does not come.
async fn reached<T: Debug>(state: &watch::Sender<T>, is_reached: impl FnMut(&T) -> bool) {
    let mut receiver = state.subscribe();
    if timeout(Duration::from_secs(3_600), receiver.wait_for(is_reached))
        .await
        .is_err()
    {
        panic!("the store did not come further than {:?}", *state.borrow());
    }
}

/// A receipt of which only the id is asked for.
pub fn receipt(id: ReceiptId) -> Receipt {
    Receipt {
        id,
        sequence: 1,
        received_at: Timestamp::from_micros(0),
        event: Name {
            event: "training".into(),
            status: "initial".into(),
        },
        event_id: None,
        chatbot_id: None,
        wire: Wire::V2024_01,
        origin: Origin::Webhook,
        body_bytes: 0,
        trace: None,
        damage: None,
    }
}

/// What the fake store says of an entry.
pub fn stored(entry: &Entry) -> Stored {
    match entry {
        Entry::Probe => Stored::Probed,
        other => Stored::Quarantined(QuarantineId::new(Uuid::from_u128(other.body_bytes() as u128))),
    }
}
