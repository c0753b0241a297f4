//! What `/metrics` shows of notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::book::Settled;
use crate::metrics::{Counter, Counters, Labels, Registry};

/// What came of attempts.
const OUTCOMES: [&str; 3] = ["delivered", "failed", "given_up"];
const DELIVERED: usize = 0;
const FAILED: usize = 1;
const GIVEN_UP: usize = 2;

/// What is counted of one notice.
#[derive(Debug)]
pub struct Metrics {
    attempts: [Counter; OUTCOMES.len()],
    waiting: Arc<AtomicU64>,
}

/// Shows the notices of these names; gives what each is counted by.
pub fn register<'a>(registry: &mut Registry, names: impl Iterator<Item = &'a str>) -> Vec<Metrics> {
    let attempts = Counters::<2>::default();
    registry.add(
        "notices",
        "Attempts to tell a notice, by what came of them",
        None,
        attempts.clone(),
    );
    // Labels live as long as the program. There are as many as notices.
    let names = names.map(|name| -> &'static str { name.to_owned().leak() });
    let shown: Vec<_> = names.map(|name| (name, Arc::<AtomicU64>::default())).collect();
    let metrics = shown.iter().map(|(name, waiting)| Metrics {
        attempts: OUTCOMES
            .map(|outcome| attempts.get_or_create_owned(&[("notice", *name), ("outcome", outcome)])),
        waiting: Arc::clone(waiting),
    });
    let metrics = metrics.collect();
    registry.gauges(
        "notices_waiting",
        "Messages of a notice that nobody has taken yet; shown by the receiver that leads",
        None,
        move || {
            let read = |(name, waiting): &(&'static str, Arc<AtomicU64>)| {
                let labels: Labels<1> = [("notice", *name)];
                (labels, waiting.load(Ordering::Relaxed) as f64)
            };
            shown.iter().map(read).collect()
        },
    );
    metrics
}

impl Metrics {
    /// Counts what came of an attempt.
    pub fn note(&self, settled: Settled) {
        let outcome = match settled {
            Settled::Taken => DELIVERED,
            Settled::Again(_) | Settled::AsBefore => FAILED,
            Settled::GivenUp => GIVEN_UP,
            Settled::Unknown => return,
        };
        self.attempts[outcome].inc();
    }

    /// Counts messages that were given up though they had tries left.
    pub fn give_up(&self, count: usize) {
        self.attempts[GIVEN_UP].inc_by(count as u64);
    }

    /// Shows how many messages wait.
    pub fn show_waiting(&self, count: usize) {
        self.waiting.store(count as u64, Ordering::Relaxed);
    }
}
