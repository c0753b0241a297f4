//! What is said, in words for somebody who was woken by it: what it is, since when, and what to do, as `doctor` says it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::About;
use crate::accents::{self, plain, thinned};
use crate::caigunn::ACCESS_TOKEN;
use crate::clock::{Timestamp, rounded};
use crate::delivery::view::MEND;
use crate::inbox::Space;
use crate::words::words;

/// How many subjects a message names; of the others it has the number.
pub const MAX_NAMED: usize = 10;

/// How many characters of a detail are told. With all names a text stays below the 4,096 bytes that ntfy takes
/// (<https://docs.ntfy.sh/publish/#limitations>).
const MAX_DETAIL_CHARS: usize = 400;

/// Something to be told, whatever form it is put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, a UUIDv7: the same each time that it is sent.
    pub id: Uuid,
    /// When it was made.
    pub at: Timestamp,
    /// What it is about; `None` of a test.
    pub about: Option<About>,
    /// Which of its kind, [`MAX_NAMED`] at most; empty where there is only one.
    pub subjects: Vec<String>,
    /// How many: of chatbots those that are not named, too, and of dead letters how many came; 0 where there is only one.
    #[serde(default)]
    pub count: u64,
    /// What has come of it.
    pub change: Change,
    /// Since when it is so, or was; never later than `at`.
    pub since: Option<Timestamp>,
    /// In a line.
    pub title: String,
    /// In sentences.
    pub text: String,
    /// What to do.
    pub advice: Option<String>,
}

words!(
    /// What has come of something.
    pub enum Change {
        /// It began to be wrong.
        Began = "began",
        /// That is over.
        Ended = "ended",
        /// Nothing: somebody wants to see whether a message arrives.
        Test = "test",
    }
);

impl Message {
    /// Says that something began to be wrong with these: now at the latest, whatever another clock has said.
    pub fn began(about: About, names: &[&str], (since, detail): (Timestamp, &str), now: Timestamp) -> Self {
        let since = since.min(now);
        let text = format!("since {since}: {}", cut(detail));
        let title = began(about, &listed(names));
        Self {
            since: Some(since),
            advice: Some(advice(about, names.first().copied().unwrap_or_default())),
            ..Self::of(about, names, Change::Began, title, text, now)
        }
    }

    /// With this advice, where there is one, in place of that which follows from what it is about.
    pub fn advised(self, advice: Option<String>) -> Self {
        let advice = advice.or(self.advice);
        Self { advice, ..self }
    }

    /// Says that so many deliveries to a destination were given up since that was last said, of so many that are kept, and
    /// what went wrong there last, if that is known.
    pub fn dead_letters(destination: &str, (more, count): (u64, u64), detail: &str, now: Timestamp) -> Self {
        let title = match (more, count) {
            (1, 1) => format!("a dead letter for destination {destination}"),
            (more, count) if more == count => format!("{count} dead letters for destination {destination}"),
            (1, _) => format!("one more dead letter for destination {destination}"),
            (more, _) => format!("{more} more dead letters for destination {destination}"),
        };
        let mut text = format!("given up, and kept, {count} in all");
        if !detail.is_empty() {
            text += &format!("; what went wrong there last: {}", cut(detail));
        }
        let about = About::DeadLetter;
        Self {
            count: more,
            since: Some(now),
            advice: Some(advice(about, destination)),
            ..Self::of(about, &[destination], Change::Began, title, text, now)
        }
    }

    /// Says that it is over with these, which began now at the latest.
    pub fn ended(about: About, names: &[&str], since: Timestamp, now: Timestamp) -> Self {
        let since = since.min(now);
        let text = format!("it was so since {since}, for {}", rounded(now.since(since)));
        Self {
            since: Some(since),
            ..Self::of(
                about,
                names,
                Change::Ended,
                ended(about, &listed(names)),
                text,
                now,
            )
        }
    }

    /// Says nothing but that it arrives.
    pub fn test(now: Timestamp) -> Self {
        Self {
            about: None,
            advice: None,
            ..Self::of(
                About::Inbox,
                &[],
                Change::Test,
                "a test of this notice".to_owned(),
                "somebody asked for it by `caigunn-webhook notices test`; nothing is wrong".to_owned(),
                now,
            )
        }
    }

    fn of(about: About, names: &[&str], change: Change, title: String, text: String, now: Timestamp) -> Self {
        Self {
            id: Uuid::now_v7(),
            at: now,
            about: Some(about),
            subjects: names.iter().take(MAX_NAMED).map(|name| cut(name)).collect(),
            count: names.len() as u64,
            change,
            since: None,
            title,
            text,
            advice: None,
        }
    }

    /// What has to arrive in its order: what is said of one thing, and all that is said of chatbots, of which a message may
    /// name many.
    pub fn order(&self) -> (Option<About>, Option<&str>) {
        let name = self
            .subjects
            .first()
            .filter(|_| self.about != Some(About::Chatbot));
        (self.about, name.map(String::as_str))
    }
}

/// Names one after the other.
fn listed(names: &[&str]) -> String {
    let named: Vec<_> = names.iter().take(MAX_NAMED).map(|name| cut(name)).collect();
    match names.len().saturating_sub(MAX_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A text of others, in one line and without what cannot be seen, and not too long.
fn cut(text: &str) -> String {
    plain(&accents::cut(&thinned(text), MAX_DETAIL_CHARS))
}

fn began(about: About, names: &str) -> String {
    match about {
        About::Destination => format!("destination {names} is down"),
        About::DeadLetter => format!("dead letters for destination {names}"),
        About::Chatbot => format!("not registered here: chatbot {names}"),
        About::Account => "chatbots cannot be looked after".to_owned(),
        About::PublicUrl => "the public URL does not lead here".to_owned(),
        About::Inbox => "the inbox takes no writes".to_owned(),
        About::Disk => "the inbox's disk is nearly full".to_owned(),
        About::Log => "the inbox's log is large".to_owned(),
        About::Silence => "nothing is received".to_owned(),
    }
}

fn ended(about: About, names: &str) -> String {
    match about {
        About::Destination => format!("destination {names} is back"),
        // Of these none ends; what is there no more needs nobody.
        About::DeadLetter => format!("no dead letters for destination {names}"),
        About::Chatbot => format!("registered here again: chatbot {names}"),
        About::Account => "chatbots can be looked after again".to_owned(),
        About::PublicUrl => "the public URL leads here again".to_owned(),
        About::Inbox => "the inbox takes writes again".to_owned(),
        About::Disk => "the inbox's disk has room again".to_owned(),
        About::Log => "the inbox's log is small again".to_owned(),
        About::Silence => "notifications are received again".to_owned(),
    }
}

/// What to do, as `doctor` and the page say it.
fn advice(about: About, name: &str) -> String {
    match about {
        About::Destination => MEND.to_owned(),
        About::DeadLetter => format!(
            "`caigunn-webhook deliveries list --state dead --destination {name}` lists them, and \
             `caigunn-webhook receipts replay --dead --destination {name}` sends them again"
        ),
        About::Chatbot => {
            "`caigunn-webhook subscription show` says how each stands; if two deployments want one chatbot, stop one of \
             them; until then events of it do not come here"
                .to_owned()
        }
        About::Account => {
            format!("`caigunn-webhook doctor` looks at it; where the access token is refused, {ACCESS_TOKEN}")
        }
        About::PublicUrl => "`caigunn-webhook doctor` looks from where it is run; until it leads here, nothing is received"
            .to_owned(),
        About::Inbox => "see that the volume is neither full nor mounted read-only, or that the database runs; until then \
                         posts get 503"
            .to_owned(),
        About::Disk => Space::LOW_ADVICE.to_owned(),
        About::Log => Space::LARGE_LOG_ADVICE.to_owned(),
        About::Silence => "see that the registered URL leads here: `caigunn-webhook doctor`".to_owned(),
    }
}
