//! What the store is to hold: a list in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use uuid::Uuid;

use super::super::super::super::contract::posted;
use super::super::super::super::outbox::State;
use super::super::super::super::{Appended, NewReceipt, ReceiptId};
use crate::clock::Timestamp;
use crate::event::sample::{self, Ids};
use crate::event::{Event, EventId, Wire};

/// A post of one of few jobs, so that many are repeats.
#[derive(Clone, Debug)]
pub struct Sent {
    pub job: u8,
    pub status: &'static str,
    /// Whether it says something else than the usual.
    pub differs: bool,
    pub wire: Wire,
}

impl Sent {
    pub fn event_id(&self) -> EventId {
        EventId::new(Uuid::from_u128(self.job.into()))
    }

    pub fn receipt(&self, received_at: Timestamp) -> NewReceipt {
        let chatbot = u128::from(self.job) << 64 | u128::from(self.differs);
        let ids = Ids {
            event_id: self.event_id(),
            ..Ids::all(Uuid::from_u128(chatbot))
        };
        let event = match self.status {
            "initial" => Event::CrawlingInitial,
            "completed" => Event::CrawlingCompleted {
                training_data_ids: vec![ids.training_data_id],
            },
            _ => Event::CrawlingFailed { detail: None },
        };
        let mut body = sample::to_json(&sample::notification(event, &ids, self.wire));
        // Some pages each, so that a bound is met.
        body["filler"] = json!("x".repeat(4000 * usize::from(self.job)));
        NewReceipt {
            received_at,
            ..posted(&body.to_string())
        }
    }
}

/// A receipt as the list has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub sequence: u64,
    pub id: ReceiptId,
    pub received_at: Timestamp,
    pub event_id: EventId,
    pub status: &'static str,
    pub differs: bool,
}

/// What the store is to hold.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub held: Vec<Held>,
    pub open: BTreeSet<u64>,
    pub last_sequence: u64,
    pub quarantined_count: u64,
    /// By the number of the receipt.
    pub deliveries: BTreeMap<u64, State>,
    pub cursor: u64,
}

impl Model {
    fn of(&self, event_id: EventId, status: &str) -> Option<&Held> {
        let mut held = self.held.iter();
        held.find(|held| held.event_id == event_id && held.status == status)
    }

    /// Takes note of what was said of a post.
    pub fn take(&mut self, sent: &Sent, received_at: Timestamp, appended: Appended) {
        let known = self.of(sent.event_id(), sent.status);
        match (appended, known) {
            (Appended::Duplicate { receipt_id, differs }, Some(known)) => {
                assert_eq!(receipt_id, known.id);
                assert_eq!(differs.is_some(), sent.differs != known.differs);
                self.quarantined_count += u64::from(differs.is_some());
            }
            (Appended::New { receipt_id }, None) => self.put(sent, received_at, receipt_id),
            (appended, known) => panic!("{sent:?} was {appended:?} beside {known:?}"),
        }
    }

    /// Numbers have no gaps here, though stores may have some: one would show that memory and file had come apart.
    fn put(&mut self, sent: &Sent, received_at: Timestamp, id: ReceiptId) {
        let event_id = sent.event_id();
        assert!(self.held.iter().all(|held| held.id < id));
        self.last_sequence += 1;
        let has_ended = self
            .of(event_id, "completed")
            .or(self.of(event_id, "failed"))
            .is_some();
        if sent.status != "initial" {
            if let Some(Held { sequence, .. }) = self.of(event_id, "initial") {
                let sequence = *sequence;
                self.open.remove(&sequence);
            }
        } else if !has_ended {
            self.open.insert(self.last_sequence);
        }
        self.held.push(Held {
            sequence: self.last_sequence,
            id,
            received_at,
            event_id,
            status: sent.status,
            differs: sent.differs,
        });
    }

    /// Takes note of how many receipts went by a removal of those before that time, whether or not it came to its end. One
    /// that seems young goes too if of four behind it three are old: it came while the clock was wrong.
    pub fn remove(&mut self, count: usize, before: Timestamp, is_done: bool) {
        let is_old = |held: &&Held| held.received_at < before;
        let goes = |place: &usize| {
            let behind = self.held[place + 1..].iter().take(4);
            is_old(&&self.held[*place]) || behind.filter(is_old).count() >= 3
        };
        let old_count = (0..self.held.len()).take_while(goes).count();
        assert!(
            count == old_count || (count < old_count && !is_done),
            "{count} went, {old_count} were old: {:?}",
            self.held
        );
        self.held.drain(..count);
        let held: BTreeSet<_> = self.held.iter().map(|held| held.sequence).collect();
        self.open.retain(|sequence| held.contains(sequence));
        self.deliveries.retain(|sequence, _| held.contains(sequence));
    }
}
