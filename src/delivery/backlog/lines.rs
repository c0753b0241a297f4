//! The lines of jobs, and where in them a delivery stands: whose turn it is, and whose time has come.

use std::collections::BTreeSet;

use super::{Backlog, Begun};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::inbox::Receipt;
use crate::inbox::outbox::{Delivery, DestinationId, Outcome, State};

/// A pending delivery.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) job: Job,
    /// Since when it is late: since it was received or, if it was delivered or not wanted before, since it was asked for again.
    pub(super) waits_since: Timestamp,
    pub(super) body_bytes: usize,
    pub(super) step: u32,
    pub(super) attempt_count: u32,
    pub(super) replay_count: u32,
    pub(super) outcome: Option<Outcome>,
    /// When the last attempt ended, if there was one.
    pub(super) tried_at: Option<Timestamp>,
    /// When the schedule wants it tried.
    pub(super) due_at: Timestamp,
    /// Whether that time had come when the attempt that is under way began.
    pub(super) was_due: bool,
    /// It may go before that. An attempt before its time uses up no try.
    pub(super) is_early: bool,
    /// Somebody wants it tried, and it was not since.
    pub(super) is_asked_for: bool,
    /// The attempt that is under way was to be made when it had begun: if it fails, there is another one at once.
    pub(super) is_wanted_anew: bool,
    /// The last attempt found nobody who takes connections, or messages, so it cannot have been for what is sent.
    pub(super) found_nobody: bool,
    /// An attempt before its time may have been why nobody was there, and it went before its time once more. If that fails too, it
    /// is not hurried again before its time has come.
    pub(super) is_suspect: bool,
    pub(super) phase: Phase,
    pub(super) is_called_off: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    InFlight,
    Settled,
}

/// What must stay in order: the notifications of one job; of older trainings, which name none, those of a chatbot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    Of(EventId),
    Unnamed(Option<ChatbotId>, Box<str>),
}

/// The pending deliveries of a job.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) sequences: BTreeSet<u64>,
    /// The one that is in flight or settled.
    pub(super) busy: Option<u64>,
}

impl Backlog {
    pub(super) fn insert(&mut self, sequence: u64, item: Item) {
        let line = self.jobs.entry(item.job.clone()).or_default();
        let former = line.sequences.first().copied();
        line.sequences.insert(sequence);
        self.ages.insert((item.waits_since, sequence));
        self.items.insert(sequence, item);
        match former {
            Some(former) if former < sequence => {}
            former => {
                // An older one of the job goes before it.
                former.into_iter().for_each(|former| self.displace(former));
                self.place(sequence);
            }
        }
    }

    pub(super) fn remove(&mut self, sequence: u64) {
        let item = self.items.remove(&sequence).expect("it is pending");
        self.rowless.remove(&sequence);
        self.ages.remove(&(item.waits_since, sequence));
        let line = self
            .jobs
            .get_mut(&item.job)
            .expect("a pending delivery is in its line");
        line.sequences.remove(&sequence);
        line.busy.take_if(|busy| *busy == sequence);
        match line.sequences.first().copied() {
            Some(next) => self.place(next),
            None => drop(self.jobs.remove(&item.job)),
        }
    }

    /// Has it wait again.
    pub(super) fn rest(&mut self, sequence: u64) {
        let item = self.items.get_mut(&sequence).expect("it is pending");
        if item.phase == Phase::InFlight {
            self.in_flight_count -= 1;
        }
        item.phase = Phase::Waiting;
        let line = self
            .jobs
            .get_mut(&item.job)
            .expect("a pending delivery is in its line");
        line.busy.take_if(|busy| *busy == sequence);
        let first = *line.sequences.first().expect("it is one of them");
        self.place(first);
    }

    /// Puts it among those that may be sent, if it is its job's turn and its own.
    pub(super) fn place(&mut self, sequence: u64) {
        let item = &self.items[&sequence];
        let line = &self.jobs[&item.job];
        let is_its_turn = line.busy.is_none() && line.sequences.first() == Some(&sequence);
        if !is_its_turn || item.phase != Phase::Waiting {
            return;
        }
        if item.is_early {
            self.ready.insert(sequence);
        } else {
            self.timed.insert((item.due_at, sequence));
        }
    }

    pub(super) fn displace(&mut self, sequence: u64) {
        self.ready.remove(&sequence);
        self.timed.remove(&(self.items[&sequence].due_at, sequence));
    }

    /// Moves those whose time has come.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some((_, sequence)) = self.timed.first().copied().filter(|(at, _)| *at <= now) {
            self.timed.pop_first();
            self.ready.insert(sequence);
        }
    }

    pub(super) fn take(&mut self, sequence: u64, now: Timestamp) -> Begun {
        self.displace(sequence);
        self.in_flight_count += 1;
        let item = self.items.get_mut(&sequence).expect("it was placed");
        item.phase = Phase::InFlight;
        item.was_due = item.due_at <= now;
        item.is_suspect &= !item.was_due;
        item.is_wanted_anew = false;
        let line = self
            .jobs
            .get_mut(&item.job)
            .expect("a pending delivery is in its line");
        line.busy = Some(sequence);
        Begun {
            sequence,
            attempt: item.attempt_count + 1,
            replay_count: item.replay_count,
            body_bytes: item.body_bytes,
        }
    }

    /// Takes out one to see whether the destination is back: of those that may be sent one that was tried least, so that
    /// no single delivery decides, and after every other probe in vain the newest of these, since what is older may be
    /// all of the kind that it does not take. Where none may be sent, it is one of those that wait for their time: an
    /// attempt before that leaves it as it is, so the one that is due next would be the same each time. What somebody
    /// asked for goes before the rest.
    pub fn begin_probe(&mut self, now: Timestamp, probe_count: u32) -> Option<Begun> {
        self.advance(now);
        let takes_newest = probe_count.is_multiple_of(2) && probe_count > 0;
        let order = |sequence: u64| {
            if takes_newest {
                u64::MAX - sequence
            } else {
                sequence
            }
        };
        let key = |sequence: &u64| {
            let item = &self.items[sequence];
            (!item.is_asked_for, item.attempt_count, order(*sequence))
        };
        let may_go = self.ready.iter().copied().min_by_key(key);
        let waits = || self.timed.iter().map(|(_, sequence)| *sequence).min_by_key(key);
        let sequence = may_go.or_else(waits)?;
        Some(self.take(sequence, now))
    }

    pub(super) fn expedite(&mut self, sequence: u64) {
        self.displace(sequence);
        self.items.get_mut(&sequence).expect("it is pending").is_early = true;
        self.place(sequence);
    }

    /// Has all that are under way tried once more at once if they fail.
    pub(super) fn want_anew(&mut self) {
        // Of a job one at most is busy.
        let busy: Vec<_> = self.jobs.values().filter_map(|line| line.busy).collect();
        for sequence in busy {
            let item = self.items.get_mut(&sequence).expect("it is pending");
            item.is_wanted_anew = true;
        }
    }

    /// Lets go at once all of these that no attempt is under way with, and says which.
    pub(super) fn expedite_all(&mut self, is_meant: impl Fn(&Item) -> bool) -> Vec<u64> {
        let waiting = self
            .items
            .iter()
            .filter(|(_, item)| item.phase != Phase::InFlight);
        let meant = waiting.filter(|(_, item)| is_meant(item));
        let sequences: Vec<_> = meant.map(|(sequence, _)| *sequence).collect();
        sequences.iter().for_each(|sequence| self.expedite(*sequence));
        sequences
    }

    pub(super) fn call_off(&mut self, sequence: u64, now: Timestamp) {
        self.displace(sequence);
        let item = self.items.get_mut(&sequence).expect("it is pending");
        item.phase = Phase::Settled;
        self.change(sequence, State::Cancelled, now);
    }

    /// Whether the last of a job has a row and is not finished: whoever comes after it waits as long.
    ///
    /// Of a job those without a row are always the last ones. So whoever is known by a row, also to the next leader,
    /// comes after nothing that is not.
    pub(super) fn waits_with_a_row(&self, job: &Job) -> bool {
        let line = self.jobs.get(job).map(|line| line.sequences.iter().rev());
        let mut line = line.into_iter().flatten();
        let last = line.find(|sequence| !self.is_finished(**sequence));
        last.is_some_and(|last| !self.rowless.contains(last))
    }

    /// Whether it is finished with as soon as its row is in the store. What is in flight is not, also where it was called off.
    pub(super) fn is_finished(&self, sequence: u64) -> bool {
        let row = self.row_on_its_way(sequence);
        let is_in_flight = |item: &Item| item.phase == Phase::InFlight;
        row.is_some_and(|row| row.state != State::Pending)
            && !self.items.get(&sequence).is_some_and(is_in_flight)
    }

    /// Has rows written for those of a job that have none.
    pub(super) fn give_rows(&mut self, job: &Job, now: Timestamp) {
        let Some(line) = self.jobs.get(job) else { return };
        let rowless: Vec<_> = line.sequences.intersection(&self.rowless).copied().collect();
        for sequence in rowless {
            self.give_row(sequence, now);
        }
    }

    /// Has a row written for what only waits.
    pub(super) fn give_row(&mut self, sequence: u64, now: Timestamp) {
        self.change(sequence, State::Pending, now);
    }

    pub(super) fn change(&mut self, sequence: u64, state: State, now: Timestamp) {
        self.rowless.remove(&sequence);
        let row = self.items[&sequence].row(self.destination, sequence, state, now);
        self.changes.insert(sequence, row);
    }

    pub(super) fn row_on_its_way(&self, sequence: u64) -> Option<&Delivery> {
        self.changes
            .get(&sequence)
            .or_else(|| self.recording.get(&sequence))
    }
}

impl Item {
    pub(super) fn new(receipt: &Receipt, due_at: Timestamp) -> Self {
        Self {
            job: match receipt.event_id {
                Some(event_id) => Job::Of(event_id),
                None => Job::Unnamed(receipt.chatbot_id, receipt.event.event.as_ref().into()),
            },
            waits_since: receipt.received_at,
            body_bytes: receipt.body_bytes,
            step: 0,
            attempt_count: 0,
            replay_count: 0,
            outcome: None,
            tried_at: None,
            due_at,
            was_due: false,
            is_early: false,
            is_asked_for: false,
            is_wanted_anew: false,
            found_nobody: false,
            is_suspect: false,
            phase: Phase::Waiting,
            is_called_off: false,
        }
    }

    pub(super) fn was_tried_since(&self, since: Timestamp) -> bool {
        self.tried_at.is_some_and(|tried_at| tried_at >= since)
    }

    pub(super) fn row(
        &self,
        destination: DestinationId,
        sequence: u64,
        state: State,
        now: Timestamp,
    ) -> Delivery {
        Delivery {
            destination,
            sequence,
            state,
            step: self.step,
            attempt_count: self.attempt_count,
            replay_count: self.replay_count,
            outcome: self.outcome,
            due_at: self.due_at,
            changed_at: now,
        }
    }
}
