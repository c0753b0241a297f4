//! The way out as the admin side sees it, and how it passes on what is asked of it.

use serde::Serialize;
use serde_json::{Value, to_value};

use crate::delivery::Deliveries;
use crate::delivery::instruction::{Shown, ShownState};
use crate::delivery::view::{Error, Query};
use crate::http::{DeliveryDesk, DeliveryQuery, DeskAnswer, DeskError, ShownDelivery, ShownInstruction};
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{InstructionId, MAX_DONE_INSTRUCTIONS};
use crate::inbox::{Page, PageRequest, ReceiptId};

impl DeliveryDesk for Deliveries {
    fn destinations(&self) -> DeskAnswer<'_, Vec<Value>> {
        Box::pin(async move { Ok(self.destinations().await?.iter().map(json).collect()) })
    }

    fn deliveries(&self, query: DeliveryQuery, page: PageRequest) -> DeskAnswer<'_, Page<Value>> {
        Box::pin(async move {
            let DeliveryQuery {
                destination,
                state,
                receipts,
                span,
            } = query;
            let query = Query {
                destination,
                state,
                receipts,
                span,
            };
            let Page { items, next } = self.list(&query, page).await?;
            Ok(Page {
                items: items.iter().map(json).collect(),
                next,
            })
        })
    }

    fn delivery<'a>(
        &'a self,
        destination: &'a str,
        receipt_id: ReceiptId,
    ) -> DeskAnswer<'a, Option<ShownDelivery>> {
        Box::pin(async move {
            let found = self.show(destination, receipt_id).await?;
            Ok(found.map(|(delivery, attempts)| ShownDelivery {
                delivery: json(&delivery),
                attempts: attempts.iter().map(json).collect(),
            }))
        })
    }

    fn instruct(&self, instruction: Instruction) -> DeskAnswer<'_, InstructionId> {
        Box::pin(async move { Ok(self.instruct(&instruction).await?) })
    }

    fn instruction(&self, id: InstructionId) -> DeskAnswer<'_, Option<ShownInstruction>> {
        Box::pin(async move {
            let found = self.instruction(id).await?;
            Ok(found.as_ref().map(shown))
        })
    }

    fn replays(&self, limit: usize) -> DeskAnswer<'_, Vec<Value>> {
        Box::pin(async move {
            // Among the latest there are others. More than these are kept only while they are open.
            let latest = self.instructions(MAX_DONE_INSTRUCTIONS).await?;
            // One that only counts is nothing to look back on.
            let replays = latest.into_iter().filter(Shown::sends_again);
            Ok(replays.take(limit).map(without_ids).collect())
        })
    }
}

fn shown(instruction: &Shown) -> ShownInstruction {
    ShownInstruction {
        shown: json(instruction),
        is_replay: instruction.is_replay(),
        end: match instruction.state {
            ShownState::Waiting | ShownState::Running => None,
            ShownState::Done | ShownState::Ended => Some(Ok(())),
            ShownState::Failed => Some(Err(instruction.progress.failure.clone().unwrap_or_default())),
        },
    }
}

/// A replay in a list, with the number of the receipts that it names in place of their ids: there may be a thousand.
fn without_ids(mut shown: Shown) -> Value {
    let Instruction::Replay(replay) = &mut shown.instruction else {
        return json(&shown);
    };
    let count = std::mem::take(&mut replay.receipt_ids).len();
    let mut shown = json(&shown);
    if count > 0 {
        shown["instruction"]["receipt_id_count"] = count.into();
    }
    shown
}

fn json(shown: &impl Serialize) -> Value {
    to_value(shown).expect("texts, numbers and ids have a JSON form")
}

impl From<Error> for DeskError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoDestination(..) => Self::NoDestination(error.to_string()),
            Error::TooManyReplays => Self::Busy(error.to_string()),
            Error::Inbox(error) => Self::Inbox(error),
        }
    }
}
