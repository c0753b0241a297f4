//! What the rounds have seen, for `/metrics` and the admin API.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::Registry;

/// What the last look at the open jobs has shown. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Seen>>);

/// What is seen at one time.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Jobs that have begun and not ended.
    pub open_count: usize,
    /// Those of them that were given up.
    pub stalled_count: usize,
    /// What keeps this receiver from asking, in words.
    pub problem: Option<String>,
}

impl Progress {
    /// As of the last look.
    pub fn seen(&self) -> Seen {
        self.look().clone()
    }

    /// Shows both numbers.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let progress = self.clone();
        registry.gauge(
            "open_jobs",
            "Jobs that have begun and not ended, as of the last look",
            None,
            move || progress.look().open_count as f64,
        );
        let progress = self.clone();
        registry.gauge(
            "stalled_jobs",
            "Those of the open jobs that were given up",
            None,
            move || progress.look().stalled_count as f64,
        );
    }

    /// As JSON, for the admin API.
    pub fn to_json(&self) -> serde_json::Value {
        let seen = self.look();
        serde_json::json!({
            "open_jobs": seen.open_count,
            "stalled_jobs": seen.stalled_count,
            "problem": seen.problem,
        })
    }

    /// Shows nothing: another receiver looks at the open jobs.
    pub(super) fn clear(&self) {
        *self.look() = Seen::default();
    }

    /// What is shown, to be changed; never held across an await.
    pub(super) fn look(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
