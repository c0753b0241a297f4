//! What went wrong elsewhere, as problems.

use std::error::Error;
use std::sync::Arc;

use http_body_util::LengthLimitError;

use super::{Kind, Problem};
use crate::delivery::view;
use crate::event::ParseError;
use crate::inbox;

/// What is wrong with the names in a query, said as it is of their values.
pub fn of_query(text: &str) -> String {
    let said = text
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(text);
    let unknown = || {
        let (name, rest) = said.split_once(": unknown field `")?;
        let allowed = rest.strip_prefix(name)?.strip_prefix("`, ")?;
        let allowed = allowed.strip_prefix("expected ").unwrap_or("none");
        Some(format!("{name}: there is no such parameter, expected {allowed}"))
    };
    let repeated = || {
        let name = said.strip_prefix("duplicate field `")?.strip_suffix('`')?;
        Some(format!("{name}: expected one value, found two"))
    };
    unknown().or_else(repeated).unwrap_or_else(|| said.to_owned())
}

/// Whether a body was read no further since it is longer than it may be, and not since it broke off.
pub fn is_too_long(error: &axum::Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<LengthLimitError>())
}

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
            view::Error::TooManyReplays | view::Error::TooManyCounts => {
                Self::new(Kind::InstructionFailed, error.to_string())
            }
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
