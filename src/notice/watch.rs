//! Looks again and again how it goes, keeps what is news, and sends it.
//!
//! One task does all of it but the attempts, of which one is under way for each notice: an inbox that hangs must not hold up what
//! is to tell of it. What is news is in the inbox before it is sent,
//! unless the inbox takes no writes: then it is sent from memory, and kept as soon as it can be.

mod keeping;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use keeping::{answer_in_time, in_time};

use super::book::{Book, Books, Settled};
use super::metrics::{Metrics, register};
use super::received::Newest;
use super::sight::{Sight, facts};
use super::{About, Message, Poster, Settings};
use crate::clock::{Timestamp, Watched, rounded};
use crate::delivery::{Deliveries, Report, Schedule};
use crate::inbox::{Candidate, Inbox, PageRequest, ReceiptFilter, Writer};
use crate::metrics::Registry;
use crate::subscription::Seen;
use crate::term::{Term, Terms};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(3);

/// In how many looks in a row the inbox must take no writes: one that is busy for a moment is not broken.
const MIN_FAILURES: u32 = 2;

/// For how long nothing may be known of the account's chatbots before that is told: at the start of a machine its network may come
/// later.
const ACCOUNT_PATIENCE: Duration = Duration::from_secs(10);

/// What the watch needs of others.
pub struct Parts {
    /// The notices, each with what sends it.
    pub notices: Vec<(Settings, Poster)>,
    /// When a message is tried again.
    pub schedule: Schedule,
    /// Where books are kept.
    pub inbox: Arc<dyn Inbox>,
    /// Tells whether the inbox takes writes.
    pub writer: Writer,
    /// Tells how destinations are.
    pub deliveries: Deliveries,
    /// Tells how registrations stand, as far as this receiver knows.
    pub seen: Look<Seen>,
    /// By what the store knows this receiver.
    pub leader: Candidate,
    /// When this receiver leads.
    pub terms: Terms,
    /// Whether another one is known to lead.
    pub do_others_lead: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Something to be looked at.
pub type Look<T> = Box<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// What looks, keeps and sends.
pub struct Watch {
    parts: Parts,
    books: Books,
    /// What is in the inbox of them, as far as is known.
    kept: Option<String>,
    /// The term in which this receiver leads, or the last one, as long as no other is known to lead.
    term: Option<Term>,
    /// Since when the inbox takes no writes, and in how many looks.
    failing: Option<(Timestamp, u32)>,
    /// Since when the account's chatbots cannot be looked after.
    account_since: Option<(Instant, Timestamp)>,
    /// What was received last.
    newest: Newest,
    /// When the last turn of its task was.
    turn_at: (Timestamp, Instant),
    clock: Watched,
    /// Whether it was said that books cannot be kept.
    is_said: bool,
    /// For each notice whether an attempt is under way.
    are_sending: Vec<bool>,
    metrics: Vec<Metrics>,
}

/// What this receiver may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All: it leads, or did last.
    Leads,
    /// Only of the inbox: how its own word on it goes on, which it gave before another one led, or that nothing can be read
    /// there.
    OfInbox,
}

impl Watch {
    /// One that has not looked yet.
    pub fn new(parts: Parts, registry: &mut Registry) -> Self {
        let metrics = register(
            registry,
            parts.notices.iter().map(|(settings, _)| settings.name()),
        );
        Self {
            books: Books::default(),
            kept: None,
            term: None,
            failing: None,
            account_since: None,
            newest: Newest::default(),
            turn_at: (Timestamp::now(), Instant::now()),
            clock: Watched::from_now(),
            is_said: false,
            are_sending: vec![false; metrics.len()],
            metrics,
            parts,
        }
    }

    /// Goes on for ever.
    ///
    /// # Cancel safety
    /// May be dropped at any time: what is kept is sent by whoever leads next, an attempt that is under way once more.
    pub async fn run(mut self) {
        if self.parts.notices.is_empty() {
            return std::future::pending().await;
        }
        let parts: Vec<_> = std::mem::take(&mut self.parts.notices);
        let (settings, posters): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let posters: Vec<_> = posters.into_iter().map(Arc::new).collect();
        let mut ticks = interval(LOOK);
        // Of which notice, with which message, and what came of it.
        let mut sending: JoinSet<(usize, Message, Report)> = JoinSet::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.look(&settings).await;
                    // A look that took long is no reason for the next to come at once.
                    ticks.reset();
                }
                Some(ended) = sending.join_next() => {
                    // Nobody cancels them.
                    let ended = ended.unwrap_or_else(|error| resume_unwind(error.into_panic()));
                    let (index, message, report) = ended;
                    self.are_sending[index] = false;
                    self.settle(index, settings[index].name(), &message, &report);
                }
            }
            let was_long_away = self.was_long_away();
            self.keep(was_long_away).await;
            // It may have been away just then. If the inbox takes as long once more, what is in memory counts.
            if self.was_long_away() {
                self.keep(true).await;
            }
            for (index, poster) in posters.iter().enumerate() {
                let book = self.books.notices.get(settings[index].name());
                self.metrics[index].show_waiting(book.map_or(0, Book::waiting_count));
                if let Some(message) = self.begin(index, settings[index].name()) {
                    let poster = Arc::clone(poster);
                    sending.spawn(async move {
                        let report = poster.post(&message).await;
                        (index, message, report)
                    });
                }
            }
        }
    }

    /// Sees how it goes, and takes down what is news of it.
    async fn look(&mut self, settings: &[Settings]) {
        let Some(part) = self.part().await else { return };
        let now = self.now();
        let sight = self.see(settings, part, now).await;
        self.note(&sight, settings, now);
    }

    /// Takes down what of it is news.
    fn note(&mut self, sight: &Sight, settings: &[Settings], now: Timestamp) {
        self.books
            .notices
            .retain(|name, _| settings.iter().any(|known| known.name() == name));
        for (index, settings) in settings.iter().enumerate() {
            let facts = facts(sight, settings, now);
            let book = self.books.notices.entry(settings.name().to_owned()).or_default();
            let given_up = book.note(&facts, settings, &self.parts.schedule, now);
            self.metrics[index].give_up(given_up.len());
            let name = settings.name();
            for Message { about, title, .. } in given_up {
                let about = about.map(About::as_str);
                tracing::error!(
                    notice = name, about, error.type = "too_many",
                    "given up to tell by notice {name}: {title}: more than a hundred messages wait"
                );
            }
        }
        self.books.notices.retain(|_, book| !book.is_empty());
    }

    /// What this receiver may say now, if anything. At the beginning of a term it takes over what is kept.
    async fn part(&mut self) -> Option<Part> {
        let Some(term) = self.parts.terms.next().now_or_never() else {
            if (self.parts.do_others_lead)() {
                if self.term.take().is_some() {
                    (self.books, self.kept) = (self.books.of_inbox(), None);
                }
                let has_word = !self.books.notices.is_empty();
                // What it saw before is for the other one to see.
                self.failing = self.failing.filter(|_| has_word);
                return has_word.then_some(Part::OfInbox);
            }
            // Nobody is known to lead: who did last goes on, only of the inbox if that failed before it said what was kept.
            let of_inbox = self.failing.map(|_| Part::OfInbox);
            return self.term.as_ref().map(|_| Part::Leads).or(of_inbox);
        };
        if self.term.as_ref().is_none_or(Term::is_cancelled) {
            let kept = match answer_in_time(self.parts.inbox.outbox().notices()).await {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::debug!("cannot read what is kept of notices: {error}");
                    // What was said of all else is not known; that the inbox cannot be used must be said all the same.
                    return Some(if self.term.is_some() {
                        Part::Leads
                    } else {
                        Part::OfInbox
                    });
                }
            };
            if kept != self.kept || self.term.is_none() {
                let own = std::mem::take(&mut self.books).of_inbox();
                self.books = Books::read(kept.as_deref());
                self.books.merge(own);
                self.books.hurry();
                self.kept = kept;
            }
            // Another one may have led meanwhile, by another clock, and what was stored may be another inbox's.
            self.newest = Newest::default();
            self.term = Some(term);
        }
        Some(Part::Leads)
    }

    /// Looks at all that anybody wants to know.
    async fn see(&mut self, settings: &[Settings], part: Part, now: Timestamp) -> Sight {
        let is_wanted = |about| {
            let mut all = settings.iter();
            all.any(|settings| settings.is_about(about)) && (part == Part::Leads || about == About::Inbox)
        };
        let mut sight = Sight::default();
        if is_wanted(About::Inbox) {
            sight.inbox = self.look_at_inbox().await;
        }
        if is_wanted(About::Disk) || is_wanted(About::Log) {
            sight.space = self.parts.inbox.space();
        }
        if is_wanted(About::Silence) && settings.iter().any(|settings| settings.silence.is_some()) {
            sight.received = in_time(self.received(now)).await.flatten();
        }
        if is_wanted(About::Destination) || is_wanted(About::DeadLetter) {
            sight.destinations = in_time(self.parts.deliveries.destinations())
                .await
                .and_then(Result::ok);
        }
        if [About::Chatbot, About::Account, About::PublicUrl]
            .into_iter()
            .any(is_wanted)
        {
            let seen = (self.parts.seen)().await;
            sight.account = self.look_at_account(&seen);
            sight.seen = Some(seen);
        }
        sight
    }

    /// Whether the account's chatbots can be looked after, if that is sure: that they cannot only once it has lasted.
    fn look_at_account(&mut self, seen: &Seen) -> Option<Result<(), (Timestamp, String)>> {
        let Some(trouble) = seen.trouble() else {
            self.account_since = None;
            return seen.is_listed.then_some(Ok(()));
        };
        let begun = || (Instant::now(), Timestamp::now());
        let (seen_at, since) = *self.account_since.get_or_insert_with(begun);
        (seen_at.elapsed() >= ACCOUNT_PATIENCE).then(|| Err((since, trouble.to_owned())))
    }

    /// What the clock says. If it was set since it was last looked at, what waits goes on waiting as long as it was to.
    fn now(&mut self) -> Timestamp {
        let (now, unset) = self.clock.now();
        if let Some(expected) = unset {
            self.books.set_clock(expected, now);
            self.newest.set_clock(expected, now);
        }
        now
    }

    /// Whether the inbox takes writes, if that is sure.
    async fn look_at_inbox(&mut self) -> Option<Result<(), (Timestamp, String)>> {
        match self.parts.writer.ready().await {
            Ok(()) => {
                self.failing = None;
                Some(Ok(()))
            }
            Err(error) => {
                let (since, count) = self.failing.unwrap_or((Timestamp::now(), 0));
                self.failing = Some((since, count.saturating_add(1)));
                (count + 1 >= MIN_FAILURES).then(|| Err((since, error.to_string())))
            }
        }
    }

    /// When something was received last, if that is known, if the inbox can be asked.
    async fn received(&mut self, now: Timestamp) -> Option<Option<Timestamp>> {
        let newest = PageRequest::first(1);
        let receipts = self.parts.inbox.receipts(ReceiptFilter::default(), newest);
        let page = receipts.await.ok()?;
        let newest = page
            .items
            .first()
            .map(|receipt| (receipt.id, receipt.received_at));
        Some(self.newest.see(newest, now))
    }

    /// Whether it is so long since this was asked last that another one may have led.
    fn was_long_away(&mut self) -> bool {
        let (now, instant) = (Timestamp::now(), Instant::now());
        let (then, at) = std::mem::replace(&mut self.turn_at, (now, instant));
        // Where the machine slept, only the clock tells.
        now.since(then).max(instant - at) > LOOK * 2
    }

    /// The message to send now for that notice, if there is one and none is under way.
    fn begin(&mut self, index: usize, name: &str) -> Option<Message> {
        if self.are_sending[index] {
            return None;
        }
        let now = self.now();
        let message = self.books.notices.get(name)?.due(now)?.clone();
        self.are_sending[index] = true;
        Some(message)
    }

    /// Takes down and says what came of an attempt.
    fn settle(&mut self, index: usize, name: &str, message: &Message, report: &Report) {
        let now = self.now();
        let schedule = &self.parts.schedule;
        let settled = match self.books.notices.get_mut(name) {
            Some(book) => book.settle(message.id, report, schedule, now, fastrand::f64()),
            None => Settled::Unknown,
        };
        let about = message.about.map(About::as_str);
        let (title, detail) = (&message.title, &report.detail);
        let error_type = report.outcome.as_str();
        match settled {
            Settled::Taken => tracing::info!(notice = name, about, "told by notice {name}: {title}"),
            Settled::Again(wait) => tracing::warn!(
                notice = name, about, error.type = error_type,
                "cannot tell by notice {name}: {title}: {detail}; it is tried again in {}",
                // Up, so that what is soon is not said to be now.
                rounded(wait.saturating_add(Duration::from_millis(999)))
            ),
            Settled::AsBefore => tracing::debug!(
                notice = name, about, error.type = error_type,
                "cannot tell by notice {name}: {title}: {detail}; it is tried again as it was to be"
            ),
            Settled::GivenUp => tracing::error!(
                notice = name, about, error.type = error_type,
                "given up to tell by notice {name}: {title}: {detail}"
            ),
            Settled::Unknown => {}
        }
        self.metrics[index].note(settled);
    }
}

#[cfg(test)]
mod tests;
