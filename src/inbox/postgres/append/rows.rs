//! Notifications as the rows and columns that the statement takes.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::super::super::{NewReceipt, Origin, ReceiptId};
use super::super::key;
use super::super::values::{Column, column};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, EventId, Name};

/// A notification on its way into the tables.
pub struct NewRow<'a> {
    /// Its place in the batch.
    pub place: usize,
    pub receipt: &'a NewReceipt,
    /// What stands for its identity, if it has one.
    pub identity: Option<Uuid>,
    /// What stands for its chatbot and event, if the last of those matters.
    pub latest_key: Option<Uuid>,
    /// The number of the last receipt of that key, with which it was compared; 0 if there was none. `None` if it goes in
    /// whatever the last one is.
    pub latest_seq: Option<i64>,
    /// The number and the id that it has already; `None` if it is to get them.
    pub given: Option<(i64, ReceiptId)>,
}

impl<'a> NewRow<'a> {
    pub fn new(place: usize, receipt: &'a NewReceipt) -> Self {
        Self {
            place,
            receipt,
            identity: key::of(&receipt.identity),
            latest_key: receipt
                .is_followed()
                .then(|| key::of_chatbot(receipt.chatbot_id, &receipt.name.event)),
            latest_seq: Some(0),
            given: None,
        }
    }

    /// What stands for the step of the same job with that status, if there is a job and `is_wanted`.
    fn step(&self, is_wanted: bool, status: &str) -> Option<Uuid> {
        let event_id = self.receipt.event_id().filter(|_| is_wanted)?;
        Some(key::of_step(event_id, &self.receipt.name.event, status))
    }
}

/// Takes the rows that can go into one statement: no two of the same identity, and where one without any id is
/// compared with the last of its chatbot and event, no other that may become the last one. Their order is kept.
pub fn take_turn<'a>(waiting: &mut Vec<NewRow<'a>>) -> Vec<NewRow<'a>> {
    let mut identities = HashSet::new();
    // Of each chatbot and event, whether a row in this turn, or one that waits, has no id.
    let mut followed: HashMap<Uuid, bool> = HashMap::new();
    let (turn, later) = std::mem::take(waiting).into_iter().partition(|row| {
        let is_first = row.identity.is_none_or(|identity| identities.insert(identity));
        let Some(key) = row.latest_key else {
            return is_first;
        };
        let is_compared = row.identity.is_none();
        let may_go = match followed.get(&key) {
            None => is_first,
            Some(has_compared) => is_first && !is_compared && !has_compared,
        };
        let has_compared = followed.entry(key).or_default();
        // What comes after one that waits must wait too.
        *has_compared |= is_compared || !may_go;
        may_go
    });
    *waiting = later;
    turn
}

/// The rows of a turn, column by column, in the order of the statement's parameters.
pub fn columns<'a>(rows: &[NewRow<'a>]) -> Vec<Column<'a>> {
    let is_initial = |row: &NewRow<'_>| row.receipt.name.status == Name::INITIAL;
    let [completed, failed] = Name::FINAL;
    // What our clock says now, for the server to correct our times by its own, unless they are to stay.
    let are_given = rows.iter().any(|row| row.given.is_some());
    let sent_at = (!are_given).then(Timestamp::now);
    vec![
        column(rows, |row| row.identity),
        column(rows, |row| row.receipt.received_at),
        column(rows, |row| row.receipt.event_id().map(EventId::uuid)),
        column(rows, |row| row.receipt.model_id()),
        column(rows, |row| row.receipt.chatbot_id.map(ChatbotId::uuid)),
        column(rows, |row| {
            Event::is_documented(&row.receipt.name.event, &row.receipt.name.status)
        }),
        column(rows, |row| row.receipt.origin == Origin::Backfill),
        column(rows, |row| row.receipt.wire.as_str()),
        column(rows, |row| &*row.receipt.name.event),
        column(rows, |row| &*row.receipt.name.status),
        column(rows, |row| &row.receipt.body[..]),
        column(rows, |row| row.latest_key),
        column(rows, |row| row.latest_seq),
        // Of the end of a job, what stands for its beginning; of the beginning, what stands for its ends.
        column(rows, |row| row.step(row.receipt.name.ends_job(), Name::INITIAL)),
        column(rows, |row| row.step(is_initial(row), completed)),
        column(rows, |row| row.step(is_initial(row), failed)),
        column(rows, |row| row.given.map(|(seq, _)| seq)),
        column(rows, |row| row.given.map(|(_, id)| id.uuid())),
        column(rows, |row| row.receipt.trace.as_ref().map(ToString::to_string)),
        Box::new(sent_at),
    ]
}
