//! Notifications as the rows and columns that the statement takes.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::super::{NewReceipt, Origin, ReceiptId};
use super::super::{key, system_time};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, Identity, Name};

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
        let is_followed = receipt.name.event == "training" || receipt.identity == Identity::Windowed;
        Self {
            place,
            receipt,
            identity: key::of(&receipt.identity),
            latest_key: is_followed.then(|| key::of_chatbot(receipt.chatbot_id, &receipt.name.event)),
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

/// The rows of a turn, column by column.
pub struct Columns<'a> {
    identity: Vec<Option<Uuid>>,
    received_at: Vec<SystemTime>,
    event_id: Vec<Option<Uuid>>,
    model_id: Vec<Option<Uuid>>,
    chatbot_id: Vec<Option<Uuid>>,
    is_documented: Vec<bool>,
    is_backfilled: Vec<bool>,
    wire: Vec<&'a str>,
    event: Vec<&'a str>,
    status: Vec<&'a str>,
    body: Vec<&'a [u8]>,
    latest_key: Vec<Option<Uuid>>,
    latest_seq: Vec<Option<i64>>,
    /// Of the end of a job, what stands for its beginning.
    begun: Vec<Option<Uuid>>,
    /// Of the beginning of a job, what stands for its ends.
    completed: Vec<Option<Uuid>>,
    failed: Vec<Option<Uuid>>,
    given_seq: Vec<Option<i64>>,
    given_id: Vec<Option<Uuid>>,
    trace: Vec<Option<String>>,
    /// What our clock says now, for the server to correct our times by its own; `None` where they are to stay.
    sent_at: Option<SystemTime>,
}

impl<'a> Columns<'a> {
    pub fn of(rows: &[NewRow<'a>]) -> Self {
        fn column<'a, T>(rows: &[NewRow<'a>], value: impl Fn(&NewRow<'a>) -> T) -> Vec<T> {
            rows.iter().map(value).collect()
        }
        let is_initial = |row: &NewRow<'_>| row.receipt.name.status == Name::INITIAL;
        let [completed, failed] = Name::FINAL;
        Self {
            identity: column(rows, |row| row.identity),
            received_at: column(rows, |row| system_time(row.receipt.received_at)),
            event_id: column(rows, |row| row.receipt.event_id().map(|id| id.uuid())),
            model_id: column(rows, |row| match &row.receipt.identity {
                Identity::Model { model_id } => Some(model_id.uuid()),
                Identity::Job { .. } | Identity::Windowed => None,
            }),
            chatbot_id: column(rows, |row| row.receipt.chatbot_id.map(ChatbotId::uuid)),
            is_documented: column(rows, |row| {
                Event::is_documented(&row.receipt.name.event, &row.receipt.name.status)
            }),
            is_backfilled: column(rows, |row| row.receipt.origin == Origin::Backfill),
            wire: column(rows, |row| row.receipt.wire.as_str()),
            event: column(rows, |row| &*row.receipt.name.event),
            status: column(rows, |row| &*row.receipt.name.status),
            body: column(rows, |row| &row.receipt.body[..]),
            latest_key: column(rows, |row| row.latest_key),
            latest_seq: column(rows, |row| row.latest_seq),
            begun: column(rows, |row| row.step(row.receipt.name.ends_job(), Name::INITIAL)),
            completed: column(rows, |row| row.step(is_initial(row), completed)),
            failed: column(rows, |row| row.step(is_initial(row), failed)),
            given_seq: column(rows, |row| row.given.map(|(seq, _)| seq)),
            given_id: column(rows, |row| row.given.map(|(_, id)| id.uuid())),
            trace: column(rows, |row| row.receipt.trace.as_ref().map(ToString::to_string)),
            sent_at: rows
                .iter()
                .all(|row| row.given.is_none())
                .then(|| system_time(Timestamp::now())),
        }
    }

    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 20] {
        [
            &self.identity,
            &self.received_at,
            &self.event_id,
            &self.model_id,
            &self.chatbot_id,
            &self.is_documented,
            &self.is_backfilled,
            &self.wire,
            &self.event,
            &self.status,
            &self.body,
            &self.latest_key,
            &self.latest_seq,
            &self.begun,
            &self.completed,
            &self.failed,
            &self.given_seq,
            &self.given_id,
            &self.trace,
            &self.sent_at,
        ]
    }
}
