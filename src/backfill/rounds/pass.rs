//! One round as it goes: what was counted, and whether further calls make sense.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Asking, MAX_WAIT};
use crate::backfill::Error;
use crate::caigunn;
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};

/// How many jobs or chatbots of a kind a round names; of more jobs it says the number.
const MAX_NAMED: usize = 20;

/// The sort of trouble in which no call succeeds, by whatever key.
const REFUSED: &str = "refused";

/// One round as it goes.
pub struct Pass {
    pub now: Timestamp,
    pub began: Instant,
    pub asking: JoinSet<Asking>,
    pub open_count: usize,
    pub stalled_count: usize,
    pub newly_stalled: Named,
    pub answer_count: usize,
    pub failure_count: usize,
    pub newly_failing: Named,
    /// Whose jobs cannot be asked about; some of them, if they are many.
    pub keyless: Vec<Option<ChatbotId>>,
    /// The failure that ended the asking, or else the last one.
    pub trouble: Option<Trouble>,
    /// How long CaiGunn asks to be left alone.
    pub pause: Duration,
    /// Whether no further call makes sense in this round.
    pub is_over: bool,
    /// Whether all open jobs were gone through.
    pub is_whole: bool,
    /// How long a refused access token is not tried.
    refused_retry: Duration,
}

impl Pass {
    pub fn begin(now: Timestamp, refused_retry: Duration) -> Self {
        Self {
            now,
            began: Instant::now(),
            asking: JoinSet::new(),
            open_count: 0,
            stalled_count: 0,
            newly_stalled: Named::default(),
            answer_count: 0,
            failure_count: 0,
            newly_failing: Named::default(),
            keyless: Vec::new(),
            trouble: None,
            pause: Duration::ZERO,
            is_over: false,
            is_whole: false,
            refused_retry,
        }
    }

    /// Takes a failure down; `is_quiet`: CaiGunn is left alone now, by everybody.
    pub fn failed(&mut self, error: &Error, is_quiet: bool) {
        let (kind, pause) = match error {
            // No other job will fare better with this token.
            error if error.is_of_account() => (REFUSED, self.refused_retry),
            // Jobs of other keys are none the worse for it.
            Error::Key(_) => return,
            Error::Log(error) => {
                let kind = match error {
                    caigunn::Error::TooManyRequests { .. } => "too_many_requests",
                    error if error.is_outage() => "unavailable",
                    error if error.passes() => "not_understood",
                    _ => "not_accepted",
                };
                (kind, error.retry_after().unwrap_or_default().min(MAX_WAIT))
            }
            Error::NoKey => ("no_key", Duration::ZERO),
            Error::Inbox(_) => ("inbox", Duration::ZERO),
        };
        self.failure_count += 1;
        self.pause = self.pause.max(pause);
        if !self.is_over {
            self.trouble = Some(Trouble {
                kind,
                error: error.clone(),
            });
        }
        let is_hopeless = matches!(error, Error::Inbox(_)) || kind == REFUSED;
        self.is_over |= is_hopeless || is_quiet;
    }

    pub fn lacks_key(&mut self, chatbot_id: Option<ChatbotId>) {
        if self.keyless.len() < MAX_NAMED && !self.keyless.contains(&chatbot_id) {
            self.keyless.push(chatbot_id);
        }
    }

    /// Whether CaiGunn, and not the log of one job or another, is what failed.
    pub fn is_cut_short(&self) -> bool {
        self.is_over || (self.failure_count > 0 && self.answer_count == 0)
    }
}

/// What keeps CaiGunn from answering.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What sort it is: another sort is news.
    pub kind: &'static str,
    pub error: Error,
}

impl Trouble {
    /// Whether the access token is refused.
    pub fn is_refusal(&self) -> bool {
        self.kind == REFUSED
    }
}

/// Jobs to name with something about them, and how many more there are.
#[derive(Default)]
pub struct Named {
    pub named: Vec<(EventId, String)>,
    pub more_count: usize,
}

impl Named {
    pub fn push(&mut self, event_id: EventId, text: String) {
        if self.named.len() < MAX_NAMED {
            self.named.push((event_id, text));
        } else {
            self.more_count += 1;
        }
    }
}
