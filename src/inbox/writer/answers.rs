//! How callers get their answers: those of one runtime all at once.
//!
//! To wake a task of another thread's runtime costs that thread a call to the system. A batch has many callers, so a
//! runtime of one thread has a single waker here, and its tasks are woken by itself.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::super::{Error, Stored};

/// What an entry came to.
type Result = std::result::Result<Stored, Error>;

/// Hands the callers of one runtime their answers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    /// Each is taken in once, so there are never more than entries that wait.
    ready: Mutex<Vec<(oneshot::Sender<Result>, Result)>>,
    is_ready: Notify,
}

/// Who waits for an entry to be stored.
#[derive(Debug)]
pub struct Caller {
    sender: oneshot::Sender<Result>,
    answers: Option<Answers>,
}

impl Answers {
    /// Runs for ever, on the runtime of those who are to be answered.
    pub async fn hand_out(self) {
        let mut ready = Vec::new();
        loop {
            self.0.is_ready.notified().await;
            mem::swap(&mut ready, &mut *self.ready());
            for (caller, answer) in ready.drain(..) {
                answer_one(caller, answer);
            }
        }
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, Vec<(oneshot::Sender<Result>, Result)>> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// One that is answered through `answers`, or by itself.
    pub fn new(sender: oneshot::Sender<Result>, answers: Option<Answers>) -> Self {
        Self { sender, answers }
    }
}

/// Answers callers.
pub fn send(callers: impl Iterator<Item = (Caller, Result)>) {
    // There are few runtimes, so few to compare with.
    let mut touched: Vec<Answers> = Vec::new();
    for (Caller { sender, answers }, answer) in callers {
        match answers {
            None => answer_one(sender, answer),
            Some(answers) => {
                answers.ready().push((sender, answer));
                if !touched.iter().any(|other| Arc::ptr_eq(&other.0, &answers.0)) {
                    touched.push(answers);
                }
            }
        }
    }
    touched.iter().for_each(|answers| answers.0.is_ready.notify_one());
}

/// Answers a caller. One that no longer waits is normal: its connection ended.
fn answer_one(caller: oneshot::Sender<Result>, answer: Result) {
    let _ = caller.send(answer);
}
