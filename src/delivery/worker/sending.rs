//! From what may be sent to what came of it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Ended, Loaded, MAX_BODY_BYTES, MAX_LOAD_BYTES, MAX_UNRECORDED, MIN_LOAD_BYTES, Parts, Worker};
use crate::clock::Timestamp;
use crate::delivery::backlog::Begun;
use crate::delivery::health::{Allowance, Turn};
use crate::delivery::log;
use crate::delivery::send::{PAUSED_ITSELF, Parcel, Report, Wish};
use crate::delivery::status::Failure;
use crate::inbox::Receipt;
use crate::inbox::outbox::{Attempt, Outcome, Pause, State};

impl Worker<'_> {
    /// Begins as many attempts as may begin.
    pub(super) fn begin(&mut self, now: Timestamp) {
        // What came of it could not be recorded.
        let is_failing =
            self.store_rests_until.is_some() || (self.has_store_failed && self.progress.is_some());
        let is_store_behind = is_failing || self.backlog.unrecorded_count() >= MAX_UNRECORDED;
        if self.pause.is_some() || is_store_behind {
            return;
        }
        let mut to_load = Vec::new();
        match self.health.allowance(now, self.backlog.in_flight_count()) {
            Allowance::Probe if self.loading.is_none() => {
                let probe = self.backlog.begin_probe(now, self.health.probe_count());
                to_load.extend(probe.and_then(|probe| self.begin_one(probe)));
            }
            Allowance::Probe => {}
            Allowance::Attempts(count) => self.begin_some(now, count, &mut to_load),
        }
        if to_load.is_empty() {
            return;
        }
        let parts = self.parts;
        self.loading = Some(Box::pin(async move {
            let sequences = to_load.iter().map(|begun| begun.sequence).collect();
            let receipts = parts.inbox.outbox().load(sequences).await;
            Loaded {
                begun: to_load,
                receipts,
            }
        }));
    }

    /// Begins so many at most, oldest first. One load is under way at a time, and what has to wait for the next one has
    /// what comes behind it wait too.
    fn begin_some(&mut self, now: Timestamp, count: usize, to_load: &mut Vec<Begun>) {
        let mut room = self.load_bytes;
        for _ in 0..count {
            let Some(next) = self.backlog.next(now) else {
                return;
            };
            let may_load = self.loading.is_none() && room > 0;
            if self.body_bytes >= MAX_BODY_BYTES || !(may_load || self.hand.has(next)) {
                return;
            }
            let Some(begun) = self.backlog.begin(now) else {
                return;
            };
            if let Some(begun) = self.begin_one(begun) {
                room = room.saturating_sub(begun.body_bytes);
                to_load.push(begun);
            }
        }
    }

    /// Sends it if its body is at hand; gives it back if that has to be loaded.
    fn begin_one(&mut self, begun: Begun) -> Option<Begun> {
        self.body_bytes += begun.body_bytes;
        self.health.begin();
        let Some((receipt, body)) = self.hand.take(begun.sequence) else {
            return Some(begun);
        };
        let attempt = attempt(self.parts, begun, receipt, body);
        self.attempts.push(Box::pin(attempt));
        None
    }

    /// Sends what was loaded.
    pub(super) fn send(&mut self, loaded: Loaded, is_stopping: bool) {
        self.loading = None;
        let asked_bytes = loaded.begun.iter().map(|begun| begun.body_bytes).sum::<usize>();
        let receipts = match loaded.receipts {
            Ok(receipts) => {
                // Only what was asked for in full tells that more would come in time.
                let grown = (2 * asked_bytes).clamp(self.load_bytes, MAX_LOAD_BYTES);
                self.load_bytes = grown;
                receipts
            }
            Err(error) => {
                // One body is asked for however large it is.
                self.load_bytes = (asked_bytes / 2).clamp(MIN_LOAD_BYTES, MAX_LOAD_BYTES);
                self.store_failed(&error);
                Vec::new()
            }
        };
        let now = self.now();
        let has_failed = self.store_rests_until.is_some();
        // Much may have happened while it was loaded.
        let may_go = !is_stopping && self.pause.is_none() && self.health.held_until(now).is_none();
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
    pub(super) fn settle(&mut self, ended: Ended) {
        let Ended {
            begun,
            receipt_id,
            attempt,
            wish,
        } = ended;
        let (now, name) = (self.now(), &self.parts.settings.name);
        self.body_bytes -= begun.body_bytes;
        self.parts.metrics.note(&attempt);
        match (attempt.outcome, wish) {
            (Outcome::Delivered, _) => (self.failing_since, self.took_at) = (None, Some(now)),
            // It says nothing of the destination, but of this notification, also where that is larger than is taken there.
            (_, Wish::NeverThis) => {}
            _ => _ = self.failing_since.get_or_insert(now),
        }
        if attempt.outcome != Outcome::Delivered {
            self.last_failure = Some(Failure {
                at: now,
                detail: attempt.detail.clone(),
            });
        }
        let is_missing = wish == Wish::WhenBack;
        // Once: who ends by what it is sent would do so each time that it is back.
        let may_be_missing = attempt.outcome == Outcome::Unreachable && !self.was_looked_for;
        if (is_missing || may_be_missing) && self.missing.is_none() && self.pause.is_none() {
            self.was_looked_for |= !is_missing;
            self.missing = Some((now, self.parts.sender.is_back()));
        } else if attempt.outcome == Outcome::Delivered && std::mem::take(&mut self.was_looked_for) {
            // Where an attempt has found nobody, that one is still to be made again.
            self.missing = None;
        }
        let is_probe = self.health.down_since().is_some();
        let was_quiet = self.health.quiet_until(now).is_some();
        let turn = self
            .health
            .note(begun.sequence, attempt.outcome, wish, now, fastrand::f64());
        let state = self
            .backlog
            .settle(begun.sequence, attempt.clone(), wish, now, fastrand::f64());
        log::attempt(name, receipt_id, &attempt, state, is_probe);
        if let Some(until) = self.health.quiet_until(now).filter(|_| !was_quiet) {
            log::is_left_alone(name, until);
        }
        self.dead_count += u64::from(state == State::Dead);
        if wish == Wish::Nothing && self.pause.is_none() {
            log::paused_by_itself(name);
            self.set_pause(Some(Pause {
                at: now,
                reason: format!("{PAUSED_ITSELF}: {}", attempt.detail),
            }));
        }
        match turn {
            // What somebody asked for meanwhile goes now, one after the other.
            Turn::Same if self.health.down_since().is_some() && self.backlog.has_asked_for() => {
                self.health.look_again(now);
            }
            Turn::Same => {}
            Turn::WentDown => log::went_down(name, &attempt.detail),
            Turn::CameBack { since } => {
                log::came_back(name, now.since(since));
                self.last_failure = None;
                self.backlog.hurry_all(since);
            }
        }
    }

    /// Somebody may be there again where nobody was: what could not be taken since then is tried now, or one to see.
    pub(super) fn looked_for(&mut self, is_back: bool) {
        let missing = self.missing.take().filter(|_| is_back);
        let Some((since, _)) = missing else { return };
        if self.health.down_since().is_some() {
            let now = self.now();
            self.health.look_again(now);
        } else {
            self.backlog.hurry(since);
        }
    }

    /// Where secrets were read anew, what waits is tried now: the old ones may be why it was not taken.
    pub(super) fn use_new_secrets(&mut self) {
        let count = self.parts.settings.renewal_count();
        if std::mem::replace(&mut self.renewal_count, count) != count {
            let now = self.now();
            self.health.look_again(now);
            self.backlog.hurry_due_by(Timestamp::MAX);
        }
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
    } = match &receipt.damage {
        Some(damage) => Report::unreadable(receipt_id, damage),
        None => {
            let parcel = Parcel {
                receipt,
                body,
                attempt: begun.attempt,
                replay_count: begun.replay_count,
            };
            let report = parts.sender.send(parcel).await;
            report.kept(parts.settings.kind.login())
        }
    };
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
