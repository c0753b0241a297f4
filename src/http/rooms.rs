//! How many connections may be open, and which one goes for a new one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::presence::{Presence, Wish};

/// The most connections that have been told to make room and have not ended yet: such a one ends as soon as its task has its
/// turn, unless a request has just arrived on it.
const LEAVING_AT_ONCE: usize = 16;

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
    /// Those that have been told to make room and have not ended yet.
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
        let taken = self.taken.lock();
        taken.by.len() + taken.leaving.len()
    }

    /// Whether connections are about to end that have been told to make room.
    pub fn are_being_made(&self) -> bool {
        !self.taken.lock().leaving.is_empty()
    }

    /// Room for one more. If there is none, the connection that has lain idle for longest makes it: its peer is the
    /// least likely to want it. `None` if none lies idle, or too many that were told to make room have not ended yet.
    pub fn take(&self) -> Option<Room> {
        let mut taken = self.taken.lock();
        if taken.by.len() >= self.max_count {
            if taken.leaving.len() >= LEAVING_AT_ONCE {
                return None;
            }
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
        let taken = self.taken.lock();
        for presence in taken.by.values().chain(taken.leaving.values()) {
            presence.wish(Wish::Stop);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.rooms.taken.lock();
        taken.by.remove(&self.id);
        taken.leaving.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_makes_room_is_open_until_it_ends_and_learns_of_a_stop() {
        let rooms = Rooms::new(1);
        let first = rooms.take().expect("there is room");
        assert!(rooms.take().is_none(), "it is not known to lie idle");
        first.presence.lie_idle();

        let second = rooms.take().expect("the idle one makes room");

        assert_eq!(first.presence.wished(), Wish::MakeRoom);
        assert_eq!(rooms.open_count(), 2);
        rooms.stop();
        assert_eq!(first.presence.wished(), Wish::Stop);
        assert_eq!(second.presence.wished(), Wish::Stop);
        drop(first);
        assert_eq!(rooms.open_count(), 1);
        drop(second);
        assert_eq!(rooms.open_count(), 0);
    }

    #[test]
    fn however_many_come_there_are_few_more_than_there_is_room_for() {
        let rooms = Rooms::new(32);
        let mut open = Vec::new();

        let count = (0..1_000)
            .filter_map(|_| rooms.take())
            .inspect(|room| room.presence.lie_idle())
            .map(|room| open.push(room))
            .count();

        assert_eq!(count, 32 + LEAVING_AT_ONCE);
        assert_eq!(rooms.open_count(), count);
        assert!(rooms.are_being_made());
        // Once those have ended that were told to, there is room again.
        open.retain(|room| room.presence.wished() == Wish::Stay);
        assert!(!rooms.are_being_made());
        assert!(rooms.take().is_some());
    }

    #[test]
    fn the_longest_idle_goes_first() {
        let rooms = Rooms::new(2);
        let [later, longest] = [(); 2].map(|()| rooms.take().expect("there is room"));
        longest.presence.lie_idle();
        later.presence.lie_idle();

        let _new = rooms.take().expect("one makes room");

        assert_eq!(longest.presence.wished(), Wish::MakeRoom);
        assert_eq!(later.presence.wished(), Wish::Stay);
    }
}
