//! What is made of the certificates that this machine trusts, and made anew where they may have changed.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long what was made is believed: reading all that is trusted takes some milliseconds, and who shows another certificate is
/// asked time and again.
const MIN_AGE: Duration = Duration::from_secs(5);

/// What calls out with the certificates that this machine trusts. It is read from files, to which an authority may be added while
/// this program runs.
pub struct Trusting<T> {
    held: Mutex<Held<T>>,
    make: Box<dyn Fn() -> Option<T> + Send + Sync>,
}

struct Held<T> {
    value: T,
    made_at: Instant,
}

impl<T: Clone> Trusting<T> {
    /// What `make` makes now, and wherever it is to be made anew.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn new<E>(make: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Result<Self, E> {
        let held = Held {
            value: make()?,
            made_at: Instant::now(),
        };
        Ok(Self {
            held: Mutex::new(held),
            make: Box::new(move || make().ok()),
        })
    }

    /// What was made last, and when.
    pub fn get(&self) -> (T, Instant) {
        let held = self.held.lock();
        (held.value.clone(), held.made_at)
    }

    /// Where a certificate was refused with what was made then, makes it anew, at most once in five seconds. Whether there is
    /// another one now, whoever had it made; what cannot be made stays as it was.
    pub fn renew(&self, used: Instant) -> bool {
        let mut held = self.held.lock();
        if held.made_at != used {
            return true;
        }
        if held.made_at.elapsed() < MIN_AGE {
            return false;
        }
        held.made_at = Instant::now();
        let made = (self.make)();
        let is_made = made.is_some();
        held.value = made.unwrap_or_else(|| held.value.clone());
        is_made
    }
}

impl<T> fmt::Debug for Trusting<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trusting").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_made_anew_once_in_five_seconds_and_stays_as_it_was_where_it_cannot_be() {
        let made_count = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&made_count);
        let trusting = Trusting::new(move || match count.fetch_add(1, Ordering::Relaxed) {
            2 => Err("there are none now"),
            count => Ok(count),
        });
        let trusting = trusting.unwrap();

        let (_, first) = trusting.get();
        assert!(!trusting.renew(first), "it was read a moment ago");
        for (is_made, expected) in [(true, 1), (false, 1), (true, 3)] {
            let (_, before) = trusting.get();
            advance(MIN_AGE).await;
            assert_eq!(trusting.renew(before), is_made);
            let (value, since) = trusting.get();
            assert_eq!(value, expected);
            assert!(!trusting.renew(since));
            assert!(trusting.renew(before), "who used it before has another one");
        }
        assert_eq!(made_count.load(Ordering::Relaxed), 4);
    }
}
