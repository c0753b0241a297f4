//! The parts in which instructions are followed, each beside the others, so that what takes long in one stands in the way of
//! none in another.

use super::Follower;
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
    /// The oldest of a part that are open, however many of other parts are older.
    pub(super) async fn open(&self, part: Part) -> Result<Vec<outbox::Instruction>, inbox::Error> {
        let mut count = COUNT;
        loop {
            let mut open = self.inbox.outbox().open_instructions(count).await?;
            let is_all = open.len() < count;
            open.retain(|kept| Part::of(kept) == part);
            if is_all || open.len() >= COUNT {
                open.truncate(COUNT);
                return Ok(open);
            }
            count *= 2;
        }
    }
}
