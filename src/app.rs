//! Puts the parts together, starts them in order and stops them in order.
//!
//! - `opening`: opens the inbox; `running` and `tasks`: what runs, and the order in which it stops; `error`: what keeps it from
//!   that.
//! - `leadership`: who leads, of many receivers, and for how long that is believed.
//! - `chatbots` and `notices`: hand the subscription, the backfill and the notices what they need of one another.
//! - `retention`: removes old receipts, by an age that no clock sets; `rotation`: takes secrets whose files change.

mod chatbots;
mod error;
mod leadership;
mod notices;
mod opening;
mod retention;
mod rotation;
mod running;
mod tasks;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::caigunn;
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::delivery::{self, Deliveries, Dispatch};
use crate::http::{self, Endpoints, ShownSettings};
use crate::inbox::announce::Announcer;
use crate::inbox::{self, Inbox, Origin, PageRequest, Receipt, ReceiptFilter, Writer};
use crate::instance::Instance;
use crate::metrics::{Registry, Unit};
use crate::systemd::{Manager, Sockets};
use crate::telemetry::Lines;
use crate::term::Terms;
use chatbots::{CaiGunn, Watch};
pub use error::Error;
use leadership::Candidacy;
pub use opening::open_inbox;
use opening::wait_for_inbox;
use retention::Retention;
pub use rotation::Rotation;
use running::Running;

/// Among how many of the newest receipts CaiGunn's last notification is looked for at a start.
const NEWEST: usize = 500;

/// The program, ready to run: the inbox is open and both addresses are taken.
pub struct App {
    /// What `/metrics` will show, for numbers of parts that are not the app's.
    pub metrics: Registry,
    /// Where the lines of notifications go; at first one by one with all others.
    pub lines: Lines,
    /// How secrets are taken anew where their files change; at first they stay as they are.
    pub rotation: Option<Rotation>,
    /// Whom to tell that requests are served, and that a stop has begun; at first nobody.
    pub manager: Manager,
    /// What people are shown of the settings; at first nothing.
    pub shown: ShownSettings,
    settings: Settings,
    inbox: Arc<dyn Inbox>,
    public: TcpListener,
    admin: TcpListener,
    caigunn: Option<CaiGunn>,
    dispatch: Dispatch,
    deliveries: Deliveries,
}

impl App {
    /// Opens the inbox, brings it up to date and takes both addresses, or sockets that listen already in their place. Nothing is
    /// served yet. A database that cannot be reached is waited for.
    ///
    /// # Cancel safety
    /// When the future is dropped, what was opened is let go of.
    pub async fn build(settings: Settings, sockets: Sockets) -> Result<Self, Error> {
        let opening = wait_for_inbox(&settings.inbox_location, &settings.inbox);
        let inbox = opening.await.map_err(Error::Inbox)?;
        Self::on(inbox, settings, sockets)
    }

    /// As [`App::build`], on an open inbox. It is closed when the program stops.
    pub fn on(inbox: Arc<dyn Inbox>, settings: Settings, sockets: Sockets) -> Result<Self, Error> {
        let listener = |side, address, socket| match socket {
            Some(socket) => http::take(socket, &settings.http.connections)
                .map_err(|source| Error::Socket { side, source }),
            None => http::bind(address, &settings.http.connections).map_err(|source| Error::Bind {
                side,
                address,
                source,
            }),
        };
        let (public, admin) = (
            listener("public", settings.listen, sockets.public)?,
            listener("admin", settings.admin_listen, sockets.admin)?,
        );
        let caigunn = CaiGunn::of(&settings)?;
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
            metrics,
            lines: Lines::one_by_one(),
            rotation: None,
            manager: Manager::default(),
            shown: ShownSettings::default(),
            settings,
            inbox,
            public,
            admin,
            caigunn,
            dispatch,
            deliveries,
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

    /// Serves until `stop`, then stops in order: not ready, and nothing begun but serving; after the drain delay no new
    /// connections, requests answered with their commits, the queue written, the inbox closed.
    ///
    /// # Errors
    /// [`Error::TaskEnded`], after the same stop; [`Error::StopTimeout`] if that took too long.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut running = self.start().await?;
        let ended = running.serve(&stop).await;
        running.stop(ended).await
    }

    /// Starts all that runs, and accepts notifications.
    async fn start(mut self) -> Result<Running, Error> {
        let mut running = Running::new(Arc::clone(&self.inbox), self.manager.clone(), &self.settings);
        let last_received_at = last_received_at(&*self.inbox).await.map_err(Error::Inbox)?;
        let announcer = Announcer::register(&mut self.metrics, self.lines.clone(), last_received_at);
        let (writer, writing) = Writer::new(Arc::clone(&self.inbox), self.settings.writer, announcer);
        writer.register_metrics(&mut self.metrics);
        self.inbox.register_metrics(&mut self.metrics);
        let is_shared = self.settings.inbox_location.is_shared();
        let registered = self.settings.registration.wanted();
        let deployment = registered.map(|webhook| &*webhook.base_url);
        let (mut candidacy, leadership, terms) =
            Candidacy::new(Arc::clone(&self.inbox), is_shared, deployment);
        leadership.register_metrics(&mut self.metrics);
        let retention = Retention::new(Arc::clone(&self.inbox), self.settings.retention, Timestamp::now);
        retention.register_metrics(&mut self.metrics);
        // So that destinations get what is accepted from now on.
        self.dispatch.enroll().await.map_err(Error::Inbox)?;
        // So that it is known from the first request on.
        candidacy.ask().await;
        let instance = Instance::random();
        let client = self.caigunn.as_ref().map(|caigunn| caigunn.client.clone());
        let mut watch = match self.caigunn.take() {
            None => Watch::nothing(leadership.clone(), self.deliveries.clone()),
            Some(caigunn) => caigunn.watch(
                (&self.inbox, &writer, self.deliveries.clone()),
                instance.clone(),
                (leadership.clone(), terms.clone()),
                running.stop_beside(),
                &mut self.metrics,
            ),
        };
        let noticing = notices::watch(
            &self.settings,
            (&self.inbox, &writer, &self.deliveries),
            &watch.subscription,
            (leadership, candidacy.candidate(), terms.clone()),
            self.admin.local_addr().unwrap_or(self.settings.admin_listen),
            &mut self.metrics,
        )?;
        running.spawn_writer(writing);
        running.spawn_until_stop("the notices", noticing.run());
        running.spawn_until_stop("retention", retention.keep(terms.clone()));
        running.spawn_until_stop("what commands leave behind", delivery::command::collect_orphans());
        let (keeping, backfilling) = (watch.keeping.take(), watch.backfilling.take());
        self.serve_and_deliver(
            &mut running,
            (watch, client),
            (candidacy, terms),
            (writer, instance),
        );
        running.begin();
        if let Some(keeping) = keeping {
            running.spawn_beside("the subscription", keeping);
        }
        if let Some(backfilling) = backfilling {
            running.spawn_beside("the backfill", backfilling);
        }
        Ok(running)
    }

    /// Spawns the listeners, the delivery with the leadership that it ends before, and what takes rotated secrets.
    fn serve_and_deliver(
        self,
        running: &mut Running,
        (watch, client): (Watch, Option<caigunn::Client>),
        (candidacy, terms): (Candidacy, Terms),
        (writer, instance): (Writer, Instance),
    ) {
        let delivering = self.dispatch.run(
            (candidacy.candidate().clone(), watch.answers),
            terms,
            writer.accepted(),
            self.settings.stop_timeout / 2,
            running.stop_beside(),
        );
        running.spawn_leading(|stop| candidacy.keep(stop), delivering);
        let settings = self.settings.clone();
        let connections = self.settings.http.connections.clone();
        let Endpoints {
            public: public_endpoint,
            admin: admin_endpoint,
            secrets,
        } = http::endpoints(http::Parts {
            settings: self.settings.http,
            writer,
            untold: notices::untold(&self.inbox),
            inbox: self.inbox,
            accepting: running.accepting(),
            instance,
            subscription: Arc::clone(&watch.subscription),
            ensure: watch.ensure,
            backfill_job: watch.backfill_job,
            deliveries: self.deliveries,
            registry: self.metrics,
            shown: self.shown,
        });
        let (public, admin, of_admin) = (self.public, self.admin, connections.clone());
        running.spawn_serving(
            |stop| http::serve(public, public_endpoint, connections, stop),
            |stop| http::serve(admin, admin_endpoint, of_admin, stop),
        );
        if let Some(rotation) = self.rotation {
            let users = rotation::Users {
                settings,
                secrets,
                client,
                wanted: watch.wanted,
                subscription: watch.subscription,
            };
            running.spawn_until_stop("the rotation of secrets", rotation::keep(rotation, users));
        }
    }
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

/// When CaiGunn's last notification arrived, by the newest receipts: samples, and what backfill brought, do not say that its posts
/// arrive. Where there is nothing else among them, that was before they came.
async fn last_received_at(inbox: &dyn Inbox) -> Result<Option<Timestamp>, inbox::Error> {
    let page = PageRequest::first(NEWEST);
    let newest = inbox.receipts(ReceiptFilter::default(), page).await?;
    let is_posted = |receipt: &&Receipt| receipt.origin == Origin::Webhook && !receipt.is_sample();
    let posted = newest.items.iter().find(is_posted);
    let oldest = newest.next.and(newest.items.last());
    Ok(posted.or(oldest).map(|receipt| receipt.received_at))
}
