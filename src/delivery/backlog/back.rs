//! What goes early, since somebody is there again.

use super::Backlog;
use super::lines::Item;
use crate::clock::Timestamp;
use crate::inbox::outbox::Outcome;

impl Backlog {
    /// Somebody is there again where nobody was since that time: lets go at once what could not be taken since then. What was
    /// refused keeps its time, and so does what failed before, unless it found nobody. What is not recorded yet goes when it is.
    pub fn hurry(&mut self, since: Timestamp) {
        self.hurry_these(|item| item.outcome != Some(Outcome::Refused) && item.was_tried_since(since));
    }

    /// As [`Self::hurry`], where the destination was down since that time: what was refused goes too, since all was. What
    /// failed before may be what brought it down.
    pub fn hurry_all(&mut self, since: Timestamp) {
        self.hurry_these(|item| item.was_tried_since(since));
    }

    /// Lets go at once what found nobody, and those of these that are not suspect: who ends by one of them would do so each time
    /// that it is back, and no try be used up.
    fn hurry_these(&mut self, is_meant: impl Fn(&Item) -> bool) {
        let hurried = self.expedite_all(|item| item.found_nobody || (!item.is_suspect && is_meant(item)));
        for sequence in hurried {
            let item = self.items.get_mut(&sequence).expect("it is pending");
            item.is_suspect |= !item.was_due && !item.found_nobody;
        }
    }

    /// Lets go at once what was tried and would be again until that time, and what is under way once more if it fails.
    pub fn hurry_due_by(&mut self, until: Timestamp) {
        self.want_anew();
        self.expedite_all(|item| item.tried_at.is_some() && item.due_at <= until);
    }
}
