//! A connection that is made when it is needed, kept for all attempts of a destination, and made anew once it has ended or is
//! old; and an attempt over one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::envelope::{Envelope, Sealer};
use super::{DestinationSettings, Parcel, Report, Wish};
use crate::inbox::outbox::Outcome;

/// How long a connection is taken for attempts. One that lasts goes on to where the server was before its name was given another
/// address, and is forgotten by what stands in between where nothing is sent: after four minutes in Azure. It costs a login.
const MAX_AGE: Duration = Duration::from_secs(60);

/// At most one connection.
#[derive(Debug)]
pub struct Kept<T> {
    kept: Mutex<Option<Lent<T>>>,
    /// Held by who makes one. When that last failed, and what is to be said of it.
    making: tokio::sync::Mutex<Option<(Instant, Report)>>,
}

/// A connection, and what tells its end.
#[derive(Clone, Debug)]
pub struct Lent<T> {
    /// The connection.
    pub value: T,
    /// Cancelled once nothing more is to be expected of it.
    pub ended: CancellationToken,
    is_forgotten: Arc<AtomicBool>,
    made_at: Instant,
}

impl<T> Lent<T> {
    /// Has it kept no longer, as one that does not answer. Who uses it may go on with it. Another one that was made meanwhile is
    /// none of that.
    pub fn forget(&self) {
        self.is_forgotten.store(true, Ordering::Relaxed);
    }

    /// Whether the next attempt may have it.
    fn is_of_use(&self) -> bool {
        let is_forgotten = self.is_forgotten.load(Ordering::Relaxed);
        !is_forgotten && !self.ended.is_cancelled() && self.made_at.elapsed() < MAX_AGE
    }
}

impl<T: Clone> Kept<T> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            kept: Mutex::new(None),
            making: tokio::sync::Mutex::new(None),
        }
    }

    /// The one that there is, or what `make` makes. That gets what it is to cancel when the connection ends.
    ///
    /// # Errors
    /// Those of `make`, also to whoever waited for it.
    ///
    /// # Cancel safety
    /// May be dropped at any time; a connection that is half made is dropped with it.
    pub async fn get<F>(&self, make: impl FnOnce(CancellationToken) -> F) -> Result<Lent<T>, Report>
    where
        F: Future<Output = Result<T, Report>>,
    {
        if let Some(lent) = self.current() {
            return Ok(lent);
        }
        let called_at = Instant::now();
        // Held while it is made: whoever else needs one waits for that, by a deadline of its own, and makes no second.
        let mut failure = self.making.lock().await;
        if let Some(lent) = self.current() {
            return Ok(lent);
        }
        // What came of it while this one waited is its answer too: for another try it may have no time left.
        if let Some((_, report)) = failure.as_ref().filter(|(at, _)| *at >= called_at) {
            return Err(report.clone());
        }
        let ended = CancellationToken::new();
        let value = make(ended.clone())
            .await
            .inspect_err(|report| *failure = Some((Instant::now(), report.clone())))?;
        let lent = Lent {
            value,
            ended,
            is_forgotten: Arc::default(),
            made_at: Instant::now(),
        };
        *self.kept.lock() = Some(lent.clone());
        Ok(lent)
    }

    fn current(&self) -> Option<Lent<T>> {
        let mut kept = self.kept.lock();
        // Attempts that are under way over one that is too old go on with it.
        kept.take_if(|lent| !lent.is_of_use());
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

    /// Connects; `ended` is cancelled when the connection is of no use any more. The error is what is to be said of the attempt.
    fn connect(
        &self,
        ended: CancellationToken,
    ) -> impl Future<Output = Result<Self::Connection, Report>> + Send;

    /// Has the server take it over that connection; what is to be said then, or of the failure.
    fn deliver(
        &self,
        connection: Lent<Self::Connection>,
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
        Err(report) => return report,
    };
    let delivered = match deliver(sender, &parcel, envelope.clone(), deadline, Try::First).await {
        Err(report) if report.wish == Wish::NeverThis => {
            deliver(sender, &parcel, envelope, deadline, Try::Again).await
        }
        other => other,
    };
    delivered.map_or_else(|report| report, |detail| Report::new(Outcome::Delivered, detail))
}

/// Which try of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Try {
    First,
    /// Over a new connection.
    Again,
}

/// Has the server take it until then. That it may have it can be said only if there was a connection.
async fn deliver<S: Deliver>(
    sender: &S,
    parcel: &Parcel,
    envelope: Envelope,
    deadline: Instant,
    which: Try,
) -> Result<String, Report> {
    let line = sender.line();
    let (place, seconds) = (&line.place, line.timeout.as_secs_f64());
    let connecting = line.connection.get(|ended| sender.connect(ended));
    let connection = timeout_at(deadline, connecting).await.unwrap_or_else(|_| {
        let detail = format!("no connection to {place} within {seconds} s");
        Err(Report::new(Outcome::Unreachable, detail).asking(Wish::WhenBack))
    })?;
    let delivering = sender.deliver(connection.clone(), parcel, envelope);
    let delivered = timeout_at(deadline, delivering).await.unwrap_or_else(|_| {
        let detail = format!("no {} from {place} within {seconds} s", S::ANSWER);
        Err(Report::new(Outcome::Timeout, detail))
    });
    // What is too long by what a connection was told when it was made may not be by a new one, since the limit may have been
    // raised.
    delivered.inspect_err(|report| {
        let is_too_long = report.wish == Wish::NeverThis && which == Try::First;
        if report.outcome == Outcome::Timeout || is_too_long {
            connection.forget();
        }
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::future::join_all;
    use tokio::net::TcpListener;
    use tokio::time::sleep;

    use super::super::login::Login;
    use super::super::pattern::Pattern;
    use super::super::send::sample;
    use super::super::{Kind, nats, redis, sender};
    use super::*;
    use crate::rotating::Rotating;

    /// Gets it, where the next that is made is that one.
    async fn get(kept: &Kept<u32>, next: u32) -> Lent<u32> {
        kept.get(|_| async move { Ok(next) }).await.unwrap()
    }

    fn nobody() -> Report {
        Report::new(Outcome::Unreachable, "nobody is there".to_owned())
    }

    #[tokio::test]
    async fn one_is_kept_until_it_ends_or_is_forgotten() {
        let kept = Kept::new();

        let first = get(&kept, 1).await;
        assert_eq!(get(&kept, 2).await.value, 1);
        first.ended.cancel();
        assert_eq!(get(&kept, 3).await.value, 3);
        let third = get(&kept, 3).await;
        third.forget();
        assert_eq!(get(&kept, 4).await.value, 4);
        // It says nothing of what came after it.
        third.forget();
        assert_eq!(get(&kept, 5).await.value, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_taken_for_a_minute_and_used_for_longer_by_who_has_it() {
        let kept = Kept::new();
        let first = get(&kept, 1).await;

        sleep(MAX_AGE - Duration::from_secs(1)).await;
        assert_eq!(get(&kept, 2).await.value, 1);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(get(&kept, 3).await.value, 3);
        sleep(MAX_AGE / 2).await;
        assert_eq!(
            get(&kept, 4).await.value,
            3,
            "its age counts from when it was made"
        );

        assert!(!first.ended.is_cancelled());
    }

    #[tokio::test]
    async fn one_that_could_not_be_made_is_made_by_the_next() {
        let kept = Kept::new();

        assert_eq!(kept.get(|_| async { Err(nobody()) }).await.err(), Some(nobody()));
        assert_eq!(get(&kept, 2).await.value, 2);
    }

    const TIMEOUT: Duration = Duration::from_secs(2);

    const BODY: &str = r#"{"event":"x","status":"y"}"#;

    /// A server that takes a connection after so long, and never answers.
    struct Silent(Line<()>, Duration);

    impl Deliver for Silent {
        type Connection = ();

        const ANSWER: &str = "answer";

        fn line(&self) -> &Line<()> {
            &self.0
        }

        async fn connect(&self, _: CancellationToken) -> Result<(), Report> {
            sleep(self.1).await;
            Ok(())
        }

        async fn deliver(&self, _: Lent<()>, _: &Parcel, _: Envelope) -> Result<String, Report> {
            pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_had_a_connection_may_have_been_received() {
        for (connects_after, outcome, detail) in [
            (TIMEOUT / 2, Outcome::Timeout, "no answer from there:1 within 2 s"),
            (
                TIMEOUT * 2,
                Outcome::Unreachable,
                "no connection to there:1 within 2 s",
            ),
        ] {
            let kind = Kind::Redis(redis::Settings {
                url: "redis://there:1".parse().unwrap(),
                login: nobody_special(),
                stream: Pattern::new("s").unwrap(),
            });
            let line = Line::new(&sample::destination(kind, TIMEOUT), "there:1".to_owned());

            let silent = Silent(line, connects_after);
            let report = attempt(&silent, sample::parcel(BODY)).await;

            assert!(silent.0.connection.current().is_none(), "it is not used again");

            assert_eq!((report.outcome, &*report.detail), (outcome, detail));
            assert_eq!(
                report.wish == Wish::WhenBack,
                outcome == Outcome::Unreachable,
                "{report:?}"
            );
        }
    }

    #[tokio::test]
    async fn nobody_who_waited_for_a_connection_in_vain_may_have_been_received() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        for kind in kinds(|scheme| format!("{scheme}://{address}")) {
            let sender = sender(&sample::destination(kind, TIMEOUT)).unwrap();

            let reports = join_all((0..4).map(|_| sender.send(sample::parcel(BODY)))).await;

            for report in &reports {
                assert_eq!(report.outcome, Outcome::Unreachable, "{reports:#?}");
                assert_eq!(report.detail, reports[0].detail);
                assert_eq!(report.wish, Wish::WhenBack);
            }
        }
    }

    #[tokio::test]
    async fn who_finds_nobody_is_to_be_sent_again_when_somebody_is_back() {
        // Nobody listens there any more.
        let address = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        for kind in kinds(|scheme| format!("{scheme}://{address}")) {
            let sender = sender(&sample::destination(kind, TIMEOUT)).unwrap();

            let report = sender.send(sample::parcel(BODY)).await;

            assert_eq!(
                (report.outcome, report.wish),
                (Outcome::Unreachable, Wish::WhenBack)
            );
        }
    }

    /// A destination of each kind at that place.
    fn kinds(url: impl Fn(&str) -> String) -> [Kind; 2] {
        [
            Kind::Nats(nats::Settings {
                url: url("nats").parse().unwrap(),
                login: nobody_special(),
                subject: Pattern::new("a.b").unwrap(),
            }),
            Kind::Redis(redis::Settings {
                url: url("redis").parse().unwrap(),
                login: nobody_special(),
                stream: Pattern::new("s").unwrap(),
            }),
        ]
    }

    fn nobody_special() -> Login {
        Login {
            user: None,
            password: Rotating::new(None),
        }
    }
}
