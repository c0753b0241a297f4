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
    /// The part of that one.
    fn of(kept: &outbox::Instruction) -> Self {
        match serde_json::from_str(&kept.body) {
            Ok(Instruction::Replay(replay)) if replay.dry_run => Self::Counts,
            Ok(Instruction::Replay(_)) => Self::Replays,
            Ok(Instruction::Ask(question)) if question.is_slow() => Self::Questions,
            Ok(_) | Err(_) => Self::Rest,
        }
    }
}

impl Follower {
    /// The oldest of a part that are open and can be done now, however many others are older.
    pub(super) async fn open(&self, part: Part) -> Result<Vec<outbox::Instruction>, inbox::Error> {
        // Once for all of them: of two wishes about the same the later one would else overtake the earlier.
        let has_not_read = |served: &&Served| !served.board.takes_orders();
        let waited_for: Vec<_> = self.served.iter().filter(has_not_read).collect();
        let can_be_done = |kept: &outbox::Instruction| {
            part != Part::Rest || !waited_for.iter().any(|served| is_done_by(served, kept))
        };
        let mut count = COUNT;
        loop {
            let mut open = self.inbox.outbox().open_instructions(count).await?;
            let is_all = open.len() < count;
            open.retain(|kept| Part::of(kept) == part && can_be_done(kept));
            if is_all || open.len() >= COUNT {
                open.truncate(COUNT);
                return Ok(open);
            }
            count *= 2;
        }
    }
}

/// Whether the worker of that destination has to do it. That what is configured is not removed is said without it.
fn is_done_by(served: &Served, kept: &outbox::Instruction) -> bool {
    match serde_json::from_str::<Instruction>(&kept.body) {
        Ok(Instruction::Remove { .. }) | Err(_) => false,
        Ok(instruction) => instruction.destination() == Some(&served.name),
    }
}
