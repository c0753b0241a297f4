//! Starts and ends the workers: they work in terms only, so in one receiver at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::follow::{Answers, Follower, Served};
use super::log;
use super::metrics::{self, Metrics};
use super::send::Sender;
use super::status::Board;
use super::view::Deliveries;
use super::worker::{self, Parts};
use crate::inbox::outbox::{Destination, Start};
use crate::inbox::{self, Candidate, Inbox};
use crate::metrics::Registry;
use crate::term::Terms;

/// How many orders wait for a worker.
const ORDER_COUNT: usize = 16;

/// How long to wait before the store is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// How often it is looked for destinations that are configured no more: whoever has one makes it known anew.
const UNCONFIGURED_INTERVAL: Duration = Duration::from_secs(3600);

/// How long after an error.
const UNCONFIGURED_RETRY: Duration = Duration::from_secs(10);

/// What takes receipts to all destinations, in one receiver at a time.
pub struct Dispatch {
    inbox: Arc<dyn Inbox>,
    settings: Settings,
    lanes: Vec<Lane>,
    wake_follower: Arc<Notify>,
}

/// What a destination has beside its settings.
struct Lane {
    sender: Arc<dyn Sender>,
    board: Board,
    metrics: Metrics,
}

impl Dispatch {
    /// With a sender a destination, in their order. Nothing is sent yet.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        settings: Settings,
        senders: Vec<Arc<dyn Sender>>,
        registry: &mut Registry,
    ) -> (Self, Deliveries) {
        let boards: Vec<_> = senders.iter().map(|_| Board::default()).collect();
        // Labels live as long as the program. There are as many as destinations.
        let names = settings
            .destinations
            .iter()
            .map(|settings| &*settings.name.clone().leak());
        let shown: Vec<_> = names.zip(boards.iter().cloned()).collect();
        let metrics = metrics::register(registry, &shown);
        let wake_follower = Arc::new(Notify::new());
        let deliveries = Deliveries::new(Arc::clone(&inbox), &settings, &boards, Arc::clone(&wake_follower));
        let lanes = senders.into_iter().zip(boards).zip(metrics);
        let dispatch = Self {
            inbox,
            settings,
            lanes: lanes
                .map(|((sender, board), metrics)| Lane {
                    sender,
                    board,
                    metrics,
                })
                .collect(),
            wake_follower,
        };
        (dispatch, deliveries)
    }

    /// Makes destinations known to the store that are not, so that they get what is accepted from then on; gives
    /// all of them, in their order.
    pub async fn enroll(&self) -> Result<Vec<Destination>, inbox::Error> {
        let mut destinations = Vec::new();
        for settings in &self.settings.destinations {
            let start = settings.since.map_or(Start::Now, Start::Since);
            let adding = self.inbox.outbox().add_destination(settings.name.clone(), start);
            destinations.push(adding.await?);
        }
        Ok(destinations)
    }

    /// Sends, and answers questions, in terms until `stop`, and then until what is under way has ended, or for `grace`. `wake` changes when
    /// something was accepted.
    ///
    /// # Cancel safety
    /// May be dropped at any time: what was under way is made again by whoever leads next.
    pub async fn run(
        self,
        (leader, answers): (Candidate, Answers),
        mut terms: Terms,
        wake: watch::Receiver<()>,
        grace: Duration,
        stop: CancellationToken,
    ) {
        while let Some(term) = stop.run_until_cancelled(terms.next()).await {
            let mut workers = JoinSet::new();
            let _ = term
                .run_until_cancelled(self.term(&mut workers, (&leader, &answers), &wake, grace, &stop))
                .await;
            // None of them may go on into the next term.
            workers.shutdown().await;
            self.lanes.iter().for_each(|lane| lane.board.show(None));
        }
    }

    /// Works until `stop`.
    async fn term(
        &self,
        workers: &mut JoinSet<()>,
        (leader, answers): (&Candidate, &Answers),
        wake: &watch::Receiver<()>,
        grace: Duration,
        stop: &CancellationToken,
    ) {
        let Some(destinations) = stop.run_until_cancelled(self.prepare()).await else {
            return;
        };
        let mut served = Vec::new();
        for ((settings, lane), destination) in self
            .settings
            .destinations
            .iter()
            .zip(&self.lanes)
            .zip(destinations)
        {
            log::begins(&settings.name, &settings.kind, &settings.filter);
            let (orders, receiver) = mpsc::channel(ORDER_COUNT);
            served.push(Served {
                name: settings.name.clone(),
                id: destination.id,
                filter: settings.filter.clone(),
                orders,
                board: lane.board.clone(),
            });
            let parts = Parts {
                inbox: Arc::clone(&self.inbox),
                leader: leader.clone(),
                destination,
                settings: settings.clone(),
                schedule: self.settings.schedule.clone(),
                sender: Arc::clone(&lane.sender),
                wake: wake.clone(),
                board: lane.board.clone(),
                metrics: lane.metrics.clone(),
                grace,
            };
            workers.spawn(worker::work(parts, receiver, stop.clone()));
        }
        let follower = Follower::new(
            (Arc::clone(&self.inbox), leader.clone()),
            served,
            Arc::clone(&self.wake_follower),
            Arc::clone(answers),
        );
        tokio::select! {
            () = follower.run() => {}
            () = self.see_to_unconfigured(leader) => {}
            () = stop.cancelled() => {}
            Some(ended) = workers.join_next() => fail_with(ended),
        }
        // Their orders would not be followed any more.
        drop(follower);
        while let Some(ended) = workers.join_next().await {
            fail_with(ended);
        }
    }

    /// Makes the destinations known to the store, however long that takes.
    async fn prepare(&self) -> Vec<Destination> {
        let mut is_said = false;
        loop {
            match self.enroll().await {
                Ok(destinations) => return destinations,
                Err(error) if !is_said => {
                    is_said = true;
                    tracing::warn!(
                        error.type = "inbox_unavailable",
                        "nothing is delivered while the destinations cannot be read from the inbox: {error}"
                    );
                }
                Err(error) => tracing::debug!("cannot read the destinations: {error}"),
            }
            sleep(RETRY).await;
        }
    }

    /// Keeps the place of destinations that are configured no more for a time, and removes them after it; for ever.
    async fn see_to_unconfigured(&self, leader: &Candidate) {
        loop {
            let wait = self
                .try_see_to_unconfigured(leader)
                .await
                .unwrap_or_else(|error| {
                    tracing::debug!("cannot look for destinations that are configured no more: {error}");
                    UNCONFIGURED_RETRY
                });
            sleep(wait).await;
        }
    }

    /// Says when to look again.
    async fn try_see_to_unconfigured(&self, leader: &Candidate) -> Result<Duration, inbox::Error> {
        let outbox = self.inbox.outbox();
        let mut wait = UNCONFIGURED_INTERVAL;
        for known in outbox.destinations().await? {
            let mut configured = self.settings.destinations.iter();
            if known.removed_at.is_some() || configured.any(|settings| settings.name == known.name) {
                continue;
            }
            let missed_for = outbox.miss_destination(leader, known.id).await?;
            let left = self.settings.removal_grace.saturating_sub(missed_for);
            if left.is_zero() {
                let count = outbox.remove_destination(leader, known.id).await?;
                log::removed(&known, count);
            } else {
                if known.unconfigured_at.is_none() {
                    log::is_unconfigured(&known.name, left);
                }
                wait = wait.min(left);
            }
        }
        Ok(wait)
    }
}

/// Panics if the worker did: then the program must not go on as if all were well.
fn fail_with(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
