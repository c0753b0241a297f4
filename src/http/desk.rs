//! What the admin side asks of the way out. The app has it answered: this module knows nothing of how things are
//! delivered.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{InstructionId, State};
use crate::inbox::{self, Page, PageRequest, ReceiptFilter, ReceiptId, Span};

/// An answer of the desk's, in the end.
pub type DeskAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, DeskError>> + Send + 'a>>;

/// Where the admin side sees the way out, and leaves what is to be done there. What is shown is a JSON object.
pub trait DeliveryDesk: Send + Sync {
    /// The destinations that are or were configured.
    fn destinations(&self) -> DeskAnswer<'_, Vec<Value>>;

    /// Deliveries that match, newest receipt first. A page may hold a few more than asked for, or fewer and still have a
    /// next.
    fn deliveries(&self, query: DeliveryQuery, page: PageRequest) -> DeskAnswer<'_, Page<Value>>;

    /// A delivery, if there is one.
    fn delivery<'a>(
        &'a self,
        destination: &'a str,
        receipt_id: ReceiptId,
    ) -> DeskAnswer<'a, Option<ShownDelivery>>;

    /// Leaves an instruction for the receiver that leads.
    fn instruct(&self, instruction: Instruction) -> DeskAnswer<'_, InstructionId>;

    /// An instruction and how far it is, if it is known.
    fn instruction(&self, id: InstructionId) -> DeskAnswer<'_, Option<ShownInstruction>>;

    /// The latest replays but those that only counted, newest first, at most `limit`.
    fn replays(&self, limit: usize) -> DeskAnswer<'_, Vec<Value>>;
}

/// Which deliveries to list; all members that are set must match.
#[derive(Clone, Debug, Default)]
pub struct DeliveryQuery {
    /// By the name of the destination.
    pub destination: Option<String>,
    /// By state.
    pub state: Option<State>,
    /// Of which receipts.
    pub receipts: ReceiptFilter,
    /// When these came.
    pub span: Span,
}

/// A delivery as it is shown.
#[derive(Clone, Debug)]
pub struct ShownDelivery {
    /// What has become of it.
    pub delivery: Value,
    /// Its attempts, oldest first.
    pub attempts: Vec<Value>,
}

/// An instruction as it is shown.
#[derive(Clone, Debug)]
pub struct ShownInstruction {
    /// What was asked for, and how far it is.
    pub shown: Value,
    /// Whether it is a replay.
    pub is_replay: bool,
    /// How it ended, if it did; else why it could not be done.
    pub end: Option<Result<(), String>>,
}

/// Why the desk has no answer.
#[derive(Clone, Debug)]
pub enum DeskError {
    /// There is no such destination; with those that there are.
    NoDestination(String),
    /// So much is asked for already that nothing more is taken now.
    Busy(String),
    /// What the store says.
    Inbox(inbox::Error),
}
