//! What people and programs are shown of the way out, in any receiver: what the store has, and beside that what the log
//! holds for a destination and has no row yet.

mod list;
mod shown;
#[cfg(test)]
mod tests;
mod trouble;
mod waits;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

use super::backlog::WINDOW;
use super::instruction::{MAX_OPEN_REPLAYS, Shown};
use super::status::Board;
use super::{DestinationSettings, Settings};
use crate::clock::Timestamp;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{self, Destination, InstructionId, MAX_DONE_INSTRUCTIONS, State};
use crate::inbox::{self, Inbox, Page, PageRequest, Receipt, ReceiptFilter, ReceiptId, Span};

pub use shown::{Listed, ShownAttempt, ShownDestination, ShownState};
pub use trouble::{MEND, Trouble, TroubleKind};

/// How many rows are looked at once for those of some receipts.
const SEARCH_COUNT: usize = 500;

/// How many open instructions are looked at for replays: many more than there are.
const MAX_OPEN_EXAMINED: usize = 10_000;

/// How many parts of the list one page is put together from at most.
const MAX_PARTS: usize = 8;

/// The way out as it is shown and told what to do. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    inbox: Arc<dyn Inbox>,
    configured: Arc<[Configured]>,
    removal_grace: Duration,
    /// Tells whoever follows instructions in this process that there is one.
    wake: Arc<Notify>,
    /// Held from the look at how many replays are open until one more is.
    giving_replay: Arc<Mutex<()>>,
}

/// A delivery with its attempts, oldest first.
pub type ShownWhole = (Listed, Vec<ShownAttempt>);

/// A destination of this receiver's configuration.
#[derive(Clone, Debug)]
struct Configured {
    settings: DestinationSettings,
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
    /// When these came.
    pub span: Span,
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
    /// Too many are being counted.
    #[error("{MAX_OPEN_REPLAYS} replays that only count are not done yet; wait for one")]
    TooManyCounts,
    /// What the store says.
    #[error(transparent)]
    Inbox(#[from] inbox::Error),
}

impl Error {
    /// Whether it is of the one row that was asked for, and of no other.
    pub fn is_of_row(&self) -> bool {
        matches!(self, Self::Inbox(inbox::Error::Corrupt { .. }))
    }
}

impl Deliveries {
    /// Those of this configuration, with a board a destination.
    pub fn new(inbox: Arc<dyn Inbox>, settings: &Settings, boards: &[Board], wake: Arc<Notify>) -> Self {
        let configured = settings.destinations.iter().zip(boards);
        Self {
            inbox,
            configured: configured
                .map(|(settings, board)| Configured {
                    settings: settings.clone(),
                    board: board.clone(),
                })
                .collect(),
            removal_grace: settings.removal_grace,
            wake,
            giving_replay: Arc::default(),
        }
    }

    /// Deliveries that match, newest receipt first. Those of one receipt are on one page, which may so hold a few more than
    /// asked for, or fewer and still have a next.
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
        // Down to there, receipts may be pending without a row.
        let floor = reading.iter().map(|(destination, _)| destination.cursor).min();
        let floor = floor.filter(|_| query.state.is_none_or(|state| state == State::Pending));
        if query.receipts.event_id.is_some() {
            let mut listed = self.list_job(query, page, &known, chosen).await?;
            listed.items.retain(|item| query.span.contains(item.received_at));
            return self.explain(listed, &known).await;
        }
        let page = query.span.page_before_end(&*self.inbox, page).await?;
        let mut listed = Page {
            items: Vec::new(),
            next: page.cursor,
        };
        // A part of the list may have little that matches; an empty page with more behind it helps nobody.
        for _ in 0..MAX_PARTS {
            let part = PageRequest::behind(listed.next, page.limit - listed.items.len());
            let mut part = match floor {
                Some(floor) if part.cursor.is_none_or(|cursor| cursor.0 > floor + 1) => {
                    self.list_log(query, part, chosen, &reading, &known, floor)
                        .await?
                }
                _ => self.list_rows(query, part, chosen, &known).await?,
            };
            let is_over = |oldest: &Listed| query.span.begins_after(oldest.received_at);
            part.next.take_if(|_| part.items.last().is_some_and(is_over));
            part.items.retain(|item| query.span.contains(item.received_at));
            listed.items.extend(part.items);
            listed.next = part.next;
            if listed.next.is_none() || listed.items.len() >= page.limit {
                break;
            }
        }
        self.explain(listed, &known).await
    }

    /// A delivery with its attempts, oldest first; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::NoDestination`], or what the store says.
    pub async fn show(&self, destination: &str, receipt_id: ReceiptId) -> Result<Option<ShownWhole>, Error> {
        let known = self.inbox.outbox().destinations().await?;
        let Some(chosen) = known.iter().find(|known| known.name == destination) else {
            return Err(self.no_destination(destination));
        };
        let Some((receipt, _)) = self.inbox.receipt(receipt_id).await? else {
            return Ok(None);
        };
        self.show_one(chosen, &receipt).await
    }

    /// All deliveries of a receipt, each as [`Self::show`] has it or with why it cannot be read, by their destinations' names.
    ///
    /// # Errors
    /// What the store says of the destinations.
    pub async fn show_all(
        &self,
        receipt: &Receipt,
    ) -> Result<Vec<(String, Result<ShownWhole, Error>)>, Error> {
        let known = self.inbox.outbox().destinations().await?;
        let mut all = Vec::new();
        for chosen in known {
            let shown = self.show_one(&chosen, receipt).await.transpose();
            all.extend(shown.map(|shown| (chosen.name, shown)));
        }
        Ok(all)
    }

    async fn show_one(&self, chosen: &Destination, receipt: &Receipt) -> Result<Option<ShownWhole>, Error> {
        let Some((mut listed, attempts)) = self.of_receipt(chosen, receipt).await? else {
            return Ok(None);
        };
        self.explain_one(&mut listed, chosen).await?;
        Ok(Some((listed, attempts)))
    }

    /// The destinations that are or were configured, in the order of their first appearance.
    pub async fn destinations(&self) -> Result<Vec<ShownDestination>, Error> {
        let known = self.inbox.outbox().destinations().await?;
        let now = Timestamp::now();
        let mut all = Vec::new();
        for known in known {
            let is_removed = known.removed_at.is_some();
            let configured = self.configured(&known.name).filter(|_| !is_removed);
            let mut status = configured.and_then(|configured| configured.board.status());
            let pending_count = match &mut status {
                _ if is_removed => 0,
                Some(status) if status.is_restored => status.pending_count,
                // What keeps its worker from reading what waits may keep this from it: that is shown all the same.
                Some(status) => {
                    let ahead_count = self.ahead_count(&known, configured).await;
                    status.pending_count = known.pending_count + ahead_count.unwrap_or(0);
                    status.pending_count
                }
                None => known.pending_count + self.ahead_count(&known, configured).await?,
            };
            let state = match &status {
                _ if is_removed => ShownState::Removed,
                _ if known.unconfigured_at.is_some() => ShownState::Unconfigured,
                _ if known.pause.is_some() => ShownState::Paused,
                Some(status) if status.down_since.is_some() => ShownState::Down,
                _ => ShownState::Active,
            };
            let mut shown = ShownDestination {
                name: known.name,
                kind: configured.map(|configured| configured.settings.kind.as_str()),
                to: configured.map(|configured| configured.settings.kind.place()),
                state,
                pending_count,
                dead_count: known.dead_count,
                added_at: known.added_at,
                removed_after: known
                    .unconfigured_at
                    .filter(|_| !is_removed)
                    .map(|since| since.plus(self.removal_grace)),
                pause: known.pause,
                trouble: None,
                status,
            };
            shown.trouble = shown.trouble_at(now);
            all.push(shown);
        }
        Ok(all)
    }

    /// How many are pending behind a destination's cursor without a row, as the one that leads counts them: what it does not
    /// want is left out, of as many receipts as it reads ahead.
    async fn ahead_count(&self, known: &Destination, configured: Option<&Configured>) -> Result<u64, Error> {
        let outbox = self.inbox.outbox();
        let ahead = outbox.undelivered(known.id, known.cursor, WINDOW).await?;
        let is_wanted = |receipt: &&Receipt| configured.is_none_or(|it| it.settings.filter.matches(receipt));
        let wanted_count = ahead.receipts.iter().filter(is_wanted).count() as u64;
        Ok(wanted_count + ahead.newest.saturating_sub(ahead.read_to))
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
            Instruction::Remove { destination } => {
                let known = self.inbox.outbox().destinations().await?;
                if !known.iter().any(|known| known.name == *destination) {
                    return Err(self.no_destination(destination));
                }
                None
            }
            Instruction::EndReplay { .. } | Instruction::Ask(_) => None,
        };
        if let Some(name) = destination.filter(|name| self.configured(name).is_none()) {
            let known = self.inbox.outbox().destinations().await?;
            let is_left = |known: &Destination| known.name == *name && known.removed_at.is_none();
            return Err(match known.iter().any(is_left) {
                true => {
                    let left = format!("was one, of which only `destinations remove {name}` can be done now");
                    Error::NoDestination(name.clone(), left)
                }
                false => self.no_destination(name),
            });
        }
        let mut _giving = None;
        if let Instruction::Replay(replay) = instruction {
            _giving = Some(self.giving_replay.lock().await);
            self.find_room(replay.dry_run).await?;
        }
        let body = serde_json::to_string(instruction).expect("an instruction has a JSON form");
        let kept = outbox::Instruction::new(body);
        let id = kept.id;
        self.inbox.outbox().instruct(kept).await?;
        self.wake.notify_waiters();
        Ok(id)
    }

    /// Whether there may be one more replay, of those that only count or of the others.
    async fn find_room(&self, is_count: bool) -> Result<(), Error> {
        let open = self.inbox.outbox().open_instructions(MAX_OPEN_EXAMINED).await?;
        let replays = open.iter().filter_map(Shown::of).filter(Shown::is_replay);
        let of_its_kind = replays.filter(|replay| replay.sends_again() != is_count);
        match of_its_kind.count() < MAX_OPEN_REPLAYS {
            true => Ok(()),
            false if is_count => Err(Error::TooManyCounts),
            false => Err(Error::TooManyReplays),
        }
    }

    /// An instruction and how far it is.
    pub async fn instruction(&self, id: InstructionId) -> Result<Option<Shown>, Error> {
        let kept = self.inbox.outbox().instruction(id).await?;
        Ok(kept.as_ref().and_then(Shown::of))
    }

    /// The latest replays but those that only counted, newest first, at most `limit`, without the ids that they name.
    pub async fn replays(&self, limit: usize) -> Result<Vec<Shown>, Error> {
        // Among the latest there are others, and one that is open may be older than all of these.
        let mut kept = self
            .inbox
            .outbox()
            .instructions(2 * MAX_DONE_INSTRUCTIONS)
            .await?;
        let open = self
            .inbox
            .outbox()
            .open_instructions(MAX_DONE_INSTRUCTIONS)
            .await?;
        let listed: HashSet<_> = kept.iter().map(|kept| kept.id).collect();
        kept.extend(open.into_iter().rev().filter(|open| !listed.contains(&open.id)));
        let shown = kept.iter().filter_map(Shown::of);
        // One that only counts is nothing to look back on.
        let replays = shown.filter(Shown::sends_again).map(Shown::without_ids);
        Ok(replays.take(limit).collect())
    }

    fn configured(&self, name: &str) -> Option<&Configured> {
        let mut configured = self.configured.iter();
        configured.find(|configured| configured.settings.name == name)
    }

    fn no_destination(&self, name: &str) -> Error {
        let names: Vec<_> = self
            .configured
            .iter()
            .map(|configured| &*configured.settings.name)
            .collect();
        let there = match &names[..] {
            [] => "are none".to_owned(),
            names => format!("are: {}", names.join(", ")),
        };
        Error::NoDestination(name.to_owned(), there)
    }
}
