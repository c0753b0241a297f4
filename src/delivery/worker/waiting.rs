//! Waiting for what may not be there.

use std::future::{Future, pending};

use tokio::time::{Instant, sleep_until};

use super::Doing;

/// Waits until what is under way is done, and clears its place; for ever if there is nothing.
///
/// # Cancel safety
/// What is under way stays in its place when the future is dropped.
pub(super) async fn done<T>(doing: &mut Option<Doing<'_, T>>) -> T {
    match doing {
        None => pending().await,
        Some(under_way) => {
            let done = under_way.await;
            *doing = None;
            done
        }
    }
}

/// As [`done`], of what stays there until it is looked at.
pub(super) async fn answered<T, D: Future + Unpin>(doing: &mut Option<(T, D)>) -> D::Output {
    match doing {
        None => pending().await,
        Some((_, under_way)) => under_way.await,
    }
}

/// Waits until then; for ever if there is no such time.
pub(super) async fn at(instant: Option<Instant>) {
    match instant {
        None => pending().await,
        Some(instant) => sleep_until(instant).await,
    }
}
