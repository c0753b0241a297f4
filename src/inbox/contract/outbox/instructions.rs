//! Promise: an instruction waits until it is done, and what was done can be looked up for a while.

use super::*;
use crate::inbox::outbox::{Instruction, InstructionId, MAX_DONE_INSTRUCTIONS, NOTHING_LEFT};

impl Led {
    /// Gives so many instructions.
    async fn instruct(&self, count: usize) -> Vec<Instruction> {
        let mut given = Vec::new();
        for number in 0..count {
            let instruction = Instruction::new(format!(r#"{{"retry": {number}}}"#));
            self.outbox().instruct(instruction.clone()).await.unwrap();
            given.push(instruction);
        }
        given
    }

    async fn follow_up(&self, instruction: &Instruction) {
        let leader = self.leader().await;
        let followed_up = self.outbox().follow_up(leader, instruction.clone()).await;
        followed_up.expect("the store takes what the leader says");
    }

    async fn instruction(&self, id: InstructionId) -> Option<Instruction> {
        self.outbox().instruction(id).await.expect("the store answers")
    }

    async fn open_instructions(&self, limit: usize) -> Vec<Instruction> {
        let open = self.outbox().open_instructions(limit).await;
        open.expect("the store answers")
    }

    async fn instructions(&self, limit: usize) -> Vec<Instruction> {
        let latest = self.outbox().instructions(limit).await;
        latest.expect("the store answers")
    }
}

fn done(instruction: &Instruction, second: u64) -> Instruction {
    Instruction {
        progress: format!(r#"{{"retried": {second}}}"#),
        done_at: Some(at(second)),
        ..instruction.clone()
    }
}

pub async fn an_instruction_is_kept_until_it_is_done(place: &impl Place) {
    let led = Led::open(place).await;
    let given = led.instruct(2).await;
    let never = Instruction::new("{}".to_owned());

    assert_eq!(led.instruction(given[0].id).await.as_ref(), Some(&given[0]));
    assert_eq!(led.instruction(never.id).await, None);
    let begun = Instruction {
        progress: r#"{"retried": "„viele“ ☂"}"#.to_owned(),
        ..given[0].clone()
    };
    led.follow_up(&begun).await;
    assert_eq!(led.instruction(begun.id).await.as_ref(), Some(&begun));
    assert_eq!(led.open_instructions(10).await, [begun.clone(), given[1].clone()]);
    let (done, later) = (done(&begun, 5), done(&begun, 6));
    led.follow_up(&done).await;
    // Whoever was at it when it was ended comes too late, whatever came of it.
    led.follow_up(&begun).await;
    led.follow_up(&later).await;

    let led = led.reopen(place).await;
    assert_eq!(led.instruction(begun.id).await, Some(done));
    assert_eq!(led.open_instructions(10).await, given[1..]);
    // What was never given is not followed up.
    led.follow_up(&never).await;
    assert_eq!(led.instruction(never.id).await, None);
}

pub async fn open_instructions_are_listed_oldest_first(place: &impl Place) {
    let led = Led::open(place).await;
    assert!(led.open_instructions(10).await.is_empty());
    let given = led.instruct(5).await;

    led.follow_up(&done(&given[1], 1)).await;

    let open = [0, 2, 3, 4].map(|index: usize| given[index].clone());
    assert_eq!(led.open_instructions(10).await, open);
    assert_eq!(led.open_instructions(3).await, open[..3]);
}

pub async fn instructions_are_listed_newest_first(place: &impl Place) {
    let led = Led::open(place).await;
    assert!(led.instructions(10).await.is_empty());
    let mut given = led.instruct(4).await;
    given[2] = done(&given[2], 1);
    led.follow_up(&given[2]).await;

    given.reverse();
    assert_eq!(led.instructions(10).await, given);
    assert_eq!(led.instructions(2).await, given[..2]);
}

pub async fn an_instruction_given_twice_is_kept_once(place: &impl Place) {
    let led = Led::open(place).await;
    let [given] = led.instruct(1).await.try_into().expect("one");
    let done = done(&given, 1);
    led.follow_up(&done).await;

    // As after a timeout, when nobody knows whether it was kept.
    led.outbox().instruct(given).await.unwrap();

    assert_eq!(led.instructions(10).await, [done]);
}

pub async fn what_is_done_goes_when_there_is_too_much_of_it(place: &impl Place) {
    let led = Led::open(place).await;
    let given = led.instruct(MAX_DONE_INSTRUCTIONS + 4).await;
    // The first stays open, and so does the last.
    let (open, to_do) = ([&given[0], &given[given.len() - 1]], &given[1..given.len() - 1]);
    // Done from the newest to the oldest: it is when they were done that counts, for one may take long.
    for (second, instruction) in (0..).zip(to_do.iter().rev()) {
        if second == MAX_DONE_INSTRUCTIONS as u64 {
            let held = led.instructions(2 * MAX_DONE_INSTRUCTIONS).await;
            assert_eq!(held.len(), given.len(), "as many as there may be");
        }
        led.follow_up(&done(instruction, second)).await;
    }

    let held = led.instructions(2 * MAX_DONE_INSTRUCTIONS).await;

    let ids = |instructions: &[Instruction]| {
        instructions
            .iter()
            .map(|instruction| instruction.id)
            .collect::<Vec<_>>()
    };
    let mut expected = given[..given.len() - 3].to_vec();
    expected.push(open[1].clone());
    expected.reverse();
    assert_eq!(held.len(), MAX_DONE_INSTRUCTIONS + 2);
    assert_eq!(ids(&held), ids(&expected));
    assert_eq!(led.open_instructions(10).await, open.map(Clone::clone));
    assert_eq!(led.instruction(to_do[to_do.len() - 1].id).await, None);
    // Also if the clock was set back meanwhile.
    let last = done(open[0], 0);
    led.follow_up(&last).await;
    assert_eq!(led.instruction(last.id).await, Some(last));
}

pub async fn what_has_nothing_left_to_say_goes_with_the_next_that_is_done(place: &impl Place) {
    let led = Led::open(place).await;
    let given = led.instruct(4).await;
    let answered = done(&given[0], 1);
    let emptied = Instruction {
        progress: NOTHING_LEFT.to_owned(),
        ..answered.clone()
    };
    let begun = Instruction {
        progress: NOTHING_LEFT.to_owned(),
        ..given[1].clone()
    };
    led.follow_up(&answered).await;
    led.follow_up(&emptied).await;
    led.follow_up(&begun).await;
    led.follow_up(&done(&given[2], 2)).await;

    assert_eq!(led.instruction(emptied.id).await, None);
    assert_eq!(led.open_instructions(10).await, [begun, given[3].clone()]);
    assert_eq!(led.instruction(given[2].id).await, Some(done(&given[2], 2)));
}
