//! One visit to one chatbot: read what stands there, decide, and do it.

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::Settings;
use super::plan::{self, Action, Actual, Desired, Holder, Memory, Reason};
use crate::caigunn::{Chatbot, Client, Error};
use crate::event::ChatbotId;
use crate::fingerprint::Fingerprint;

/// The longest part of a title that a line quotes, in characters.
const MAX_TITLE_CHARS: usize = 60;

/// A chatbot to look after.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its id, where CaiGunn's list has told it. Without it nothing can be read, only put.
    pub id: Option<ChatbotId>,
    /// Its title, from the same list.
    pub title: Option<String>,
    /// Its API key.
    pub api_key: SecretString,
    /// Stands for the key where people see it.
    pub fingerprint: Fingerprint,
}

impl Target {
    /// One of which only the key is known.
    pub fn of_key(api_key: SecretString) -> Self {
        Self {
            id: None,
            title: None,
            fingerprint: Fingerprint::of(&api_key),
            api_key,
        }
    }

    /// A listed one.
    pub fn of(chatbot: &Chatbot) -> Self {
        Self {
            id: Some(chatbot.id),
            title: Some(chatbot.title.clone()),
            ..Self::of_key(chatbot.api_key.clone())
        }
    }

    /// Whether that is its key.
    pub fn has_key(&self, api_key: &SecretString) -> bool {
        self.api_key.expose_secret() == api_key.expose_secret()
    }

    /// What it is called in lines for people.
    pub fn name(&self) -> String {
        match (&self.title, self.id) {
            (Some(title), Some(id)) => {
                let title: String = title.chars().take(MAX_TITLE_CHARS).collect();
                format!("chatbot {title:?} ({id})")
            }
            (_, Some(id)) => format!("chatbot {id}"),
            (_, None) => format!("the chatbot of API key {}…", self.fingerprint),
        }
    }
}

/// Whether a visit may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Do what is decided.
    Apply,
    /// Only say it.
    DryRun,
}

/// What a visit has found and done.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What stood there before.
    pub found: Found,
    /// Why that is unknown, where it could not be read and the visit went on without.
    pub unreadable: Option<Error>,
    /// What came of it.
    pub end: End,
}

/// What stood at CaiGunn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Our URL.
    Ours,
    /// Another one, its secret parts hidden.
    Other(String),
    /// None.
    Nothing,
    /// It could not be read.
    Unknown,
}

/// What came of a visit.
#[derive(Clone, Debug)]
pub enum End {
    /// All was as it should be.
    AlreadySo,
    /// Our URL was put.
    Put {
        /// Why.
        reason: Reason,
        /// CaiGunn's word on it.
        detail: String,
    },
    /// Our URL would have been put, but for the dry run.
    WouldPut {
        /// Why.
        reason: Reason,
    },
    /// It was left to whoever has it.
    Left(Holder),
    /// The chatbot is deleted.
    Deleted,
    /// The access token was refused while reading: no visit can succeed.
    AccountRefused(Error),
    /// A call failed.
    Failed(Error),
}

/// What came of taking a registration away.
#[derive(Clone, Debug)]
pub enum Removal {
    /// It is gone; CaiGunn's word on it.
    Done(String),
    /// Our URL stood there, and would have been taken away but for the dry run.
    WouldBeDone,
    /// It was not ours, so it still is what was found.
    NotOurs(Found),
    /// A call failed.
    Failed(Error),
}

/// Visits a chatbot.
///
/// # Cancel safety
/// Dropping the future leaves open whether the URL was put; another visit is safe.
pub async fn visit(
    client: &Client,
    settings: &Settings,
    target: &Target,
    memory: &Memory,
    now: Instant,
    mode: Mode,
) -> Visit {
    let ended = |end| Visit {
        found: Found::Unknown,
        unreadable: None,
        end,
    };
    let (standing, unreadable) = match read(client, target).await {
        Ok(standing) => (standing, None),
        Err(error @ Error::Refused { status: 401, .. }) => return ended(End::AccountRefused(error)),
        Err(error @ Error::TooManyRequests { .. }) => return ended(End::Failed(error)),
        // It may pass, and until then nothing needs to be done, or may be.
        Err(error @ Error::Unavailable { .. }) if memory.is_confirmed || mode == Mode::DryRun => {
            return ended(End::Failed(error));
        }
        // Reading alone may be broken: whoever is not registered yet loses nothing by trying.
        Err(error) => (Standing::Unknown, Some(error)),
    };
    let actual = match &standing {
        Standing::Deleted => return ended(End::Deleted),
        Standing::Url(url) => Actual::Url(url.expose_secret()),
        Standing::Nothing => Actual::Nothing,
        Standing::Unknown => Actual::Unknown,
    };
    let found = found(actual, settings);
    let end = match (plan::decide(desired(settings), actual, memory, now), mode) {
        (Action::Nothing, _) => End::AlreadySo,
        (Action::Leave(holder), _) => End::Left(holder),
        (Action::Put(reason), Mode::DryRun) => End::WouldPut { reason },
        (Action::Put(reason), Mode::Apply) => {
            match client.put_webhook(&target.api_key, &settings.webhook_url).await {
                Ok(detail) => End::Put { reason, detail },
                Err(error) => End::Failed(error),
            }
        }
    };
    Visit {
        found,
        unreadable,
        end,
    }
}

/// Takes our URL away from a chatbot, if it is still ours.
///
/// # Cancel safety
/// Dropping the future leaves open whether it was taken away; another call is safe.
pub async fn remove(client: &Client, settings: &Settings, target: &Target, mode: Mode) -> Removal {
    let found = match read(client, target).await {
        Ok(Standing::Url(url)) => found(Actual::Url(url.expose_secret()), settings),
        Ok(Standing::Nothing | Standing::Deleted) => Found::Nothing,
        Ok(Standing::Unknown) => Found::Unknown,
        Err(error) => return Removal::Failed(error),
    };
    match (found, mode) {
        (Found::Ours, Mode::DryRun) => Removal::WouldBeDone,
        // Between the look and this call another may put its URL: CaiGunn has no way to delete only ours.
        (Found::Ours, Mode::Apply) => match client.delete_webhook(&target.api_key).await {
            Ok(detail) => Removal::Done(detail),
            Err(error) => Removal::Failed(error),
        },
        (found, _) => Removal::NotOurs(found),
    }
}

/// What CaiGunn says of a chatbot.
enum Standing {
    Url(SecretString),
    Nothing,
    Deleted,
    Unknown,
}

async fn read(client: &Client, target: &Target) -> Result<Standing, Error> {
    let Some(id) = target.id else {
        return Ok(Standing::Unknown);
    };
    let details = client.chatbot(id).await?;
    Ok(match details.webhook_url {
        _ if details.is_deleted => Standing::Deleted,
        Some(url) => Standing::Url(url),
        None => Standing::Nothing,
    })
}

fn desired(settings: &Settings) -> Desired<'_> {
    Desired {
        url: settings.webhook_url.expose_secret(),
        base: &settings.base_url,
        older: &settings.older_urls,
        on_takeover: settings.on_takeover,
        max_reclaims: settings.max_reclaims_per_hour,
    }
}

fn found(actual: Actual<'_>, settings: &Settings) -> Found {
    match actual {
        Actual::Nothing => Found::Nothing,
        Actual::Unknown => Found::Unknown,
        Actual::Url(url) if plan::is_same(url, settings.webhook_url.expose_secret()) => Found::Ours,
        Actual::Url(url) => Found::Other(plan::shown(url)),
    }
}
