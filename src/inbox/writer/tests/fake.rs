//! A store that does what a test tells it to.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Identity};
use crate::inbox::{
    Answer, Candidate, Entry, Error, Inbox, Leadership, Page, PageRequest, QuarantineId, QuarantineTotals,
    Quarantined, Receipt, ReceiptFilter, ReceiptId, Stored,
};

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
    /// How many of them it has answered.
    pub answered_count: watch::Sender<usize>,
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
            answered_count: watch::Sender::default(),
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

    pub fn answer_next_with(&self, answer: BatchAnswer) {
        self.answers.lock().unwrap().push_back(answer);
    }
}

impl Inbox for FakeInbox {
    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>> {
        let sizes: Vec<_> = batch.iter().map(Entry::body_bytes).collect();
        let index = self.batches.borrow().len();
        self.batches.send_modify(|batches| batches.push(sizes));
        let mut let_through = self.let_through.subscribe();
        Box::pin(async move {
            tokio::select! {
                permit = self.gate.acquire() => permit.expect("the gate is never closed").forget(),
                _ = let_through.wait_for(|indices| indices.contains(&index)) => {}
            }
            self.answered_count.send_modify(|count| *count += 1);
            let answer = self.answers.lock().unwrap().pop_front();
            answer.unwrap_or_else(|| Ok(batch.iter().map(|entry| Ok(stored(entry))).collect()))
        })
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn receipts(&self, _: ReceiptFilter, _: PageRequest) -> Answer<'_, Page<Receipt>> {
        unreachable!("the writer does not read")
    }

    fn receipt(&self, _: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>> {
        unreachable!("the writer does not read")
    }

    fn job(&self, _: EventId) -> Answer<'_, Vec<Receipt>> {
        unreachable!("the writer does not read")
    }

    fn open_jobs(&self, _: PageRequest) -> Answer<'_, Page<Receipt>> {
        unreachable!("the writer does not read")
    }

    fn find(&self, _: Identity) -> Answer<'_, Option<Receipt>> {
        unreachable!("the writer does not read")
    }

    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>> {
        unreachable!("the writer does not read")
    }

    fn export(&self, _: u64, _: usize) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        unreachable!("the writer does not read")
    }

    fn backfilled_count(&self) -> Answer<'_, u64> {
        unreachable!("the writer does not read")
    }

    fn quarantine(&self, _: PageRequest) -> Answer<'_, Page<Quarantined>> {
        unreachable!("the writer does not read")
    }

    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals> {
        unreachable!("the writer does not read")
    }

    fn expire(&self, _: Timestamp) -> Answer<'_, usize> {
        unreachable!("the writer does not remove")
    }

    fn lead<'a>(&'a self, _: &'a Candidate) -> Answer<'a, Leadership> {
        unreachable!("the writer does not lead")
    }

    fn resign<'a>(&'a self, _: &'a Candidate) -> Answer<'a, ()> {
        unreachable!("the writer does not lead")
    }

    fn close(&self) -> Answer<'_, ()> {
        unreachable!("the writer does not close")
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

/// What the fake store says of an entry.
pub fn stored(entry: &Entry) -> Stored {
    match entry {
        Entry::Probe => Stored::Probed,
        other => Stored::Quarantined(QuarantineId::new(Uuid::from_u128(other.body_bytes() as u128))),
    }
}
