//! What a worker is told to do.

use super::{Order, Undone, What, Worker};
use crate::clock::Timestamp;
use crate::delivery::health::Health;
use crate::inbox::Receipt;
use crate::inbox::outbox::{Delivery, Pause, PauseChange, State};

impl Worker<'_> {
    /// Does what it is told, or puts it off until it can.
    pub(super) fn follow(&mut self, order: Order) {
        let now = self.now();
        let count = match &order.what {
            What::Retry(sequence) => self.retry(*sequence, now),
            What::Cancel(receipt, was) => usize::from(self.backlog.cancel(receipt, was.as_ref(), now)),
            What::Reopen(receipts) => match self.reopen(receipts, now) {
                Ok(count) => count,
                Err(undone) => {
                    // Whoever waits for the answer is told to ask again. One that no longer waits is normal.
                    let _ = order.answer.send(Err(undone));
                    return;
                }
            },
            What::Pause(pause) => self.set_pause(Some(pause.clone())),
            What::Resume => {
                let has_ended_quiet = self.end_quiet(now);
                if self.pause.is_none() && (has_ended_quiet || self.health.down_since().is_some()) {
                    self.health.probe_now(now);
                    1
                } else {
                    self.set_pause(None)
                }
            }
        };
        self.to_answer.push((order.answer, count));
    }

    /// Has one go as soon as its destination may be sent to. One that is down is looked at with that very delivery.
    fn retry(&mut self, sequence: u64, now: Timestamp) -> usize {
        let is_wanted = self.backlog.retry(sequence, now);
        if self.backlog.may_go_early(sequence) {
            self.health.look_again(now);
        }
        usize::from(is_wanted)
    }

    /// If it asked to be left alone, lets go now what it would get when that time is over; whether it did.
    fn end_quiet(&mut self, now: Timestamp) -> bool {
        let quiet_until = self.health.quiet_until(now);
        quiet_until
            .inspect(|until| self.backlog.hurry_due_by(*until))
            .is_some()
    }

    /// Makes them pending, all or none.
    pub(super) fn reopen(
        &mut self,
        receipts: &[(Receipt, Option<Delivery>)],
        now: Timestamp,
    ) -> Result<usize, Undone> {
        let rows = receipts.iter().map(|(receipt, was)| (receipt, was.as_ref()));
        if !self.backlog.takes(rows.clone()) {
            let is_ending = receipts
                .iter()
                .any(|(receipt, _)| self.backlog.is_ending(receipt.sequence));
            return Err(if is_ending {
                Undone::Unrecorded
            } else {
                Undone::NoRoom
            });
        }
        let mut count = 0;
        for (receipt, was) in rows {
            if self.backlog.reopen(receipt, was, now) {
                count += 1;
                let was_dead = was.is_some_and(|was| was.state == State::Dead);
                self.dead_count = self.dead_count.saturating_sub(u64::from(was_dead));
            }
        }
        Ok(count)
    }

    /// Pauses or resumes; gives how much that changes.
    pub(super) fn set_pause(&mut self, pause: Option<Pause>) -> usize {
        if pause.is_some() == self.pause.is_some() {
            return 0;
        }
        self.pause_change = match &pause {
            Some(pause) => {
                // Nobody is missed while nothing is sent.
                self.missing = None;
                PauseChange::Pause(pause.clone())
            }
            None => {
                // What was known of it is of another time.
                let settings = &self.parts.settings;
                self.health = Health::new(settings.max_in_flight, settings.max_per_second, Timestamp::now());
                // Somebody says that it is ready for what waits, whatever became of it before.
                self.backlog.hurry_due_by(Timestamp::MAX);
                PauseChange::Resume
            }
        };
        self.pause = pause;
        1
    }
}
