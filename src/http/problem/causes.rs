//! What went wrong elsewhere, as problems.

use std::sync::Arc;

use super::{Kind, Problem};
use crate::delivery::view;
use crate::event::ParseError;
use crate::inbox;

impl From<ParseError> for Problem {
    fn from(error: ParseError) -> Self {
        let detail = error.to_string();
        match error {
            ParseError::NotJson(_) => Self::new(Kind::NotJson, detail),
            ParseError::NotNotification { faults, .. } => Self {
                faults,
                ..Self::new(Kind::NotNotification, detail)
            },
        }
    }
}

impl From<view::Error> for Problem {
    fn from(error: view::Error) -> Self {
        match error {
            view::Error::NoDestination(..) => Self::new(Kind::NotFound, error.to_string()),
            view::Error::TooManyReplays => Self::new(Kind::InstructionFailed, error.to_string()),
            view::Error::Inbox(error) => error.into(),
        }
    }
}

impl From<inbox::Error> for Problem {
    fn from(error: inbox::Error) -> Self {
        let problem = match &error {
            inbox::Error::Full { .. } => {
                Self::new(Kind::Overloaded, "too many notifications wait to be stored")
            }
            inbox::Error::Timeout { .. } => Self::new(
                Kind::InboxUnavailable,
                "the inbox did not answer in time; sending again is safe",
            ),
            inbox::Error::Unavailable { reason }
            | inbox::Error::Refused { reason }
            | inbox::Error::InUse { reason }
            | inbox::Error::Corrupt { reason } => Self::new(Kind::InboxUnavailable, reason.clone()),
            inbox::Error::NotLeader => Self::not_leader(error.to_string()),
        };
        Self {
            cause: Some(Arc::new(error)),
            ..problem
        }
    }
}
