//! The receiver while it runs: its tasks, and the one order in which they stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Error;
use super::tasks::Tasks;
use crate::config::Settings;
use crate::http::Accepting;
use crate::inbox::{self, Inbox};
use crate::systemd::Manager;

/// A receiver that runs. Whatever is to stop with it is handed a token by it; when each is cancelled, [`Running::stop`] alone
/// says.
pub struct Running {
    inbox: Arc<dyn Inbox>,
    manager: Manager,
    accepting: Accepting,
    drain_delay: Duration,
    stop_timeout: Duration,
    /// What requests cannot be served without.
    serving: Tasks,
    /// What goes on beside them.
    beside: Tasks,
    stop_public: CancellationToken,
    stop_admin: CancellationToken,
    stop_beside: CancellationToken,
}

impl Running {
    /// Of which no task runs yet.
    pub fn new(inbox: Arc<dyn Inbox>, manager: Manager, settings: &Settings) -> Self {
        Self {
            inbox,
            manager,
            accepting: Accepting::default(),
            drain_delay: settings.drain_delay,
            stop_timeout: settings.stop_timeout,
            serving: Tasks::default(),
            beside: Tasks::default(),
            stop_public: CancellationToken::new(),
            stop_admin: CancellationToken::new(),
            stop_beside: CancellationToken::new(),
        }
    }

    /// Whether notifications are accepted: not before [`Running::begin`], and until a stop.
    pub fn accepting(&self) -> Accepting {
        self.accepting.clone()
    }

    /// Cancelled from the first moment of a stop.
    pub fn stop_beside(&self) -> CancellationToken {
        self.stop_beside.clone()
    }

    /// Spawns the writer, which ends by itself when the last who could hand it something is gone.
    pub fn spawn_writer(&mut self, writing: impl Future<Output = ()> + Send + 'static) {
        self.serving.spawn("the writer", writing);
    }

    /// Spawns what serves each side until it is told: the admin side can be asked for longer than the public one.
    pub fn spawn_serving<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        public: impl FnOnce(CancellationToken) -> F,
        admin: impl FnOnce(CancellationToken) -> F,
    ) {
        self.serving.spawn(PUBLIC, public(self.stop_public.clone()));
        let admin = admin(self.stop_admin.clone());
        self.serving.spawn("the admin listener", admin);
    }

    /// Spawns what goes on beside them and ends by itself once a stop begins.
    pub fn spawn_beside(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.beside.spawn(name, task);
    }

    /// Spawns what would go on for ever, and is dropped when a stop begins.
    pub fn spawn_until_stop(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let task = until(self.stop_beside(), task);
        self.beside.spawn(name, task);
    }

    /// Spawns the delivery, and the leadership, which ends after it: whoever leads next may send the same, and not before what
    /// is under way here has ended.
    pub fn spawn_leading<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        lead: impl FnOnce(CancellationToken) -> F,
        delivering: impl Future<Output = ()> + Send + 'static,
    ) {
        let stop_leading = CancellationToken::new();
        self.beside.spawn("the leadership", lead(stop_leading.clone()));
        self.beside.spawn("the delivery", async move {
            let _leading = stop_leading.drop_guard();
            delivering.await;
        });
    }

    /// Accepts notifications from now on, and says so.
    pub fn begin(&self) {
        self.accepting.begin();
        self.manager.ready();
    }

    /// Serves until `stop`, and through the drain delay; or until something has ended by itself, which it tells.
    pub async fn serve(&mut self, stop: &CancellationToken) -> Option<Error> {
        let ended = tokio::select! {
            () = stop.cancelled() => None,
            ended = one_of(&mut self.serving, &*self.inbox) => Some(task_ended(ended)),
            ended = self.beside.next() => Some(task_ended(ended)),
        };
        self.accepting.end();
        self.manager.stopping();
        // Now, so that the next process of a rolling deploy can register, and another receiver lead as soon as what is
        // being delivered has ended.
        self.stop_beside.cancel();
        if ended.is_some() {
            return ended;
        }
        let drained = timeout(self.drain_delay, one_of(&mut self.serving, &*self.inbox)).await;
        if !self.drain_delay.is_zero() {
            tracing::info!("stopping now: no new connections");
        }
        drained.ok().map(task_ended)
    }

    /// Stops in order: the public side, the admin side, what goes on beside them, the writer, the inbox. `ended` is what has ended
    /// by itself.
    ///
    /// # Errors
    /// `ended`; else what panicked meanwhile, that the inbox does not close, or that all of it took too long.
    pub async fn stop(mut self, ended: Option<Error>) -> Result<(), Error> {
        let stopped = timeout(self.stop_timeout, self.stop_in_order()).await;
        let panicked = self.serving.panicked().or_else(|| self.beside.panicked());
        let ended = ended.or_else(|| panicked.map(task_ended));
        match stopped {
            Ok(Ok(())) => ended.map_or(Ok(()), Err),
            Ok(Err(error)) => Err(ended.unwrap_or(Error::Close(error))),
            Err(_) => {
                let left = [self.serving.names(), self.beside.names()].concat();
                tracing::warn!(
                    error.type = "stop_timeout",
                    "stopping anyway after {} s; still at work: {}",
                    self.stop_timeout.as_secs(),
                    left.join(", ")
                );
                Err(ended.unwrap_or(Error::StopTimeout {
                    after: self.stop_timeout,
                    left,
                }))
            }
        }
    }

    async fn stop_in_order(&mut self) -> Result<(), inbox::Error> {
        self.stop_public.cancel();
        self.serving.wait_for(PUBLIC).await;
        self.stop_admin.cancel();
        self.beside.wait_for_all().await;
        // They and the listeners held the last ways into the queue: when they are gone, the writer writes it and ends.
        self.serving.wait_for_all().await;
        self.inbox.close().await
    }
}

const PUBLIC: &str = "the public listener";

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

/// Runs `task` until it ends or `stop`.
pub async fn until(stop: CancellationToken, task: impl Future<Output = ()>) {
    let _ = stop.run_until_cancelled(task).await;
}
