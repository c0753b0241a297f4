//! What the promises of the way out have in common: an inbox with somebody who leads it, and short words for what is
//! written there.

pub mod deliveries;
pub mod destinations;
pub mod instructions;
pub mod log;
pub mod notices;
pub mod progress;

use super::*;
use crate::inbox::outbox::{
    Attempt, Delivery, DeliveryFilter, Destination, DestinationId, Outbox, Outcome, PauseChange, Progress,
    Start, State,
};
use crate::inbox::{Candidate, Leadership};

/// An open inbox, and who leads it.
pub struct Led {
    pub inbox: Arc<dyn Inbox>,
    pub leader: Candidate,
}

impl Led {
    pub async fn open(place: &impl Place) -> Self {
        Self {
            inbox: place.open(settings()).await,
            leader: candidate("leader"),
        }
    }

    /// Closes the inbox and opens it again.
    async fn reopen(self, place: &impl Place) -> Self {
        Self {
            inbox: reopen(place, self.inbox).await,
            leader: self.leader,
        }
    }

    pub fn outbox(&self) -> &dyn Outbox {
        self.inbox.outbox()
    }

    /// The leader, who has just asked again: on a slow machine its lease may have ended.
    pub async fn leader(&self) -> &Candidate {
        let leadership = self.inbox.lead(&self.leader).await.expect("the store answers");
        assert_eq!(leadership, Leadership::Leader);
        &self.leader
    }

    /// Accepts a notification for each of these seconds, in their order; returns their numbers.
    pub async fn accept(&self, seconds: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let receipts = seconds
            .into_iter()
            .map(|second| crawled(&Ids::fresh()).at(second))
            .collect();
        let count = self.inbox.accept(receipts).await.len();
        let mut sequences = sequences(&self.inbox.all().await[..count]);
        sequences.reverse();
        sequences
    }

    /// Adds a destination that gets what is accepted from now on.
    pub async fn add(&self, name: &str) -> Destination {
        let added = self.outbox().add_destination(name.to_owned(), Start::Now).await;
        added.expect("the store takes the destination")
    }

    /// A destination as it is now.
    pub async fn destination(&self, id: DestinationId) -> Destination {
        let destinations = self.outbox().destinations().await.expect("destinations");
        let found = destinations.into_iter().find(|destination| destination.id == id);
        found.expect("it is there")
    }

    pub async fn record(&self, progress: Progress) {
        let leader = self.leader().await;
        let recorded = self.outbox().record(leader, progress).await;
        recorded.expect("the store takes what the leader says");
    }

    /// Records these deliveries of one destination and nothing else.
    pub async fn deliver(&self, destination: &Destination, deliveries: impl IntoIterator<Item = Delivery>) {
        let deliveries = deliveries.into_iter().collect();
        let progress = Progress {
            deliveries,
            ..nothing_new(destination)
        };
        self.record(progress).await;
    }

    /// A delivery and its attempts.
    async fn delivery(&self, destination: &Destination, sequence: u64) -> Option<(Delivery, Vec<Attempt>)> {
        let delivery = self.outbox().delivery(destination.id, sequence).await;
        delivery.expect("the store answers")
    }

    /// The numbers of the receipts that have no delivery to it.
    async fn undelivered(&self, destination: &Destination) -> Vec<u64> {
        let undelivered = self.outbox().undelivered(destination.id, 0, 1_000).await;
        sequences(&undelivered.expect("the store answers").receipts)
    }

    /// All pages of a list of deliveries.
    async fn pages(&self, filter: DeliveryFilter, limit: usize) -> Vec<Vec<(Delivery, Receipt)>> {
        let (mut pages, mut cursor) = (Vec::new(), None);
        loop {
            let page = PageRequest { cursor, limit };
            let page = self.outbox().deliveries(filter, page).await.expect("a page");
            pages.push(page.items);
            cursor = match page.next {
                None => return pages,
                // A cursor that does not move would go on for ever.
                next => Some(
                    next.filter(|next| Some(*next) != cursor)
                        .expect("the next page is another one"),
                ),
            };
        }
    }
}

pub fn candidate(name: &str) -> Candidate {
    Candidate {
        id: Uuid::new_v4(),
        name: name.to_owned(),
    }
}

/// What leaves a destination as it is.
pub fn nothing_new(destination: &Destination) -> Progress {
    Progress {
        destination: destination.id,
        cursor: 0,
        deliveries: Vec::new(),
        attempts: Vec::new(),
        pause: PauseChange::Keep,
    }
}

/// A delivery in that state, tried twice.
pub fn delivery(destination: &Destination, sequence: u64, state: State) -> Delivery {
    Delivery {
        destination: destination.id,
        sequence,
        state,
        step: 3,
        attempt_count: 2,
        replay_count: 1,
        outcome: Some(Outcome::Timeout),
        due_at: at(100),
        changed_at: at(50),
    }
}

/// An attempt of that number, unlike that of any other.
pub fn attempt(number: u32) -> Attempt {
    Attempt {
        number,
        started_at: at(u64::from(number)),
        duration: Duration::from_micros(1_000_001 + u64::from(number)),
        outcome: Outcome::Failed,
        status: Some(503),
        detail: format!("503 Service Unavailable, number {number}"),
        answer: Bytes::from_static(b"down for maintenance"),
    }
}

fn sequences(receipts: &[Receipt]) -> Vec<u64> {
    receipts.iter().map(|receipt| receipt.sequence).collect()
}
