//! How much a destination is sent: as much as it may be, less when it asks for that, and a single attempt now and then
//! when it fails throughout. Values in, values out.

use std::time::Duration;

use super::send::{MAX_PAUSE, Wish};
use crate::backoff::Backoff;
use crate::clock::Timestamp;
use crate::inbox::outbox::Outcome;

/// After how many failures in a row a destination is down, and of how many deliveries: that one of them fails time and
/// again says more of it than of the destination. One that fails three in ten does so ten times in a row once in
/// 170,000.
const DOWN_AFTER: u32 = 10;
const DOWN_AFTER_DELIVERIES: usize = 5;

/// After how many failures in a row that tell of nobody being there it is down at once: it could not be reached, or what
/// stands before it says so (502 to 504, 520 to 530). A connection that was made and ended may be for what was sent, and so may that
/// nobody is there behind it: they count only where they befell two deliveries.
const DOWN_AFTER_ABSENT: u32 = 2;

/// The waits between single attempts while it is down. The longest is how late its return may be noticed.
const PROBE_MIN: Duration = Duration::from_secs(1);
const PROBE_MAX: Duration = Duration::from_secs(20);

/// For how long nothing is sent to one that says that it was sent too many (429) and not until when: one that counts by the second
/// takes some again then.
const EASE: Duration = Duration::from_secs(1);

/// Up to this, one that says until when (`Retry-After`) is treated so, too: for longer it cannot be told from one that is down.
const MAX_EASE: Duration = Duration::from_secs(5);

/// What a destination is like, as far as its last answers tell.
#[derive(Debug)]
pub struct Health {
    max_in_flight: usize,
    /// How many attempts run at once now. A fraction counts when it has become a whole.
    limit: f64,
    streak: Streak,
    down: Option<Down>,
    /// Nothing is sent before.
    quiet_until: Option<Timestamp>,
    /// Nor before this, since it was sent too many (429) and does not say for how long, or that it is over at once.
    eased_until: Option<Timestamp>,
    rate: Option<Rate>,
    backoff: Backoff,
}

/// The failures since the last success.
#[derive(Debug, Default)]
struct Streak {
    count: u32,
    /// Of which deliveries, as many as matter.
    deliveries: Vec<u64>,
    absent: Absent,
}

/// The last failures in a row that tell of nobody being there.
#[derive(Debug, Default)]
struct Absent {
    count: u32,
    /// The delivery of the first.
    sequence: u64,
    is_of_two: bool,
    /// Whether a connection was made.
    has_ended: bool,
}

/// A destination that fails throughout.
#[derive(Clone, Copy, Debug)]
struct Down {
    since: Timestamp,
    probe_count: u32,
    next_probe_at: Timestamp,
}

/// For how long attempts that might have begun are saved up, so that what begins late makes up for it. One always is.
const SAVED: f64 = 0.02;

/// How often an attempt may begin. In no second more do than may: of those that are saved up, fewer are earned.
#[derive(Debug)]
struct Rate {
    earned_per_second: f64,
    max_saved: f64,
    saved: f64,
    at: Timestamp,
}

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// So many attempts may begin.
    Attempts(usize),
    /// One, to see whether it is back.
    Probe,
}

/// What has become of a destination by its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Same,
    /// It has failed so often in a row that it is down.
    WentDown,
    /// It was down, and took something.
    CameBack {
        /// Since when it was down.
        since: Timestamp,
    },
}

impl Health {
    /// That of a destination of which nothing is known.
    pub fn new(max_in_flight: usize, max_per_second: Option<f64>, now: Timestamp) -> Self {
        Self {
            max_in_flight,
            limit: max_in_flight as f64,
            streak: Streak::default(),
            down: None,
            quiet_until: None,
            eased_until: None,
            rate: max_per_second.map(|per_second| Rate::new(per_second, now)),
            backoff: Backoff::new(PROBE_MIN, PROBE_MAX).expect("one second is less than twenty"),
        }
    }

    /// What may be sent, with so many attempts under way.
    pub fn allowance(&mut self, now: Timestamp, in_flight_count: usize) -> Allowance {
        if self.held_until(now).is_some() {
            return Allowance::Attempts(0);
        }
        let saved = match &mut self.rate {
            None => usize::MAX,
            Some(rate) => rate.saved_by(now),
        };
        match self.down {
            None => Allowance::Attempts((self.limit as usize).saturating_sub(in_flight_count).min(saved)),
            Some(down) if in_flight_count == 0 && down.next_probe_at <= now && saved > 0 => Allowance::Probe,
            Some(_) => Allowance::Attempts(0),
        }
    }

    /// When more may be sent than now, if that is a matter of time.
    pub fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        let probe_at = self.down.map(|down| down.next_probe_at);
        // Whichever of them is the last to hold it back.
        let times = [self.held_until(now), self.slow_until(now), probe_at];
        times.into_iter().flatten().max().filter(|at| *at > now)
    }

    /// An attempt begins.
    pub fn begin(&mut self) {
        if let Some(rate) = &mut self.rate {
            rate.saved -= 1.0;
        }
    }

    /// An attempt with the receipt of that number has ended so. `random` is from 0 to 1.
    pub fn note(&mut self, sequence: u64, outcome: Outcome, wish: Wish, now: Timestamp, random: f64) -> Turn {
        match wish {
            // Who rounds down says that it is over at once.
            Wish::Less {
                pause: None | Some(Duration::ZERO),
            } if outcome == Outcome::Refused => {
                // What was under way when it said that these are too many says no more than was known.
                if self.eased_until.is_some_and(|until| now < until) {
                    return Turn::Same;
                }
                self.eased_until = Some(now.plus(EASE));
                self.limit = (self.limit / 2.0).max(1.0);
            }
            Wish::Less { pause } => {
                let was_quiet = self.quiet_until(now).is_some();
                let until = pause.map(|_| now.plus(wish.pause()));
                self.quiet_until = self.quiet_until.max(until);
                if was_quiet && outcome == Outcome::Refused && wish.pause() <= MAX_EASE {
                    return Turn::Same;
                }
                self.limit = (self.limit / 2.0).max(1.0);
            }
            // That says something of the notification, and of a destination that is down only that it still is.
            Wish::NeverThis if self.down.is_none() => return Turn::Same,
            _ => {}
        }
        match outcome {
            Outcome::Delivered => {
                self.streak = Streak::default();
                // One more for each round of so many.
                self.limit = (self.limit + 1.0 / self.limit).min(self.max_in_flight as f64);
                match self.down.take() {
                    None => Turn::Same,
                    Some(Down { since, .. }) => {
                        self.limit = self.max_in_flight as f64;
                        Turn::CameBack { since }
                    }
                }
            }
            Outcome::Unreachable | Outcome::Timeout | Outcome::Refused | Outcome::Failed | Outcome::Ours => {
                let is_sent_away = outcome == Outcome::Failed && wish != Wish::None;
                match outcome == Outcome::Unreachable || is_sent_away {
                    true => self.streak.absent.add(sequence, wish == Wish::Unknown),
                    false => self.streak.absent = Absent::default(),
                }
                self.streak.add(sequence);
                self.fail(now, random)
            }
        }
    }

    /// It has asked to be left alone until then, as far as is known from before.
    pub fn leave_alone(&mut self, until: Timestamp) {
        self.quiet_until = self.quiet_until.max(Some(until));
    }

    /// Until when it asked to be left alone, if that time is not over.
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet_until.filter(|until| now < *until)
    }

    /// Until when nothing is sent to it for what it answered, if that time is not over.
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        let eased_until = self.eased_until.filter(|until| now < *until);
        self.quiet_until(now).max(eased_until)
    }

    /// Until when no attempt may begin since too many have, if that is so.
    pub fn slow_until(&self, now: Timestamp) -> Option<Timestamp> {
        let saved_at = self.rate.as_ref().and_then(Rate::next_at);
        saved_at.filter(|at| now < *at)
    }

    /// Lets the next attempt begin at once, if it is down or asked to be left alone.
    pub fn probe_now(&mut self, now: Timestamp) {
        (self.quiet_until, self.eased_until) = (None, None);
        if let Some(down) = &mut self.down {
            down.next_probe_at = now;
        }
    }

    /// Lets the next attempt begin as soon as it is not asked to be left alone, if it is down: somebody takes connections
    /// there again.
    pub fn look_again(&mut self, now: Timestamp) {
        if let Some(down) = &mut self.down {
            down.next_probe_at = down.next_probe_at.min(now);
        }
    }

    /// The clock, which said `was`, was set to `is`: it is left alone neither longer nor shorter because of that.
    pub fn set_clock(&mut self, was: Timestamp, is: Timestamp) {
        for until in [&mut self.quiet_until, &mut self.eased_until] {
            *until = until.map(|until| until.moved(was, is));
        }
        if let Some(down) = &mut self.down {
            down.since = down.since.moved(was, is);
            down.next_probe_at = down.next_probe_at.moved(was, is);
        }
        if let Some(rate) = &mut self.rate {
            rate.at = rate.at.moved(was, is);
        }
    }

    /// How many attempts were made in vain to see whether it is back.
    pub fn probe_count(&self) -> u32 {
        self.down.map_or(0, |down| down.probe_count)
    }

    /// Since when it is down, if it is.
    pub fn down_since(&self) -> Option<Timestamp> {
        self.down.map(|down| down.since)
    }

    fn fail(&mut self, now: Timestamp, random: f64) -> Turn {
        let (turn, down) = match self.down {
            None if !self.streak.is_throughout() => return Turn::Same,
            None => (
                Turn::WentDown,
                Down {
                    since: now,
                    probe_count: 0,
                    next_probe_at: now,
                },
            ),
            // What was under way when it went down says no more than was known.
            Some(down) if now < down.next_probe_at => return Turn::Same,
            Some(down) => (Turn::Same, down),
        };
        let probe_count = down.probe_count.saturating_add(1);
        self.down = Some(Down {
            probe_count,
            next_probe_at: now.plus(self.backoff.wait(probe_count, random)),
            ..down
        });
        turn
    }
}

impl Streak {
    fn add(&mut self, sequence: u64) {
        self.count = self.count.saturating_add(1);
        if self.deliveries.len() < DOWN_AFTER_DELIVERIES && !self.deliveries.contains(&sequence) {
            self.deliveries.push(sequence);
        }
    }

    fn is_throughout(&self) -> bool {
        let is_of_many = self.deliveries.len() >= DOWN_AFTER_DELIVERIES;
        self.absent.is_throughout() || (self.count >= DOWN_AFTER && is_of_many)
    }
}

impl Absent {
    fn add(&mut self, sequence: u64, has_ended: bool) {
        if self.count == 0 {
            self.sequence = sequence;
        }
        self.count = self.count.saturating_add(1);
        self.is_of_two |= sequence != self.sequence;
        self.has_ended |= has_ended;
    }

    fn is_throughout(&self) -> bool {
        self.count >= DOWN_AFTER_ABSENT && (self.is_of_two || !self.has_ended)
    }
}

impl Rate {
    fn new(per_second: f64, now: Timestamp) -> Self {
        let max_saved = (per_second * SAVED).max(1.0);
        Self {
            earned_per_second: per_second - (max_saved - 1.0),
            max_saved,
            saved: 1.0,
            at: now,
        }
    }

    /// How many attempts may begin.
    fn saved_by(&mut self, now: Timestamp) -> usize {
        let earned = now.since(self.at).as_secs_f64() * self.earned_per_second;
        self.saved = (self.saved + earned).min(self.max_saved);
        self.at = now;
        self.saved as usize
    }

    /// When one may begin, if none may now.
    fn next_at(&self) -> Option<Timestamp> {
        let lacking = (1.0 - self.saved) / self.earned_per_second;
        // A microsecond more, so that what was rounded off does not make it a moment too early.
        let wait = Duration::try_from_secs_f64(lacking).unwrap_or(MAX_PAUSE) + Duration::from_micros(1);
        (self.saved < 1.0).then(|| self.at.plus(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_micros((seconds * 1e6) as i64)
    }

    /// Of a delivery that none before was of, nearly.
    fn note(health: &mut Health, seconds: f64, outcome: Outcome) -> Turn {
        let sequence = fastrand::u64(..);
        health.note(sequence, outcome, Wish::None, at(seconds), 0.0)
    }

    fn may(count: usize) -> Allowance {
        Allowance::Attempts(count)
    }

    #[test]
    fn as_many_attempts_begin_as_may_run_at_once() {
        let mut health = Health::new(4, None, at(0.0));

        assert_eq!(health.allowance(at(0.0), 0), may(4));
        assert_eq!(health.allowance(at(0.0), 3), may(1));
        assert_eq!(health.allowance(at(0.0), 4), may(0));
        assert_eq!(health.next_at(at(0.0)), None);
    }

    #[test]
    fn a_destination_is_down_after_ten_failures_in_a_row_or_two_in_vain_to_reach_it() {
        for (outcome, count) in [
            (Outcome::Failed, 10),
            (Outcome::Refused, 10),
            (Outcome::Timeout, 10),
            (Outcome::Unreachable, 2),
        ] {
            let mut health = Health::new(4, None, at(0.0));
            for _ in 1..count {
                assert_eq!(note(&mut health, 0.0, outcome), Turn::Same);
            }
            assert_eq!(health.allowance(at(0.0), 0), may(4));
            assert_eq!(note(&mut health, 0.0, outcome), Turn::WentDown, "{outcome:?}");
            assert_eq!(health.allowance(at(0.0), 0), may(0));
        }
    }

    #[test]
    fn one_delivery_that_fails_time_and_again_does_not_make_a_destination_down() {
        let mut health = Health::new(4, None, at(0.0));
        for sequence in (1..=4).cycle().take(100) {
            let turn = health.note(sequence, Outcome::Refused, Wish::None, at(0.0), 0.0);
            assert_eq!(turn, Turn::Same);
        }
        let turn = health.note(5, Outcome::Refused, Wish::None, at(0.0), 0.0);
        assert_eq!(turn, Turn::WentDown);
    }

    #[test]
    fn a_destination_is_down_when_what_stands_before_it_says_so_twice() {
        let less = Wish::Less { pause: None };
        let mut health = Health::new(4, None, at(0.0));
        // 429: it is there.
        for _ in 0..5 {
            assert_eq!(health.note(1, Outcome::Refused, less, at(0.0), 0.0), Turn::Same);
        }
        assert_eq!(health.note(1, Outcome::Failed, less, at(0.0), 0.0), Turn::Same);
        assert_eq!(
            health.note(1, Outcome::Failed, less, at(0.0), 0.0),
            Turn::WentDown
        );
    }

    #[test]
    fn one_that_takes_so_many_a_second_and_says_429_to_the_others_is_not_down() {
        for pause in [None, Some(Duration::ZERO)] {
            let mut health = Health::new(16, None, at(0.0));
            for round in 0..100 {
                let now = at(f64::from(round) * 1.5);
                let Allowance::Attempts(count) = health.allowance(now, 0) else {
                    panic!("it is down");
                };
                for index in 0..count {
                    let (outcome, wish) = match index < 5 {
                        true => (Outcome::Delivered, Wish::None),
                        false => (Outcome::Refused, Wish::Less { pause }),
                    };
                    let turn = health.note(fastrand::u64(..), outcome, wish, now, 0.0);
                    assert_eq!(turn, Turn::Same, "{pause:?}");
                }
                assert!(count >= 2, "{round}: {count}");
            }
        }
    }

    #[test]
    fn one_that_says_429_throughout_is_down_after_ten_such_seconds() {
        let less = Wish::Less { pause: None };
        let mut health = Health::new(16, None, at(0.0));
        let mut note = |seconds| health.note(fastrand::u64(..), Outcome::Refused, less, at(seconds), 0.0);
        for _ in 0..16 {
            assert_eq!(note(0.0), Turn::Same);
        }
        for round in 1..9 {
            assert_eq!(note(f64::from(round) * 2.0), Turn::Same);
        }
        assert_eq!(note(18.0), Turn::WentDown);
    }

    #[test]
    fn one_that_answers_in_between_was_not_missing() {
        let mut health = Health::new(4, None, at(0.0));
        for outcome in [Outcome::Unreachable, Outcome::Failed, Outcome::Unreachable] {
            assert_eq!(note(&mut health, 0.0, outcome), Turn::Same);
        }
        assert_eq!(note(&mut health, 0.0, Outcome::Unreachable), Turn::WentDown);
    }

    #[test]
    fn what_was_under_way_when_it_went_down_puts_off_no_attempt() {
        let mut health = Health::new(4, None, at(0.0));
        for seconds in [0.0, 0.0, 0.5, 0.9] {
            note(&mut health, seconds, Outcome::Unreachable);
        }
        assert_eq!(health.probe_count(), 1);
        assert_eq!(health.allowance(at(1.0), 0), Allowance::Probe);
    }

    #[test]
    fn what_is_down_gets_its_single_attempts_no_faster_than_it_may() {
        let mut health = Health::new(4, Some(0.1), at(0.0));
        for _ in 0..2 {
            health.begin();
            note(&mut health, 0.0, Outcome::Unreachable);
        }
        assert_eq!(health.allowance(at(5.0), 0), may(0));
        assert_eq!(health.allowance(at(21.0), 0), Allowance::Probe);
    }

    #[test]
    fn what_was_under_way_when_it_named_a_time_lowers_its_limit_no_further() {
        let pause = Wish::Less {
            pause: Some(SECOND * 2),
        };
        let mut health = Health::new(16, None, at(0.0));
        for sequence in 0..16 {
            let turn = health.note(sequence, Outcome::Refused, pause, at(0.0), 0.0);
            assert_eq!(turn, Turn::Same);
        }
        assert_eq!(health.allowance(at(2.0), 0), may(8));
    }

    #[test]
    fn what_comes_back_gets_as_much_at_once_as_it_may() {
        let less = Wish::Less { pause: None };
        let mut health = Health::new(16, None, at(0.0));
        for sequence in 0..2 {
            health.note(sequence, Outcome::Failed, less, at(0.0), 0.0);
        }
        assert_ne!(health.down_since(), None);

        note(&mut health, 1.0, Outcome::Delivered);

        assert_eq!(health.allowance(at(1.0), 0), may(16));
    }

    #[test]
    fn a_connection_that_ends_tells_of_nobody_being_there_only_where_two_deliveries_say_so() {
        let (gone, ended) = (Wish::WhenBack, Wish::Unknown);
        for (seen, is_down) in [
            (&[(1, ended), (1, ended), (1, ended)][..], false),
            (&[(1, ended), (1, gone), (1, gone), (1, ended)], false),
            (&[(1, ended), (2, ended)], true),
            (&[(1, ended), (1, ended), (2, gone)], true),
            (&[(1, gone), (1, gone)], true),
        ] {
            let mut health = Health::new(4, None, at(0.0));
            for (sequence, wish) in seen {
                assert_eq!(health.down_since(), None, "{seen:?}");
                health.note(*sequence, Outcome::Unreachable, *wish, at(0.0), 0.0);
            }
            assert_eq!(health.down_since().is_some(), is_down, "{seen:?}");
        }
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
        let mut health = Health::new(4, None, at(0.0));
        for _ in 0..9 {
            note(&mut health, 0.0, Outcome::Failed);
        }
        note(&mut health, 0.0, Outcome::Delivered);
        for _ in 0..9 {
            assert_eq!(note(&mut health, 0.0, Outcome::Failed), Turn::Same);
        }
    }

    #[test]
    fn what_is_down_gets_single_attempts_farther_and_farther_apart_until_it_is_back() {
        let mut health = Health::new(4, None, at(0.0));
        note(&mut health, 0.0, Outcome::Unreachable);
        note(&mut health, 0.0, Outcome::Unreachable);

        let mut now = 0.0;
        for wait in [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0] {
            assert_eq!(health.next_at(at(now)), Some(at(now + wait)));
            assert_eq!(health.allowance(at(now + wait - 0.1), 0), may(0));
            now += wait;
            assert_eq!(health.allowance(at(now), 1), may(0), "one is under way");
            assert_eq!(health.allowance(at(now), 0), Allowance::Probe);
            assert_eq!(note(&mut health, now, Outcome::Unreachable), Turn::Same);
        }
        assert_eq!(health.down_since(), Some(at(0.0)));
        health.probe_now(at(now));
        assert_eq!(health.allowance(at(now), 0), Allowance::Probe);

        assert_eq!(
            note(&mut health, now, Outcome::Delivered),
            Turn::CameBack { since: at(0.0) }
        );
        assert_eq!(health.allowance(at(now), 0), may(4));
        assert_eq!(health.down_since(), None);
    }

    #[test]
    fn what_can_never_be_taken_says_nothing_of_the_destination_unless_it_is_down() {
        let mut health = Health::new(4, None, at(0.0));
        for sequence in 0..100 {
            let turn = health.note(sequence, Outcome::Ours, Wish::NeverThis, at(0.0), 0.0);
            assert_eq!(turn, Turn::Same);
        }
        assert_eq!(health.allowance(at(0.0), 0), may(4));

        for sequence in 0..2 {
            health.note(sequence, Outcome::Unreachable, Wish::None, at(0.0), 0.0);
        }
        assert_eq!(health.allowance(at(1.0), 0), Allowance::Probe);
        health.note(3, Outcome::Ours, Wish::NeverThis, at(1.0), 0.0);
        assert_eq!(
            health.allowance(at(1.0), 0),
            may(0),
            "the next one waits its time"
        );
    }

    #[test]
    fn what_takes_connections_again_is_tried_at_once_unless_it_asked_to_be_left_alone() {
        let pause = Wish::Less {
            pause: Some(SECOND * 30),
        };
        for (wish, expected) in [(Wish::None, Allowance::Probe), (pause, may(0))] {
            let mut health = Health::new(4, None, at(0.0));
            for sequence in 0..2 {
                health.note(sequence, Outcome::Unreachable, wish, at(0.0), 0.0);
            }
            assert_eq!(health.allowance(at(0.1), 0), may(0));

            health.look_again(at(0.1));

            assert_eq!(health.allowance(at(0.1), 0), expected);
        }
    }

    #[test]
    fn who_asks_for_less_gets_half_and_then_slowly_more() {
        let mut health = Health::new(16, None, at(0.0));
        let less = Wish::Less { pause: None };

        health.note(1, Outcome::Refused, less, at(0.0), 0.0);
        assert_eq!(health.allowance(at(0.9), 0), may(0));
        assert_eq!(health.next_at(at(0.5)), Some(at(1.0)));
        assert_eq!(health.quiet_until(at(0.5)), None, "it did not ask for that");
        assert_eq!(health.allowance(at(1.0), 0), may(8));
        for second in 1..7 {
            health.note(1, Outcome::Refused, less, at(f64::from(second)), 0.0);
        }
        assert_eq!(health.allowance(at(8.0), 0), may(1), "never nothing");
        note(&mut health, 8.0, Outcome::Delivered);
        assert_eq!(health.allowance(at(8.0), 0), may(2));
        for _ in 0..1_000 {
            note(&mut health, 8.0, Outcome::Delivered);
        }
        assert_eq!(health.allowance(at(8.0), 0), may(16));
    }

    #[test]
    fn who_names_a_time_is_left_alone_for_so_long_but_not_longer_than_an_hour() {
        let pause = |seconds| Wish::Less {
            pause: Some(SECOND * seconds),
        };
        let mut health = Health::new(4, None, at(0.0));

        health.note(1, Outcome::Refused, pause(30), at(0.0), 0.0);
        health.note(1, Outcome::Refused, pause(10), at(1.0), 0.0);
        assert_eq!(health.allowance(at(29.9), 0), may(0));
        assert_eq!(health.next_at(at(1.0)), Some(at(30.0)));
        assert_eq!(health.allowance(at(30.0), 0), may(1));
        assert_eq!(health.next_at(at(30.0)), None);

        health.note(1, Outcome::Refused, pause(1_000_000), at(31.0), 0.0);
        assert_eq!(health.next_at(at(31.0)), Some(at(3_631.0)));
    }

    #[test]
    fn a_clock_that_is_set_changes_no_wait() {
        let (was, is) = (at(1_000_000.0), at(10.0));
        for (was, is) in [(was, is), (is, was)] {
            let after = |seconds: f64| was.plus(SECOND.mul_f64(seconds));
            let pause = Wish::Less {
                pause: Some(SECOND * 30),
            };
            let mut quiet = Health::new(4, None, was);
            quiet.note(1, Outcome::Refused, pause, was, 0.0);
            let mut down = Health::new(4, None, was);
            down.note(1, Outcome::Unreachable, Wish::None, was, 0.0);
            down.note(2, Outcome::Unreachable, Wish::None, was, 0.0);
            let mut slow = Health::new(4, Some(0.1), was);
            slow.begin();

            for (mut health, wait) in [(quiet, 30.0), (down, 1.0), (slow, 10.0)] {
                assert_eq!(health.allowance(after(0.5), 0), may(0));
                health.set_clock(after(0.5), is.plus(SECOND / 2));
                let after = |seconds: f64| is.plus(SECOND.mul_f64(seconds));
                assert_eq!(health.allowance(after(wait - 0.1), 0), may(0), "{wait}");
                assert_ne!(health.allowance(after(wait + 0.1), 0), may(0), "{wait}");
                let down_for = health.down_since().map(|since| after(0.5).since(since));
                assert!(down_for.is_none_or(|time| time == SECOND / 2), "{down_for:?}");
            }
        }
    }

    #[test]
    fn attempts_begin_no_faster_than_they_may() {
        let mut health = Health::new(100, Some(4.0), at(0.0));
        let mut begun_at = Vec::new();
        let mut now = at(0.0);
        while begun_at.len() < 40 {
            match health.allowance(now, 0) {
                Allowance::Attempts(0) => now = health.next_at(now).expect("it is a matter of time"),
                Allowance::Attempts(_) => {
                    health.begin();
                    begun_at.push(now);
                }
                Allowance::Probe => panic!("it is not down"),
            }
        }

        let took = now.since(at(0.0)).as_secs_f64();
        assert!((9.7..9.8).contains(&took), "{took}");
        assert_eq!(health.allowance(at(100.0), 0), may(1), "nothing is saved up");
        assert_eq!(health.allowance(at(100.0), 100), may(0));
        assert_eq!(health.next_at(at(100.0)), None, "it is no matter of time");
    }

    #[test]
    fn in_no_second_more_attempts_begin_than_may_also_after_an_idle_time_and_nearly_so_many_do() {
        for per_second in [1, 2, 5, 20, 49, 50, 51, 100, 1_000, 10_000] {
            let mut health = Health::new(100_000, Some(f64::from(per_second)), at(0.0));
            let mut begun_at = Vec::new();
            let mut now = at(60.0);
            while now < at(64.0) {
                if let Allowance::Attempts(count @ 1..) = health.allowance(now, 0) {
                    (0..count).for_each(|_| health.begin());
                    begun_at.extend(std::iter::repeat_n(now, count));
                }
                // Timers go in milliseconds.
                now = now.plus(SECOND / 1_000);
            }

            let count = per_second as usize;
            let too_many = begun_at
                .windows(count + 1)
                .find(|some| some[count].since(some[0]) < SECOND);
            assert_eq!(too_many, None, "{per_second}");
            assert!(
                begun_at.len() as f64 >= 0.95 * 4.0 * count as f64,
                "{per_second}: {}",
                begun_at.len()
            );
        }
    }

    #[test]
    fn less_than_one_a_second_is_one_now_and_then() {
        let mut health = Health::new(100, Some(0.5), at(0.0));
        assert_eq!(health.allowance(at(0.0), 0), may(1));
        health.begin();

        assert_eq!(health.allowance(at(1.9), 0), may(0));
        assert_eq!(health.allowance(at(2.1), 0), may(1));
    }
}
