//! What people and programs are shown of the way out, in any receiver: what the store has, and beside that what the log
//! holds for a destination and has no row yet.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Notify;

use super::instruction::{MAX_OPEN_REPLAYS, Shown};
use super::status::{Board, Status};
use super::{Filter, Settings};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Name};
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{
    self, Attempt, Delivery, DeliveryFilter, Destination, DestinationId, InstructionId, Outcome, Pause, State,
};
use crate::inbox::{self, Cursor, Inbox, Page, PageRequest, Receipt, ReceiptFilter, ReceiptId};

/// How many rows are looked at once for those of some receipts.
const SEARCH_COUNT: usize = 500;

/// How many parts of the list one page is put together from at most.
const MAX_PARTS: usize = 8;

/// The way out as it is shown and told what to do. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    inbox: Arc<dyn Inbox>,
    configured: Arc<[Configured]>,
    /// Tells whoever follows instructions in this process that there is one.
    wake: Arc<Notify>,
}

/// A destination of this receiver's configuration.
#[derive(Clone, Debug)]
struct Configured {
    name: String,
    filter: Filter,
    board: Board,
}

/// Which deliveries to list; all members that are set must match.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// By destination.
    pub destination: Option<String>,
    /// By state.
    pub state: Option<State>,
    /// Of which receipts.
    pub receipts: ReceiptFilter,
}

/// A delivery as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Destination and receipt: `app/0190b5c4-...`.
    pub id: String,
    /// Where to.
    pub destination: String,
    /// What.
    pub receipt_id: ReceiptId,
    /// The number of the receipt.
    pub sequence: u64,
    /// Its event name.
    pub event: Name,
    /// Its job.
    pub event_id: Option<EventId>,
    /// Its chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// When it was received.
    pub received_at: Timestamp,
    /// What has become of it.
    pub state: State,
    /// How many attempts were made.
    pub attempt_count: u32,
    /// How the last one ended.
    pub last_outcome: Option<Outcome>,
    /// If it waits to be tried again, when that is due.
    pub next_attempt_at: Option<Timestamp>,
    /// When that was written; `None` where nothing is.
    pub changed_at: Option<Timestamp>,
}

/// An attempt as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownAttempt {
    /// Its place among the attempts of the delivery.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status or the exit code.
    pub status: Option<i32>,
    /// What happened.
    pub detail: String,
    /// The beginning of what came back, as text.
    pub answer: String,
}

/// A destination as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownDestination {
    /// Its name.
    pub name: String,
    /// Whether it is sent to.
    pub state: ShownState,
    /// How many deliveries are pending. What has not been looked at yet is counted whether or not the destination wants
    /// it.
    pub pending_count: u64,
    /// How many dead letters it has.
    pub dead_count: u64,
    /// When it was put in.
    pub added_at: Timestamp,
    /// Why nothing is sent to it.
    pub pause: Option<Pause>,
    /// What only the receiver that leads knows, where that is asked.
    pub status: Option<Status>,
}

/// Whether a destination is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownState {
    /// It is, as far as the receiver that was asked knows.
    Active,
    /// It fails throughout and gets single attempts.
    Down,
    /// It is not, since somebody said so, or itself.
    Paused,
    /// It is configured no more.
    Removed,
}

/// Why something could not be asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no such destination in the configuration.
    #[error("no destination {0:?} is configured; there {1}")]
    NoDestination(String, String),
    /// Too many replays wait for their turn.
    #[error("{MAX_OPEN_REPLAYS} replays are not done yet; wait for one, or end one")]
    TooManyReplays,
    /// What the store says.
    #[error(transparent)]
    Inbox(#[from] inbox::Error),
}

impl Deliveries {
    /// Those of this configuration, with a board a destination.
    pub fn new(inbox: Arc<dyn Inbox>, settings: &Settings, boards: &[Board], wake: Arc<Notify>) -> Self {
        let configured = settings.destinations.iter().zip(boards);
        Self {
            inbox,
            configured: configured
                .map(|(destination, board)| Configured {
                    name: destination.name.clone(),
                    filter: destination.filter.clone(),
                    board: board.clone(),
                })
                .collect(),
            wake,
        }
    }

    /// Deliveries that match, newest receipt first. A page may hold a few more than asked for, or fewer and still have a
    /// next.
    ///
    /// # Errors
    /// [`Error::NoDestination`], or what the store says.
    pub async fn list(&self, query: &Query, page: PageRequest) -> Result<Page<Listed>, Error> {
        let known = self.inbox.outbox().destinations().await?;
        let chosen = match &query.destination {
            None => None,
            Some(name) => {
                let found = known.iter().find(|destination| destination.name == *name);
                Some(found.ok_or_else(|| self.no_destination(name))?.id)
            }
        };
        let is_chosen = |destination: &&Destination| chosen.is_none_or(|id| id == destination.id);
        let reading: Vec<_> = known
            .iter()
            .filter(|destination| destination.removed_at.is_none())
            .filter(is_chosen)
            .filter_map(|destination| Some((destination, self.configured(&destination.name)?)))
            .collect();
        let names: HashMap<_, _> = known.iter().map(|known| (known.id, &*known.name)).collect();
        // Down to there, receipts may be pending without a row.
        let floor = reading.iter().map(|(destination, _)| destination.cursor).min();
        let floor = floor.filter(|_| query.state.is_none_or(|state| state == State::Pending));
        if query.receipts.event_id.is_some() {
            return self.list_job(query, page, &known, chosen).await;
        }
        let mut listed = Page {
            items: Vec::new(),
            next: page.cursor,
        };
        // A part of the list may have little that matches; an empty page with more behind it helps nobody.
        for _ in 0..MAX_PARTS {
            let part = PageRequest {
                cursor: listed.next,
                limit: page.limit - listed.items.len(),
            };
            let part = match floor {
                Some(floor) if part.cursor.is_none_or(|cursor| cursor.0 > floor + 1) => {
                    self.list_log(query, part, chosen, &reading, &names, floor)
                        .await?
                }
                _ => self.list_rows(query, part, chosen, &names).await?,
            };
            listed.items.extend(part.items);
            listed.next = part.next;
            if listed.next.is_none() || listed.items.len() >= page.limit {
                break;
            }
        }
        Ok(listed)
    }

    /// A page of the part of the list that has rows only.
    async fn list_rows(
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
    async fn list_job(
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
    async fn of_receipt(
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
    async fn list_log(
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

    /// A delivery with its attempts, oldest first; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::NoDestination`], or what the store says.
    pub async fn show(
        &self,
        destination: &str,
        receipt_id: ReceiptId,
    ) -> Result<Option<(Listed, Vec<ShownAttempt>)>, Error> {
        let known = self.inbox.outbox().destinations().await?;
        let Some(known) = known.iter().find(|known| known.name == destination) else {
            return Err(self.no_destination(destination));
        };
        let Some((receipt, _)) = self.inbox.receipt(receipt_id).await? else {
            return Ok(None);
        };
        self.of_receipt(known, &receipt).await
    }

    /// The destinations that are or were configured, in the order of their first appearance.
    ///
    /// # Errors
    /// What the store says.
    pub async fn destinations(&self) -> Result<Vec<ShownDestination>, Error> {
        let newest = self.inbox.outbox().last_sequence().await?;
        let known = self.inbox.outbox().destinations().await?;
        let shown = known.into_iter().map(|known| {
            let status = self
                .configured(&known.name)
                .and_then(|configured| configured.board.status());
            let is_removed = known.removed_at.is_some();
            let behind_count = newest.saturating_sub(known.cursor);
            let pending_count = match &status {
                _ if is_removed => 0,
                Some(status) => status.pending_count,
                None => known.pending_count + behind_count,
            };
            let state = match &status {
                _ if is_removed => ShownState::Removed,
                _ if known.pause.is_some() => ShownState::Paused,
                Some(status) if status.down_since.is_some() => ShownState::Down,
                _ => ShownState::Active,
            };
            ShownDestination {
                name: known.name,
                state,
                pending_count,
                dead_count: known.dead_count,
                added_at: known.added_at,
                pause: known.pause,
                status,
            }
        });
        Ok(shown.collect())
    }

    /// Gives an instruction to the leader.
    ///
    /// # Errors
    /// [`Error::NoDestination`], or what the store says.
    pub async fn instruct(&self, instruction: &Instruction) -> Result<InstructionId, Error> {
        let destination = match instruction {
            Instruction::Retry { destination, .. }
            | Instruction::Cancel { destination, .. }
            | Instruction::Pause { destination, .. }
            | Instruction::Resume { destination } => Some(destination),
            Instruction::Replay(replay) => replay.destination.as_ref(),
            Instruction::EndReplay { .. } => None,
        };
        if let Some(name) = destination.filter(|name| self.configured(name).is_none()) {
            return Err(self.no_destination(name));
        }
        if let Instruction::Replay(_) = instruction {
            let open = self.inbox.outbox().open_instructions(MAX_OPEN_REPLAYS).await?;
            if open.iter().filter_map(Shown::of).filter(Shown::is_replay).count() >= MAX_OPEN_REPLAYS {
                return Err(Error::TooManyReplays);
            }
        }
        let body = serde_json::to_string(instruction).expect("an instruction has a JSON form");
        let kept = outbox::Instruction::new(body);
        let id = kept.id;
        self.inbox.outbox().instruct(kept).await?;
        self.wake.notify_waiters();
        Ok(id)
    }

    /// An instruction and how far it is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn instruction(&self, id: InstructionId) -> Result<Option<Shown>, Error> {
        let kept = self.inbox.outbox().instruction(id).await?;
        Ok(kept.as_ref().and_then(Shown::of))
    }

    /// The latest instructions, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn instructions(&self, limit: usize) -> Result<Vec<Shown>, Error> {
        let kept = self.inbox.outbox().instructions(limit).await?;
        Ok(kept.iter().filter_map(Shown::of).collect())
    }

    fn configured(&self, name: &str) -> Option<&Configured> {
        self.configured.iter().find(|configured| configured.name == name)
    }

    fn no_destination(&self, name: &str) -> Error {
        let names: Vec<_> = self
            .configured
            .iter()
            .map(|configured| &*configured.name)
            .collect();
        let there = match &names[..] {
            [] => "are none".to_owned(),
            names => format!("are: {}", names.join(", ")),
        };
        Error::NoDestination(name.to_owned(), there)
    }
}

/// The name of a delivery's destination. It may have been added just now.
fn name_of<'a>(names: &HashMap<DestinationId, &'a str>, row: &Delivery) -> &'a str {
    names.get(&row.destination).copied().unwrap_or("(new)")
}

impl Listed {
    fn of_row(destination: &str, row: &Delivery, receipt: &Receipt) -> Self {
        Self {
            state: row.state,
            attempt_count: row.attempt_count,
            last_outcome: row.outcome,
            next_attempt_at: (row.state == State::Pending).then_some(row.due_at),
            changed_at: Some(row.changed_at),
            ..Self::of_log(destination, receipt)
        }
    }

    /// One that is known only by its receipt.
    fn of_log(destination: &str, receipt: &Receipt) -> Self {
        Self {
            id: format!("{destination}/{}", receipt.id),
            destination: destination.to_owned(),
            receipt_id: receipt.id,
            sequence: receipt.sequence,
            event: receipt.event.clone(),
            event_id: receipt.event_id,
            chatbot_id: receipt.chatbot_id,
            received_at: receipt.received_at,
            state: State::Pending,
            attempt_count: 0,
            last_outcome: None,
            next_attempt_at: None,
            changed_at: None,
        }
    }
}

impl ShownAttempt {
    fn of(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            duration_ms: attempt.duration.as_micros() as f64 / 1_000.0,
            outcome: attempt.outcome,
            status: attempt.status,
            detail: attempt.detail.clone(),
            answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
        }
    }
}
