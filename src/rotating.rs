//! Values that are replaced while they are used: secrets that are rotated in their files.

use std::sync::{Arc, PoisonError, RwLock};

/// A value that all clones see replaced at once. Reading it costs an uncontended lock and a count.
#[derive(Clone, Debug)]
pub struct Rotating<T>(Arc<RwLock<Arc<T>>>);

impl<T> Rotating<T> {
    /// One that is `value` until it is replaced.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value as it is now.
    pub fn get(&self) -> Arc<T> {
        // Nothing that could panic is done under the lock.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes it `value` for all who ask from now on.
    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_see_what_it_was_replaced_by_and_who_asked_before_keeps_what_it_was() {
        let value = Rotating::new("old");
        let (clone, before) = (value.clone(), value.get());

        value.replace("new");

        assert_eq!((*clone.get(), *before), ("new", "old"));
    }
}
