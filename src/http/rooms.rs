//! How many connections may be open, and which one goes for a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::stream::Idle;

/// Room for so many connections. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    max_count: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    last_id: u64,
    by: HashMap<u64, Guest>,
}

struct Guest {
    idle: Arc<Idle>,
    end: CancellationToken,
}

/// One connection's room, until it is dropped.
pub struct Room {
    rooms: Rooms,
    id: u64,
    /// Where the connection says that it lies idle.
    pub idle: Arc<Idle>,
    /// Cancelled when it is to end as soon as it lies idle.
    pub end: CancellationToken,
}

impl Rooms {
    /// With room for `max_count`.
    pub fn new(max_count: usize) -> Self {
        Self {
            max_count,
            taken: Arc::default(),
        }
    }

    /// How many have it now.
    pub fn taken_count(&self) -> usize {
        self.taken().by.len()
    }

    /// Room for one more. If there is none, the connection that has lain idle for longest makes it: its peer is the
    /// least likely to want it. `None` if none lies idle.
    pub fn take(&self, stop: &CancellationToken) -> Option<Room> {
        let mut taken = self.taken();
        if taken.by.len() >= self.max_count {
            let idle = taken.by.iter().filter(|(_, guest)| guest.idle.since() > 0);
            let longest = idle
                .min_by_key(|(_, guest)| guest.idle.since())
                .map(|(id, _)| *id);
            let guest = longest.and_then(|id| taken.by.remove(&id))?;
            guest.end.cancel();
        }
        taken.last_id += 1;
        let room = Room {
            rooms: self.clone(),
            id: taken.last_id,
            idle: Arc::default(),
            end: stop.child_token(),
        };
        let guest = Guest {
            idle: Arc::clone(&room.idle),
            end: room.end.clone(),
        };
        taken.by.insert(room.id, guest);
        Some(room)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // It may have gone to another one already.
        self.rooms.taken().by.remove(&self.id);
    }
}
