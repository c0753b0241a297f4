//! Answers what only the leader knows or does, asked through the inbox by another receiver, and does not keep the answers
//! for longer than it takes to read them.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::part::Open;
use super::{Follower, Turn};
use crate::clock::Timestamp;
use crate::delivery::instruction::Progress;
use crate::inbox;
use crate::inbox::instruction::{Instruction, Question};
use crate::inbox::outbox::{self, InstructionId, MAX_DONE_INSTRUCTIONS};

/// What answers questions, handed over by the app: this module knows nothing of chatbots. The error is why there is no
/// answer, for people.
pub type Answers = Arc<dyn Fn(Question) -> Answer + Send + Sync>;

/// What comes of [`Answers`] in the end.
pub type Answer = BoxFuture<'static, Result<Value, String>>;

/// How long a question may take from when it was asked; whoever asked waits no longer.
pub const QUESTION_TIMEOUT: Duration = Duration::from_secs(100);

/// How many of those that take long are answered at once.
const COUNT: usize = 4;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(15);

/// The progress of a question whose answer was read.
const EMPTIED: &str = outbox::NOTHING_LEFT;

/// Why there is no answer after [`QUESTION_TIMEOUT`].
const TOO_LATE: &str = "it took too long";

/// The longest answer, in bytes: ten thousand chatbots have some 3 MB.
const MAX_BYTES: usize = 8 << 20;

/// A question that takes long, as it is kept.
type Slow = (outbox::Instruction, Question);

/// Questions that take long and were begun with, until they are answered.
pub struct Begun {
    ids: Mutex<HashSet<InstructionId>>,
    begun: mpsc::Sender<Slow>,
    /// Held by who answers them.
    to_answer: tokio::sync::Mutex<mpsc::Receiver<Slow>>,
}

impl Default for Begun {
    fn default() -> Self {
        let (begun, to_answer) = mpsc::channel(super::COUNT);
        Self {
            ids: Mutex::default(),
            begun,
            to_answer: tokio::sync::Mutex::new(to_answer),
        }
    }
}

impl Begun {
    /// Which these are: what is begun with is not begun with again.
    pub fn ids(&self) -> HashSet<InstructionId> {
        self.ids.lock().clone()
    }
}

/// Questions that were answered.
#[derive(Default)]
pub struct Answered {
    /// As they are to be in the end, and since when they stand there with their answers, the oldest first.
    queue: VecDeque<(Instant, outbox::Instruction)>,
    /// Whether those are among them that others answered who led before.
    has_others: bool,
}

impl Answered {
    pub(super) fn push(&mut self, done: &outbox::Instruction) {
        let emptied = outbox::Instruction {
            id: done.id,
            created_at: done.created_at,
            body: done.body.clone(),
            progress: EMPTIED.to_owned(),
            done_at: done.done_at,
        };
        self.queue.push_back((Instant::now(), emptied));
    }
}

impl Follower {
    /// Begins with the questions among these that take long, for [`Self::answer_begun`], and empties answers that were read.
    pub(super) async fn begin_slow(&self, open: Vec<Open>) -> Result<bool, inbox::Error> {
        let mut turn = Turn::default();
        self.empty_answers(&mut turn).await?;
        for (kept, instruction) in open {
            let Some(Instruction::Ask(question)) = instruction else {
                continue;
            };
            // Whoever asks sees that it is begun with.
            let beginning = outbox::Instruction {
                progress: EMPTIED.to_owned(),
                ..kept.clone()
            };
            let written = self.inbox.outbox().follow_up(&self.leader, beginning).await;
            if written.is_ok() {
                self.begun.ids.lock().insert(kept.id);
                let sent = self.begun.begun.send((kept, question)).await;
                sent.expect("the other end is held beside this one");
            }
            turn.add(written.map(|()| false))?;
        }
        turn.end()
    }

    /// Answers for ever what is begun with, some at once: none waits for the answer to another as long as there is room.
    pub async fn answer_begun(&self) {
        let mut to_answer = self.begun.to_answer.lock().await;
        let begun = stream::poll_fn(|context| to_answer.poll_recv(context));
        let answering = begun.for_each_concurrent(COUNT, async |(kept, question)| {
            let id = kept.id;
            // What cannot be written down is tried again with the other ends, and told there.
            let _ = self.answer(kept, question).await;
            self.begun.ids.lock().remove(&id);
        });
        answering.await;
    }

    /// Answers one.
    pub async fn answer(&self, kept: outbox::Instruction, question: Question) -> Result<bool, inbox::Error> {
        let (answer, failure) = self.answer_to(&kept, question).await;
        let progress = Progress {
            answer,
            ..Progress::default()
        };
        self.close(kept, progress, failure).await?;
        Ok(true)
    }

    /// The answer, or why there is none.
    async fn answer_to(
        &self,
        kept: &outbox::Instruction,
        question: Question,
    ) -> (Option<Value>, Option<String>) {
        let left = QUESTION_TIMEOUT.saturating_sub(age(kept));
        match timeout(left, (self.answers)(question)).await {
            Ok(Ok(answer)) if answer.to_string().len() > MAX_BYTES => {
                (None, Some("the answer is too long".to_owned()))
            }
            Ok(Ok(answer)) => (Some(answer), None),
            Ok(Err(reason)) => (None, Some(reason)),
            Err(_) => (None, Some(TOO_LATE.to_owned())),
        }
    }

    /// Empties the answers that stand there for long enough. One that cannot be emptied is tried again, and keeps no other.
    async fn empty_answers(&self, turn: &mut Turn) -> Result<(), inbox::Error> {
        let mut answered = self.answered.lock().await;
        if !answered.has_others {
            // Whoever led before may have ended before it came to empty them; whoever asked may be about to read.
            let latest = self.inbox.outbox().instructions(MAX_DONE_INSTRUCTIONS).await;
            if let Ok(latest) = &latest {
                let full = latest.iter().filter(|done| is_full(done));
                full.for_each(|done| answered.push(done));
                answered.has_others = true;
            }
            turn.add(latest.map(|_| false))?;
        }
        let mut kept_count = 0;
        while let Some((at, emptied)) = answered.queue.get(kept_count)
            && at.elapsed() >= KEPT
        {
            let outbox = self.inbox.outbox();
            let written = outbox.follow_up(&self.leader, emptied.clone()).await;
            match &written {
                Ok(()) => _ = answered.queue.remove(kept_count),
                Err(_) => kept_count += 1,
            }
            turn.add(written.map(|()| false))?;
        }
        Ok(())
    }
}

/// How long ago it was asked.
fn age(kept: &outbox::Instruction) -> Duration {
    Timestamp::now().since(kept.created_at)
}

/// Leaves an answer out that could not be written down before whoever asked went: it is large, and of no use any more.
pub(super) fn drop_late_answer(done: &mut outbox::Instruction) {
    let progress: Progress = serde_json::from_str(&done.progress).unwrap_or_default();
    if progress.answer.is_some() && age(done) >= QUESTION_TIMEOUT {
        done.progress = EMPTIED.to_owned();
    }
}

/// Whether it is a question that was answered, with its answer.
pub(super) fn is_full(kept: &outbox::Instruction) -> bool {
    let is_question = || matches!(serde_json::from_str(&kept.body), Ok(Instruction::Ask(_)));
    kept.done_at.is_some() && kept.progress != EMPTIED && is_question()
}
