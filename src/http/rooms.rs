//! How many connections may be open, and which one goes for a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stream::{Presence, Wish};

/// Room for so many connections. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    max_count: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    last_id: u64,
    by: HashMap<u64, Arc<Presence>>,
    /// Those that have made room and have not ended yet.
    leaving: HashMap<u64, Arc<Presence>>,
}

/// One connection's room, until it is dropped.
pub struct Room {
    rooms: Rooms,
    id: u64,
    /// Where the connection says that it lies idle, and learns that it is to end.
    pub presence: Arc<Presence>,
}

impl Rooms {
    /// With room for `max_count`.
    pub fn new(max_count: usize) -> Self {
        Self {
            max_count,
            taken: Arc::default(),
        }
    }

    /// How many connections are open, with those that have made room and have not ended yet.
    pub fn open_count(&self) -> usize {
        let taken = self.taken();
        taken.by.len() + taken.leaving.len()
    }

    /// Room for one more. If there is none, the connection that has lain idle for longest makes it: its peer is the
    /// least likely to want it. `None` if none lies idle.
    pub fn take(&self) -> Option<Room> {
        let mut taken = self.taken();
        if taken.by.len() >= self.max_count {
            let idle = taken.by.iter();
            let idle = idle.filter_map(|(id, presence)| Some((presence.idle_since()?, *id)));
            let (_, longest) = idle.min()?;
            let presence = taken.by.remove(&longest)?;
            presence.wish(Wish::MakeRoom);
            taken.leaving.insert(longest, presence);
        }
        taken.last_id += 1;
        let room = Room {
            rooms: self.clone(),
            id: taken.last_id,
            presence: Arc::default(),
        };
        taken.by.insert(room.id, Arc::clone(&room.presence));
        Some(room)
    }

    /// Wishes that all connections stop.
    pub fn stop(&self) {
        let taken = self.taken();
        for presence in taken.by.values().chain(taken.leaving.values()) {
            presence.wish(Wish::Stop);
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.rooms.taken();
        taken.by.remove(&self.id);
        taken.leaving.remove(&self.id);
    }
}
