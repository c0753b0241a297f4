//! What it is told of one delivery: whether that is as it was asked for, or will be when what is in flight has ended.

use super::Backlog;
use super::lines::{Item, Phase};
use crate::clock::Timestamp;
use crate::inbox::Receipt;
use crate::inbox::outbox::{Delivery, State};

impl Backlog {
    /// Lets one go at once, and before others where single ones go. An attempt that is under way may be all that it needs;
    /// if it fails, there is another one at once, also if it was the last.
    pub fn retry(&mut self, sequence: u64, now: Timestamp) -> bool {
        let is_finished = self.is_finished(sequence);
        let Some(item) = self.items.get_mut(&sequence).filter(|_| !is_finished) else {
            return false;
        };
        item.is_asked_for = true;
        item.is_wanted_anew = true;
        // Of two wishes the later one counts.
        if std::mem::take(&mut item.is_called_off) {
            self.give_row(sequence, now);
        }
        self.expedite(sequence);
        true
    }

    /// Whether that one is the next of its job, and need not wait for its time.
    pub fn may_go_early(&self, sequence: u64) -> bool {
        self.ready.contains(&sequence)
    }

    /// Whether one that was asked for need not wait.
    pub fn has_asked_for(&self) -> bool {
        self.ready
            .iter()
            .any(|sequence| self.items[sequence].is_asked_for)
    }

    /// Calls one off, with `was` its row, if it has one. An attempt that is under way goes on to its end, and may yet
    /// deliver it; should that be cut off, it is not sent again.
    pub fn cancel(&mut self, receipt: &Receipt, was: Option<&Delivery>, now: Timestamp) -> bool {
        let sequence = receipt.sequence;
        let is_finished = self.is_finished(sequence);
        match self.items.get_mut(&sequence) {
            Some(_) if is_finished => false,
            Some(item) => {
                item.is_called_off = true;
                match item.phase {
                    Phase::Waiting => self.call_off(sequence, now),
                    // In the place of a row that says that it is to be tried again; how its attempt ends, in the place of this.
                    Phase::InFlight | Phase::Settled => self.change(sequence, State::Cancelled, now),
                }
                true
            }
            None if was.is_none() && sequence > self.read_to && self.filter.matches(receipt) => {
                // It has not been read from the log yet, and with its row it never will be.
                self.called_off_ahead.insert(sequence);
                self.insert(sequence, Item::new(receipt, receipt.received_at));
                self.call_off(sequence, now);
                true
            }
            None => false,
        }
    }

    /// Makes a delivery pending from the start, with `was` its row, if it has one; [`Backlog::takes`] must have said that
    /// it can be. Nothing changes if it is pending, or will be, or the destination does not want it. One that was called off
    /// while an attempt is under way goes on as it would have.
    pub fn reopen(&mut self, receipt: &Receipt, was: Option<&Delivery>, now: Timestamp) -> bool {
        let sequence = receipt.sequence;
        if self.items.get(&sequence).is_some_and(|item| item.is_called_off) {
            return self.retry(sequence, now);
        }
        let is_ahead = sequence > self.read_to;
        if is_ahead || self.items.contains_key(&sequence) || !self.filter.matches(receipt) {
            return false;
        }
        let known = self.row_on_its_way(sequence).or(was);
        // What was given up is lacking since it came; nobody waited for anything else.
        let is_lacking = known.is_some_and(|row| row.state == State::Dead);
        let item = Item {
            attempt_count: known.map_or(0, |row| row.attempt_count),
            replay_count: known.map_or(0, |row| row.replay_count.saturating_add(1)),
            outcome: known.and_then(|row| row.outcome),
            tried_at: known.map(|row| row.changed_at),
            waits_since: if is_lacking { receipt.received_at } else { now },
            ..Item::new(receipt, now)
        };
        // Those before it must be known by their rows wherever it is known by its own.
        self.give_rows(&item.job, now);
        self.insert(sequence, item);
        self.give_row(sequence, now);
        true
    }
}
