//! A destination's worker: reads the log, sends what may be sent, records what came of it. What that is, `backlog` and
//! `health` decide; here it is done.
//!
//! One read of the log, one load of bodies and one record are under way at a time, beside the attempts. Small bodies come
//! with the log. While the store
//! fails nothing new is sent, since what came of it could not be recorded; what has ended is kept and recorded when the
//! store is back.

mod hand;
mod orders;
mod restoring;
mod sending;
mod storing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, OptionFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use hand::Hand;
use restoring::{Arrears, Restored, restore};

use super::backlog::{Backlog, Begun};
use super::health::Health;
use super::log;
use super::metrics::Metrics;
use super::send::{Sender, Wish};
use super::status::{Board, Failure, Status};
use super::{DestinationSettings, Schedule};
use crate::clock::{Timestamp, Watched};
use crate::inbox::outbox::{Attempt, Delivery, Destination, Pause, PauseChange, Progress, Undelivered};
use crate::inbox::{self, Candidate, Inbox, Receipt, ReceiptId};

/// How often the log is looked at without being told to: for what other receivers accepted, and in case a word was
/// missed.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many receipts are read from the log at once, when there is room for all of them: a read costs a connection of its own to a
/// file, or two round trips to a server, however few it brings.
const READ_COUNT: usize = 512;

/// The most bytes of bodies in hand before no further one is loaded. One body more may be there.
const MAX_BODY_BYTES: usize = 32 << 20;

/// The most bytes of bodies that are loaded at once. Where the store was too slow for so many, fewer are asked for.
const MAX_LOAD_BYTES: usize = MAX_BODY_BYTES;

/// How few that may come to: with more to ask for, one body at least.
const MIN_LOAD_BYTES: usize = 64 << 10;

/// How many results may wait for the store before nothing more is sent.
const MAX_UNRECORDED: usize = 512;

/// How large a record is after which the store is left to those who post: a smaller one is no backlog's.
const GIVES_WAY_FROM: usize = 32;

/// For how many times as long as such a record took, and for how long at most: a backlog has a sixth of what those who post
/// want too.
const WAY_SHARE: u32 = 5;
const MAX_WAY: Duration = Duration::from_millis(100);

/// How often the number of dead letters is read anew, in [`INTERVAL`]s: they expire without anybody here.
const DEAD_COUNT_INTERVALS: u32 = 60;

/// How long the store is left alone after an error.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// What a worker is told to do, and where it says that it is done and recorded.
#[derive(Debug)]
pub struct Order {
    /// What.
    pub what: What,
    /// How many deliveries it changed.
    pub answer: Answer,
}

/// Where a worker says what came of an order.
pub type Answer = oneshot::Sender<Result<usize, Undone>>;

/// Why an order cannot be followed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Too many others wait, or come before it.
    NoRoom,
    /// It has ended, and how is not recorded yet.
    Unrecorded,
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
    let Some(restored) = stop.run_until_cancelled(restore(&parts)).await else {
        return;
    };
    if let Some(pause) = &parts.destination.pause {
        log::is_paused(&parts.settings.name, pause);
    }
    let grace_ends = async {
        stop.cancelled().await;
        sleep(parts.grace).await;
    };
    tokio::select! {
        () = Worker::new(&parts, orders, restored).run(&stop) => {}
        () = grace_ends => {
            let count = parts.board.status().map_or(0, |status| status.in_flight_count);
            log::cut_off(&parts.settings.name, count);
        }
    }
}

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
    arrears: Option<Arrears>,
    /// Whether the filter leaves out some of them.
    leaves_out: bool,
    pause: Option<Pause>,
    dead_count: u64,
    /// Since when nothing was taken, if what was sent last was not.
    failing_since: Option<Timestamp>,
    last_failure: Option<Failure>,
    took_at: Option<Timestamp>,
    /// Whether there may be more in the log than was read.
    may_have_more: bool,
    /// Whether to look into the log even if there is no room, for how much is there.
    looks_anyway: bool,
    /// In how many [`INTERVAL`]s the number of dead letters is read anew.
    dead_count_in: u32,
    /// The number of the newest receipt, as far as it is known.
    newest: u64,
    hand: Hand,
    body_bytes: usize,
    /// How many bytes of bodies are loaded at once now, or one body: half of what failed, twice what did not.
    load_bytes: usize,
    attempts: FuturesUnordered<BoxFuture<'a, Ended>>,
    loading: Option<BoxFuture<'a, Loaded>>,
    reading: Option<BoxFuture<'a, Result<Read, inbox::Error>>>,
    recording: Option<BoxFuture<'a, Result<(), inbox::Error>>>,
    /// Waits for somebody to be there again, since that time.
    missing: Option<(Timestamp, BoxFuture<'a, bool>)>,
    /// Whether that was begun for an attempt that may have found somebody, since something was taken.
    was_looked_for: bool,
    /// What is being recorded, to be said again if that fails.
    progress: Option<Progress>,
    pause_change: PauseChange,
    /// Who is to be told, and what, when all that has changed so far is recorded.
    to_answer: Vec<(Answer, usize)>,
    /// Who is to be told when what is being recorded is.
    answering: Vec<(Answer, usize)>,
    /// Until when the store is left alone, after an error.
    store_rests_until: Option<Instant>,
    /// Since when what is being recorded is, and how many deliveries that are.
    recording_since: (Instant, usize),
    /// Until when nothing more is recorded, for the sake of those who post.
    gives_way_until: Option<Instant>,
    /// Changes when something was accepted; looked at when a record is done.
    arrivals: watch::Receiver<()>,
    /// Whether there was an error, and all has failed since.
    has_store_failed: bool,
    /// What the clock said when it was last looked at.
    clock: Watched,
    /// How often the destination's secrets had been read anew then.
    renewal_count: usize,
}

impl<'a> Worker<'a> {
    fn new(parts: &'a Parts, orders: mpsc::Receiver<Order>, restored: Restored) -> Self {
        let Restored {
            backlog,
            health,
            last_failure,
        } = restored;
        Self {
            parts,
            orders,
            backlog,
            health,
            arrears: Some(Arrears::default()),
            leaves_out: false,
            pause: parts.destination.pause.clone(),
            dead_count: parts.destination.dead_count,
            failing_since: None,
            last_failure,
            took_at: None,
            may_have_more: true,
            looks_anyway: true,
            dead_count_in: DEAD_COUNT_INTERVALS,
            newest: parts.destination.cursor,
            hand: Hand::default(),
            body_bytes: 0,
            load_bytes: MAX_LOAD_BYTES,
            attempts: FuturesUnordered::new(),
            loading: None,
            reading: None,
            recording: None,
            missing: None,
            was_looked_for: false,
            progress: None,
            pause_change: PauseChange::Keep,
            to_answer: Vec::new(),
            answering: Vec::new(),
            store_rests_until: None,
            recording_since: (Instant::now(), 0),
            gives_way_until: None,
            arrivals: parts.wake.clone(),
            has_store_failed: false,
            clock: Watched::from_now(),
            renewal_count: parts.settings.renewal_count(),
        }
    }

    /// What the clock says. If it was set since it was last looked at, the waits go on as they were, and what was seen is as long
    /// ago as it was.
    fn now(&mut self) -> Timestamp {
        let (now, unset) = self.clock.now();
        if let Some(expected) = unset {
            self.backlog.set_clock(expected, now);
            self.health.set_clock(expected, now);
            let missing_since = self.missing.as_mut().map(|(since, _)| since);
            let failed_at = self.last_failure.as_mut().map(|failure| &mut failure.at);
            let seen = [
                missing_since,
                failed_at,
                self.failing_since.as_mut(),
                self.took_at.as_mut(),
            ];
            for at in seen.into_iter().flatten() {
                *at = at.moved(expected, now);
            }
        }
        now
    }

    /// Works until `stop`, and then until what is under way has ended and is recorded.
    async fn run(mut self, stop: &CancellationToken) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wake = self.parts.wake.clone();
        loop {
            let now = self.now();
            let is_stopping = stop.is_cancelled();
            if is_stopping && !self.leaves_out {
                self.backlog.close();
            }
            self.store_rests_until.take_if(|until| *until <= Instant::now());
            self.gives_way_until.take_if(|until| *until <= Instant::now());
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
            self.show(now);
            let next = self.next_at(now);
            let takes_orders = self.store_rests_until.is_none() && !is_stopping;
            // Each branch may be dropped: what is under way stays in its place, and no order is lost.
            tokio::select! {
                Some(ended) = self.attempts.next() => {
                    self.settle(ended);
                    // What has ended beside it.
                    while let Some(Some(ended)) = self.attempts.next().now_or_never() {
                        self.settle(ended);
                    }
                }
                Some(loaded) = OptionFuture::from(self.loading.as_mut()) => self.send(loaded, is_stopping),
                Some(read) = OptionFuture::from(self.reading.as_mut()) => self.offer(read),
                Some(recorded) = OptionFuture::from(self.recording.as_mut()) => self.recorded(recorded),
                Some(is_back) = OptionFuture::from(self.missing.as_mut().map(|(_, looking)| looking)) => {
                    self.looked_for(is_back);
                }
                Some(order) = self.orders.recv(), if takes_orders => self.follow(order),
                _ = ticks.tick() => {
                    self.may_have_more = true;
                    self.looks_anyway = true;
                    self.dead_count_in = self.dead_count_in.saturating_sub(1);
                    self.hand.tidy();
                    self.use_new_secrets();
                }
                Ok(()) = wake.changed(), if !self.may_have_more => self.may_have_more = true,
                Some(()) = OptionFuture::from(next.map(sleep_until)) => {}
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
        [begin_at, self.store_rests_until, self.gives_way_until]
            .into_iter()
            .flatten()
            .min()
    }

    fn show(&self, now: Timestamp) {
        let behind_count = self.newest.saturating_sub(self.backlog.read_to());
        self.parts.board.show(Some(Status {
            is_restored: true,
            in_flight_count: self.backlog.in_flight_count(),
            pending_count: self.backlog.pending_count() as u64 + behind_count,
            oldest_received_at: self.backlog.oldest_received_at(),
            dead_count: self.dead_count,
            down_since: self.health.down_since(),
            quiet_until: self.health.quiet_until(now),
            slow_until: self.health.slow_until(now),
            pause: self.pause.clone(),
            failing_since: self.failing_since,
            last_failure: self.last_failure.clone(),
            took_at: self.took_at,
        }));
    }
}
