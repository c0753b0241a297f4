//! Whether requests are wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::problem::Problem;

/// Whether the receiver wants requests: not yet, then it does, and from the start of a stop on no more. Those that come
/// all the same are answered while the listeners are open; during a stop each with the end of its connection.
#[derive(Clone, Debug, Default)]
pub struct Accepting(Arc<AtomicU8>);

/// The values of an [`Accepting`], in their order.
const STARTING: u8 = 0;
const WANTED: u8 = 1;
const STOPPING: u8 = 2;

impl Accepting {
    /// From now on requests are wanted.
    pub fn begin(&self) {
        self.0.store(WANTED, Ordering::Relaxed);
    }

    /// From now on they are wanted no more.
    pub fn end(&self) {
        self.0.store(STOPPING, Ordering::Relaxed);
    }

    /// Whether they are wanted; why not, if they are not.
    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.0.load(Ordering::Relaxed) {
            STARTING => Err(Problem::starting()),
            STOPPING => Err(Problem::stopping()),
            _ => Ok(()),
        }
    }

    /// Whether a stop has begun.
    pub(super) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed) == STOPPING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_starting_then_it_accepts_then_it_is_stopping() {
        let accepting = Accepting::default();
        let said = || {
            (
                accepting.check().map_err(|problem| problem.name()),
                accepting.has_ended(),
            )
        };

        let start = said();
        accepting.begin();
        let middle = said();
        accepting.end();
        let end = said();

        assert_eq!(start, (Err("starting"), false));
        assert_eq!(middle, (Ok(()), false));
        assert_eq!(end, (Err("stopping"), true));
    }
}
