//! Why deliveries wait, in words.

use super::{Deliveries, Error, Listed};
use crate::clock::Timestamp;
use crate::inbox::outbox::{Destination, State};
use crate::inbox::{Cursor, Page, PageRequest, ReceiptFilter};

/// How many receipts of one job are looked at: it has three as a rule.
const MAX_JOB_RECEIPTS: usize = 100;

/// What is said of one that only waits for its time.
pub const NEXT_ATTEMPT: &str = "waits for its next attempt";

impl Deliveries {
    /// Says of each delivery of a page why it waits.
    pub(super) async fn explain(
        &self,
        mut page: Page<Listed>,
        known: &[Destination],
    ) -> Result<Page<Listed>, Error> {
        for listed in &mut page.items {
            let destination = known.iter().find(|known| known.name == listed.destination);
            if let Some(destination) = destination {
                self.explain_one(listed, destination).await?;
            }
        }
        Ok(page)
    }

    /// Says why it waits. What waits for something else than its time has no time.
    pub(super) async fn explain_one(
        &self,
        listed: &mut Listed,
        destination: &Destination,
    ) -> Result<(), Error> {
        listed.waits = self.why_it_waits(listed, destination).await?;
        let has_time = listed.waits.as_ref().is_none_or(|waits| waits == NEXT_ATTEMPT);
        listed.next_attempt_at.take_if(|_| !has_time);
        Ok(())
    }

    /// Why a delivery waits; `None` if it does not, or only until it is taken up.
    async fn why_it_waits(
        &self,
        listed: &Listed,
        destination: &Destination,
    ) -> Result<Option<String>, Error> {
        if listed.state != State::Pending {
            return Ok(None);
        }
        if let Some(first) = self.first_of_job(listed, destination).await? {
            return Ok(Some(format!("waits for {first}")));
        }
        let status = self
            .configured(&listed.destination)
            .and_then(|configured| configured.board.status());
        let is_down = status.is_some_and(|status| status.down_since.is_some());
        let is_early = listed.next_attempt_at.is_some_and(|at| at > Timestamp::now());
        Ok(match destination.pause {
            Some(_) => Some("its destination is paused".to_owned()),
            None if is_down => Some("its destination is down".to_owned()),
            None => is_early.then(|| NEXT_ATTEMPT.to_owned()),
        })
    }

    /// The delivery of the same job whose turn it is before that one's: the oldest that is pending.
    async fn first_of_job(
        &self,
        listed: &Listed,
        destination: &Destination,
    ) -> Result<Option<String>, Error> {
        let Some(event_id) = listed.event_id else {
            return Ok(None);
        };
        let filter = ReceiptFilter {
            event_id: Some(event_id),
            ..ReceiptFilter::default()
        };
        let older = PageRequest {
            cursor: Some(Cursor(listed.sequence)),
            limit: MAX_JOB_RECEIPTS,
        };
        for receipt in self.inbox.receipts(filter, older).await?.items.iter().rev() {
            let found = self.of_receipt(destination, receipt).await?;
            if let Some((first, _)) = found.filter(|(first, _)| first.state == State::Pending) {
                return Ok(Some(first.id));
            }
        }
        Ok(None)
    }
}
