//! Puts the parts together, starts them in order and stops them in order.

mod chatbots;
mod deliveries;
mod error;
mod leadership;
mod opening;
mod retention;
mod rotation;
mod tasks;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::caigunn;
use crate::clock::Timestamp;
use crate::config::{Registration, Settings};
use crate::delivery::{self, Deliveries, Dispatch};
use crate::http::{self, Accepting, Endpoints};
use crate::inbox::announce::Announcer;
use crate::inbox::{self, Inbox, PageRequest, ReceiptFilter, Writer};
use crate::instance::Instance;
use crate::metrics::{Registry, Unit};
use crate::subscription::{Selection, Wanted, probe};
use crate::telemetry::Lines;
use chatbots::{CaiGunn, Watch};
pub use error::Error;
use leadership::Candidacy;
pub use opening::open_inbox;
use opening::wait_for_inbox;
use retention::Retention;
pub use rotation::Rotation;
use tasks::Tasks;

/// The program, ready to run: the inbox is open and both addresses are taken.
pub struct App {
    settings: Settings,
    inbox: Arc<dyn Inbox>,
    public: TcpListener,
    admin: TcpListener,
    caigunn: Option<CaiGunn>,
    dispatch: Dispatch,
    deliveries: Deliveries,
    metrics: Registry,
    lines: Lines,
    rotation: Option<Rotation>,
}

impl App {
    /// Opens the inbox, brings it up to date and takes both addresses. Nothing is served yet. A database that cannot be
    /// reached is waited for.
    ///
    /// # Errors
    /// What cannot be opened.
    ///
    /// # Cancel safety
    /// When the future is dropped, what was opened is let go of.
    pub async fn build(settings: Settings) -> Result<Self, Error> {
        let opening = wait_for_inbox(&settings.inbox_location, &settings.inbox);
        let inbox = opening.await.map_err(Error::Inbox)?;
        Self::on(inbox, settings)
    }

    /// As [`App::build`], on an open inbox. It is closed when the program stops.
    ///
    /// # Errors
    /// What cannot be opened.
    pub fn on(inbox: Arc<dyn Inbox>, settings: Settings) -> Result<Self, Error> {
        let bind = |side, address| {
            http::bind(address, &settings.http.connections).map_err(|source| Error::Bind {
                side,
                address,
                source,
            })
        };
        let (public, admin) = (
            bind("public", settings.listen)?,
            bind("admin", settings.admin_listen)?,
        );
        let webhook = match &settings.registration {
            Registration::Wanted(webhook) => Some((**webhook).clone()),
            Registration::Missing(_) => None,
        };
        let has_chatbots = match &settings.selection {
            Selection::Keys(keys) => !keys.is_empty(),
            Selection::Discovered { .. } => true,
        };
        let caigunn = match settings.api.clone().filter(|_| has_chatbots) {
            Some(api) => Some(CaiGunn {
                probe_client: probe::client(webhook.as_ref().map_or(&api.url, |webhook| &webhook.public_url))
                    .map_err(Error::Client)?,
                client: caigunn::Client::new(api).map_err(Error::Client)?,
                wanted: Wanted {
                    selection: settings.selection.clone(),
                    webhook,
                },
                watching: settings.watching,
                backfill: settings.backfill,
            }),
            None => None,
        };
        let senders = settings.delivery.destinations.iter().map(|destination| {
            delivery::sender(destination).map_err(|source| Error::Sender {
                destination: destination.name.clone(),
                source,
            })
        });
        let senders = senders.collect::<Result<_, _>>()?;
        let mut metrics = registry();
        let (dispatch, deliveries) = Dispatch::new(
            Arc::clone(&inbox),
            settings.delivery.clone(),
            senders,
            &mut metrics,
        );
        Ok(Self {
            settings,
            inbox,
            public,
            admin,
            caigunn,
            dispatch,
            deliveries,
            metrics,
            lines: Lines::one_by_one(),
            rotation: None,
        })
    }

    /// The public address as it is, also where port 0 was asked for.
    pub fn public_address(&self) -> SocketAddr {
        self.public.local_addr().unwrap_or(self.settings.listen)
    }

    /// The admin address as it is.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.local_addr().unwrap_or(self.settings.admin_listen)
    }

    /// What `/metrics` will show, for numbers of parts that are not the app's.
    pub fn metrics(&mut self) -> &mut Registry {
        &mut self.metrics
    }

    /// Where the lines of notifications go; one by one with all others unless this is called.
    pub fn log_notifications_to(&mut self, lines: Lines) {
        self.lines = lines;
    }

    /// Takes secrets anew where their files change; they stay as they are unless this is called.
    pub fn rotate_secrets(&mut self, rotation: Rotation) {
        self.rotation = Some(rotation);
    }

    /// Serves until `stop`, then stops in order: not ready, and nothing begun but serving; after the drain delay no new
    /// connections, requests answered with their commits, the queue written, the inbox closed.
    ///
    /// # Errors
    /// [`Error::TaskEnded`], after the same stop; [`Error::StopTimeout`] if that took too long.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self {
            settings,
            inbox,
            public,
            admin,
            caigunn,
            dispatch,
            deliveries,
            mut metrics,
            lines,
            rotation,
        } = self;
        let settings_in_use = settings.clone();
        let client = caigunn.as_ref().map(|caigunn| caigunn.client.clone());
        let last_received_at = last_received_at(&*inbox).await.map_err(Error::Inbox)?;
        let announcer = Announcer::register(&mut metrics, lines, last_received_at);
        let (writer, writing) = Writer::new(Arc::clone(&inbox), settings.writer, announcer);
        writer.register_metrics(&mut metrics);
        inbox.register_metrics(&mut metrics);
        let accepting = Accepting::default();
        let (stop_public, stop_admin, stop_beside, stop_leading) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let instance = Instance::random();
        let is_shared = settings.inbox_location.is_shared();
        let (mut candidacy, leadership, terms) = Candidacy::new(Arc::clone(&inbox), is_shared);
        leadership.register_metrics(&mut metrics);
        let retention = Retention::new(Arc::clone(&inbox), settings.retention, Timestamp::now);
        retention.register_metrics(&mut metrics);
        // So that destinations get what is accepted from now on.
        dispatch.enroll().await.map_err(Error::Inbox)?;
        // So that it is known from the first request on.
        candidacy.ask().await;
        let Watch {
            subscription,
            backfill_job,
            answers,
            wanted,
            keeping,
            backfilling,
        } = match caigunn {
            None => Watch::nothing(leadership, deliveries.clone()),
            Some(caigunn) => caigunn.watch(
                (&inbox, &writer, deliveries.clone()),
                instance.clone(),
                (leadership, terms.clone()),
                stop_beside.clone(),
                &mut metrics,
            ),
        };
        let delivering = dispatch.run(
            (candidacy.candidate().clone(), answers),
            terms.clone(),
            writer.accepted(),
            settings.stop_timeout / 2,
            stop_beside.clone(),
        );
        let connections = settings.http.connections.clone();
        let Endpoints {
            public: public_endpoint,
            admin: admin_endpoint,
            secrets,
        } = http::endpoints(http::Parts {
            settings: settings.http,
            writer,
            inbox: Arc::clone(&inbox),
            accepting: accepting.clone(),
            instance,
            subscription,
            backfill_job,
            desk: Arc::new(deliveries),
            registry: metrics,
        });

        let (mut serving, mut beside) = (Tasks::default(), Tasks::default());
        serving.spawn("the writer", writing);
        serving.spawn(
            "the public listener",
            http::serve(public, public_endpoint, connections.clone(), stop_public.clone()),
        );
        serving.spawn(
            "the admin listener",
            http::serve(admin, admin_endpoint, connections, stop_admin.clone()),
        );
        beside.spawn("retention", until(stop_beside.clone(), retention.keep(terms)));
        if let Some(rotation) = rotation {
            let users = rotation::Users {
                settings: settings_in_use,
                secrets,
                client,
                wanted,
            };
            let rotating = rotation::keep(rotation, users);
            beside.spawn("the rotation of secrets", until(stop_beside.clone(), rotating));
        }
        let collecting = delivery::command::collect_orphans();
        beside.spawn(
            "what commands leave behind",
            until(stop_beside.clone(), collecting),
        );
        beside.spawn("the leadership", candidacy.keep(stop_leading.clone()));
        beside.spawn("the delivery", async move {
            // Whoever leads next may send the same: not before what is under way here has ended.
            let _leading = stop_leading.drop_guard();
            delivering.await;
        });
        accepting.begin();
        if let Some(keeping) = keeping {
            beside.spawn("the subscription", keeping);
        }
        if let Some(backfilling) = backfilling {
            beside.spawn("the backfill", backfilling);
        }

        let mut ended = tokio::select! {
            () = stop.cancelled() => None,
            ended = one_of(&mut serving, &*inbox) => Some(task_ended(ended)),
            ended = beside.next() => Some(task_ended(ended)),
        };
        accepting.end();
        // Now, so that the next process of a rolling deploy can register, and another receiver lead as soon as what is
        // being delivered has ended.
        stop_beside.cancel();
        if ended.is_none() {
            let drained = timeout(settings.drain_delay, one_of(&mut serving, &*inbox)).await;
            ended = drained.ok().map(task_ended);
            if !settings.drain_delay.is_zero() {
                tracing::info!("stopping now: no new connections");
            }
        }
        let stopping = async {
            stop_public.cancel();
            serving.wait_for("the public listener").await;
            stop_admin.cancel();
            beside.wait_for_all().await;
            // They and the listeners held the last ways into the queue: when they are gone, the writer writes it and ends.
            serving.wait_for_all().await;
            inbox.close().await
        };
        match timeout(settings.stop_timeout, stopping).await {
            Ok(Ok(())) => ended.map_or(Ok(()), Err),
            Ok(Err(error)) => Err(ended.unwrap_or(Error::Close(error))),
            Err(_) => {
                let left = [serving.names(), beside.names()].concat();
                tracing::warn!(
                    error.type = "stop_timeout",
                    "stopping anyway after {} s; still at work: {}",
                    settings.stop_timeout.as_secs(),
                    left.join(", ")
                );
                Err(ended.unwrap_or(Error::StopTimeout {
                    after: settings.stop_timeout,
                    left,
                }))
            }
        }
    }
}

/// Waits until something that requests cannot be served without has ended; gives its name and how it ended.
async fn one_of(serving: &mut Tasks, inbox: &dyn Inbox) -> (&'static str, String) {
    tokio::select! {
        ended = serving.next() => ended,
        () = inbox.ended() => ("the inbox", "its thread is gone".to_owned()),
    }
}

/// Says that a task has ended although nobody asked it to.
fn task_ended((name, reason): (&'static str, String)) -> Error {
    tracing::error!(error.type = "task_ended", "{name} ended by itself: {reason}; stopping");
    Error::TaskEnded { name, reason }
}

/// A registry that shows what runs here and since when.
fn registry() -> Registry {
    let mut registry = Registry::default();
    let version = env!("CARGO_PKG_VERSION");
    registry.info("build", "The program that runs", [("version", version)]);
    let started_at = Timestamp::now().as_micros() as f64 / 1e6;
    registry.gauge(
        "process_start_time",
        "When the program started, since 1970",
        Some(Unit::Seconds),
        move || started_at,
    );
    registry
}

/// When the newest receipt arrived.
async fn last_received_at(inbox: &dyn Inbox) -> Result<Option<Timestamp>, inbox::Error> {
    let newest = PageRequest {
        cursor: None,
        limit: 1,
    };
    let page = inbox.receipts(ReceiptFilter::default(), newest).await?;
    Ok(page.items.first().map(|receipt| receipt.received_at))
}

/// Runs `task` until it ends or `stop`.
async fn until(stop: CancellationToken, task: impl Future<Output = ()>) {
    let _ = stop.run_until_cancelled(task).await;
}
