//! Which replay came of which form: a button that is pressed twice, or a form that a reload sends again, begins no second one.

use std::collections::VecDeque;
use std::future::Future;

use tokio::sync::Mutex;
use uuid::Uuid;

use crate::inbox::outbox::InstructionId;

/// The field that tells a form from others with the same in it, by an id that it was given when it was shown.
pub const FORM_ID: &str = "form_id";

/// Of how many forms it is known, the latest ones.
const MAX_COUNT: usize = 256;

#[derive(Default)]
pub struct Begun(Mutex<VecDeque<(Form, InstructionId)>>);

/// A form, and what was chosen in it where it has a choice.
type Form = (Uuid, String);

/// The replay of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is begun now.
    Now(InstructionId),
    /// It was begun when the form came before.
    Before(InstructionId),
}

impl Came {
    /// Which, whenever it was begun.
    pub fn id(self) -> InstructionId {
        let (Self::Now(id) | Self::Before(id)) = self;
        id
    }
}

/// An id for a form that is shown.
pub fn new_form_id() -> String {
    Uuid::new_v4().to_string()
}

impl Begun {
    /// Has a form begin what it is to begin, unless it has. One without an id is another one each time.
    ///
    /// # Errors
    /// What `begin` says: the form may come again then.
    pub async fn once<E>(
        &self,
        (form_id, chosen): (Option<&str>, &str),
        begin: impl Future<Output = Result<InstructionId, E>>,
    ) -> Result<Came, E> {
        let form_id = form_id.and_then(|id| Uuid::try_parse(id).ok());
        let form = form_id.map(|id| (id, chosen.to_owned()));
        // Held until it is begun: both requests of a double click may be here at once.
        let mut begun = self.0.lock().await;
        let found = begun.iter().find(|(known, _)| Some(known) == form.as_ref());
        if let Some((_, id)) = found {
            return Ok(Came::Before(*id));
        }
        let id = begin.await?;
        if let Some(form) = form {
            begun.truncate(MAX_COUNT - 1);
            begun.push_front((form, id));
        }
        Ok(Came::Now(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> InstructionId {
        InstructionId::new(Uuid::new_v4())
    }

    #[tokio::test]
    async fn what_a_form_began_is_begun_once_though_it_comes_twice_at_once() {
        let (begun, form) = (Begun::default(), new_form_id());
        let (first, second) = (id(), id());
        let begin = |id: InstructionId| async move {
            tokio::task::yield_now().await;
            Ok::<_, ()>(id)
        };

        let came = tokio::join!(
            begun.once((Some(&form), "a"), begin(first)),
            begun.once((Some(&form), "a"), begin(second)),
        );

        assert_eq!(came, (Ok(Came::Now(first)), Ok(Came::Before(first))));
        let other = new_form_id();
        for another in [(Some(&*form), "b"), (Some(&*other), "a")] {
            assert_eq!(begun.once(another, begin(second)).await, Ok(Came::Now(second)));
        }
        for none in [None, Some("x")] {
            for id in [first, second] {
                assert_eq!(begun.once((none, ""), begin(id)).await, Ok(Came::Now(id)));
            }
        }
    }

    #[tokio::test]
    async fn what_could_not_be_begun_may_be_asked_for_again() {
        let (begun, form, id) = (Begun::default(), new_form_id(), id());

        let refused = begun.once((Some(&form), ""), async { Err("full") }).await;

        assert_eq!(refused, Err("full"));
        let again = begun.once((Some(&form), ""), async { Ok::<_, ()>(id) }).await;
        assert_eq!(again, Ok(Came::Now(id)));
    }
}
