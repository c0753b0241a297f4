//! Whether posts were refused of late: their copies are in quarantine.

use super::Finding;
use crate::clock::Timestamp;
use crate::inbox::acceptance::Refused;
use crate::inbox::{Page, Quarantined};

/// By the newest in quarantine, where that could be read.
pub fn refused(newest: Option<Page<Quarantined>>) -> Option<Finding> {
    let refused = Refused::of(&newest?, Timestamp::now())?;
    Some(Finding::warning(
        "quarantine",
        refused.to_string(),
        Refused::ADVICE,
    ))
}
