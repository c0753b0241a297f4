//! What a notice has said and what of it nobody has taken yet: a state that is kept, and its steps. Values in, values out;
//! time is told to it.

mod queue;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::Message;
use super::sight::{Fact, Facts, Standing};
use super::{About, Settings};
use crate::clock::Timestamp;
use crate::delivery::Schedule;
use queue::Waiting;

pub use queue::{Settled, Untold};

/// The most subjects of a kind that are remembered; what begins with others is not said. Only chatbots can be so many.
const MAX_SUBJECTS: usize = 1_000;

/// The most messages that wait; the oldest is given up for a further one.
const MAX_WAITING: usize = 100;

/// For how long what is to be said of further chatbots is collected, unless a notice's quiet time is shorter: a visit to all
/// of them takes `subscription.watch_interval_seconds` (300).
const COLLECTING: Duration = Duration::from_secs(300);

/// The books of all notices, by name: what is kept in the inbox, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// One each.
    #[serde(default)]
    pub notices: BTreeMap<String, Book>,
}

/// What one notice has said, and what of it nobody has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    subjects: BTreeMap<Key, Subject>,
    #[serde(deserialize_with = "queue::readable")]
    waiting: VecDeque<Waiting>,
    /// Until when its receiver asked to be left alone.
    #[serde(default)]
    quiet_until: Option<Timestamp>,
    /// When it is looked again whether somebody is there, if nobody was.
    #[serde(default)]
    absent_until: Option<Timestamp>,
    /// When it was last said of chatbots that something began, and that it ended.
    #[serde(default)]
    of_chatbots: [Option<Timestamp>; 2],
}

/// Places in [`Book::of_chatbots`].
const BEGAN: usize = 0;
const ENDED: usize = 1;

/// Names a subject: what it is about, and behind a `/` which one.
type Key = String;

/// What is remembered of one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Subject {
    /// Since when it is wrong, if it is.
    wrong_since: Option<Timestamp>,
    /// Whether that was said.
    #[serde(default)]
    is_said: bool,
    /// When something was last said to begin with it.
    said_at: Option<Timestamp>,
    /// Of how many it was said that there are so many, or fewer now.
    #[serde(default)]
    count: u64,
}

impl Subject {
    /// Whether it is to be said now that something began to be wrong with it; from then on that is said.
    fn begins(&mut self, quiet: Duration, now: Timestamp) -> bool {
        let is_told = !self.is_said && !is_recent(self.said_at, quiet, now);
        if is_told {
            (self.is_said, self.said_at) = (true, Some(now));
        }
        is_told
    }
}

impl Books {
    /// Reads what was kept; of nothing, or of what a newer program has kept in a way that cannot be read, none.
    pub fn read(kept: Option<&str>) -> Self {
        kept.and_then(|kept| serde_json::from_str(kept).ok())
            .unwrap_or_default()
    }

    /// As it is kept.
    pub fn written(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and times have a JSON form")
    }

    /// What of it is about the inbox, which may not have been written there.
    pub fn of_inbox(&self) -> Self {
        let mut kept = self.clone();
        for book in kept.notices.values_mut() {
            book.subjects.retain(|key, _| *key == key_of(About::Inbox, ""));
            book.waiting
                .retain(|waiting| waiting.message.about == Some(About::Inbox));
        }
        // What else a book has says nothing of the inbox.
        kept.notices
            .retain(|_, book| !book.subjects.is_empty() || !book.waiting.is_empty());
        kept
    }

    /// Has all that waits be tried at once: whoever could not be reached from where it waited before may be reached from here.
    pub fn hurry(&mut self) {
        self.notices.values_mut().for_each(Book::hurry);
    }

    /// What could not be told yet, notice by notice.
    pub fn untold(&self) -> Vec<Untold> {
        let all = self.notices.iter();
        all.filter_map(|(name, book)| book.untold(name)).collect()
    }

    /// The clock, which said `was`, was set to `is`: what waits does so neither longer nor shorter because of that.
    pub fn set_clock(&mut self, was: Timestamp, is: Timestamp) {
        for book in self.notices.values_mut() {
            let dues = book.waiting.iter_mut().map(|waiting| &mut waiting.due);
            for time in dues.chain(&mut book.quiet_until).chain(&mut book.absent_until) {
                *time = time.moved(was, is);
            }
            let of_subjects = book.subjects.values_mut();
            let of_subjects =
                of_subjects.flat_map(|subject| [&mut subject.wrong_since, &mut subject.said_at]);
            let times = of_subjects.chain(&mut book.of_chatbots).flatten();
            // What is later than the clock said was seen by the clock of an earlier process, which was another one.
            for time in times.filter(|time| **time <= was) {
                *time = time.moved(was, is);
            }
        }
    }

    /// Puts these over what is there, and messages behind those that wait.
    pub fn merge(&mut self, newer: Self) {
        for (name, book) in newer.notices {
            let into = self.notices.entry(name).or_default();
            into.subjects.extend(book.subjects);
            let known: Vec<_> = into.waiting.iter().map(|waiting| waiting.message.id).collect();
            let news = book
                .waiting
                .into_iter()
                .filter(|waiting| !known.contains(&waiting.message.id));
            into.waiting.extend(news);
        }
    }
}

impl Book {
    /// Takes note of what was seen, and has whatever is news wait; gives the messages that were given up for it.
    pub fn note<'a>(
        &mut self,
        facts: &'a Facts,
        settings: &Settings,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Vec<Message> {
        self.know_by_ids(&facts.ids_of_keys);
        self.forget(facts, settings, now);
        // Each with what it is about.
        let mut messages: Vec<(Message, Vec<&Fact>)> = Vec::new();
        let (mut began, mut ended) = (Vec::new(), Vec::new());
        for fact in &facts.facts {
            match self.step(fact, settings.quiet, now) {
                Some(News::More(more, count, detail)) => {
                    let message = Message::dead_letters(&fact.name, (more, count), detail, now);
                    messages.push((message, vec![fact]));
                }
                Some(News::Began(since, detail)) => began.push((fact, since, detail)),
                Some(News::Ended(since)) => ended.push((fact, since)),
                None => {}
            }
        }
        // What is said of chatbots in one look is one message.
        let of_chatbots = |fact: &Fact| fact.about == About::Chatbot;
        let names = |facts: &[&'a Fact]| facts.iter().map(|fact| &*fact.name).collect::<Vec<_>>();
        let (together, alone): (Vec<_>, Vec<_>) = ended.into_iter().partition(|(fact, _)| of_chatbots(fact));
        for (fact, since) in alone {
            let message = Message::ended(fact.about, &named(&fact.name), since, now);
            messages.push((message, vec![fact]));
        }
        if let Some(since) = together.iter().map(|(_, since)| *since).min() {
            let facts: Vec<_> = together.iter().map(|(fact, _)| *fact).collect();
            messages.push((Message::ended(About::Chatbot, &names(&facts), since, now), facts));
            self.of_chatbots[ENDED] = Some(now);
        }
        let (together, alone): (Vec<_>, Vec<_>) = began.into_iter().partition(|(fact, ..)| of_chatbots(fact));
        for (fact, since, detail) in alone {
            let message = Message::began(fact.about, &named(&fact.name), (since, detail), now);
            messages.push((message.advised(fact.advice.clone()), vec![fact]));
        }
        if let Some((_, since, detail)) = together.iter().min_by_key(|(_, since, _)| *since) {
            let facts: Vec<_> = together.iter().map(|(fact, ..)| *fact).collect();
            let are_alike = together.iter().all(|(.., other)| other == detail);
            let detail = match are_alike {
                true => (*detail).to_owned(),
                false => format!("{detail}; of the others it is another one"),
            };
            let message = Message::began(About::Chatbot, &names(&facts), (*since, &detail), now);
            messages.push((message, facts));
            self.of_chatbots[BEGAN] = Some(now);
        }
        let due = now.plus(schedule.first()).max(self.quiet_until.unwrap_or(now));
        let waiting = messages.into_iter().map(|(message, facts)| {
            let keys = facts.iter().map(|fact| key_of(fact.about, &fact.id));
            Waiting::new(message, keys.collect(), due)
        });
        self.waiting.extend(waiting);
        let given_up = self.waiting.len().saturating_sub(MAX_WAITING);
        let given_up = self.waiting.drain(..given_up);
        given_up.map(|waiting| waiting.message).collect()
    }

    /// Has chatbots that were known by their keys be known by their ids, once they have some.
    fn know_by_ids(&mut self, ids_of_keys: &BTreeMap<String, String>) {
        let start = key_of(About::Chatbot, "");
        let new_key = |key: &Key| {
            let id = key.strip_prefix(&start).and_then(|id| ids_of_keys.get(id));
            id.map(|id| key_of(About::Chatbot, id))
        };
        let renamed: Vec<_> = self
            .subjects
            .keys()
            .filter_map(|key| Some((key.clone(), new_key(key)?)))
            .collect();
        for (key, new_key) in renamed {
            let subject = self.subjects.remove(&key).unwrap_or_default();
            self.subjects.entry(new_key).or_insert(subject);
        }
        for key in self.waiting.iter_mut().flat_map(|waiting| &mut waiting.keys) {
            *key = new_key(key).unwrap_or_else(|| std::mem::take(key));
        }
    }

    /// Goes on from one thing as it is now; says what of it is news.
    fn step<'a>(&mut self, fact: &'a Fact, quiet: Duration, now: Timestamp) -> Option<News<'a>> {
        let key = key_of(fact.about, &fact.id);
        let is_known = self.subjects.contains_key(&key);
        let is_calm = matches!(fact.standing, Standing::Well(_) | Standing::Count(0, _));
        if !is_known && (is_calm || self.count_of(fact.about) >= MAX_SUBJECTS) {
            return None;
        }
        let window = quiet.min(COLLECTING);
        let is_collected = self
            .of_chatbots
            .map(|at| fact.about == About::Chatbot && is_recent(at, window, now));
        let subject = self.subjects.entry(key).or_default();
        match &fact.standing {
            Standing::Well(seen_at) => {
                // What began at a time to come was seen by another clock.
                let since = subject
                    .wrong_since
                    .filter(|since| seen_at > since || *since > now)?;
                if subject.is_said && is_collected[ENDED] {
                    return None;
                }
                subject.wrong_since = None;
                std::mem::take(&mut subject.is_said).then_some(News::Ended(since))
            }
            Standing::Wrong(since, detail) => {
                let since = *subject.wrong_since.get_or_insert(*since);
                let is_told = !is_collected[BEGAN] && subject.begins(quiet, now);
                is_told.then_some(News::Began(since, detail))
            }
            Standing::Awaited(patience, detail) => {
                // As above, since what is to come would be waited for.
                subject.wrong_since = subject.wrong_since.filter(|since| *since <= now);
                let since = *subject.wrong_since.get_or_insert(now);
                let is_told = now.since(since) > *patience && subject.begins(quiet, now);
                is_told.then_some(News::Began(since, detail))
            }
            Standing::Count(count, detail) => {
                subject.count = subject.count.min(*count);
                let more = count - subject.count;
                if more == 0 || is_recent(subject.said_at, quiet, now) {
                    return None;
                }
                (subject.count, subject.said_at) = (*count, Some(now));
                Some(News::More(more, *count, detail))
            }
        }
    }

    /// How many things of a kind are remembered.
    fn count_of(&self, about: About) -> usize {
        let start = key_of(about, "");
        self.subjects.keys().filter(|key| key.starts_with(&start)).count()
    }

    /// Forgets what is there no more, with what waits to be told of that alone, what nobody wants to know any more, and what there
    /// is nothing to remember of.
    fn forget(&mut self, facts: &Facts, settings: &Settings, now: Timestamp) {
        let is_gone = |key: &str| {
            facts.all.iter().any(|(about, ids)| {
                let id = key
                    .strip_prefix(about.as_str())
                    .and_then(|rest| rest.strip_prefix('/'));
                id.is_some_and(|id| !ids.contains(id))
            })
        };
        let is_wanted = |key: &str| {
            let mut wanted = settings.about.iter();
            settings.about.is_empty() || wanted.any(|about| key.starts_with(&key_of(*about, "")))
        };
        self.subjects.retain(|key, subject| {
            let is_calm = subject.wrong_since.is_none() && subject.count == 0;
            is_wanted(key) && !is_gone(key) && (!is_calm || is_recent(subject.said_at, settings.quiet, now))
        });
        self.waiting
            .retain(|waiting| waiting.keys.is_empty() || !waiting.keys.iter().all(|key| is_gone(key)));
        self.of_chatbots = self
            .of_chatbots
            .map(|at| at.filter(|_| is_recent(at, COLLECTING, now)));
    }

    /// Whether nothing is known and nothing waits.
    pub fn is_empty(&self) -> bool {
        let absent_until = self.absent_until;
        *self
            == Self {
                absent_until,
                ..Self::default()
            }
    }
}

/// What is to be said of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News<'a> {
    /// It is wrong, since when, and in words.
    Began(Timestamp, &'a str),
    /// It was wrong since then, and is well.
    Ended(Timestamp),
    /// There are so many more, how many there are, and what went wrong last, in words.
    More(u64, u64, &'a str),
}

/// Whether something was said less than `time` ago. What was said at a time to come was said by another clock.
fn is_recent(said_at: Option<Timestamp>, time: Duration, now: Timestamp) -> bool {
    said_at.is_some_and(|at| at <= now && now.since(at) < time)
}

fn key_of(about: About, name: &str) -> Key {
    format!("{about}/{name}")
}

/// A name that there is, in a list.
fn named(name: &str) -> Vec<&str> {
    [name].into_iter().filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests;
