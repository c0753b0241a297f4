//! What the rounds have seen, for `/metrics` and the admin API.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::metrics::Registry;

/// What the last look at the open jobs has shown. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Seen>>);

/// What is seen at one time.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = OpenJobs)]
pub struct Seen {
    /// Jobs that have begun and not ended; null where this receiver has not looked, as without credentials or while another one
    /// leads.
    #[serde(rename = "open_jobs")]
    pub open_count: Option<usize>,
    /// Those of them that were given up; null as above.
    #[serde(rename = "stalled_jobs")]
    pub stalled_count: Option<usize>,
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
            move || progress.look().open_count.unwrap_or_default() as f64,
        );
        let progress = self.clone();
        registry.gauge(
            "stalled_jobs",
            "Those of the open jobs that were given up",
            None,
            move || progress.look().stalled_count.unwrap_or_default() as f64,
        );
    }

    /// Shows nothing: another receiver looks at the open jobs.
    pub(super) fn clear(&self) {
        *self.look() = Seen::default();
    }

    /// What is shown, to be changed; never held across an await.
    pub(super) fn look(&self) -> MutexGuard<'_, Seen> {
        self.0.lock()
    }
}
