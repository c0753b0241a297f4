//! A destination's worker: reads the log, sends what may be sent, records what came of it. What that is, `backlog` and
//! `health` decide; here it is done.
//!
//! One read of the log, one load of bodies and one record are under way at a time, beside the attempts. While the store
//! fails nothing new is sent, since what came of it could not be recorded; what has ended is kept and recorded when the
//! store is back.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backlog::{Backlog, Begun, Change};
use super::health::{Allowance, Health, MAX_PAUSE, Turn};
use super::log;
use super::metrics::Metrics;
use super::send::{Parcel, Report, Sender, Wish};
use super::status::{Board, Failure, Status};
use super::{DestinationSettings, Schedule};
use crate::clock::Timestamp;
use crate::inbox::outbox::{
    Attempt, Delivery, Destination, Outcome, Pause, PauseChange, Progress, State, Undelivered,
};
use crate::inbox::{self, Candidate, Inbox, Receipt, ReceiptId};

/// How often the log is looked at without being told to: for what other receivers accepted, and in case a word was
/// missed.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many receipts are read from the log at once.
const READ_COUNT: usize = 256;

/// How many deliveries are read at once at the beginning.
const RESTORE_COUNT: usize = 1000;

/// The most bytes of bodies in hand before no further one is loaded. One body more may be there.
const MAX_BODY_BYTES: usize = 32 << 20;

/// How many results may wait for the store before nothing more is sent.
const MAX_UNRECORDED: usize = 512;

/// How often the number of dead letters is read anew, in [`INTERVAL`]s: they expire without anybody here.
const DEAD_COUNT_INTERVALS: u32 = 60;

/// How long the store is left alone after an error.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// What a worker is told to do, and where it says that it is done and recorded.
#[derive(Debug)]
pub struct Order {
    /// What.
    pub what: What,
    /// How many deliveries it changed; `None` if that cannot be done now.
    pub answer: oneshot::Sender<Option<usize>>,
}

/// What a worker is told to do.
#[derive(Debug)]
pub enum What {
    /// Send a pending delivery now.
    Retry(u64),
    /// Call a delivery off; with its row, if it has one.
    Cancel(Box<Receipt>, Option<Delivery>),
    /// Make deliveries pending again; with their rows, if they have one.
    Reopen(Vec<(Receipt, Option<Delivery>)>),
    /// Send nothing any more.
    Pause(Pause),
    /// Send again.
    Resume,
}

/// What a worker is given.
pub struct Parts {
    pub inbox: Arc<dyn Inbox>,
    pub leader: Candidate,
    pub destination: Destination,
    pub settings: DestinationSettings,
    pub schedule: Schedule,
    pub sender: Arc<dyn Sender>,
    /// Changes when something was accepted.
    pub wake: watch::Receiver<()>,
    pub board: Board,
    pub metrics: Metrics,
    /// How long attempts may go on after the stop.
    pub grace: Duration,
}

/// Works for one destination until `stop`, and then until what is under way has ended, or for the grace time.
///
/// # Cancel safety
/// May be dropped at any time: what was under way is made again by whoever leads next.
pub async fn work(parts: Parts, orders: mpsc::Receiver<Order>, stop: CancellationToken) {
    let Some(backlog) = stop.run_until_cancelled(restore(&parts)).await else {
        return;
    };
    let grace_ends = async {
        stop.cancelled().await;
        sleep(parts.grace).await;
    };
    tokio::select! {
        () = Worker::new(&parts, orders, backlog).run(&stop) => {}
        () = grace_ends => {
            let count = parts.board.status().map_or(0, |status| status.in_flight_count);
            log::cut_off(&parts.settings.name, count);
        }
    }
}

/// What is pending with a row, read from the store however long that takes.
async fn restore(parts: &Parts) -> Backlog {
    let destination = &parts.destination;
    let mut backlog = Backlog::new(destination, parts.schedule.clone(), parts.settings.filter.clone());
    let mut after = 0;
    loop {
        let outbox = parts.inbox.outbox();
        let page = outbox.deliveries_after(destination.id, State::Pending, after, RESTORE_COUNT);
        match page.await {
            Ok(page) => {
                let Some((last, _)) = page.last() else {
                    return backlog;
                };
                after = last.sequence;
                page.iter()
                    .for_each(|(delivery, receipt)| backlog.restore(delivery, receipt));
            }
            Err(error) => {
                log::store_fails(&destination.name, &error);
                sleep(STORE_PAUSE).await;
            }
        }
    }
}

type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An attempt that has ended.
struct Ended {
    begun: Begun,
    receipt_id: ReceiptId,
    attempt: Attempt,
    wish: Wish,
}

/// What came of a load of bodies.
struct Loaded {
    begun: Vec<Begun>,
    receipts: Result<Vec<(Receipt, Bytes)>, inbox::Error>,
}

/// What was read from the log, and beside it.
struct Read {
    undelivered: Undelivered,
    /// How many dead letters there are, if that was asked for.
    dead_count: Option<u64>,
}

struct Worker<'a> {
    parts: &'a Parts,
    orders: mpsc::Receiver<Order>,
    backlog: Backlog,
    health: Health,
    pause: Option<Pause>,
    dead_count: u64,
    last_failure: Option<Failure>,
    /// Whether there may be more in the log than was read.
    may_have_more: bool,
    /// Whether to look into the log even if there is no room, for how much is there.
    looks_anyway: bool,
    /// In how many [`INTERVAL`]s the number of dead letters is read anew.
    dead_count_in: u32,
    /// The number of the newest receipt, as far as it is known.
    newest: u64,
    body_bytes: usize,
    attempts: FuturesUnordered<Doing<'a, Ended>>,
    loading: Option<Doing<'a, Loaded>>,
    reading: Option<Doing<'a, Result<Read, inbox::Error>>>,
    recording: Option<Doing<'a, Result<(), inbox::Error>>>,
    /// What is being recorded, to be said again if that fails.
    progress: Option<Progress>,
    pause_change: PauseChange,
    /// Who is to be told, and what, when all that has changed so far is recorded.
    to_answer: Vec<(oneshot::Sender<Option<usize>>, usize)>,
    /// Who is to be told when what is being recorded is.
    answering: Vec<(oneshot::Sender<Option<usize>>, usize)>,
    /// Until when the store is left alone, after an error.
    store_rests_until: Option<Instant>,
    /// Whether there was an error, and all has failed since.
    has_store_failed: bool,
}

impl<'a> Worker<'a> {
    fn new(parts: &'a Parts, orders: mpsc::Receiver<Order>, backlog: Backlog) -> Self {
        let DestinationSettings {
            max_in_flight,
            max_per_second,
            ..
        } = parts.settings;
        Self {
            parts,
            orders,
            backlog,
            health: Health::new(max_in_flight, max_per_second, Timestamp::now()),
            pause: parts.destination.pause.clone(),
            dead_count: parts.destination.dead_count,
            last_failure: None,
            may_have_more: true,
            looks_anyway: true,
            dead_count_in: DEAD_COUNT_INTERVALS,
            newest: parts.destination.cursor,
            body_bytes: 0,
            attempts: FuturesUnordered::new(),
            loading: None,
            reading: None,
            recording: None,
            progress: None,
            pause_change: PauseChange::Keep,
            to_answer: Vec::new(),
            answering: Vec::new(),
            store_rests_until: None,
            has_store_failed: false,
        }
    }

    /// Works until `stop`, and then until what is under way has ended and is recorded.
    async fn run(mut self, stop: &CancellationToken) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wake = self.parts.wake.clone();
        loop {
            let now = Timestamp::now();
            let is_stopping = stop.is_cancelled();
            self.store_rests_until.take_if(|until| *until <= Instant::now());
            self.record();
            if is_stopping {
                let is_idle = self.attempts.is_empty() && self.loading.is_none();
                if is_idle && self.progress.is_none() && !self.has_changes() {
                    return;
                }
            } else {
                self.read();
                self.begin(now);
            }
            self.show();
            let next = self.next_at(now);
            let takes_orders = self.store_rests_until.is_none() && !is_stopping;
            // Each branch may be dropped: what is under way stays in its place, and no order is lost.
            tokio::select! {
                Some(ended) = self.attempts.next() => self.settle(ended),
                loaded = done(&mut self.loading) => self.send(loaded, is_stopping),
                read = done(&mut self.reading) => self.offer(read),
                recorded = done(&mut self.recording) => self.recorded(recorded),
                Some(order) = self.orders.recv(), if takes_orders => self.follow(order),
                _ = ticks.tick() => {
                    self.may_have_more = true;
                    self.looks_anyway = true;
                    self.dead_count_in = self.dead_count_in.saturating_sub(1);
                }
                Ok(()) = wake.changed(), if !self.may_have_more => self.may_have_more = true,
                () = at(next) => {}
                () = stop.cancelled(), if !is_stopping => {}
            }
        }
    }

    /// When an attempt may begin that may not begin now, or the store be asked again, if that is a matter of time.
    fn next_at(&self, now: Timestamp) -> Option<Instant> {
        let due_at = self.backlog.next_at();
        // What is down is tried with what is not due yet.
        let is_probed = self.health.down_since().is_some() && due_at.is_some();
        let ready_at = if is_probed || self.backlog.has_ready(now) {
            Some(now)
        } else {
            due_at
        };
        let may_begin = self.pause.is_none() && self.loading.is_none();
        let begin_at = ready_at.map(|at| at.max(self.health.next_at(now).unwrap_or(now)));
        let wait = begin_at.map(|at| at.since(now));
        // Where it is no matter of time, something under way has to end first.
        let wait = wait.filter(|wait| may_begin && !wait.is_zero());
        let begin_at = wait.map(|wait| Instant::now() + wait);
        [begin_at, self.store_rests_until].into_iter().flatten().min()
    }

    /// Reads on in the log if there may be more and there is room for it.
    fn read(&mut self) {
        if self.reading.is_some() || self.store_rests_until.is_some() {
            return;
        }
        let room = self.backlog.room();
        let is_worth_it = self.may_have_more && room >= READ_COUNT / 2;
        let count = if is_worth_it { room.min(READ_COUNT) } else { 0 };
        if count == 0 && !self.looks_anyway {
            return;
        }
        self.looks_anyway = false;
        let counts_dead = self.dead_count_in == 0;
        if counts_dead {
            self.dead_count_in = DEAD_COUNT_INTERVALS;
        }
        let (parts, after) = (self.parts, self.backlog.read_to());
        self.reading = Some(Box::pin(async move {
            let (outbox, id) = (parts.inbox.outbox(), parts.destination.id);
            let mut dead_count = None;
            if counts_dead {
                let known = outbox.destinations().await?;
                dead_count = known
                    .iter()
                    .find(|known| known.id == id)
                    .map(|known| known.dead_count);
            }
            Ok(Read {
                undelivered: outbox.undelivered(id, after, count).await?,
                dead_count,
            })
        }));
    }

    /// Takes in what was read.
    fn offer(&mut self, read: Result<Read, inbox::Error>) {
        let Read {
            undelivered,
            dead_count,
        } = match read {
            Ok(read) => read,
            Err(error) => return self.store_failed(&error),
        };
        self.store_worked();
        undelivered
            .receipts
            .iter()
            .for_each(|receipt| self.backlog.offer(receipt));
        self.backlog.read_up_to(undelivered.read_to);
        self.newest = undelivered.newest;
        self.may_have_more = undelivered.read_to < undelivered.newest;
        // What is not recorded yet is counted when it is read anew the next time.
        self.dead_count = dead_count.unwrap_or(self.dead_count);
    }

    /// Begins as many attempts as may begin.
    fn begin(&mut self, now: Timestamp) {
        // What came of it could not be recorded.
        let is_failing =
            self.store_rests_until.is_some() || (self.has_store_failed && self.progress.is_some());
        let is_store_behind = is_failing || self.backlog.unrecorded_count() >= MAX_UNRECORDED;
        if self.pause.is_some() || self.loading.is_some() || is_store_behind {
            return;
        }
        let mut begun = Vec::new();
        match self.health.allowance(now, self.backlog.in_flight_count()) {
            Allowance::Probe => begun.extend(self.backlog.begin_probe(now)),
            Allowance::Attempts(count) => {
                let mut room = MAX_BODY_BYTES.saturating_sub(self.body_bytes);
                while begun.len() < count.min(READ_COUNT) && room > 0 {
                    let Some(next) = self.backlog.begin(now) else {
                        break;
                    };
                    room = room.saturating_sub(next.body_bytes);
                    begun.push(next);
                }
            }
        }
        if begun.is_empty() {
            return;
        }
        for next in &begun {
            self.body_bytes += next.body_bytes;
            self.health.begin();
        }
        let parts = self.parts;
        self.loading = Some(Box::pin(async move {
            let sequences = begun.iter().map(|begun| begun.sequence).collect();
            let receipts = parts.inbox.outbox().load(sequences).await;
            Loaded { begun, receipts }
        }));
    }

    /// Sends what was loaded.
    fn send(&mut self, loaded: Loaded, is_stopping: bool) {
        let receipts = loaded.receipts.unwrap_or_else(|error| {
            self.store_failed(&error);
            Vec::new()
        });
        let now = Timestamp::now();
        let has_failed = self.store_rests_until.is_some();
        // Much may have happened while it was loaded.
        let may_go = !is_stopping && self.pause.is_none() && !self.health.is_quiet(now);
        let mut receipts: HashMap<_, _> = receipts
            .into_iter()
            .map(|(receipt, body)| (receipt.sequence, (receipt, body)))
            .collect();
        for begun in loaded.begun {
            match receipts.remove(&begun.sequence) {
                Some((receipt, body)) if may_go => {
                    self.attempts
                        .push(Box::pin(attempt(self.parts, begun, receipt, body)));
                    continue;
                }
                None if !has_failed => {
                    log::expired(&self.parts.settings.name, begun.sequence);
                    self.backlog.vanish(begun.sequence);
                }
                Some(_) | None => self.backlog.give_back(begun.sequence, now),
            }
            self.body_bytes -= begun.body_bytes;
        }
    }

    /// Takes note of how an attempt ended.
    fn settle(&mut self, ended: Ended) {
        let Ended {
            begun,
            receipt_id,
            attempt,
            wish,
        } = ended;
        let (now, name) = (Timestamp::now(), &self.parts.settings.name);
        self.body_bytes -= begun.body_bytes;
        self.parts.metrics.note(&attempt);
        if attempt.outcome != Outcome::Delivered {
            self.last_failure = Some(Failure {
                at: now,
                detail: attempt.detail.clone(),
            });
        }
        let is_probe = self.health.down_since().is_some();
        let turn = self
            .health
            .note(begun.sequence, attempt.outcome, wish, now, fastrand::f64());
        let pause = match wish {
            Wish::Less { pause } => pause.unwrap_or_default().min(MAX_PAUSE),
            Wish::None | Wish::Nothing => Duration::ZERO,
        };
        let state = self
            .backlog
            .settle(begun.sequence, attempt.clone(), pause, now, fastrand::f64());
        log::attempt(name, receipt_id, &attempt, state, is_probe);
        self.dead_count += u64::from(state == State::Dead);
        if wish == Wish::Nothing && self.pause.is_none() {
            log::paused_by_itself(name);
            self.set_pause(Some(Pause {
                at: now,
                reason: format!("it answered that it wants nothing more: {}", attempt.detail),
            }));
        }
        match turn {
            Turn::Same => {}
            Turn::WentDown => log::went_down(name, &attempt.detail),
            Turn::CameBack { since } => {
                log::came_back(name, now.since(since));
                self.backlog.hurry(since);
            }
        }
    }

    /// Whether there is something that is not being recorded yet.
    fn has_changes(&self) -> bool {
        self.backlog.unrecorded_count() > 0 || self.pause_change != PauseChange::Keep
    }

    /// Has the store take down what has changed, if it has time.
    fn record(&mut self) {
        if self.recording.is_some() || self.store_rests_until.is_some() {
            return;
        }
        if self.progress.is_none() {
            let pause = std::mem::replace(&mut self.pause_change, PauseChange::Keep);
            self.progress = self.backlog.progress(pause);
            self.answering.append(&mut self.to_answer);
        }
        let parts = self.parts;
        match self.progress.clone() {
            Some(progress) => self.recording = Some(parts.inbox.outbox().record(&parts.leader, progress)),
            None => self.answer(),
        }
    }

    fn recorded(&mut self, recorded: Result<(), inbox::Error>) {
        match recorded {
            Ok(()) => {
                self.progress = None;
                self.backlog.recorded(Timestamp::now());
                self.answer();
                self.store_worked();
            }
            Err(error) => self.store_failed(&error),
        }
    }

    /// Tells those whose orders are followed and recorded. One that no longer waits is normal.
    fn answer(&mut self) {
        for (answer, count) in self.answering.drain(..) {
            let _ = answer.send(Some(count));
        }
    }

    /// Says that the store works again, if it did not. While there is something to record, only that tells.
    fn store_worked(&mut self) {
        if self.progress.is_none() && std::mem::take(&mut self.has_store_failed) {
            log::store_works(&self.parts.settings.name);
        }
    }

    fn store_failed(&mut self, error: &inbox::Error) {
        if !std::mem::replace(&mut self.has_store_failed, true) {
            log::store_fails(&self.parts.settings.name, error);
        }
        self.store_rests_until = Some(Instant::now() + STORE_PAUSE);
    }

    /// Does what it is told, or puts it off until it can.
    fn follow(&mut self, order: Order) {
        let now = Timestamp::now();
        let count = match &order.what {
            What::Retry(sequence) => {
                self.health.probe_now(now);
                usize::from(self.backlog.retry(*sequence) == Change::Made)
            }
            What::Cancel(receipt, was) => {
                usize::from(self.backlog.cancel(receipt, was.as_ref(), now) == Change::Made)
            }
            What::Reopen(receipts) => match self.reopen(receipts, now) {
                Some(count) => count,
                None => {
                    // Whoever waits for the answer is told to ask again. One that no longer waits is normal.
                    let _ = order.answer.send(None);
                    return;
                }
            },
            What::Pause(pause) => self.set_pause(Some(pause.clone())),
            What::Resume if self.pause.is_none() && self.health.down_since().is_some() => {
                self.health.probe_now(now);
                1
            }
            What::Resume => self.set_pause(None),
        };
        self.to_answer.push((order.answer, count));
    }

    /// Makes them pending, all or none; `None` if they cannot be now.
    fn reopen(&mut self, receipts: &[(Receipt, Option<Delivery>)], now: Timestamp) -> Option<usize> {
        let rows = receipts.iter().map(|(receipt, was)| (receipt, was.as_ref()));
        if !self.backlog.takes(rows.clone()) {
            return None;
        }
        let mut count = 0;
        for (receipt, was) in rows {
            if self.backlog.reopen(receipt, was, now) == Change::Made {
                count += 1;
                let was_dead = was.is_some_and(|was| was.state == State::Dead);
                self.dead_count = self.dead_count.saturating_sub(u64::from(was_dead));
            }
        }
        Some(count)
    }

    /// Pauses or resumes; gives how much that changes.
    fn set_pause(&mut self, pause: Option<Pause>) -> usize {
        if pause.is_some() == self.pause.is_some() {
            return 0;
        }
        self.pause_change = match &pause {
            Some(pause) => PauseChange::Pause(pause.clone()),
            None => {
                // What was known of it is of another time.
                let settings = &self.parts.settings;
                self.health = Health::new(settings.max_in_flight, settings.max_per_second, Timestamp::now());
                self.backlog.hurry(Timestamp::from_micros(i64::MIN));
                PauseChange::Resume
            }
        };
        self.pause = pause;
        1
    }

    fn show(&self) {
        let behind_count = self.newest.saturating_sub(self.backlog.read_to());
        self.parts.board.show(Some(Status {
            in_flight_count: self.backlog.in_flight_count(),
            pending_count: self.backlog.pending_count() as u64 + behind_count,
            oldest_received_at: self.backlog.oldest_received_at(),
            dead_count: self.dead_count,
            down_since: self.health.down_since(),
            pause: self.pause.clone(),
            last_failure: self.last_failure.clone(),
        }));
    }
}

/// Makes one attempt.
async fn attempt(parts: &Parts, begun: Begun, receipt: Receipt, body: Bytes) -> Ended {
    let receipt_id = receipt.id;
    let (started_at, since) = (Timestamp::now(), Instant::now());
    let Report {
        outcome,
        status,
        detail,
        answer,
        wish,
    } = parts
        .sender
        .send(Parcel {
            receipt,
            body,
            attempt: begun.attempt,
        })
        .await;
    // In whole microseconds, as the store keeps it.
    let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ended {
        begun,
        receipt_id,
        attempt: Attempt {
            number: begun.attempt,
            started_at,
            duration: Duration::from_micros(micros),
            outcome,
            status,
            detail,
            answer,
        },
        wish,
    }
}

/// Waits until what is under way is done, and clears its place; for ever if there is nothing.
///
/// # Cancel safety
/// What is under way stays in its place when the future is dropped.
async fn done<T>(doing: &mut Option<Doing<'_, T>>) -> T {
    match doing {
        None => std::future::pending().await,
        Some(under_way) => {
            let done = under_way.await;
            *doing = None;
            done
        }
    }
}

/// Waits until then; for ever if there is no such time.
async fn at(instant: Option<Instant>) {
    match instant {
        None => std::future::pending().await,
        Some(instant) => sleep_until(instant).await,
    }
}
