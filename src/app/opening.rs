//! Opens the inbox, in whichever store it is.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::config::InboxLocation;
use crate::inbox::postgres::PostgresInbox;
use crate::inbox::sqlite::{self, SqliteInbox};
use crate::inbox::{self, Inbox};

/// How long a database that cannot be reached is waited for at start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first wait and the longest one between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Opens the inbox of a location.
pub async fn open_inbox(
    location: &InboxLocation,
    settings: inbox::Settings,
) -> Result<Arc<dyn Inbox>, inbox::Error> {
    match location {
        InboxLocation::Sqlite(path) => {
            let inbox = SqliteInbox::open(path, settings)?;
            for flaw in sqlite::flaws(path).into_iter().chain(sqlite::on_no_disk(path)) {
                tracing::warn!(error.type = "inbox_files", "{flaw}");
            }
            Ok(Arc::new(inbox))
        }
        InboxLocation::Postgres(location) => Ok(Arc::new(PostgresInbox::open(location, settings).await?)),
    }
}

/// As [`open_inbox`]; a database that cannot be reached is tried again for a while, so that it may be started together
/// with the receiver. A file that cannot be opened is not: nobody is about to mend it.
pub async fn wait_for_inbox(
    location: &InboxLocation,
    settings: &inbox::Settings,
) -> Result<Arc<dyn Inbox>, inbox::Error> {
    let open = || open_inbox(location, settings.clone());
    if location.is_shared() {
        wait_for(open).await
    } else {
        open().await
    }
}

/// Tries until it is open, or the error is one that does not pass by itself, or it has been waited for long enough. A
/// try that has begun is left to end: it may be bringing the tables up to date.
async fn wait_for<T, F: Future<Output = Result<T, inbox::Error>>>(
    mut open: impl FnMut() -> F,
) -> Result<T, inbox::Error> {
    let backoff = Backoff::new(WAITS.0, WAITS.1).expect("the first wait is the shorter one");
    let give_up_at = Instant::now() + PATIENCE;
    let mut failure_count = 0;
    loop {
        let error = match open().await {
            Err(error @ inbox::Error::Unavailable { .. }) => error,
            done => return done,
        };
        failure_count += 1;
        let wait = backoff.wait(failure_count, fastrand::f64());
        if Instant::now() + wait > give_up_at {
            return Err(error);
        }
        tracing::warn!(
            error.type = "inbox_unavailable",
            "the inbox does not open, trying again in {:.1} s: {error}",
            wait.as_secs_f64()
        );
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> inbox::Error {
        inbox::Error::unavailable("connection refused")
    }

    /// Waits for an inbox whose tries end so, the last one again and again; gives the end, the number of tries, and
    /// how long it took.
    async fn waited(
        mut tries: Vec<Result<&'static str, inbox::Error>>,
    ) -> (Result<&'static str, inbox::Error>, u32, Duration) {
        let (started, mut try_count) = (Instant::now(), 0);
        let ended = wait_for(|| {
            try_count += 1;
            let ended = match &tries[..] {
                [last] => last.clone(),
                _ => tries.remove(0),
            };
            async { ended }
        })
        .await;
        (ended, try_count, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_comes_up_later_is_waited_for() {
        let (opened, try_count, took) =
            waited(vec![Err(unavailable()), Err(unavailable()), Ok("open")]).await;

        assert_eq!((opened.ok(), try_count), (Some("open"), 3));
        // From half of half a second and half of one to the whole.
        assert!(
            (Duration::from_millis(750)..=Duration::from_millis(1_510)).contains(&took),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_does_not_come_up_is_given_up_in_time_with_the_reason() {
        let (ended, try_count, took) = waited(vec![Err(unavailable())]).await;

        assert_eq!(
            ended.unwrap_err().to_string(),
            "the inbox is unavailable: connection refused"
        );
        assert!(try_count > 5, "{try_count}");
        assert!(
            (PATIENCE - WAITS.1..=PATIENCE).contains(&took),
            "{try_count} tries in {took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_by_itself_ends_the_wait_at_once() {
        let damaged = inbox::Error::corrupt("a receipt's id is none");
        let refused = inbox::Error::refused("a wrong password");
        for (error, expected) in [
            (damaged, "the inbox is damaged: a receipt's id is none"),
            (refused, "the inbox cannot be used: a wrong password"),
        ] {
            let (ended, try_count, took) = waited(vec![Err(unavailable()), Err(error), Ok("open")]).await;

            assert_eq!(ended.unwrap_err().to_string(), expected);
            assert_eq!(try_count, 2);
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
    }
}
