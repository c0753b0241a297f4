//! A leader, a store and a destination that do what chance says, and what must hold all the same.

use super::*;

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A notification of that job is accepted.
    Accept { job: u8 },
    /// The log is read.
    Read,
    /// An attempt begins.
    Begin { is_probe: bool },
    /// One of those under way ends.
    End { which: u8, outcome: Outcome },
    /// What there is to record goes to the store, and arrives.
    Record,
    /// It arrives, and whoever sent it is killed before it knows.
    RecordAndDie,
    /// The leader is killed, or its lease ends; the next one begins with what is in the store.
    Die,
    /// Time goes by.
    Wait { seconds: u8 },
    /// The destination is found to be back.
    Hurry { is_all: bool },
    /// An operator has one tried now.
    Retry { sequence: u8 },
    /// An operator calls one off.
    Cancel { sequence: u8 },
    /// An operator has one sent again.
    Replay { sequence: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Delivered),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Unreachable),
    ];
    prop_oneof![
        4 => (0u8..4).prop_map(|job| Step::Accept { job }),
        3 => Just(Step::Read),
        5 => any::<bool>().prop_map(|is_probe| Step::Begin { is_probe }),
        5 => (any::<u8>(), outcome).prop_map(|(which, outcome)| Step::End { which, outcome }),
        4 => Just(Step::Record),
        1 => Just(Step::RecordAndDie),
        1 => Just(Step::Die),
        2 => (0u8..80).prop_map(|seconds| Step::Wait { seconds }),
        1 => any::<bool>().prop_map(|is_all| Step::Hurry { is_all }),
        1 => (0u8..40).prop_map(|sequence| Step::Retry { sequence }),
        1 => (0u8..40).prop_map(|sequence| Step::Cancel { sequence }),
        1 => (0u8..40).prop_map(|sequence| Step::Replay { sequence }),
    ]
}

/// All that outlives a leader, and what the destination has said.
#[derive(Default)]
struct World {
    log: Vec<Receipt>,
    cursor: u64,
    rows: BTreeMap<u64, Delivery>,
    /// Which the destination has said that it has.
    taken: BTreeSet<u64>,
    /// Which an operator has had sent again.
    replayed: BTreeSet<u64>,
    /// Which an operator has called off, and not wished for since; whether that was recorded, and said to be done.
    called_off: BTreeMap<u64, bool>,
    now: u64,
}

impl World {
    fn leader(&self) -> Backlog {
        let mut backlog = Backlog::new(&destination(self.cursor), schedule(), Filter::default());
        for row in self.rows.values().filter(|row| row.state == State::Pending) {
            backlog.restore(row, self.receipt(row.sequence), at(self.now));
        }
        backlog
    }

    fn receipt(&self, sequence: u64) -> &Receipt {
        &self.log[sequence as usize - 1]
    }

    fn is_finished(&self, sequence: u64) -> bool {
        self.rows
            .get(&sequence)
            .is_some_and(|row| row.state != State::Pending)
    }

    fn store(&mut self, progress: &Progress) {
        self.cursor = self.cursor.max(progress.cursor);
        for row in &progress.deliveries {
            self.rows.insert(row.sequence, *row);
        }
        // What is behind the cursor is kept by its row alone.
        for receipt in &self.log[..self.cursor as usize] {
            assert!(
                self.rows.contains_key(&receipt.sequence),
                "{} is lost",
                receipt.sequence
            );
        }
    }

    fn read(&self, backlog: &mut Backlog) {
        let unread = self
            .log
            .iter()
            .filter(|receipt| receipt.sequence > backlog.read_to());
        let unread = unread.filter(|receipt| !self.rows.contains_key(&receipt.sequence));
        let unread: Vec<_> = unread.take(3).cloned().collect();
        unread
            .iter()
            .for_each(|receipt| backlog.offer(receipt, at(self.now)));
    }

    /// What must hold of a delivery that begins.
    fn check_begun(&self, begun: Begun, under_way: &[Begun]) {
        let job = self.receipt(begun.sequence).event_id;
        let of_job = |sequence: u64| self.receipt(sequence).event_id == job;
        assert!(
            !under_way.iter().any(|other| of_job(other.sequence)),
            "two of one job are under way"
        );
        for earlier in (1..begun.sequence).filter(|sequence| of_job(*sequence)) {
            assert!(
                self.is_finished(earlier),
                "{} begins before {earlier} is finished",
                begun.sequence
            );
        }
        assert!(
            !self.is_finished(begun.sequence) || self.replayed.contains(&begun.sequence),
            "{} begins although it is finished",
            begun.sequence
        );
        assert!(
            !self.called_off.contains_key(&begun.sequence),
            "{} begins although it is called off",
            begun.sequence
        );
    }

    /// Somebody wants it sent after all.
    fn wish(&mut self, sequence: u64) {
        self.called_off.remove(&sequence);
        if self.is_finished(sequence) {
            self.replayed.insert(sequence);
        }
    }

    /// What was said to be done holds, the rest is as it is in the store.
    fn die(&mut self) -> Backlog {
        self.called_off.retain(|_, is_done| *is_done);
        self.leader()
    }
}

fn check(steps: &[Step]) {
    let mut world = World::default();
    let mut backlog = world.leader();
    let mut under_way: Vec<Begun> = Vec::new();
    for step in steps {
        let now = at(world.now);
        match *step {
            Step::Accept { job } => {
                let sequence = world.log.len() as u64 + 1;
                world.log.push(Receipt {
                    received_at: now,
                    ..receipt(sequence, job.into())
                });
            }
            Step::Read => world.read(&mut backlog),
            Step::Begin { is_probe } => {
                let begun = if is_probe {
                    backlog.begin_probe(now, world.log.len() as u32)
                } else {
                    backlog.begin(now)
                };
                if let Some(begun) = begun {
                    world.check_begun(begun, &under_way);
                    under_way.push(begun);
                }
            }
            Step::End { which, outcome } => {
                if under_way.is_empty() {
                    continue;
                }
                let ended = under_way.remove(usize::from(which) % under_way.len());
                let state = settle(&mut backlog, ended.sequence, outcome, now);
                assert_eq!(state == State::Delivered, outcome == Outcome::Delivered);
                if outcome == Outcome::Delivered {
                    world.taken.insert(ended.sequence);
                }
            }
            Step::Record | Step::RecordAndDie => {
                if let Some(progress) = backlog.progress(PauseChange::Keep) {
                    world.store(&progress);
                    backlog.recorded();
                }
                world.called_off.values_mut().for_each(|is_done| *is_done = true);
                if let Step::RecordAndDie = step {
                    under_way.clear();
                    backlog = world.die();
                }
            }
            Step::Die => {
                under_way.clear();
                backlog = world.die();
            }
            Step::Wait { seconds } => world.now += u64::from(seconds),
            Step::Hurry { is_all: true } => backlog.hurry_all(at(0)),
            Step::Hurry { is_all: false } => backlog.hurry(at(0)),
            Step::Retry { sequence } => {
                if backlog.retry(sequence.into(), now) {
                    world.wish(sequence.into());
                }
            }
            Step::Cancel { sequence } => {
                if (1..=world.log.len()).contains(&sequence.into()) {
                    let receipt = world.receipt(sequence.into());
                    if backlog.cancel(receipt, world.rows.get(&receipt.sequence), now) {
                        world.called_off.insert(sequence.into(), false);
                    }
                }
            }
            Step::Replay { sequence } => {
                if let Some(row) = world.rows.get(&sequence.into())
                    && backlog.reopen(world.receipt(sequence.into()), Some(row), now)
                {
                    world.wish(sequence.into());
                }
            }
        }
        assert_eq!(backlog.in_flight_count(), under_way.len());
    }
    finish(world, backlog, under_way);
}

/// From whatever state, everything comes to its end, and only what was taken counts as delivered.
fn finish(mut world: World, mut backlog: Backlog, under_way: Vec<Begun>) {
    for begun in under_way {
        settle(&mut backlog, begun.sequence, Outcome::Delivered, at(world.now));
        world.taken.insert(begun.sequence);
    }
    for _ in 0..2 * world.log.len() + 10 {
        world.now += 100;
        let now = at(world.now);
        world.read(&mut backlog);
        while let Some(begun) = backlog.begin(now) {
            settle(&mut backlog, begun.sequence, Outcome::Delivered, now);
            world.taken.insert(begun.sequence);
        }
        while let Some(progress) = backlog.progress(PauseChange::Keep) {
            world.store(&progress);
            backlog.recorded();
        }
    }
    let left = (backlog.pending_count(), backlog.in_flight_count());
    assert_eq!(left, (0, 0));
    assert!(backlog.rowless.is_empty() && backlog.jobs.is_empty());
    for receipt in &world.log {
        let sequence = receipt.sequence;
        let row = world.rows.get(&sequence).expect("every receipt is accounted for");
        match row.state {
            State::Delivered => assert!(world.taken.contains(&sequence), "{sequence} was never taken"),
            State::Dead => assert!(row.step >= 3, "{sequence} was given up too soon"),
            State::Cancelled => {}
            State::Pending | State::Removed => panic!("{sequence} did not come to its end"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_or_overtaken_whatever_happens(steps in prop::collection::vec(step(), 0..120)) {
        check(&steps);
    }
}
