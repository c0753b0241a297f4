//! From what may be sent to what came of it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Ended, Loaded, MAX_BODY_BYTES, MAX_LOAD_BYTES, MAX_UNRECORDED, MIN_LOAD_BYTES, Parts, READ_COUNT, Worker,
};
use crate::clock::Timestamp;
use crate::delivery::backlog::Begun;
use crate::delivery::health::{Allowance, Turn};
use crate::delivery::log;
use crate::delivery::send::{Parcel, Report, Wish};
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
        if self.pause.is_some() || self.loading.is_some() || is_store_behind {
            return;
        }
        let mut begun = Vec::new();
        match self.health.allowance(now, self.backlog.in_flight_count()) {
            Allowance::Probe => begun.extend(self.backlog.begin_probe(now)),
            Allowance::Attempts(count) => {
                let room = MAX_BODY_BYTES.saturating_sub(self.body_bytes);
                let mut room = room.min(self.load_bytes);
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
    pub(super) fn send(&mut self, loaded: Loaded, is_stopping: bool) {
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
        let state = self
            .backlog
            .settle(begun.sequence, attempt.clone(), wish, now, fastrand::f64());
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
                self.last_failure = None;
                self.backlog.hurry(since);
            }
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
    } = parts
        .sender
        .send(Parcel {
            receipt,
            body,
            attempt: begun.attempt,
            replay_count: begun.replay_count,
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
