//! A connection that is made when it is needed, kept for all attempts of a destination, and made anew once it has ended; and
//! an attempt over one.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::envelope::{Envelope, Sealer};
use super::{DestinationSettings, Parcel, Report, Wish};
use crate::inbox::outbox::Outcome;

/// At most one connection.
#[derive(Debug)]
pub struct Kept<T> {
    kept: Mutex<Option<Lent<T>>>,
    /// Held by who makes one.
    making: tokio::sync::Mutex<()>,
}

/// A connection, and what tells its end.
#[derive(Clone, Debug)]
pub struct Lent<T> {
    /// The connection.
    pub value: T,
    /// Cancelled once nothing more is to be expected of it.
    pub ended: CancellationToken,
}

impl<T: Clone> Kept<T> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            kept: Mutex::new(None),
            making: tokio::sync::Mutex::new(()),
        }
    }

    /// The one that there is, or what `make` makes. That gets what it is to cancel when the connection ends.
    ///
    /// # Errors
    /// Those of `make`.
    ///
    /// # Cancel safety
    /// May be dropped at any time; a connection that is half made is dropped with it.
    pub async fn get<E, F>(&self, make: impl FnOnce(CancellationToken) -> F) -> Result<Lent<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(lent) = self.current() {
            return Ok(lent);
        }
        // Held while it is made: whoever else needs one waits for that, by a deadline of its own, and makes no second.
        let _turn = self.making.lock().await;
        if let Some(lent) = self.current() {
            return Ok(lent);
        }
        let ended = CancellationToken::new();
        let lent = Lent {
            value: make(ended.clone()).await?,
            ended,
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(lent.clone());
        Ok(lent)
    }

    /// Keeps it no longer, as one that does not answer. Who uses it may go on with it.
    pub fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn current(&self) -> Option<Lent<T>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|lent| lent.ended.is_cancelled());
        kept.clone()
    }
}

/// What an attempt over a kept connection needs, whatever the server speaks.
#[derive(Debug)]
pub struct Line<T> {
    /// The server, without secrets.
    pub place: String,
    /// The one connection to it.
    pub connection: Kept<T>,
    sealer: Sealer,
    timeout: Duration,
}

impl<T: Clone> Line<T> {
    /// That of a destination whose server is there.
    pub fn new(destination: &DestinationSettings, place: String) -> Self {
        Self {
            place,
            connection: Kept::new(),
            sealer: Sealer::new(destination),
            timeout: destination.timeout,
        }
    }

    /// The longest that an attempt takes.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Delivers over a kept connection.
pub trait Deliver: Sync {
    /// What is kept.
    type Connection: Clone + Send;

    /// What the server says when it has taken one, as operators call it.
    const ANSWER: &str;

    /// Its line.
    fn line(&self) -> &Line<Self::Connection>;

    /// Has the server take it; what is to be said then, or of the failure.
    fn deliver(
        &self,
        parcel: &Parcel,
        envelope: Envelope,
    ) -> impl Future<Output = Result<String, Report>> + Send;
}

/// One attempt, within the destination's timeout.
///
/// # Cancel safety
/// As [`Sender::send`](super::Sender::send).
pub async fn attempt<S: Deliver>(sender: &S, parcel: Parcel) -> Report {
    let line = sender.line();
    let deadline = Instant::now() + line.timeout;
    let envelope = match line.sealer.seal(&parcel).await {
        Ok(envelope) => envelope,
        Err(detail) => return Report::unanswered(Outcome::Ours, detail),
    };
    match timeout_at(deadline, deliver_by_what_holds(sender, &parcel, envelope)).await {
        Ok(Ok(detail)) => Report::unanswered(Outcome::Delivered, detail),
        Ok(Err(report)) => report,
        Err(_) => {
            line.connection.forget();
            let (place, seconds) = (&line.place, line.timeout.as_secs_f64());
            let detail = format!("no {} from {place} within {seconds} s", S::ANSWER);
            Report::unanswered(Outcome::Timeout, detail)
        }
    }
}

/// What is too long by what a connection was told when it was made is tried by a new one, since the limit may have been
/// raised.
async fn deliver_by_what_holds(
    sender: &impl Deliver,
    parcel: &Parcel,
    envelope: Envelope,
) -> Result<String, Report> {
    match sender.deliver(parcel, envelope.clone()).await {
        Err(report) if report.wish == Wish::NeverThis => {
            sender.line().connection.forget();
            sender.deliver(parcel, envelope).await
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Gets it, where the next that is made is that one.
    async fn get(kept: &Kept<u32>, next: u32) -> Lent<u32> {
        let made = kept.get(|_| async move { Ok::<_, Infallible>(next) }).await;
        made.unwrap_or_else(|never| match never {})
    }

    #[tokio::test]
    async fn one_is_kept_until_it_ends_or_is_forgotten() {
        let kept = Kept::new();

        let first = get(&kept, 1).await;
        assert_eq!(get(&kept, 2).await.value, 1);
        first.ended.cancel();
        assert_eq!(get(&kept, 3).await.value, 3);
        kept.forget();
        assert_eq!(get(&kept, 4).await.value, 4);
    }

    #[tokio::test]
    async fn one_that_could_not_be_made_is_made_by_the_next() {
        let kept = Kept::new();

        assert_eq!(
            kept.get(|_| async { Err("nobody is there") }).await.err(),
            Some("nobody is there")
        );
        assert_eq!(get(&kept, 2).await.value, 2);
    }
}
