//! What `/metrics` shows of the way out.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::inbox::outbox::{Attempt, Outcome};
use crate::metrics::{self, Counter, Counters, Histogram, Histograms, Labels, Registry, Unit};
use crate::minutes::{Attempts, Traffic};

use super::status::{Board, Status};

/// A destination's counters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    attempts: [Counter; Outcome::ALL.len()],
    durations: Histogram,
    traffic: Traffic,
    minutes: Arc<Attempts>,
}

impl Metrics {
    /// Counts an attempt.
    pub fn note(&self, attempt: &Attempt) {
        let mut counters = Outcome::ALL.iter().zip(&self.attempts);
        if let Some((_, counter)) = counters.find(|(outcome, _)| **outcome == attempt.outcome) {
            counter.inc();
        }
        self.durations.observe(attempt.duration.as_secs_f64());
        let now = Timestamp::now();
        let milliseconds = u32::try_from(attempt.duration.as_millis()).unwrap_or(u32::MAX);
        self.minutes.made.add(now, 1);
        self.minutes.milliseconds.add(now, milliseconds);
        match attempt.outcome {
            Outcome::Delivered => self.traffic.delivered.add(now, 1),
            _ => self.minutes.failed.add(now, 1),
        }
    }
}

/// Shows the destinations of these names and boards; gives each one's counters.
pub fn register(registry: &mut Registry, destinations: &[(&'static str, Board)]) -> Vec<Metrics> {
    let attempts = Counters::<2>::default();
    let durations: Histograms<1> = metrics::durations();
    registry.add(
        "delivery_attempts",
        "Attempts to deliver, by how they ended",
        None,
        attempts.clone(),
    );
    registry.add(
        "delivery_attempt_duration",
        "How long attempts to deliver took",
        Some(Unit::Seconds),
        durations.clone(),
    );
    let gauge = |registry: &mut Registry, name, help, unit, read: fn(&Status) -> f64| {
        let boards = destinations.to_vec();
        registry.gauges(name, help, unit, move || {
            let shown = boards
                .iter()
                .filter_map(|(name, board)| Some((*name, board.status()?)));
            shown
                .map(|(name, status)| ([("destination", name)] as Labels<1>, read(&status)))
                .collect()
        });
    };
    gauge(
        registry,
        "deliveries_pending",
        "Deliveries that are pending; shown by the receiver that leads",
        None,
        |status| status.pending_count as f64,
    );
    gauge(
        registry,
        "deliveries_oldest_pending_age",
        "How long ago the oldest receipt that is not delivered arrived, 0 if there is none; shown by the receiver that leads",
        Some(Unit::Seconds),
        |status| {
            let oldest = status.oldest_received_at;
            oldest.map_or(0.0, |oldest| Timestamp::now().since(oldest).as_secs_f64())
        },
    );
    gauge(
        registry,
        "deliveries_dead",
        "Deliveries that were given up and are kept as dead letters; shown by the receiver that leads",
        None,
        |status| status.dead_count as f64,
    );
    gauge(
        registry,
        "deliveries_in_flight",
        "Attempts that are under way; shown by the receiver that leads",
        None,
        |status| status.in_flight_count as f64,
    );
    gauge(
        registry,
        "destination_down",
        "Whether a destination fails throughout or is paused; shown by the receiver that leads",
        None,
        |status| f64::from(u8::from(status.down_since.is_some() || status.pause.is_some())),
    );
    let traffic = &registry.traffic;
    destinations
        .iter()
        .map(|(name, _)| Metrics {
            attempts: Outcome::ALL.map(|outcome| {
                attempts.get_or_create_owned(&[("destination", *name), ("outcome", outcome.as_str())])
            }),
            durations: durations.get_or_create_owned(&[("destination", *name)]),
            traffic: traffic.clone(),
            minutes: traffic.attempts(name),
        })
        .collect()
}
