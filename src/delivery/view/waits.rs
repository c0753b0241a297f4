//! Why deliveries wait, in words.

use super::{Deliveries, Error, Listed, SEARCH_COUNT};
use crate::clock::Timestamp;
use crate::inbox::outbox::{DeliveryFilter, Destination, State};
use crate::inbox::{Cursor, Page, PageRequest, Receipt, ReceiptFilter};

/// How many receipts of one job are looked at: it has three as a rule.
const MAX_JOB_RECEIPTS: usize = 100;

/// What is said of one that only waits for its time.
const NEXT_ATTEMPT: &str = "waits for its next attempt";

/// Of one whose destination the receiver that leads does not have.
const UNCONFIGURED: &str = "its destination is configured no more";

/// Of one whose destination has sent a `Retry-After`.
const LEFT_ALONE: &str = "its destination asked to be left alone";

/// Of one whose destination has a `max_per_second`.
const TOO_MANY: &str = "its destination gets no more yet (max_per_second)";

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

    /// Says why it waits, and until when, where that is a matter of time alone.
    pub(super) async fn explain_one(
        &self,
        listed: &mut Listed,
        destination: &Destination,
    ) -> Result<(), Error> {
        let why = self.why_it_waits(listed, destination).await?;
        listed.next_attempt_at = why.as_ref().and_then(|(_, until)| *until);
        listed.waits = why.map(|(words, _)| words);
        Ok(())
    }

    /// Why a delivery waits, and until when; `None` if it does not, or only until it is taken up.
    async fn why_it_waits(
        &self,
        listed: &Listed,
        destination: &Destination,
    ) -> Result<Option<(String, Option<Timestamp>)>, Error> {
        if listed.state != State::Pending {
            return Ok(None);
        }
        if destination.unconfigured_at.is_some() {
            return Ok(Some((UNCONFIGURED.to_owned(), None)));
        }
        if let Some(first) = self.first_of_job(listed, destination).await? {
            return Ok(Some((format!("waits for {first}"), None)));
        }
        let configured = self.configured(&listed.destination);
        let status = configured.and_then(|configured| configured.board.status());
        let status = status.unwrap_or_default();
        let (now, due_at) = (Timestamp::now(), listed.next_attempt_at);
        let quiet_until = status
            .quiet_until
            .filter(|until| now < *until && due_at <= Some(*until));
        let why = match destination.pause {
            Some(_) => ("its destination is paused", None),
            None if quiet_until.is_some() => (LEFT_ALONE, quiet_until),
            None if status.down_since.is_some() => ("its destination is down", None),
            None if due_at.is_some_and(|at| at > now) => (NEXT_ATTEMPT, due_at),
            None if status.slow_until.is_some_and(|until| until > now) => (TOO_MANY, None),
            None => return Ok(None),
        };
        Ok(Some((why.0.to_owned(), why.1)))
    }

    /// The delivery of the same job whose turn it is before that one's: the oldest that is pending.
    async fn first_of_job(
        &self,
        listed: &Listed,
        destination: &Destination,
    ) -> Result<Option<String>, Error> {
        let Some(event_id) = listed.event_id else {
            return self.first_of_unnamed_job(listed, destination).await;
        };
        let filter = ReceiptFilter::of_job(event_id);
        let older = PageRequest::behind(Cursor(listed.sequence), MAX_JOB_RECEIPTS);
        for receipt in self.inbox.receipts(filter, older).await?.items.iter().rev() {
            let outbox = self.inbox.outbox();
            let rows = outbox
                .rows_of(Some(destination.id), vec![receipt.sequence])
                .await?;
            let found = self.listed(destination, receipt, rows.first());
            if let Some(first) = found.filter(|first| first.state == State::Pending) {
                return Ok(Some(first.id));
            }
        }
        Ok(None)
    }

    /// The same of a notification without an id of a job, which waits for those of its event and chatbot: all of them have rows
    /// where one has failed. Of very many that are pending only the nearest are looked at.
    async fn first_of_unnamed_job(
        &self,
        listed: &Listed,
        destination: &Destination,
    ) -> Result<Option<String>, Error> {
        let pending = DeliveryFilter {
            destination: Some(destination.id),
            state: Some(State::Pending),
            from_sequence: 0,
        };
        let older = PageRequest::behind(Cursor(listed.sequence), SEARCH_COUNT);
        let rows = self.inbox.outbox().deliveries(pending, older).await?.items;
        let is_of_job = |receipt: &Receipt| {
            let (event, of_listed) = (&receipt.event.event, &listed.event.event);
            receipt.event_id.is_none() && receipt.chatbot_id == listed.chatbot_id && event == of_listed
        };
        let first = rows.iter().rev().find(|(_, receipt)| is_of_job(receipt));
        Ok(first.map(|(_, receipt)| format!("{}/{}", destination.name, receipt.id)))
    }
}
