//! Brings what CaiGunn's webhook did not: the notifications of jobs that ended while this receiver was away.
//!
//! CaiGunn keeps a log of each job. A job whose `initial` was received and whose end was not is open; its log is asked
//! for, and what the inbox lacks goes through the same [`Writer`] as a webhook, marked [`Origin::Backfill`]. All open
//! jobs are asked about once at start, later those that are older than a while, ever more rarely, until they are given
//! up as stalled.
//!
//! What is missing is decided in `gap`; what is asked when, and which job is stalled, in `rounds`; `pace` bounds the calls.
//!
//! Not promised: a job of which nothing was received is not known here, so nobody asks about it, unless a person
//! does, by its `event_id`. Older training notifications carry none and cannot be asked about.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gap;
mod pace;
mod progress;
mod rounds;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::caigunn::keyring::Keyring;
use crate::caigunn::{self, Client, EventLog, aside};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Name};
use crate::fingerprint::Fingerprint;
use crate::inbox::{self, Appended, Entry, Inbox, NewReceipt, Origin, ReceiptId, RequestId, Stored, Writer};
use gap::Logged;
use pace::Pace;

pub use progress::{Progress, Seen};
pub use rounds::{Rounds, keep};

/// What to ask about, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How old an open job must be to be asked about.
    pub after: Duration,
    /// How often open jobs are looked for.
    pub interval: Duration,
    /// How many jobs are asked about at once.
    pub concurrency: usize,
    /// How many calls begin in a minute.
    pub max_calls_per_minute: usize,
    /// How old an open job may get before it is reported as stalled.
    pub give_up_after: Duration,
    /// How long a credential that CaiGunn has refused is not tried: a person must mend it.
    pub refused_retry: Duration,
}

/// Why a job could not be asked about.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no API key that could be of its chatbot.
    #[error(
        "no API key is known for its chatbot: see that it is one of those that `caigunn-webhook subscription show` lists"
    )]
    NoKey,
    /// CaiGunn's log could not be read.
    #[error("cannot read CaiGunn's log: {0}")]
    Log(caigunn::Error),
    /// CaiGunn refuses an API key that may be the one which opens the log: it is left alone for a while, which was said.
    #[error("cannot read CaiGunn's log: {0}")]
    Key(caigunn::Error),
    /// The inbox could not be read or written.
    #[error(transparent)]
    Inbox(#[from] inbox::Error),
}

impl Error {
    /// What went wrong, and what to check.
    pub fn explained(&self) -> String {
        let advice = match self {
            Self::Log(cause) | Self::Key(cause) => cause.advice(),
            Self::NoKey | Self::Inbox(_) => None,
        };
        advice.map_or_else(|| self.to_string(), |advice| format!("{self}; {advice}"))
    }

    /// Whether the access token itself is refused.
    fn is_of_account(&self) -> bool {
        matches!(self, Self::Log(cause) if cause.is_account_refused())
    }

    /// Whether CaiGunn refuses an API key with it.
    fn is_of_key(&self) -> bool {
        matches!(self, Self::Log(caigunn::Error::Refused { .. })) && !self.is_of_account()
    }

    /// Whether asking about the same job would fail again, and about another one might not.
    fn is_of_job(&self) -> bool {
        matches!(self, Self::Log(cause) if !cause.is_outage())
    }
}

/// Whether what is missing is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Store,
    /// It is only named.
    DryRun,
}

/// What came of asking about one job.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BackfillOutcome)]
pub struct Outcome {
    /// The job.
    pub event_id: EventId,
    /// How many notifications CaiGunn's log has of it.
    pub logged_count: usize,
    /// Those that were missing, oldest first.
    pub missing: Vec<Missing>,
    /// What could not be read in the log, and why: the first few.
    pub unreadable: Vec<String>,
    /// How many there are of these in all.
    pub unreadable_count: usize,
    /// Whether the job has ended, by the log.
    pub is_ended: bool,
}

/// A notification that the inbox lacked.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Missing {
    /// Its event name.
    pub event: Name,
    /// Its receipt; null in a dry run.
    pub receipt_id: Option<ReceiptId>,
}

/// Asks CaiGunn's log and stores what is missing. Cheap to clone.
#[derive(Clone)]
pub struct Backfill {
    inbox: Arc<dyn Inbox>,
    writer: Writer,
    client: Client,
    pace: Arc<Pace>,
    refused_retry: Duration,
    /// Keys that CaiGunn has refused, since when, and how.
    refused: Arc<Mutex<HashMap<Fingerprint, (Instant, caigunn::Error)>>>,
    /// Keys that CaiGunn has answered 403 last, each about which job: of two jobs it is the key's matter.
    doubted: Arc<Mutex<HashMap<Fingerprint, EventId>>>,
}

impl Backfill {
    /// Nothing is asked yet.
    pub fn new(inbox: Arc<dyn Inbox>, writer: Writer, client: Client, settings: &Settings) -> Self {
        Self {
            inbox,
            writer,
            client,
            pace: Arc::new(Pace::new(settings.max_calls_per_minute)),
            refused_retry: settings.refused_retry,
            refused: Arc::default(),
            doubted: Arc::default(),
        }
    }

    /// Asks about one job. The chatbot that it is of need not be known where the inbox has something of the job; where
    /// it has not, every key is tried.
    ///
    /// # Errors
    /// What was stored before it stays.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo what was stored; asking again is safe.
    pub async fn job(
        &self,
        keyring: &Keyring,
        event_id: EventId,
        chatbot_id: Option<ChatbotId>,
        mode: Mode,
    ) -> Result<Outcome, Error> {
        let chatbot_id = match chatbot_id {
            Some(chatbot_id) => Some(chatbot_id),
            None => self.known_chatbot(event_id).await?,
        };
        let (chatbot_id, log) = self.log(keyring, event_id, chatbot_id).await?;
        let EventLog {
            entries,
            mut unreadable,
        } = log;
        let sizes = entries.iter().filter_map(|entry| entry.data.as_ref());
        let bytes = sizes.map(|data| data.get().len()).sum();
        let reading = aside(bytes, move || gap::read(event_id, chatbot_id, &entries));
        let (logged, no_notification) = reading.await;
        let is_ended = logged.iter().any(|logged| logged.notification.name().ends_job());
        let logged_count = logged.len();
        let mut held = HashSet::new();
        for identity in logged.iter().flat_map(Logged::identities) {
            if self.inbox.find(identity.clone()).await?.is_some() {
                held.insert(identity);
            }
        }
        let mut missing = Vec::new();
        for logged in gap::missing(logged, &held) {
            missing.push(Missing {
                event: logged.notification.name(),
                receipt_id: match mode {
                    Mode::DryRun => None,
                    Mode::Store => Some(self.store(logged).await?),
                },
            });
        }
        for (name, error) in no_notification {
            unreadable.push(format!("{name}: {error}"));
        }
        Ok(Outcome {
            event_id,
            logged_count,
            missing,
            unreadable: unreadable.named,
            unreadable_count: unreadable.count,
            is_ended,
        })
    }

    /// Has keys that were refused tried again, since a person asks, who may just have mended that.
    pub fn forgive(&self) {
        let mut refused = self.refused.lock();
        refused.clear();
    }

    /// The chatbot that the inbox knows a job to be of.
    async fn known_chatbot(&self, event_id: EventId) -> Result<Option<ChatbotId>, Error> {
        let receipts = self.inbox.job(event_id).await?;
        Ok(receipts.iter().find_map(|receipt| receipt.chatbot_id))
    }

    /// The log of a job, from the first key that opens it, and the chatbot it is of. There is none only if every key that may
    /// open it was heard.
    async fn log(
        &self,
        keyring: &Keyring,
        event_id: EventId,
        chatbot_id: Option<ChatbotId>,
    ) -> Result<(Option<ChatbotId>, EventLog), Error> {
        let mut is_heard = false;
        let mut refusal = None;
        let is_its_own = keyring.has_key_of(chatbot_id);
        for (owner, api_key) in keyring.candidates(chatbot_id) {
            let fingerprint = Fingerprint::of(&api_key);
            if let Some(error) = self.refusal(&fingerprint) {
                refusal.get_or_insert(Error::Key(error));
                continue;
            }
            self.pace.wait_for_turn().await;
            let answer = self.client.event_log(&api_key, event_id).await;
            if answer.is_ok() {
                self.doubted.lock().remove(&fingerprint);
                self.refused.lock().remove(&fingerprint);
            }
            // One job may be of another account, as whoever posts may say.
            let is_of_key = |status| status != 403 || is_its_own && self.is_doubted(&fingerprint, event_id);
            match answer {
                Ok(log) if log.entries.is_empty() && log.unreadable.count == 0 => is_heard = true,
                Ok(log) => return Ok((owner, log)),
                Err(error) if error.is_account_refused() => return Err(Error::Log(error)),
                Err(caigunn::Error::Invalid { status: 404, .. }) => is_heard = true,
                Err(error @ caigunn::Error::Refused { status, .. }) if is_of_key(status) => {
                    let owner = owner.filter(|_| is_its_own || chatbot_id.is_none());
                    self.set_aside(&fingerprint, owner, &error);
                    refusal.get_or_insert(Error::Key(error));
                }
                Err(error) if error.is_outage() => return Err(Error::Log(error)),
                // It may be another chatbot's job, which the next key opens.
                Err(error) => refusal = Some(Error::Log(error)),
            }
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None if is_heard => Ok((chatbot_id, EventLog::default())),
            None => Err(Error::NoKey),
        }
    }

    /// How CaiGunn has refused a key lately.
    fn refusal(&self, fingerprint: &Fingerprint) -> Option<caigunn::Error> {
        let refused = self.refused.lock();
        let (since, error) = refused.get(fingerprint)?;
        (since.elapsed() < self.refused_retry).then(|| error.clone())
    }

    /// Which key CaiGunn refuses, if it refuses one.
    fn problem(&self) -> Option<String> {
        let refused = self.refused.lock();
        let mut current = refused
            .values()
            .filter(|(since, _)| since.elapsed() < self.refused_retry);
        current
            .next()
            .map(|(_, error)| Error::Log(error.clone()).explained())
    }

    /// Whether a key was answered 403 about another job, and well about none since; of the first job it is the doubt.
    fn is_doubted(&self, fingerprint: &Fingerprint, event_id: EventId) -> bool {
        let mut doubted = self.doubted.lock();
        *doubted.entry(fingerprint.clone()).or_insert(event_id) != event_id
    }

    /// Whether CaiGunn has refused a key since then.
    fn has_refused_since(&self, since: Instant) -> bool {
        self.refused.lock().values().any(|(at, _)| *at >= since)
    }

    /// Forgets what became of keys that are used no more.
    fn forget_all_but(&self, keyring: &Keyring) {
        let known: HashSet<_> = keyring.keys().map(Fingerprint::of).collect();
        self.refused
            .lock()
            .retain(|fingerprint, _| known.contains(fingerprint));
        self.doubted
            .lock()
            .retain(|fingerprint, _| known.contains(fingerprint));
    }

    /// Leaves a key alone for a while, and says so.
    fn set_aside(&self, fingerprint: &Fingerprint, owner: Option<ChatbotId>, error: &caigunn::Error) {
        let mut refused = self.refused.lock();
        refused.retain(|_, (since, _)| since.elapsed() < self.refused_retry);
        let known = refused.insert(fingerprint.clone(), (Instant::now(), error.clone()));
        drop(refused);
        // Several jobs may have been asked about with it at once.
        if known.is_none() {
            let whose = owner.map_or_else(|| "a chatbot".to_owned(), |id| format!("chatbot {id}"));
            let what = format!("cannot ask what was missed of the jobs of {whose}; others are asked about");
            error.log("backfill", Some(fingerprint), &what, self.refused_retry);
        }
    }

    async fn store(&self, Logged { notification, body }: Logged) -> Result<ReceiptId, Error> {
        let now = Timestamp::now();
        let receipt = NewReceipt::new(&notification, body, now, RequestId::at(now), Origin::Backfill);
        let Stored::Receipt(appended) = self.writer.append(Entry::Receipt(receipt)).await? else {
            unreachable!("a receipt's entry is stored as a receipt")
        };
        let (Appended::New { receipt_id } | Appended::Duplicate { receipt_id, .. }) = appended;
        Ok(receipt_id)
    }
}
