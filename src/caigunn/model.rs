//! What is asked of CaiGunn, and what it answers, apart from its JSON.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::value::RawValue;
use url::Url;

use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};

/// How many entries of a list that cannot be read are named.
pub const MAX_NAMED: usize = 20;

/// What the client must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// CaiGunn's base URL.
    pub url: Url,
    /// The user's access token.
    pub access_token: SecretString,
    /// How long one call may take, from connecting to the end of the answer.
    pub timeout: Duration,
}

/// A chatbot, as the list of all of a user's has it.
#[derive(Clone, Debug)]
pub struct Chatbot {
    /// Its id.
    pub id: ChatbotId,
    /// What people call it; may be empty.
    pub title: String,
    /// The key that names it in calls about it; never empty.
    pub api_key: SecretString,
}

/// What the list of chatbots says.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The chatbots that are not deleted, each once, in CaiGunn's order.
    pub chatbots: Vec<Chatbot>,
    /// The entries that are none.
    pub unreadable: Unreadable,
}

/// What stands at CaiGunn for a chatbot.
#[derive(Clone, Debug)]
pub enum Standing {
    /// This URL. A secret, for it may have a token in it.
    Url(SecretString),
    /// No URL.
    Nothing,
    /// CaiGunn does not say.
    Unknown,
    /// Nothing any more: the chatbot is deleted.
    Deleted,
}

/// CaiGunn's log of a job.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    /// Its notifications, in CaiGunn's order.
    pub entries: Vec<LogEntry>,
    /// The entries that are none.
    pub unreadable: Unreadable,
}

/// What could not be read in a list: the first few, each with what is wrong and where, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// The first [`MAX_NAMED`].
    pub named: Vec<String>,
    /// All of them.
    pub count: usize,
}

impl Unreadable {
    /// Takes one down.
    pub fn push(&mut self, mistake: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(mistake);
        }
    }
}

/// A notification in CaiGunn's log of a job.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// When it was logged, if that can be read: the form is not documented.
    pub created_at: Option<Timestamp>,
    /// The job.
    pub event_id: Option<EventId>,
    /// What happened, e.g. `crawling`.
    pub event: String,
    /// How it stands, e.g. `completed`.
    pub status: String,
    /// The rest of the notification, as the text it came as.
    pub data: Option<Box<RawValue>>,
}
