//! What is pending at one destination, and what may be sent next: values in, values out, no clock and no store.
//!
//! A pending delivery is *waiting*, *in flight*, or *settled*: an attempt has ended, and how it ended is not in the store
//! yet. Of a job only the oldest one is sent, and the next only when it is recorded as finished, so that a crash at any
//! moment repeats attempts but never turns their order round.
//!
//! What has been read from the log and is not finished has no row in the store; it keeps the cursor from passing it. It
//! gets a row when it fails, when one before it in its job has failed, or when many are before it there, so that what waits
//! long does not stand in the way of the rest.

mod back;
mod lines;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use lines::{Item, Job, Line, Phase};

use super::{Filter, Schedule, Wish};
use crate::clock::Timestamp;
use crate::inbox::Receipt;
use crate::inbox::outbox::{
    Attempt, Delivery, Destination, DestinationId, Outcome, PauseChange, Progress, State,
};

/// The most receipts that are read ahead and have no row: some 0.2 MiB.
pub const WINDOW: usize = 1024;

/// The most deliveries that are known at once: some 35 MiB. Where so many wait to be tried again, what is behind them
/// stays in the log. Fewer in tests, which come to so many.
const MAX_COUNT: usize = if cfg!(test) { 3 * WINDOW } else { 100_000 };

/// The most of one job that have no row: they go one after the other, and would keep the window from the rest. No job that
/// CaiGunn documents comes to so many. Few in tests, so that the model has it happen.
const MAX_ROWLESS_LINE: usize = if cfg!(test) { 4 } else { 64 };

/// How far the cursor may be behind before it is recorded for its own sake. After a start that much is read again.
const CURSOR_LAG: u64 = 256;

/// What is pending at one destination.
#[derive(Debug)]
pub struct Backlog {
    destination: DestinationId,
    schedule: Schedule,
    filter: Filter,
    /// The number of the last receipt that was read from the log.
    read_to: u64,
    /// The cursor that was last given out to be recorded.
    given_cursor: u64,
    /// By how many receipts the cursor moves before it is recorded for its own sake.
    cursor_lag: u64,
    items: BTreeMap<u64, Item>,
    /// Since when each of them waits, the longest first.
    ages: BTreeSet<(Timestamp, u64)>,
    jobs: HashMap<Job, Line>,
    /// Those that have no row and none on its way.
    rowless: BTreeSet<u64>,
    /// Those that may be sent, oldest first.
    ready: BTreeSet<u64>,
    /// Those that may be sent at a time, soonest first.
    timed: BTreeSet<(Timestamp, u64)>,
    in_flight_count: usize,
    changes: BTreeMap<u64, Delivery>,
    attempts: Vec<(u64, Attempt)>,
    /// Rows that are on their way into the store.
    recording: BTreeMap<u64, Delivery>,
    /// What was called off before it was read from the log. A read that began before its row was there may yet give it.
    called_off_ahead: BTreeSet<u64>,
}

/// A delivery that is in flight from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The number of the receipt.
    pub sequence: u64,
    /// The number of the attempt.
    pub attempt: u32,
    /// How often it was made pending anew.
    pub replay_count: u32,
    /// The size of the body.
    pub body_bytes: usize,
}

impl Backlog {
    /// That of a destination as the store knows it, without what has rows: see [`Backlog::restore`].
    pub fn new(destination: &Destination, schedule: Schedule, filter: Filter) -> Self {
        Self {
            destination: destination.id,
            schedule,
            filter,
            read_to: destination.cursor,
            given_cursor: destination.cursor,
            cursor_lag: CURSOR_LAG,
            items: BTreeMap::new(),
            ages: BTreeSet::new(),
            jobs: HashMap::new(),
            rowless: BTreeSet::new(),
            ready: BTreeSet::new(),
            timed: BTreeSet::new(),
            in_flight_count: 0,
            changes: BTreeMap::new(),
            attempts: Vec::new(),
            recording: BTreeMap::new(),
            called_off_ahead: BTreeSet::new(),
        }
    }

    /// Takes in a pending delivery that has a row.
    pub fn restore(&mut self, delivery: &Delivery, receipt: &Receipt, now: Timestamp) {
        // If it was written by a clock that was ahead, it waits as long as it was to wait then, from now on.
        let wait = delivery.due_at.since(delivery.changed_at);
        let due_at = delivery.due_at.min(now.plus(wait));
        let item = Item {
            step: delivery.step,
            attempt_count: delivery.attempt_count,
            replay_count: delivery.replay_count,
            outcome: delivery.outcome,
            tried_at: delivery.outcome.map(|_| delivery.changed_at),
            // Whoever tried it may have missed that somebody came back.
            is_early: matches!(delivery.outcome, Some(Outcome::Unreachable | Outcome::Timeout)),
            // When it was asked for again is not kept: not before it was due, or was last tried.
            waits_since: match (delivery.attempt_count, delivery.replay_count) {
                (0, _) => due_at,
                (_, 0) => receipt.received_at,
                (_, 1..) => delivery.changed_at,
            },
            ..Item::new(receipt, due_at)
        };
        self.insert(delivery.sequence, item);
    }

    /// How many more receipts may be offered.
    pub fn room(&self) -> usize {
        let count = MAX_COUNT.saturating_sub(self.items.len());
        WINDOW.saturating_sub(self.rowless.len()).min(count)
    }

    /// Whether these can be made pending now: there is room, what comes before them in the log has been read, and how each ended
    /// that has is recorded, so that it counts as one of them.
    pub fn takes<'a>(
        &self,
        again: impl ExactSizeIterator<Item = (&'a Receipt, Option<&'a Delivery>)>,
    ) -> bool {
        // So many as are read ahead always find room.
        let has_room = again.len() <= (MAX_COUNT - WINDOW).saturating_sub(self.items.len());
        has_room
            && again.into_iter().all(|(receipt, was)| {
                !self.is_too_early(receipt.sequence, was) && !self.is_ending(receipt.sequence)
            })
    }

    /// Whether it has a row although the log has not been read so far.
    fn is_too_early(&self, sequence: u64, was: Option<&Delivery>) -> bool {
        let has_row = was.is_some() || self.row_on_its_way(sequence).is_some();
        sequence > self.read_to && has_row && !self.items.contains_key(&sequence)
    }

    /// Whether it has ended, and that is not known to be in the store: it may be there all the same.
    pub fn is_ending(&self, sequence: u64) -> bool {
        self.items.contains_key(&sequence) && self.is_finished(sequence)
    }

    /// The number of the last receipt that was read from the log.
    pub fn read_to(&self) -> u64 {
        self.read_to
    }

    /// Takes in the next receipt of the log that has no delivery here.
    pub fn offer(&mut self, receipt: &Receipt, now: Timestamp) {
        let sequence = receipt.sequence;
        self.read_to = self.read_to.max(sequence);
        let is_known = self.items.contains_key(&sequence) || self.row_on_its_way(sequence).is_some();
        let is_called_off = self.called_off_ahead.remove(&sequence);
        if is_known || is_called_off || !self.filter.matches(receipt) {
            return;
        }
        // What was received by a clock that was ahead waits no longer than the rest.
        let received_at = receipt.received_at.min(now);
        let item = Item::new(receipt, received_at.plus(self.schedule.first()));
        let is_held_back = self.waits_with_a_row(&item.job);
        let job = item.job.clone();
        self.rowless.insert(sequence);
        self.insert(sequence, item);
        if is_held_back {
            self.give_row(sequence, receipt.received_at);
        } else if self.jobs[&job].sequences.len() > MAX_ROWLESS_LINE {
            // All of it, for those without a row are the last ones of their job.
            self.give_rows(&job, receipt.received_at);
        }
    }

    /// Whether that one is known to be pending.
    pub fn is_pending(&self, sequence: u64) -> bool {
        self.items.contains_key(&sequence)
    }

    /// The log has been read up to that number, whatever of it was offered.
    pub fn read_up_to(&mut self, sequence: u64) {
        self.read_to = self.read_to.max(sequence);
        self.called_off_ahead.retain(|ahead| *ahead > sequence);
    }

    /// The number of the oldest that may be sent.
    pub fn next(&mut self, now: Timestamp) -> Option<u64> {
        self.advance(now);
        self.ready.first().copied()
    }

    /// Takes out the oldest that may be sent.
    pub fn begin(&mut self, now: Timestamp) -> Option<Begun> {
        let sequence = self.next(now)?;
        Some(self.take(sequence, now))
    }

    /// Whether nothing is pending here.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// When the next one may be sent that may not yet.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.timed.first().map(|(at, _)| *at)
    }

    /// Whether something may be sent now.
    pub fn has_ready(&self, now: Timestamp) -> bool {
        !self.ready.is_empty() || self.next_at().is_some_and(|at| at <= now)
    }

    /// Puts back what was begun and not tried.
    pub fn give_back(&mut self, sequence: u64, now: Timestamp) {
        self.rest(sequence);
        if self.items[&sequence].is_called_off {
            self.call_off(sequence, now);
        }
    }

    /// Forgets what was begun, since its receipt has expired.
    pub fn vanish(&mut self, sequence: u64) {
        self.in_flight_count -= 1;
        self.remove(sequence);
    }

    /// Forgets what waits to be sent and is older than that number, since its receipt has expired; gives how many these are. What is
    /// under way goes on to its end.
    pub fn expire_below(&mut self, first: u64) -> usize {
        let old = self.items.range(..first);
        let waiting = old.filter(|(_, item)| item.phase == Phase::Waiting);
        let expired: Vec<_> = waiting.map(|(sequence, _)| *sequence).collect();
        for sequence in &expired {
            self.displace(*sequence);
            self.remove(*sequence);
        }
        expired.len()
    }

    /// Takes note of how an attempt ended, and of what the destination asked for: to be recorded. `random` is from 0 to 1.
    pub fn settle(
        &mut self,
        sequence: u64,
        attempt: Attempt,
        wish: Wish,
        now: Timestamp,
        random: f64,
    ) -> State {
        let item = self
            .items
            .get_mut(&sequence)
            .expect("what is in flight is pending");
        item.attempt_count = attempt.number;
        item.outcome = Some(attempt.outcome);
        item.tried_at = Some(now);
        item.phase = Phase::Settled;
        // What was wanted when the attempt was under way already, it has not fulfilled.
        item.is_early = item.is_wanted_anew;
        item.is_asked_for &= item.is_wanted_anew;
        item.found_nobody = wish == Wish::WhenBack;
        item.step += u32::from(item.was_due);
        let wait = if item.was_due {
            let next = self.schedule.next(item.step, random);
            next.or(item.is_wanted_anew.then_some(Duration::ZERO))
        } else {
            Some(item.due_at.since(now))
        };
        let state = match (attempt.outcome, wait) {
            (Outcome::Delivered, _) => State::Delivered,
            _ if item.is_called_off => State::Cancelled,
            (_, None) => State::Dead,
            _ if wish == Wish::NeverThis => State::Dead,
            (_, Some(wait)) => {
                item.due_at = now.plus(wait.max(wish.pause()));
                State::Pending
            }
        };
        let job = item.job.clone();
        self.in_flight_count -= 1;
        self.attempts.push((sequence, attempt));
        self.change(sequence, state, now);
        if state == State::Pending {
            self.give_rows(&job, now);
        }
        state
    }

    /// What is to be recorded now, with `pause`, if anything is. Not to be called again before [`Backlog::recorded`].
    pub fn progress(&mut self, pause: PauseChange) -> Option<Progress> {
        let cursor = match self.rowless.first() {
            Some(first) => first - 1,
            None => self.read_to,
        };
        let is_near = cursor < self.given_cursor + self.cursor_lag;
        let is_idle = self.changes.is_empty() && is_near && pause == PauseChange::Keep;
        if is_idle {
            return None;
        }
        self.given_cursor = cursor;
        self.recording = std::mem::take(&mut self.changes);
        Some(Progress {
            destination: self.destination,
            cursor,
            deliveries: self.recording.values().copied().collect(),
            attempts: std::mem::take(&mut self.attempts),
            pause,
        })
    }

    /// Has the cursor recorded wherever it is: nothing is read any more, and whoever begins next is to begin there.
    pub fn close(&mut self) {
        self.cursor_lag = 1;
    }

    /// What was given out by [`Backlog::progress`] is in the store.
    pub fn recorded(&mut self) {
        for (sequence, row) in std::mem::take(&mut self.recording) {
            let is_settled = |item: &Item| item.phase == Phase::Settled;
            if self.changes.contains_key(&sequence) || !self.items.get(&sequence).is_some_and(is_settled) {
                continue;
            }
            if row.state == State::Pending {
                self.rest(sequence);
            } else {
                self.remove(sequence);
            }
        }
    }

    /// The clock, which said `was`, was set to `is`: nothing waits for longer or shorter because of that.
    pub fn set_clock(&mut self, was: Timestamp, is: Timestamp) {
        for item in self.items.values_mut() {
            item.due_at = item.due_at.moved(was, is);
            item.tried_at = item.tried_at.map(|tried_at| tried_at.moved(was, is));
        }
        let timed = std::mem::take(&mut self.timed).into_iter();
        self.timed = timed
            .map(|(at, sequence)| (at.moved(was, is), sequence))
            .collect();
    }

    /// How many rows wait to be given out by [`Backlog::progress`].
    pub fn unrecorded_count(&self) -> usize {
        self.changes.len()
    }

    /// How many attempts are under way.
    pub fn in_flight_count(&self) -> usize {
        self.in_flight_count
    }

    /// How many deliveries are known to be pending, of those that have been read from the log.
    pub fn pending_count(&self) -> usize {
        self.items.len()
    }

    /// When the oldest receipt that is pending was received, or asked for again though it needed no delivery.
    pub fn oldest_received_at(&self) -> Option<Timestamp> {
        self.ages.first().map(|(waits_since, _)| *waits_since)
    }
}

#[cfg(test)]
mod tests;
