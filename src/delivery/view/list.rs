//! The parts of the list of deliveries: above the lowest cursor what the log holds, with the rows laid over it, and below
//! it the rows.

use std::collections::HashMap;

use super::{Configured, Deliveries, Error, Listed, Query, SEARCH_COUNT, ShownAttempt};
use crate::inbox::outbox::{Delivery, DeliveryFilter, Destination, DestinationId};
use crate::inbox::{Cursor, Page, PageRequest, Receipt};

impl Deliveries {
    /// A page of the part of the list that has rows only.
    pub(super) async fn list_rows(
        &self,
        query: &Query,
        page: PageRequest,
        chosen: Option<DestinationId>,
        names: &HashMap<DestinationId, &str>,
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
        let Page { items, mut next } = self.inbox.outbox().deliveries(filter, looked_at).await?;
        let items = items
            .iter()
            .filter(|(_, receipt)| query.receipts.matches(receipt));
        let mut items: Vec<_> = items
            .map(|(delivery, receipt)| Listed::of_row(name_of(names, delivery), delivery, receipt))
            .collect();
        // The deliveries of a receipt stay together.
        let parts = |pair: &[Listed]| pair[0].sequence != pair[1].sequence;
        let cut = (page.limit..items.len()).find(|at| parts(&items[at - 1..=*at]));
        if let Some(cut) = cut {
            items.truncate(cut);
            next = items.last().map(|last| Cursor(last.sequence));
        }
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
        let receipts = self.inbox.receipts(query.receipts.clone(), page).await?;
        let mut items = Vec::new();
        for receipt in &receipts.items {
            let wanted = known
                .iter()
                .filter(|known| chosen.is_none_or(|id| id == known.id));
            for destination in wanted {
                items.extend(
                    self.of_receipt(destination, receipt)
                        .await?
                        .map(|(listed, _)| listed),
                );
            }
        }
        items.retain(|listed| query.state.is_none_or(|state| state == listed.state));
        Ok(Page {
            items,
            next: receipts.next,
        })
    }

    /// What there is to say of a receipt's way to a destination, with the attempts; `None` if it has none.
    pub(super) async fn of_receipt(
        &self,
        destination: &Destination,
        receipt: &Receipt,
    ) -> Result<Option<(Listed, Vec<ShownAttempt>)>, Error> {
        let name = &destination.name;
        if let Some((row, attempts)) = self
            .inbox
            .outbox()
            .delivery(destination.id, receipt.sequence)
            .await?
        {
            let attempts = attempts.iter().map(ShownAttempt::of).collect();
            return Ok(Some((Listed::of_row(name, &row, receipt), attempts)));
        }
        let configured = self.configured(name);
        let is_wanted = configured.is_some_and(|configured| configured.filter.matches(receipt));
        let is_ahead = receipt.sequence > destination.cursor && destination.removed_at.is_none();
        Ok((is_ahead && is_wanted).then(|| (Listed::of_log(name, receipt), Vec::new())))
    }

    /// A page of the part of the list, above `floor`, in which receipts may be pending without a row.
    pub(super) async fn list_log(
        &self,
        query: &Query,
        page: PageRequest,
        chosen: Option<DestinationId>,
        reading: &[(&Destination, &Configured)],
        names: &HashMap<DestinationId, &str>,
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
        let (Some(newest), Some(oldest)) = (receipts.items.first(), receipts.items.last()) else {
            return Ok(Page {
                items: Vec::new(),
                next,
            });
        };
        let before = Cursor(newest.sequence + 1);
        let rows = self.rows(chosen, oldest.sequence, Some(before)).await?;
        let mut items = Vec::new();
        for receipt in &receipts.items {
            let sequence = receipt.sequence;
            let of_receipt = rows.get(&sequence).map(Vec::as_slice).unwrap_or_default();
            items.extend(
                of_receipt
                    .iter()
                    .map(|row| Listed::of_row(name_of(names, row), row, receipt)),
            );
            let rowless = reading.iter().filter(|(destination, configured)| {
                sequence > destination.cursor
                    && configured.filter.matches(receipt)
                    && !of_receipt.iter().any(|row| row.destination == destination.id)
            });
            items.extend(rowless.map(|(destination, _)| Listed::of_log(&destination.name, receipt)));
        }
        items.retain(|listed| query.state.is_none_or(|state| state == listed.state));
        Ok(Page { items, next })
    }

    /// The rows of receipts from that number on and before the cursor, by the number.
    async fn rows(
        &self,
        chosen: Option<DestinationId>,
        from: u64,
        mut before: Option<Cursor>,
    ) -> Result<HashMap<u64, Vec<Delivery>>, Error> {
        let filter = DeliveryFilter {
            destination: chosen,
            state: None,
            from_sequence: from,
        };
        let mut rows: HashMap<u64, Vec<Delivery>> = HashMap::new();
        loop {
            let page = PageRequest {
                cursor: before,
                limit: 500,
            };
            let Page { items, next } = self.inbox.outbox().deliveries(filter, page).await?;
            for (row, _) in items {
                rows.entry(row.sequence).or_default().push(row);
            }
            match next {
                None => return Ok(rows),
                next => before = next,
            }
        }
    }
}

/// The name of a delivery's destination. It may have been added just now.
fn name_of<'a>(names: &HashMap<DestinationId, &'a str>, row: &Delivery) -> &'a str {
    names.get(&row.destination).copied().unwrap_or("(new)")
}
