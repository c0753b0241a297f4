//! What looks after chatbots while the program runs: the subscription and the backfill, and how the admin side, of this
//! receiver and of others on the same inbox, sees and uses them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::leadership::Leadership;
use super::until;
use crate::backfill::{self, Backfill, Mode};
use crate::caigunn::keyring::Keyring;
use crate::delivery::instruction::ShownState;
use crate::delivery::{Answers, Deliveries, QUESTION_TIMEOUT};
use crate::event::{ChatbotId, EventId};
use crate::http::{BackfillError, BackfillJob, SubscriptionView};
use crate::inbox::instruction::{Instruction, Question};
use crate::inbox::{Inbox, Writer};
use crate::instance::Instance;
use crate::metrics::Registry;
use crate::subscription::{View, Wanted, Watching};
use crate::term::Terms;
use crate::{caigunn, subscription};

/// How long the leader may take to tell what it sees: it looks for questions every second.
const SEEING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take to begin with a question.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(15);

/// How often an answer of the leader's is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// What is needed to look after chatbots.
pub struct CaiGunn {
    pub client: caigunn::Client,
    pub probe_client: reqwest::Client,
    /// Without a webhook, what was missed is asked for all the same.
    pub wanted: Wanted,
    pub watching: Watching,
    pub backfill: backfill::Settings,
}

/// What looks after chatbots while the program runs, and the ways to see and use it.
pub struct Watch {
    pub subscription: SubscriptionView,
    pub backfill_job: Option<BackfillJob>,
    /// Answers what other receivers ask this one, while it leads.
    pub answers: Answers,
    /// Takes what the subscription is to look after from now on.
    pub wanted: Option<watch::Sender<Wanted>>,
    pub keeping: Option<Task>,
    pub backfilling: Option<Task>,
}

/// A task to be run until it ends.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What any receiver has of the chatbots, and its way to the one that leads.
#[derive(Clone)]
struct Window {
    view: View,
    progress: backfill::Progress,
    leadership: Leadership,
    deliveries: Deliveries,
}

impl Watch {
    /// For a receiver without credentials.
    pub fn nothing(leadership: Leadership, deliveries: Deliveries) -> Self {
        let window = Window {
            view: View::default(),
            progress: backfill::Progress::default(),
            leadership,
            deliveries,
        };
        Self {
            answers: window.clone().answers(None),
            subscription: window.subscription(),
            wanted: None,
            backfill_job: None,
            keeping: None,
            backfilling: None,
        }
    }
}

impl CaiGunn {
    /// Both tasks, begun by nobody yet, and the ways to them.
    pub fn watch(
        self,
        (inbox, writer, deliveries): (&Arc<dyn Inbox>, &Writer, Deliveries),
        instance: Instance,
        (leadership, terms): (Leadership, Terms),
        stop: CancellationToken,
        metrics: &mut Registry,
    ) -> Watch {
        let (handles, keeping) = subscription::keep(
            self.wanted,
            self.watching,
            self.client.clone(),
            self.probe_client,
            instance,
            terms.clone(),
            stop.clone(),
        );
        let subscription::Handles {
            view,
            keyring,
            wanted,
        } = handles;
        view.register_metrics(metrics);
        let backfill = Backfill::new(
            Arc::clone(inbox),
            writer.clone(),
            self.client,
            self.backfill.max_calls_per_minute,
        );
        let progress = backfill::Progress::default();
        progress.register_metrics(metrics);
        let window = Window {
            view,
            progress: progress.clone(),
            leadership,
            deliveries,
        };
        let backfilling = backfill::keep(self.backfill, backfill.clone(), keyring.clone(), progress, terms);
        let keys = (backfill, keyring);
        Watch {
            answers: window.clone().answers(Some(keys.clone())),
            backfill_job: Some(window.clone().backfill_job(keys)),
            subscription: window.subscription(),
            wanted: Some(wanted),
            keeping: Some(Box::pin(keeping)),
            backfilling: Some(Box::pin(until(stop, backfilling))),
        }
    }
}

/// What backfills a job here.
type Keys = (Backfill, watch::Receiver<Option<Keyring>>);

impl Window {
    /// What is seen here.
    fn seen(&self) -> Value {
        let mut seen = self.view.to_json();
        seen["backfill"] = self.progress.to_json();
        seen["leader"] = self.leadership.to_json();
        seen
    }

    /// How the admin side sees the chatbots: what is known here, or what the leader knows.
    fn subscription(self) -> SubscriptionView {
        Arc::new(move |of_leader| {
            let window = self.clone();
            Box::pin(async move {
                let mut seen = window.seen();
                if of_leader && !window.leadership.is_self() {
                    match window.ask(Question::Subscription, SEEING_TIMEOUT).await {
                        Ok(answer) => {
                            seen = answer;
                            seen["leader"]["is_self"] = false.into();
                        }
                        Err(Unanswered::Refused(reason) | Unanswered::NoLeader(reason)) => {
                            seen["problem"] = reason.into();
                        }
                    }
                }
                seen
            })
        })
    }

    /// How the admin side backfills a job: here, or where the keys are.
    fn backfill_job(self, keys: Keys) -> BackfillJob {
        Arc::new(move |event_id, chatbot_id, dry_run| {
            let (window, keys) = (self.clone(), keys.clone());
            Box::pin(async move {
                if window.leadership.is_self() {
                    return job(keys, event_id, chatbot_id, dry_run).await;
                }
                let question = Question::Backfill {
                    event_id,
                    chatbot_id,
                    dry_run,
                };
                let answer = window.ask(question, QUESTION_TIMEOUT).await;
                answer.map_err(|unanswered| match unanswered {
                    Unanswered::Refused(reason) => BackfillError::CaiGunn(reason),
                    Unanswered::NoLeader(reason) => BackfillError::NotLeader(reason),
                })
            })
        })
    }

    /// What other receivers are told while this one leads.
    fn answers(self, keys: Option<Keys>) -> Answers {
        Arc::new(move |question| {
            let (window, keys) = (self.clone(), keys.clone());
            Box::pin(async move {
                match (question, keys) {
                    (Question::Subscription, _) => Ok(window.seen()),
                    (Question::Backfill { .. }, None) => {
                        Err("the receiver that leads has no credentials".to_owned())
                    }
                    (
                        Question::Backfill {
                            event_id,
                            chatbot_id,
                            dry_run,
                        },
                        Some(keys),
                    ) => job(keys, event_id, chatbot_id, dry_run)
                        .await
                        .map_err(|error| match error {
                            BackfillError::CaiGunn(reason) | BackfillError::NotLeader(reason) => reason,
                            BackfillError::Inbox(error) => error.to_string(),
                        }),
                }
            })
        })
    }

    /// Asks the receiver that leads, through the inbox.
    async fn ask(&self, question: Question, patience: Duration) -> Result<Value, Unanswered> {
        let Some(leader) = self.leadership.leader() else {
            let reason = "only the receiver that leads knows the account's chatbots, and which one does is not known now; \
                          try again in some seconds";
            return Err(Unanswered::NoLeader(reason.to_owned()));
        };
        let failed = |error: &dyn std::fmt::Display| {
            Unanswered::NoLeader(format!("the leader cannot be asked: {error}"))
        };
        let instruction = Instruction::Ask(question);
        let id = self
            .deliveries
            .instruct(&instruction)
            .await
            .map_err(|error| failed(&error))?;
        let asked_at = Instant::now();
        let mut patience_now = patience.min(BEGIN_TIMEOUT);
        while asked_at.elapsed() < patience_now {
            sleep(LOOK).await;
            let shown = self
                .deliveries
                .instruction(id)
                .await
                .map_err(|error| failed(&error))?;
            match shown {
                Some(shown) if shown.state == ShownState::Failed => {
                    return Err(Unanswered::Refused(shown.progress.failure.unwrap_or_default()));
                }
                Some(shown) if shown.state == ShownState::Done => {
                    return Ok(shown.progress.answer.unwrap_or_default());
                }
                Some(shown) if shown.state == ShownState::Running => patience_now = patience,
                _ => {}
            }
        }
        Err(Unanswered::NoLeader(format!(
            "{leader}, which leads and knows the account's chatbots, did not answer within {} s; asking again is safe",
            patience_now.as_secs()
        )))
    }
}

/// Why the leader has not answered.
enum Unanswered {
    /// It says why not.
    Refused(String),
    /// It cannot be asked.
    NoLeader(String),
}

/// Backfills a job with the keys that are known here.
async fn job(
    (backfill, keyring): Keys,
    event_id: EventId,
    chatbot_id: Option<ChatbotId>,
    dry_run: bool,
) -> Result<Value, BackfillError> {
    let keyring = keyring.borrow().clone();
    let Some(keyring) = keyring else {
        let reason = "the account's chatbots are not known yet; /api/v1/subscription says why";
        return Err(BackfillError::CaiGunn(reason.to_owned()));
    };
    let mode = if dry_run { Mode::DryRun } else { Mode::Store };
    match backfill.job(&keyring, event_id, chatbot_id, mode).await {
        Ok(outcome) => Ok(serde_json::to_value(outcome).expect("texts and ids have a JSON form")),
        Err(backfill::Error::Inbox(error)) => Err(BackfillError::Inbox(error)),
        Err(error) => Err(BackfillError::CaiGunn(error.explained())),
    }
}
