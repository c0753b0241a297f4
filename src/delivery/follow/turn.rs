//! What came of all that was followed in one turn.

use crate::inbox;

/// What comes of a turn, in which what fails for one thing stands in the way of no other.
#[derive(Default)]
pub struct Turn {
    has_done: bool,
    failed: Option<inbox::Error>,
}

impl Turn {
    /// Takes down what came of one thing: whether anything was done.
    ///
    /// # Errors
    /// [`inbox::Error::NotLeader`], with which all the rest is another receiver's.
    pub fn add(&mut self, done: Result<bool, inbox::Error>) -> Result<(), inbox::Error> {
        match done {
            Ok(has_done) => self.has_done |= has_done,
            Err(inbox::Error::NotLeader) => return Err(inbox::Error::NotLeader),
            Err(error) => self.failed = Some(error),
        }
        Ok(())
    }

    /// Whether anything was done, unless something failed.
    pub fn end(self) -> Result<bool, inbox::Error> {
        self.failed.map_or(Ok(self.has_done), Err)
    }
}
