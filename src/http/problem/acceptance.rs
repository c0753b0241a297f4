//! Why a request in quarantine cannot be accepted after all, as a problem.

use super::{Kind, Problem};
use crate::event::ParseError;
use crate::inbox::acceptance::NotAccepted;

impl From<NotAccepted> for Problem {
    fn from(refused: NotAccepted) -> Self {
        let detail = refused.to_string();
        match refused {
            NotAccepted::Inbox(error) => error.into(),
            NotAccepted::Unknown => Self::new(Kind::NotFound, detail),
            NotAccepted::NoNotification(ParseError::NotNotification { faults, .. }) => Self {
                faults,
                ..Self::new(Kind::NotAcceptable, detail)
            },
            NotAccepted::NoNotification(ParseError::NotJson(_))
            | NotAccepted::Cut { .. }
            | NotAccepted::Differs(_) => Self::new(Kind::NotAcceptable, detail),
        }
    }
}
