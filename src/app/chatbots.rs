//! What looks after chatbots while the program runs: the subscription and the backfill, and how the admin side, of this
//! receiver and of others on the same inbox, sees and uses them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::leadership::Leadership;
use super::running::until;
use crate::backfill::{self, Backfill, Mode};
use crate::caigunn::keyring::Keyring;
use crate::config::Settings;
use crate::delivery::instruction::ShownState;
use crate::delivery::{Answers, Deliveries, QUESTION_TIMEOUT};
use crate::event::{ChatbotId, EventId};
use crate::http::{BackfillJob, Ensure, Standing, SubscriptionView, Unanswered};
use crate::inbox::instruction::{Instruction, Question};
use crate::inbox::{Inbox, Writer};
use crate::instance::Instance;
use crate::metrics::Registry;
use crate::subscription::{Selection, View, Wanted, Watching, probe};
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

impl CaiGunn {
    /// What the settings say of it; `None` if they name no account or no chatbot.
    ///
    /// # Errors
    /// A client cannot be made.
    pub fn of(settings: &Settings) -> Result<Option<Self>, Error> {
        let has_chatbots = match &settings.selection {
            Selection::Keys(keys) => !keys.is_empty(),
            Selection::Discovered { .. } => true,
        };
        let Some(api) = settings.api.clone().filter(|_| has_chatbots) else {
            return Ok(None);
        };
        let webhook = settings.registration.wanted().cloned();
        let probed_url = webhook.as_ref().map_or(&api.url, |webhook| &webhook.public_url);
        Ok(Some(Self {
            probe_client: probe::client(probed_url).map_err(Error::Client)?,
            client: caigunn::Client::new(api).map_err(Error::Client)?,
            wanted: Wanted {
                selection: settings.selection.clone(),
                webhook,
            },
            watching: settings.watching,
            backfill: settings.backfill,
        }))
    }
}

/// What looks after chatbots while the program runs, and the ways to see and use it.
pub struct Watch {
    pub subscription: SubscriptionView,
    pub ensure: Option<Ensure>,
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
            answers: window.clone().answers(None, None),
            subscription: window.subscription(),
            wanted: None,
            ensure: None,
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
        let backfill = Backfill::new(Arc::clone(inbox), writer.clone(), self.client, &self.backfill);
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
        let can_ensure = wanted.borrow().webhook.is_some();
        let ensured = can_ensure.then(|| wanted.clone());
        Watch {
            answers: window.clone().answers(Some(keys.clone()), ensured.clone()),
            ensure: ensured.map(|wanted| window.clone().ensure(wanted)),
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
    fn seen(&self) -> Standing {
        Standing {
            seen: self.view.seen(),
            backfill: self.progress.seen(),
            leader: self.leadership.seen(),
        }
    }

    /// How the admin side sees the chatbots: what is known here, or what the leader knows.
    fn subscription(self) -> SubscriptionView {
        Arc::new(move |of_leader| {
            let window = self.clone();
            Box::pin(async move {
                let mut standing = window.seen();
                if of_leader && !window.leadership.is_self() {
                    match window.ask(Question::Subscription, SEEING_TIMEOUT).await {
                        Ok(answer) => {
                            standing = answer;
                            standing.leader.is_self = false;
                        }
                        Err(unanswered) => standing.seen.problem = Some(unanswered.to_string()),
                    }
                }
                standing
            })
        })
    }

    /// How the admin side has each chatbot looked at: here, or where that is done.
    fn ensure(self, wanted: watch::Sender<Wanted>) -> Ensure {
        Arc::new(move || {
            let (window, wanted) = (self.clone(), wanted.clone());
            Box::pin(async move {
                if window.leadership.is_self() {
                    begin_anew(&wanted);
                    return Ok(());
                }
                let answer = window.ask(Question::Ensure, SEEING_TIMEOUT).await;
                answer.map_err(|unanswered| unanswered.to_string())
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
                window.ask(question, QUESTION_TIMEOUT).await
            })
        })
    }

    /// What other receivers are told while this one leads.
    fn answers(self, keys: Option<Keys>, wanted: Option<watch::Sender<Wanted>>) -> Answers {
        Arc::new(move |question| {
            let (window, keys, wanted) = (self.clone(), keys.clone(), wanted.clone());
            Box::pin(async move {
                match (question, keys) {
                    (Question::Subscription, _) => Ok(json(window.seen())),
                    (Question::Ensure, _) => match &wanted {
                        Some(wanted) => {
                            begin_anew(wanted);
                            Ok(json(()))
                        }
                        None => Err("the receiver that leads registers nothing".to_owned()),
                    },
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
                    ) => {
                        let backfilled = job(keys, event_id, chatbot_id, dry_run).await;
                        backfilled.map(json).map_err(|unanswered| unanswered.to_string())
                    }
                }
            })
        })
    }

    /// Asks the receiver that leads, through the inbox.
    async fn ask<T: DeserializeOwned>(
        &self,
        question: Question,
        patience: Duration,
    ) -> Result<T, Unanswered> {
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
                    let answer = serde_json::from_value(shown.progress.answer.unwrap_or_default());
                    // It may be of another version.
                    return answer.map_err(|error| {
                        Unanswered::Refused(format!("the leader's answer cannot be read here: {error}"))
                    });
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

/// Has what is wanted already begun with once more: all is looked at then.
fn begin_anew(wanted: &watch::Sender<Wanted>) {
    wanted.send_modify(|_| {});
}

/// An answer, as it goes through the inbox.
fn json(answer: impl Serialize) -> Value {
    serde_json::to_value(answer).expect("texts, numbers and ids have a JSON form")
}

/// Backfills a job with the keys that are known here.
async fn job(
    (backfill, keyring): Keys,
    event_id: EventId,
    chatbot_id: Option<ChatbotId>,
    dry_run: bool,
) -> Result<backfill::Outcome, Unanswered> {
    let keyring = keyring.borrow().clone();
    let Some(keyring) = keyring else {
        let reason = "the account's chatbots are not known yet; /api/v1/subscription says why";
        return Err(Unanswered::Refused(reason.to_owned()));
    };
    let mode = if dry_run { Mode::DryRun } else { Mode::Store };
    backfill.forgive();
    match backfill.job(&keyring, event_id, chatbot_id, mode).await {
        Ok(outcome) => Ok(outcome),
        Err(backfill::Error::Inbox(error)) => Err(Unanswered::Inbox(error)),
        Err(error) => Err(Unanswered::Refused(error.explained())),
    }
}
