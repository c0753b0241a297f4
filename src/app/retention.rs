//! Removes old receipts, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::clock::Timestamp;
use crate::inbox::Inbox;
use crate::term::Terms;

/// How often receipts are looked through for old ones.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long the inbox is left alone between two steps of removing old receipts.
const PAUSE: Duration = Duration::from_millis(20);

/// Removes receipts older than `retention`, in terms only.
///
/// # Cancel safety
/// May be dropped at any time; the next round goes on where this one was.
pub async fn keep(inbox: Arc<dyn Inbox>, retention: Duration, mut terms: Terms) {
    loop {
        let term = terms.next().await;
        let _ = term.run_until_cancelled(rounds(&*inbox, retention)).await;
    }
}

/// Removes them for ever, beginning now.
async fn rounds(inbox: &dyn Inbox, retention: Duration) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let before = Timestamp::now().minus(retention);
        let mut removed_count = 0;
        loop {
            match inbox.expire(before).await {
                Ok(0) => break,
                Ok(count) => removed_count += count,
                Err(error) => {
                    tracing::warn!(error.type = "retention", "cannot remove old receipts: {error}");
                    break;
                }
            }
            sleep(PAUSE).await;
        }
        if removed_count > 0 {
            tracing::info!("removed {removed_count} receipts from before {before}");
        }
    }
}
