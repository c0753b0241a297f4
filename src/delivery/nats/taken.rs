//! Which subjects have a stream, as far as it has shown.

use std::collections::HashSet;

use parking_lot::Mutex;

/// The most subjects that are remembered, of 1024 bytes at most. Of one that is forgotten the server is asked.
const MAX_COUNT: usize = 1000;

/// The subjects that a stream has taken.
#[derive(Debug, Default)]
pub struct Taken(Mutex<HashSet<String>>);

impl Taken {
    /// Whether a stream has taken that one.
    pub fn has(&self, subject: &str) -> bool {
        self.0.lock().contains(subject)
    }

    /// A stream has taken that one.
    pub fn note(&self, subject: &str) {
        let mut subjects = self.0.lock();
        if subjects.contains(subject) {
            return;
        }
        if subjects.len() >= MAX_COUNT {
            subjects.clear();
        }
        subjects.insert(subject.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_known_and_no_more_than_a_bounded_number_is() {
        let taken = Taken::default();
        assert!(!taken.has("a"));
        taken.note("a");
        assert!(taken.has("a") && !taken.has("b"));

        for number in 0..3 * MAX_COUNT {
            taken.note(&number.to_string());
            assert!(taken.has(&number.to_string()));
        }

        assert!(taken.0.lock().len() <= MAX_COUNT);
    }
}
