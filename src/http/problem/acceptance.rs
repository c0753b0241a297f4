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
            NotAccepted::NoNotification(ParseError::NotNotification { faults, .. }) => {
                let mut problem = Self {
                    faults,
                    ..Self::new(Kind::NotAcceptable, detail)
                };
                // Commands and the page show that alone.
                problem.detail = problem.whole_detail();
                problem
            }
            NotAccepted::NoNotification(ParseError::NotJson(_))
            | NotAccepted::Cut { .. }
            | NotAccepted::Differs(_) => Self::new(Kind::NotAcceptable, detail),
        }
    }
}
