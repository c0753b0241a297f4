//! Times on the command line.

use caigunn_webhook::clock::{TYPED, Timestamp, typed};

/// Takes a time as people type it ([`typed`]).
pub fn moment(text: &str) -> Result<Timestamp, String> {
    typed(text, Timestamp::now()).ok_or_else(|| format!("expected {TYPED}"))
}
