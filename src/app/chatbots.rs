//! What looks after chatbots while the program runs: the subscription and the backfill, and how the admin side sees and
//! uses them.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::leadership::Leadership;
use super::until;
use crate::backfill::{self, Backfill, Mode};
use crate::caigunn::keyring::Keyring;
use crate::http::{BackfillError, BackfillJob, SubscriptionView};
use crate::inbox::{Inbox, Writer};
use crate::instance::Instance;
use crate::metrics::Registry;
use crate::term::Terms;
use crate::{caigunn, subscription};

/// What is needed to look after chatbots.
pub struct CaiGunn {
    pub client: caigunn::Client,
    pub probe_client: reqwest::Client,
    pub subscription: subscription::Settings,
    pub backfill: backfill::Settings,
}

/// What looks after chatbots while the program runs, and the ways to see and use it.
pub struct Watch {
    pub subscription: SubscriptionView,
    pub backfill_job: Option<BackfillJob>,
    pub keeping: Option<Task>,
    pub backfilling: Option<Task>,
}

/// A task to be run until it ends.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Watch {
    /// For a receiver without credentials.
    pub fn nothing(leadership: Leadership) -> Self {
        let nothing = subscription::View::default();
        Self {
            subscription: Arc::new(move || {
                let mut seen = nothing.to_json();
                seen["leader"] = leadership.to_json();
                seen
            }),
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
        inbox: &Arc<dyn Inbox>,
        writer: &Writer,
        instance: Instance,
        (leadership, terms): (Leadership, Terms),
        stop: CancellationToken,
        metrics: &mut Registry,
    ) -> Watch {
        let (handles, keeping) = subscription::keep(
            self.subscription,
            self.client.clone(),
            self.probe_client,
            instance,
            terms.clone(),
            stop.clone(),
        );
        let subscription::Handles { view, keyring } = handles;
        view.register_metrics(metrics);
        let backfill = Backfill::new(
            Arc::clone(inbox),
            writer.clone(),
            self.client,
            self.backfill.max_calls_per_minute,
        );
        let progress = backfill::Progress::default();
        progress.register_metrics(metrics);
        let job = backfill_job(backfill.clone(), keyring.clone(), leadership.clone());
        let backfilling = backfill::keep(self.backfill, backfill, keyring, progress.clone(), terms);
        Watch {
            subscription: Arc::new(move || {
                let mut seen = view.to_json();
                seen["backfill"] = progress.to_json();
                seen["leader"] = leadership.to_json();
                seen
            }),
            backfill_job: Some(job),
            keeping: Some(Box::pin(keeping)),
            backfilling: Some(Box::pin(until(stop, backfilling))),
        }
    }
}

/// How the admin side backfills a job.
fn backfill_job(
    backfill: Backfill,
    keyring: watch::Receiver<Option<Keyring>>,
    leadership: Leadership,
) -> BackfillJob {
    Arc::new(move |event_id, chatbot_id, dry_run| {
        let (backfill, keyring) = (backfill.clone(), keyring.borrow().clone());
        let leadership = leadership.clone();
        Box::pin(async move {
            let Some(keyring) = keyring else {
                return Err(no_keyring(&leadership));
            };
            let mode = if dry_run { Mode::DryRun } else { Mode::Store };
            match backfill.job(&keyring, event_id, chatbot_id, mode).await {
                Ok(outcome) => Ok(serde_json::to_value(outcome).expect("texts and ids have a JSON form")),
                Err(backfill::Error::Inbox(error)) => Err(BackfillError::Inbox(error)),
                Err(error) => Err(BackfillError::CaiGunn(error.chain())),
            }
        })
    })
}

/// Why no API key is known here.
fn no_keyring(leadership: &Leadership) -> BackfillError {
    if leadership.is_self() {
        let reason = "the account's chatbots are not known yet; /api/v1/subscription says why";
        return BackfillError::CaiGunn(reason.to_owned());
    }
    BackfillError::NotLeader(match leadership.leader() {
        Some(leader) => format!("only the receiver that leads knows the account's chatbots: ask {leader}"),
        None => "only the receiver that leads knows the account's chatbots, and which one does is not known now; try \
                 again in some seconds"
            .to_owned(),
    })
}
