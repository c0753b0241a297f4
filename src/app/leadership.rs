//! Who leads, of all receivers on one inbox: that one keeps the subscriptions, backfills, delivers and removes old
//! receipts. All of them take notifications.
//!
//! The store decides: it gives one receiver at a time a lease, which ends unless it is asked for again. What it answers
//! is believed for [`LEASE`] from before it was asked, which is never longer than the store believes it. So where the
//! store cannot be asked, this receiver stops leading in time, and nobody leads until it can be. While the machine sleeps, or is
//! paused, this process's time stands still, and the store's does not: the clock tells, up to [`LOOK`] after it woke.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::{Builder, Uuid, Version};

use crate::clock::{Timestamp, Watched, rounded};
use crate::http::Leader;
use crate::inbox::{self, Candidate, Inbox, LEASE};
use crate::instance;
use crate::metrics::Registry;
use crate::term::{Office, Terms, office};

/// How often the store is asked: it may fail to answer twice before the lease ends.
const INTERVAL: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// How often it is looked whether the machine has slept.
const LOOK: Duration = Duration::from_millis(500);

/// How many bytes of a receiver's id are of its deployment.
const HASH_BYTES: usize = 8;

const NO_ANSWER: &str = "there was no answer in time";

/// What is known of who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing: the store could not be asked for too long, or this receiver is stopping.
    Unknown,
    /// This receiver does.
    Leads,
    /// Another one does.
    Follows { leader: String },
}

/// A window on who leads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership {
    name: Arc<str>,
    standing: watch::Receiver<Standing>,
}

impl Leadership {
    /// Whether this receiver leads.
    pub fn is_self(&self) -> bool {
        *self.standing.borrow() == Standing::Leads
    }

    /// What people know the leader by, if it is known.
    pub fn leader(&self) -> Option<String> {
        self.name_of(&self.standing.borrow())
    }

    /// Whether another receiver leads, as far as is known.
    pub fn is_another(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Follows { .. })
    }

    /// What the admin API shows.
    pub fn seen(&self) -> Leader {
        let standing = self.standing.borrow().clone();
        Leader {
            is_self: standing == Standing::Leads,
            name: self.name_of(&standing),
        }
    }

    fn name_of(&self, standing: &Standing) -> Option<String> {
        match standing {
            Standing::Unknown => None,
            Standing::Leads => Some((*self.name).to_owned()),
            Standing::Follows { leader } => Some(leader.clone()),
        }
    }

    /// Shows whether this receiver leads.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let leadership = self.clone();
        registry.gauge(
            "leader",
            "Whether this receiver leads: it keeps the subscriptions, backfills, delivers and removes old receipts",
            None,
            move || f64::from(u8::from(leadership.is_self())),
        );
    }
}

/// This receiver's part in who leads.
pub struct Candidacy {
    inbox: Arc<dyn Inbox>,
    candidate: Candidate,
    /// Whether others may have the inbox too: who is alone need not be told who leads.
    is_shared: bool,
    office: Office,
    standing: watch::Sender<Standing>,
    /// What the log has last said.
    said: Standing,
    asked_at: Instant,
    /// How long the last answer is believed.
    known_until: Option<Instant>,
    /// Why there was no answer when the store was last asked.
    trouble: String,
    /// What the clock says.
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// What it said when it was last looked at.
    watched: Watched,
}

impl Candidacy {
    /// One that has not asked yet, what it will know, and the terms in which it leads.
    /// `deployment` is the base of all URLs that it registers, if it registers any.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        is_shared: bool,
        deployment: Option<&str>,
    ) -> (Self, Leadership, Terms) {
        let (office, terms) = office();
        let candidate = Candidate {
            id: id(deployment),
            name: instance::name(),
        };
        let standing = watch::Sender::new(Standing::Unknown);
        let leadership = Leadership {
            name: candidate.name.as_str().into(),
            standing: standing.subscribe(),
        };
        let candidacy = Self {
            inbox,
            candidate,
            is_shared,
            office,
            standing,
            said: Standing::Unknown,
            asked_at: Instant::now(),
            known_until: None,
            trouble: String::new(),
            clock: Box::new(Timestamp::now),
            watched: Watched::from_now(),
        };
        (candidacy, leadership, terms)
    }

    /// By what the store knows this receiver.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// Asks who leads. Waits until the end of what is known, or of the lease that an answer would give.
    ///
    /// # Cancel safety
    /// Where the future is dropped, the store may have given the lease all the same; asking again is safe.
    pub async fn ask(&mut self) {
        self.asked_at = Instant::now();
        let end = self.asked_at + LEASE;
        let asking = self.inbox.lead(&self.candidate);
        let answer = timeout_at(self.known_until.unwrap_or(end), asking).await;
        let end = earlier(end, self.see_sleep());
        match answer {
            // This process was held up, and may believe nothing of it.
            Ok(Ok(_)) if end <= Instant::now() => self.fail("the answer came too late".to_owned()),
            Ok(Ok(inbox::Leadership::Leader)) => {
                self.known_until = Some(end);
                self.stand(Standing::Leads);
                self.office.begin();
            }
            Ok(Ok(inbox::Leadership::Interrupted)) => {
                self.office.end();
                self.known_until = None;
                self.said = Standing::Unknown;
                self.standing.send_replace(Standing::Unknown);
                tracing::warn!(
                    error.type = "leadership",
                    "this receiver's term is over: the inbox is not what it was in it; it asks to lead anew"
                );
            }
            Ok(Ok(inbox::Leadership::Follower { id, leader })) => {
                self.office.end();
                self.known_until = Some(end);
                if !id.is_nil() {
                    self.office.follow(has_same_deployment(id, self.candidate.id));
                }
                self.stand(Standing::Follows { leader });
            }
            Ok(Err(error)) => self.fail(error.to_string()),
            Err(_) => self.fail(NO_ANSWER.to_owned()),
        }
    }

    /// Goes on asking until `stop`, and then lets another one lead.
    ///
    /// # Cancel safety
    /// Dropping the future ends the term here; for the store it ends with the lease.
    pub async fn keep(mut self, stop: CancellationToken) {
        let asking = async {
            loop {
                let next = self.asked_at + INTERVAL;
                while Instant::now() < next {
                    let look_at = next.min(Instant::now() + LOOK);
                    sleep_until(self.known_until.map_or(look_at, |end| end.min(look_at))).await;
                    self.see_sleep();
                    self.forget_in_time();
                }
                self.ask().await;
            }
        };
        let _ = stop.run_until_cancelled(asking).await;
        self.resign().await;
    }

    /// Takes down that there was no answer. What is known is believed to its end.
    fn fail(&mut self, reason: String) {
        self.trouble = reason;
        tracing::debug!(error.type = "leadership", "cannot ask who leads: {}", self.trouble);
        self.forget_in_time();
    }

    /// Believes what is known for so much less as the machine has slept, and gives how long that was. One whose clock was set ahead
    /// looks the same, and loses a term by it.
    fn see_sleep(&mut self) -> Duration {
        let now = (self.clock)();
        let expected = self.watched.see(now);
        // Who is alone leads however long it slept.
        let slept = expected.map_or(Duration::ZERO, |expected| now.since(expected));
        if slept.is_zero() || !self.is_shared {
            return Duration::ZERO;
        }
        self.known_until = self.known_until.map(|end| earlier(end, slept));
        self.trouble = format!(
            "the machine slept for {}, or its clock was set ahead",
            rounded(slept)
        );
        self.forget_in_time();
        slept
    }

    /// Stops believing what was known if it is time to.
    fn forget_in_time(&mut self) {
        if self.known_until.is_some_and(|end| end <= Instant::now()) {
            self.forget();
        }
    }

    /// Stops believing what was known.
    fn forget(&mut self) {
        self.office.end();
        self.known_until = None;
        if self.standing.send_replace(Standing::Unknown) == Standing::Leads {
            self.said = Standing::Unknown;
            tracing::warn!(
                error.type = "leadership",
                "this receiver leads no more, since the inbox did not say for {} s that it may: {}; it goes on asking",
                LEASE.as_secs(),
                self.trouble
            );
        }
    }

    /// Shows who leads, and says so if it is news.
    fn stand(&mut self, standing: Standing) {
        if self.is_shared && standing != self.said {
            match &standing {
                Standing::Leads => tracing::info!(
                    "this receiver leads: it keeps the subscriptions, backfills, delivers and removes old receipts"
                ),
                Standing::Follows { leader } => tracing::info!("{leader} leads"),
                Standing::Unknown => {}
            }
        }
        self.said = standing.clone();
        self.standing.send_replace(standing);
    }

    /// Ends the term here, then in the store. Also where another one leads: the last answer may have been missed.
    async fn resign(self) {
        self.office.end();
        let standing = self.standing.send_replace(Standing::Unknown);
        // After that time there is no lease to end.
        let trouble = match timeout(LEASE, self.inbox.resign(&self.candidate)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => NO_ANSWER.to_owned(),
        };
        if standing == Standing::Leads {
            tracing::warn!(
                error.type = "leadership",
                "cannot tell the inbox that this receiver leads no more: {trouble}; another one can lead after {} s",
                LEASE.as_secs()
            );
        }
    }
}

/// So much before that, or long ago.
fn earlier(end: Instant, by: Duration) -> Instant {
    end.checked_sub(by).unwrap_or_else(|| end.min(Instant::now()))
}

/// A new id. Its first half is that of all receivers of that deployment, so that who follows another one knows whether that keeps
/// the same URL registered, without being told that in a column of its own.
fn id(deployment: Option<&str>) -> Uuid {
    let mut bytes = *Uuid::new_v4().as_bytes();
    let Some(deployment) = deployment else {
        return Uuid::from_bytes(bytes);
    };
    let hash = Sha256::digest(deployment);
    bytes[..HASH_BYTES].copy_from_slice(&hash[..HASH_BYTES]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Whether these are receivers that keep a URL registered, and the same public one; those of older releases do not tell.
fn has_same_deployment(one: Uuid, other: Uuid) -> bool {
    one.get_version() == Some(Version::Custom)
        && one.as_bytes()[..HASH_BYTES] == other.as_bytes()[..HASH_BYTES]
}

#[cfg(test)]
mod tests;
