//! Has the inbox keep what is told, for as long as it answers.

use std::time::Duration;

use tokio::time::timeout;

use super::Watch;
use crate::inbox;
use crate::notice::book::Books;
use crate::term::Term;

/// How long the inbox may take for an answer; then it counts as one that has none. Less than after what it is not believed any more
/// that nobody else has led.
const PATIENCE: Duration = Duration::from_secs(5);

impl Watch {
    /// Has the inbox keep what is new of the books, if this receiver may. Where it is not sure to lead any more, it is asked
    /// in any case, so that nothing is told which another one has told already.
    pub(super) async fn keep(&mut self, was_long_away: bool) {
        let is_unsure = was_long_away || self.term.as_ref().is_some_and(Term::is_cancelled);
        let written = self.books.written();
        let is_news =
            self.kept.as_ref() != Some(&written) && !(self.kept.is_none() && self.books == Books::default());
        if self.term.is_none() || !(is_news || is_unsure) {
            return;
        }
        let outbox = self.parts.inbox.outbox();
        // What is written too late all the same is written again: what is kept counts as older.
        match answer_in_time(outbox.keep_notices(&self.parts.leader, written.clone())).await {
            Ok(()) => (self.kept, self.is_said) = (Some(written), false),
            // Another one has them, and whatever is wrong with them here it finds out by itself.
            Err(inbox::Error::NotLeader) => {
                (self.term, self.kept) = (None, None);
                self.books = self.books.of_inbox();
            }
            Err(error) if !self.is_said => {
                self.is_said = true;
                tracing::warn!(
                    error.type = "inbox_unavailable",
                    "notices are sent from memory while the inbox cannot keep them: {error}"
                );
            }
            Err(error) => tracing::debug!("cannot keep what is told by notices: {error}"),
        }
    }
}

/// What the inbox answers, unless it takes too long.
pub async fn answer_in_time<T>(answer: inbox::Answer<'_, T>) -> Result<T, inbox::Error> {
    in_time(answer).await.unwrap_or_else(|| {
        let seconds = PATIENCE.as_secs();
        Err(inbox::Error::unavailable(format!(
            "it did not answer within {seconds} s"
        )))
    })
}

/// What comes of something that asks the inbox; `None` if that takes too long: one that hangs must not hold up what is to be told
/// of that.
pub async fn in_time<T>(asking: impl Future<Output = T>) -> Option<T> {
    timeout(PATIENCE, asking).await.ok()
}
