//! What the admin side shows of the chatbots and of notices, and what backfills jobs: handed over by the app, for it may be
//! another receiver that knows.

use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{ChatbotId, EventId};
use crate::{backfill, inbox, subscription};

/// How the chatbots stand, as it is known here or (`true`) as the receiver knows it that leads.
pub type SubscriptionView = Arc<dyn Fn(bool) -> Pin<Box<dyn Future<Output = Standing> + Send>> + Send + Sync>;

/// What notices have to tell and nobody has taken, in words for an operator, notice by notice.
pub type UntoldView = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<String>> + Send>> + Send + Sync>;

/// How the chatbots stand, and who looks after them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Standing {
    /// What is registered.
    #[serde(flatten)]
    pub seen: subscription::Seen,
    /// What is missed.
    pub backfill: backfill::Seen,
    /// Who looks after both.
    pub leader: Leader,
}

/// Which receiver leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Leader {
    /// What people know it by; null while that is not known.
    pub name: Option<String>,
    /// Whether it is the receiver that was asked.
    pub is_self: bool,
}

/// Has the receiver that leads look at each chatbot now, and put the URL where it does not stand; or says why it does not.
pub type Ensure = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Asks CaiGunn what was missed of a job, of a chatbot if it is known, and stores it unless it is a dry run.
pub type BackfillJob = Arc<dyn Fn(EventId, Option<ChatbotId>, bool) -> BackfillAnswer + Send + Sync>;

/// What comes of a [`BackfillJob`] in the end.
pub type BackfillAnswer = Pin<Box<dyn Future<Output = Result<backfill::Outcome, Unanswered>> + Send>>;

/// Why CaiGunn, or the receiver that leads, has not answered.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// CaiGunn could not be asked, or who was asked has refused: why.
    #[error("{0}")]
    Refused(String),
    /// The receiver that leads is to be asked, and could not be: why.
    #[error("{0}")]
    NoLeader(String),
    /// The inbox could not be read or written.
    #[error(transparent)]
    Inbox(inbox::Error),
}
