//! What a connection and whoever keeps its room tell one another.

use std::future::poll_fn;
use std::num::NonZeroU64;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// What a connection and whoever keeps its room tell one another.
#[derive(Debug, Default)]
pub struct Presence {
    /// Nanoseconds since some moment of the process, from 1 on; 0 while it does not lie idle. One that is read on so that its peer
    /// can read its answer lies idle too.
    idle_since: AtomicU64,
    wish: AtomicU8,
    /// The connection's, while it waits.
    pub(super) waker: AtomicWaker,
}

/// What is wished of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Wish {
    /// That it goes on.
    Stay,
    /// That it ends as soon as it lies idle, and is not read on.
    MakeRoom,
    /// The same, and that what has begun ends within [`stop_grace`](super::ConnectionSettings::stop_grace). A connection on
    /// which no request has begun yet is given a second to begin one.
    Stop,
}

impl Presence {
    /// Since when it lies idle; `None` while it does not. Only to be compared with others.
    pub fn idle_since(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.idle_since.load(Ordering::Relaxed))
    }

    /// Wishes something more.
    pub fn wish(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Ordering::AcqRel);
        self.waker.wake();
    }

    /// What is wished of it.
    pub fn wished(&self) -> Wish {
        match self.wish.load(Ordering::Acquire) {
            0 => Wish::Stay,
            1 => Wish::MakeRoom,
            _ => Wish::Stop,
        }
    }

    /// Waits until it is wished that it makes room. Not while something else of the connection waits for a wish.
    pub(super) async fn room_is_wanted(&self) {
        let wanted = |cx: &mut Context<'_>| {
            // Before the look at what is wished, or a wish could come in between and wake nobody.
            self.waker.register(cx.waker());
            match self.wished() {
                Wish::MakeRoom => Poll::Ready(()),
                Wish::Stay | Wish::Stop => Poll::Pending,
            }
        };
        poll_fn(wanted).await;
    }

    /// Says so for a connection that is none.
    #[cfg(test)]
    pub fn lie_idle(&self) {
        self.set_idle(Some(Instant::now()));
    }

    /// Says since when it lies idle, or that it does not.
    pub(super) fn set_idle(&self, since: Option<Instant>) {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let nanoseconds = since.map_or(0, |since| since.saturating_duration_since(*START).as_nanos() + 1);
        self.idle_since
            .store(u64::try_from(nanoseconds).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
