//! The parts of the list of deliveries: above the lowest cursor what the log holds, with the rows laid over it, and below
//! it the rows.

use super::{Configured, Deliveries, Error, Listed, Query, SEARCH_COUNT, ShownAttempt};
use crate::inbox::outbox::{Delivery, DeliveryFilter, Destination, DestinationId};
use crate::inbox::{Cursor, MAX_JOB_RECEIPTS, Page, PageRequest, Receipt};

/// How many receipts of one job are looked up for a page: more than are shown of one.
const MAX_LOOKED_UP: usize = 2 * MAX_JOB_RECEIPTS;

impl Deliveries {
    /// A page of the part of the list that has rows only.
    pub(super) async fn list_rows(
        &self,
        query: &Query,
        page: PageRequest,
        chosen: Option<DestinationId>,
        known: &[Destination],
    ) -> Result<Page<Listed>, Error> {
        let filter = DeliveryFilter {
            destination: chosen,
            state: query.state,
            from_sequence: 0,
        };
        let is_narrow = query.receipts.event.is_some() || query.receipts.chatbot_id.is_some();
        let looked_at = PageRequest {
            limit: if is_narrow { SEARCH_COUNT } else { page.limit },
            ..page
        };
        let Page { items, next } = self.inbox.outbox().deliveries(filter, looked_at).await?;
        let items = items
            .iter()
            .filter(|(_, receipt)| query.receipts.matches(receipt));
        let mut items: Vec<_> = items
            .map(|(delivery, receipt)| Listed::of_row(name_of(known, delivery), delivery, receipt))
            .collect();
        let next = cut(&mut items, page.limit).or(next);
        Ok(Page { items, next })
    }

    /// A page of the deliveries of one job, whose receipts are few and found at once.
    pub(super) async fn list_job(
        &self,
        query: &Query,
        page: PageRequest,
        known: &[Destination],
        chosen: Option<DestinationId>,
    ) -> Result<Page<Listed>, Error> {
        // They are looked up one by one for each destination, and none of them may want any.
        let receipts = PageRequest {
            limit: page.limit.min(MAX_LOOKED_UP),
            ..page
        };
        let Page {
            items: receipts,
            mut next,
        } = self.inbox.receipts(query.receipts.clone(), receipts).await?;
        let mut items = Vec::new();
        for receipt in &receipts {
            if items.len() >= page.limit {
                next = Some(Cursor(receipt.sequence + 1));
                break;
            }
            let rows = self
                .inbox
                .outbox()
                .rows_of(chosen, vec![receipt.sequence])
                .await?;
            let wanted = known
                .iter()
                .filter(|known| chosen.is_none_or(|id| id == known.id));
            for destination in wanted {
                let row = rows.iter().find(|row| row.destination == destination.id);
                let found = self.listed(destination, receipt, row);
                items.extend(found.filter(|listed| query.state.is_none_or(|state| state == listed.state)));
            }
        }
        Ok(Page { items, next })
    }

    /// What there is to say of a receipt's way to a destination, with the attempts; `None` if it has none.
    pub(super) async fn of_receipt(
        &self,
        destination: &Destination,
        receipt: &Receipt,
    ) -> Result<Option<(Listed, Vec<ShownAttempt>)>, Error> {
        let outbox = self.inbox.outbox();
        let found = outbox.delivery(destination.id, receipt.sequence).await?;
        let (row, attempts) = found.unzip();
        let attempts = attempts.iter().flatten().map(ShownAttempt::of).collect();
        let listed = self.listed(destination, receipt, row.as_ref());
        Ok(listed.map(|listed| (listed, attempts)))
    }

    /// A receipt's way to a destination, by its row if it has one; `None` if there is no such way.
    pub(super) fn listed(
        &self,
        destination: &Destination,
        receipt: &Receipt,
        row: Option<&Delivery>,
    ) -> Option<Listed> {
        let name = &destination.name;
        if let Some(row) = row {
            return Some(Listed::of_row(name, row, receipt));
        }
        let configured = self.configured(name);
        let is_wanted = configured.is_some_and(|configured| configured.settings.filter.matches(receipt));
        let is_ahead = receipt.sequence > destination.cursor && destination.removed_at.is_none();
        (is_ahead && is_wanted).then(|| Listed::of_log(name, receipt))
    }

    /// A page of the part of the list, above `floor`, in which receipts may be pending without a row.
    pub(super) async fn list_log(
        &self,
        query: &Query,
        page: PageRequest,
        chosen: Option<DestinationId>,
        reading: &[(&Destination, &Configured)],
        known: &[Destination],
        floor: u64,
    ) -> Result<Page<Listed>, Error> {
        let mut receipts = self.inbox.receipts(query.receipts.clone(), page).await?;
        let reaches_floor = receipts.items.last().is_some_and(|last| last.sequence <= floor);
        receipts.items.retain(|receipt| receipt.sequence > floor);
        let next = match receipts.next {
            Some(next) if !reaches_floor && next.0 > floor + 1 => Some(next),
            // From there on there are rows.
            _ => Some(Cursor(floor + 1)),
        };
        // Those that match may lie far apart.
        let sequences = receipts.items.iter().map(|receipt| receipt.sequence).collect();
        let rows = self.inbox.outbox().rows_of(chosen, sequences).await?;
        let mut items = Vec::new();
        for receipt in &receipts.items {
            let sequence = receipt.sequence;
            let rows = &rows[rows.partition_point(|row| row.sequence > sequence)..];
            let of_receipt = rows.iter().take_while(|row| row.sequence == sequence);
            let with_rows = of_receipt.clone();
            items.extend(with_rows.map(|row| Listed::of_row(name_of(known, row), row, receipt)));
            let rowless = reading.iter().filter(|(destination, configured)| {
                sequence > destination.cursor
                    && configured.settings.filter.matches(receipt)
                    && !of_receipt.clone().any(|row| row.destination == destination.id)
            });
            items.extend(rowless.map(|(destination, _)| Listed::of_log(&destination.name, receipt)));
        }
        items.retain(|listed| query.state.is_none_or(|state| state == listed.state));
        let next = cut(&mut items, page.limit).or(next);
        Ok(Page { items, next })
    }
}

/// Leaves out what is beyond so many deliveries, but for those of the last receipt, which stay together; where the others
/// begin, if there are any.
fn cut(items: &mut Vec<Listed>, limit: usize) -> Option<Cursor> {
    let parts = |pair: &[Listed]| pair[0].sequence != pair[1].sequence;
    let at = (limit..items.len()).find(|at| parts(&items[at - 1..=*at]))?;
    items.truncate(at);
    items.last().map(|last| Cursor(last.sequence))
}

/// The name of a delivery's destination. It may have been added just now.
fn name_of<'a>(known: &'a [Destination], row: &Delivery) -> &'a str {
    let known = known.iter().find(|known| known.id == row.destination);
    known.map_or("(new)", |known| &known.name)
}
