//! Values that are replaced while they are used: secrets that are rotated in their files.

use std::sync::Arc;

use parking_lot::RwLock;

/// How many of the values that were used before are good at most, besides those that are given, where the other side may not
/// have the new one yet: the newest.
pub const MAX_RETIRED: usize = 8;

/// A value that all clones see replaced at once. Reading it costs an uncontended lock and a count.
#[derive(Clone, Debug)]
pub struct Rotating<T>(Arc<RwLock<Held<T>>>);

#[derive(Debug)]
struct Held<T> {
    value: Arc<T>,
    replaced_count: usize,
}

impl<T> Rotating<T> {
    /// One that is `value` until it is replaced.
    pub fn new(value: T) -> Self {
        let held = Held {
            value: Arc::new(value),
            replaced_count: 0,
        };
        Self(Arc::new(RwLock::new(held)))
    }

    /// The value as it is now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().value)
    }

    /// How often it was replaced.
    pub fn replaced_count(&self) -> usize {
        self.0.read().replaced_count
    }

    /// Makes it `value` for all who ask from now on.
    pub fn replace(&self, value: T) {
        let mut held = self.0.write();
        held.value = Arc::new(value);
        held.replaced_count += 1;
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

        assert_eq!(clone.replaced_count(), 1);
        assert_eq!((*clone.get(), *before), ("new", "old"));
    }
}
