//! Whether the connections that are wanted fit into the files that the system lets a process have open.

use super::{InboxLocation, Settings, Warning};
use crate::delivery::{DestinationSettings, Kind};

/// What is open beside connections to our listeners and what is counted below. An idle receiver has 18 files open: the log,
/// the listeners, the inbox (twice) with its lock, log and index, the runtime's own. The rest is for readers of the inbox (two, with
/// three files each), calls to CaiGunn (four for the subscription, the probe, what people ask for), the looking up of names,
/// and connections that are just being refused.
const FIXED: u64 = 96;

/// What a program that is being run has open on our side: three pipes, and a handle to wait for its end.
const FILES_OF_A_COMMAND: u64 = 4;

/// The connection to a queue, and those before it that did not answer and are not gone yet.
const FILES_OF_A_QUEUE: u64 = 4;

/// A socket and a pipe for each broker of a cluster of some twenty.
const FILES_OF_KAFKA: u64 = 64;

/// The public and the admin one.
const LISTENERS: u64 = 2;

/// With fewer connections than this a receiver is of no use: a proxy alone keeps some open.
const MIN_CONNECTIONS: usize = 16;

/// What to do about too low a limit.
const RAISE: &str =
    "raise it, with `ulimit -n`, Docker's `--ulimit nofile=`, or LimitNOFILE= of a systemd unit";

/// The limit of open files leaves no room for a receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit of open files is {limit}, and {needed} are the least with these settings: {beside} beside connections, and \
     {count} connections on each listener; {RAISE}"
)]
pub struct TooFewFiles {
    limit: u64,
    needed: u64,
    beside: u64,
    count: usize,
}

impl Settings {
    /// Lowers `server.max_connections` to what there is room for where a process may have `limit` files open, and says so
    /// if it had to.
    ///
    /// # Errors
    /// There is no room for a useful number.
    pub fn fit_into(&mut self, limit: Option<u64>) -> Result<Option<Warning>, TooFewFiles> {
        let wanted = self.http.connections.max_count;
        let beside = self.files_beside_connections();
        let Some(limit) = limit else {
            return Ok(None);
        };
        let room = limit.saturating_sub(beside) / LISTENERS;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        if room >= wanted {
            return Ok(None);
        }
        if room < MIN_CONNECTIONS {
            let count = wanted.min(MIN_CONNECTIONS);
            return Err(TooFewFiles {
                limit,
                needed: beside + LISTENERS * count as u64,
                beside,
                count,
            });
        }
        self.http.connections.max_count = room;
        Ok(Some(Warning {
            found: format!(
                "the limit of open files is {limit}, so there is room for {room} connections on each listener, and not for \
                 {wanted} (server.max_connections)"
            ),
            advice: RAISE,
        }))
    }

    /// How many files are open at most with these settings.
    pub fn files(&self) -> u64 {
        self.files_beside_connections() + LISTENERS * self.http.connections.max_count as u64
    }

    fn files_beside_connections(&self) -> u64 {
        let inbox = match self.inbox_location {
            InboxLocation::Sqlite(_) => 0,
            InboxLocation::Postgres(_) => self.inbox.max_connections as u64,
        };
        let deliveries: u64 = self.delivery.destinations.iter().map(files_of).sum();
        // Each has one under way at most.
        let notices = self.notices.len() as u64;
        FIXED + inbox + self.backfill.concurrency as u64 + deliveries + notices
    }
}

/// A connection an attempt, also of those that are kept for the next; or a program; or the connections to a queue.
fn files_of(destination: &DestinationSettings) -> u64 {
    let max_in_flight = destination.max_in_flight as u64;
    match destination.kind {
        Kind::Http(_) | Kind::Sqs(_) => max_in_flight,
        Kind::Command(_) => max_in_flight * FILES_OF_A_COMMAND,
        Kind::Nats(_) | Kind::Redis(_) => FILES_OF_A_QUEUE,
        Kind::Kafka(_) => FILES_OF_KAFKA,
    }
}
