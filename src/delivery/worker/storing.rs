//! What is read from the store, and recorded there.

use tokio::time::Instant;

use super::{
    DEAD_COUNT_INTERVALS, GIVES_WAY_FROM, MAX_WAY, READ_COUNT, Read, STORE_PAUSE, WAY_SHARE, Worker,
};
use crate::delivery::log;
use crate::inbox;
use crate::inbox::outbox::PauseChange;

impl Worker<'_> {
    /// Reads on in the log if there may be more and there is room for it.
    pub(super) fn read(&mut self) {
        if self.reading.is_some() || self.store_rests_until.is_some() {
            return;
        }
        let is_worth_it = self.may_have_more && self.backlog.room() >= READ_COUNT;
        let count = if is_worth_it { READ_COUNT } else { 0 };
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
    pub(super) fn offer(&mut self, read: Result<Read, inbox::Error>) {
        self.reading = None;
        let Read {
            undelivered,
            dead_count,
        } = match read {
            Ok(read) => read,
            Err(error) => return self.store_failed(&error),
        };
        self.store_worked();
        let (now, settings) = (self.now(), &self.parts.settings);
        let expired_count = self.backlog.expire_below(undelivered.first);
        log::expired_before(&settings.name, expired_count, undelivered.first);
        let arrears = self.arrears.as_mut();
        if let Some(count) = arrears.and_then(|arrears| arrears.note(&undelivered, &settings.filter)) {
            // Where the filter is soon changed back, what was not passed in the store yet is not lost.
            (self.arrears, self.leaves_out) = (None, count > 0);
            log::leaves_out(&settings.name, count);
        }
        let mut bodies = undelivered.bodies.into_iter().peekable();
        for receipt in undelivered.receipts {
            self.backlog.offer(&receipt, now);
            if let Some((sequence, body)) = bodies.next_if(|(sequence, _)| *sequence == receipt.sequence)
                && self.backlog.is_pending(sequence)
            {
                self.hand.put(receipt, body);
            }
        }
        self.backlog.read_up_to(undelivered.read_to);
        self.newest = undelivered.newest;
        self.may_have_more = undelivered.read_to < undelivered.newest;
        // What is not recorded yet is counted when it is read anew the next time.
        self.dead_count = dead_count.unwrap_or(self.dead_count);
    }

    /// Whether there is something that is not being recorded yet.
    pub(super) fn has_changes(&self) -> bool {
        self.backlog.unrecorded_count() > 0 || self.pause_change != PauseChange::Keep
    }

    /// Has the store take down what has changed, if it has time.
    pub(super) fn record(&mut self) {
        if self.recording.is_some() || self.store_rests_until.is_some() || self.gives_way_until.is_some() {
            return;
        }
        if self.progress.is_none() {
            let pause = std::mem::replace(&mut self.pause_change, PauseChange::Keep);
            self.progress = self.backlog.progress(pause);
            self.answering.append(&mut self.to_answer);
        }
        let parts = self.parts;
        match self.progress.clone() {
            Some(progress) => {
                self.recording_since = (Instant::now(), progress.deliveries.len());
                self.recording = Some(parts.inbox.outbox().record(&parts.leader, progress));
            }
            None => self.answer(),
        }
    }

    pub(super) fn recorded(&mut self, recorded: Result<(), inbox::Error>) {
        self.recording = None;
        match recorded {
            Ok(()) => {
                self.progress = None;
                self.backlog.recorded();
                // With nothing to send nobody is missed.
                self.missing.take_if(|_| self.backlog.is_empty());
                self.give_way();
                self.answer();
                self.store_worked();
            }
            Err(error) => self.store_failed(&error),
        }
    }

    /// Leaves the store to those who post, if there are any, for longer than a large record took it from them. What may not be
    /// recorded is soon not sent either, so that a backlog takes no more of the machine than of the store.
    fn give_way(&mut self) {
        let (since, count) = self.recording_since;
        // Where nobody tells any more, nobody posts.
        let has_arrivals = self.arrivals.has_changed().unwrap_or(false);
        self.arrivals.mark_unchanged();
        if has_arrivals && count >= GIVES_WAY_FROM {
            let rest = since.elapsed() * WAY_SHARE;
            self.gives_way_until = Some(Instant::now() + rest.min(MAX_WAY));
        }
    }

    /// Tells those whose orders are followed and recorded. One that no longer waits is normal.
    pub(super) fn answer(&mut self) {
        for (answer, count) in self.answering.drain(..) {
            let _ = answer.send(Ok(count));
        }
    }

    /// Says that the store works again, if it did not. While there is something to record, only that tells.
    pub(super) fn store_worked(&mut self) {
        if self.progress.is_none() && std::mem::take(&mut self.has_store_failed) {
            log::store_works(&self.parts.settings.name);
        }
    }

    pub(super) fn store_failed(&mut self, error: &inbox::Error) {
        if !std::mem::replace(&mut self.has_store_failed, true) {
            log::store_fails(&self.parts.settings.name, error);
        }
        self.store_rests_until = Some(Instant::now() + STORE_PAUSE);
    }
}
