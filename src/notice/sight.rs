//! What is seen of how it goes, and what of it is a fact for a notice. Values in, values out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{About, Settings};
use crate::accents::quoted;
use crate::clock::{Timestamp, rounded};
use crate::delivery::view::{ShownDestination, ShownState, TroubleKind};
use crate::inbox::Space;
use crate::subscription::{Registration, Seen, State};

/// For how long a chatbot may not be registered in a way that may pass by itself: as the rules for Prometheus have it.
const RETRYING_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// For how long what waits for a destination may not be read from the inbox: at a start one read may fail.
const UNREAD_PATIENCE: Duration = Duration::from_secs(60);

/// What to do where it cannot.
const UNREAD_ADVICE: &str = "`caigunn-webhook inbox check` says what is wrong with the inbox; what waits is sent as soon as it can be read";

/// What was seen in one look. What could not be seen, or nobody wants to know, is `None`, and nothing follows from it.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Whether the inbox takes writes; if not, since when, and why.
    pub inbox: Option<Result<(), (Timestamp, String)>>,
    /// What space an inbox in a file has.
    pub space: Option<Space>,
    /// When something was received last; `Some(None)` where that is not known.
    pub received: Option<Option<Timestamp>>,
    /// All destinations.
    pub destinations: Option<Vec<ShownDestination>>,
    /// Whether the account's chatbots can be looked after; if not, since when, and why.
    pub account: Option<Result<(), (Timestamp, String)>>,
    /// The registrations.
    pub seen: Option<Seen>,
}

/// How one thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What kind of thing it is.
    pub about: About,
    /// Which one; empty where there is only one. It stays, whatever it is called.
    pub id: String,
    /// Which one, for people.
    pub name: String,
    /// How it is.
    pub standing: Standing,
    /// What to do, where that does not follow from what it is about.
    pub advice: Option<String>,
}

/// How something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Well, as was seen at that time. What began to be wrong later is not over.
    Well(Timestamp),
    /// Wrong, since when, and in words for an operator.
    Wrong(Timestamp, String),
    /// Awaited in vain, since it was first so: it is wrong once that has lasted for longer than this, in words.
    Awaited(Duration, String),
    /// There are so many of what should not be there, and what went wrong last, in words; empty where that is not known.
    Count(u64, String),
}

impl Standing {
    /// As it is seen `now`.
    fn of(is_wrong: bool, words: String, now: Timestamp) -> Self {
        match is_wrong {
            true => Self::Wrong(now, words),
            false => Self::Well(now),
        }
    }
}

/// All that is known for one notice.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What is known.
    pub facts: Vec<Fact>,
    /// Of some kinds all the ids there are: what has another one is gone.
    pub all: BTreeMap<About, BTreeSet<String>>,
    /// The ids of chatbots, by what each was known by before CaiGunn listed it.
    pub ids_of_keys: BTreeMap<String, String>,
}

/// What follows for a notice from what was seen at `now`.
pub fn facts(sight: &Sight, settings: &Settings, now: Timestamp) -> Facts {
    let mut found = Facts::default();
    for (about, known) in [(About::Inbox, &sight.inbox), (About::Account, &sight.account)] {
        match known {
            Some(Ok(())) => found.add(about, "", Standing::Well(now)),
            Some(Err((since, why))) => found.add(about, "", Standing::Wrong(*since, why.clone())),
            None => {}
        }
    }
    if let Some(space) = sight.space {
        found.add_space(space, settings, now);
    }
    if let (Some(received), Some(silence)) = (sight.received, settings.silence) {
        let words = format!("no notification came, for longer than {}", rounded(silence));
        let standing = match received {
            Some(at) if now.since(at) <= silence => Standing::Well(at),
            Some(at) => Standing::Wrong(at, words),
            None => Standing::Awaited(silence, words),
        };
        found.add(About::Silence, "", standing);
    }
    for destination in sight.destinations.iter().flatten() {
        found.add_destination(destination, now);
    }
    if sight.destinations.is_some() {
        found.all.entry(About::Destination).or_default();
        found.all.entry(About::DeadLetter).or_default();
    }
    if let Some(seen) = &sight.seen {
        found.add_seen(seen, now);
    }
    found.facts.retain(|fact| settings.is_about(fact.about));
    found
}

impl Facts {
    fn add(&mut self, about: About, id: &str, standing: Standing) {
        self.add_with(about, id, standing, None);
    }

    fn add_with(&mut self, about: About, id: &str, standing: Standing, advice: Option<String>) {
        self.facts.push(Fact {
            about,
            id: id.to_owned(),
            name: id.to_owned(),
            standing,
            advice,
        });
    }

    fn add_space(&mut self, space: Space, settings: &Settings, now: Timestamp) {
        if let Some((free, volume)) = space.free_bytes.zip(space.volume_bytes)
            && volume > 0
        {
            let percent = u128::from(free) * 100 / u128::from(volume);
            let words = format!("{percent} % of the inbox's volume are free, {} MiB", free >> 20);
            let is_low = percent < u128::from(settings.free_percent);
            self.add(About::Disk, "", Standing::of(is_low, words, now));
        }
        let words = format!("the inbox's log has {} MiB", space.log_bytes >> 20);
        let is_large = space.log_bytes > settings.log_bytes;
        self.add(About::Log, "", Standing::of(is_large, words, now));
    }

    fn add_destination(&mut self, destination: &ShownDestination, now: Timestamp) {
        // Nobody is to mend it.
        if matches!(destination.state, ShownState::Unconfigured | ShownState::Removed) {
            return;
        }
        let (name, status) = (&destination.name, destination.status.as_ref());
        let trouble = destination.trouble.as_ref();
        let wrong = trouble.and_then(|trouble| {
            let detail = trouble.detail.as_deref().unwrap_or("it fails throughout");
            let words = match (trouble.kind, trouble.until) {
                (TroubleKind::Down, None) => detail.to_owned(),
                (TroubleKind::Down, Some(until)) => {
                    format!("{detail}; it asked to be left alone until {until}")
                }
                // Who else paused it knows.
                (TroubleKind::PausedItself, _) => {
                    format!("{detail}; nothing is sent to it until it is resumed")
                }
                _ => return None,
            };
            Some((Standing::Wrong(trouble.since?, words), Some(trouble.advice(name))))
        });
        // Whether or not anything waits for it, as far as that is known.
        let unread = || {
            let status = status.filter(|status| !status.is_restored)?;
            let since = status
                .failing_since
                .filter(|since| now.since(*since) >= UNREAD_PATIENCE)?;
            let words = status.last_failure.as_ref()?.detail.clone();
            let is_meant = destination.state == ShownState::Active;
            is_meant.then(|| (Standing::Wrong(since, words), Some(UNREAD_ADVICE.to_owned())))
        };
        // That nothing is known against it says little after a start.
        let well = || {
            let took_at = status.and_then(|status| status.took_at)?;
            (destination.state == ShownState::Active).then_some((Standing::Well(took_at), None))
        };
        if let Some((standing, advice)) = wrong.or_else(unread).or_else(well) {
            self.add_with(About::Destination, name, standing, advice);
        }
        let failure = status.and_then(|status| status.last_failure.as_ref());
        let detail = failure.map_or_else(String::new, |failure| failure.detail.clone());
        self.add(
            About::DeadLetter,
            name,
            Standing::Count(destination.dead_count, detail),
        );
        for about in [About::Destination, About::DeadLetter] {
            self.all.entry(about).or_default().insert(name.clone());
        }
    }

    fn add_seen(&mut self, seen: &Seen, now: Timestamp) {
        if let Some(probe) = &seen.probe {
            // What it leads to is seen from time to time: one that led nowhere once may have been restarted.
            let has_lasted = probe.at != probe.since;
            if probe.is_well {
                self.add(About::PublicUrl, "", Standing::Well(probe.at));
            } else if has_lasted {
                let standing = Standing::Wrong(probe.since, probe.detail.clone());
                self.add(About::PublicUrl, "", standing);
            }
        }
        // Before that they have no ids, and some are missing.
        if !seen.is_listed {
            return;
        }
        let all = self.all.entry(About::Chatbot).or_default();
        all.extend(seen.chatbots.iter().map(id));
        let listed = seen
            .chatbots
            .iter()
            .filter(|chatbot| chatbot.chatbot_id.is_some());
        self.ids_of_keys = listed
            .map(|chatbot| (chatbot.api_key.to_string(), id(chatbot)))
            .collect();
        for chatbot in &seen.chatbots {
            let standing = match &chatbot.state {
                State::Registered { confirmed_at, .. } => Some(Standing::Well(*confirmed_at)),
                State::TakenOver { since, by } | State::Contested { since, by } => {
                    let words = match &**by {
                        "" => "CaiGunn does not keep our URL".to_owned(),
                        by => format!("{by} stands where our URL stood"),
                    };
                    Some(Standing::Wrong(*since, words))
                }
                State::Refused { error, .. } => Some(Standing::Wrong(now, error.clone())),
                // That may last. Of what else is retried nobody knows whose URL stands there, and an outage is told of the account.
                State::Retrying {
                    error,
                    is_taken: true,
                    ..
                } => Some(Standing::Awaited(RETRYING_PATIENCE, error.clone())),
                State::Retrying { .. } | State::Pending | State::Superseded { .. } | State::Deleted => None,
            };
            if let Some(standing) = standing {
                self.facts.push(Fact {
                    about: About::Chatbot,
                    id: id(chatbot),
                    name: name(chatbot),
                    standing,
                    advice: None,
                });
            }
        }
    }
}

/// What a chatbot is known by, whatever its title becomes: its id, or until CaiGunn lists it its key.
fn id(chatbot: &Registration) -> String {
    let id = chatbot.chatbot_id.map(|id| id.to_string());
    id.unwrap_or_else(|| chatbot.api_key.to_string())
}

/// What a chatbot is called, as in the log.
fn name(chatbot: &Registration) -> String {
    match (&chatbot.title, chatbot.chatbot_id) {
        (Some(title), Some(id)) => format!("{} ({id})", quoted(title)),
        (_, Some(id)) => id.to_string(),
        (_, None) => format!("of API key {}…", chatbot.api_key),
    }
}

#[cfg(test)]
mod tests;
