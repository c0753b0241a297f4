//! Lanes: threads that serve connections, each its own, so that a request never changes threads but for the store.
//!
//! A lane is a runtime of one thread. Nothing is shared between lanes that a request must wait for, and what becomes of
//! a batch is told to each of them at once, see [`Answers`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::inbox::writer::Answers;

/// The most lanes: two keep a store busy, and the rest of the machine is for that, the database and the destinations.
const MAX_LANES: usize = 4;

/// How many lanes suit this machine: one a core, 4 at most.
pub fn count() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_LANES))
}

/// Where connections are served. They end when this is dropped.
pub struct Lanes<T> {
    lanes: Vec<Lane<T>>,
    _end: DropGuard,
}

/// A runtime, and what the connections on it need.
pub struct Lane<T> {
    runtime: Handle,
    /// What each connection is given.
    pub shared: Arc<T>,
    connections: Arc<AtomicUsize>,
}

/// A place on a lane, for as long as it is held.
pub struct Place(Arc<AtomicUsize>);

impl<T> Lanes<T> {
    /// Starts a thread for each, which hands out what its writer is answered.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(shared: Vec<(T, Answers)>) -> io::Result<Self> {
        let end = CancellationToken::new();
        let lanes = shared
            .into_iter()
            .map(|(shared, answers)| {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let handle = runtime.handle().clone();
                let end = end.clone();
                thread::Builder::new().name("lane".to_owned()).spawn(move || {
                    runtime.block_on(end.run_until_cancelled(answers.hand_out()));
                    // Whatever is left of connections: a wait for it was the stop's business.
                    runtime.shutdown_background();
                })?;
                Ok(Lane::new(handle, shared))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            lanes,
            _end: end.drop_guard(),
        })
    }

    /// The runtime that runs here, as the only one.
    pub fn here(shared: T) -> Self {
        Self {
            lanes: vec![Lane::new(Handle::current(), shared)],
            _end: CancellationToken::new().drop_guard(),
        }
    }

    /// What the connections of one of them share.
    pub fn shared(&self) -> &Arc<T> {
        &self.lanes.first().expect("there is a lane").shared
    }

    /// The lane with the fewest connections, and a place on it.
    pub fn emptiest(&self) -> (&Lane<T>, Place) {
        let lane = self
            .lanes
            .iter()
            .min_by_key(|lane| lane.connections.load(Ordering::Relaxed))
            .expect("there is a lane");
        lane.connections.fetch_add(1, Ordering::Relaxed);
        (lane, Place(Arc::clone(&lane.connections)))
    }
}

impl<T> Lane<T> {
    fn new(runtime: Handle, shared: T) -> Self {
        Self {
            runtime,
            shared: Arc::new(shared),
            connections: Arc::default(),
        }
    }

    /// Where its connections run.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
