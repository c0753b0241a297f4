//! The parts in which instructions are followed, each beside the others, so that what takes long in one stands in the way of
//! none in another.

use super::{Follower, Served};
use crate::inbox;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox;

/// How many are looked at once.
pub const COUNT: usize = 100;

/// Which instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Replays that send.
    Replays,
    /// Those that only count, for which somebody waits.
    Counts,
    /// Questions that take long.
    Questions,
    Rest,
}

impl Part {
    /// The part of that one; of one that is not known here it is the rest.
    fn of(instruction: Option<&Instruction>) -> Self {
        match instruction {
            Some(Instruction::Replay(replay)) if replay.dry_run => Self::Counts,
            Some(Instruction::Replay(_)) => Self::Replays,
            Some(Instruction::Ask(question)) if question.is_slow() => Self::Questions,
            Some(_) | None => Self::Rest,
        }
    }
}

/// One that is open, and what it says; `None` if it was given by a newer version of this program.
pub type Open = (outbox::Instruction, Option<Instruction>);

impl Follower {
    /// The oldest of a part that are open and can be done now, however many others are older.
    pub(super) async fn open(&self, part: Part) -> Result<Vec<Open>, inbox::Error> {
        // Once for all of them: of two wishes about the same the later one would else overtake the earlier.
        let has_not_read = |served: &&Served| !served.board.takes_orders();
        let waited_for: Vec<_> = self.served.iter().filter(has_not_read).collect();
        let can_be_done = |instruction: Option<&Instruction>| {
            part != Part::Rest || !waited_for.iter().any(|served| is_done_by(served, instruction))
        };
        let mut count = COUNT;
        loop {
            let open = self.inbox.outbox().open_instructions(count).await?;
            let is_all = open.len() < count;
            let mut open: Vec<Open> = open
                .into_iter()
                .map(|kept| {
                    let instruction = serde_json::from_str(&kept.body).ok();
                    (kept, instruction)
                })
                .filter(|(_, instruction)| {
                    let instruction = instruction.as_ref();
                    Part::of(instruction) == part && can_be_done(instruction)
                })
                .collect();
            if is_all || open.len() >= COUNT {
                open.truncate(COUNT);
                return Ok(open);
            }
            count *= 2;
        }
    }
}

/// Whether the worker of that destination has to do it. That what is configured is not removed is said without it.
fn is_done_by(served: &Served, instruction: Option<&Instruction>) -> bool {
    match instruction {
        Some(Instruction::Remove { .. }) | None => false,
        Some(instruction) => instruction.destination() == Some(&served.name),
    }
}
