//! One visit to one chatbot: read what stands there, decide, do it, and read what came of it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::Webhook;
use super::plan::{self, Action, Holder, Memory, Reason};
use crate::accents::quoted;
use crate::caigunn::spelling::{Likeness, has_host_of, remains, shown};
use crate::caigunn::{Chatbot, Client, Error, Standing};
use crate::event::ChatbotId;
use crate::fingerprint::Fingerprint;

/// How long what is read at CaiGunn may be behind what was put there before it is believed: copies of a database that lag are
/// behind by a second or so.
const MAX_LAG: Duration = Duration::from_secs(3);

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
            (Some(title), Some(id)) => format!("chatbot {} ({id})", quoted(title)),
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
    /// Why our URL was to be put, where that call failed: it may have been its answer alone.
    pub tried: Option<Reason>,
}

impl Visit {
    /// One that ended before anything was seen or done.
    fn unseen(error: Error) -> Self {
        Self {
            found: Found::Unknown,
            unreadable: None,
            end: End::Failed(error),
            tried: None,
        }
    }
}

/// What stood at CaiGunn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Our URL.
    Ours,
    /// One of ours with another token that is accepted, the token hidden.
    Older(String),
    /// Another one, its secret parts hidden.
    Other(String),
    /// None.
    Nothing,
    /// It could not be read, or not well enough.
    Unknown,
}

impl Found {
    /// Another URL than ours, as it may be shown; empty if none was seen.
    pub fn url(&self) -> &str {
        match self {
            Self::Older(url) | Self::Other(url) => url,
            Self::Ours | Self::Nothing | Self::Unknown => "",
        }
    }
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
    /// Our URL was put and taken, but right after that CaiGunn had somebody else's, which is shown, or none.
    NotKept(Option<String>),
    /// Our URL would have been put, but for the dry run.
    WouldPut,
    /// It was left to whoever has it.
    Left(Holder),
    /// The chatbot is deleted.
    Deleted,
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
    webhook: &Webhook,
    target: &Target,
    memory: &Memory,
    mode: Mode,
) -> Visit {
    // Another's URL may stand there, which is to be left to whoever has it.
    let must_see = memory.goes_on && !memory.is_confirmed && !webhook.reclaims();
    let (standing, unreadable) = match read(client, target).await {
        Ok(Standing::Unknown) if target.id.is_some() && must_see => return Visit::unseen(untold()),
        Ok(Standing::Unknown) if target.id.is_some() => (Standing::Unknown, Some(untold())),
        Ok(standing) => (standing, None),
        // Without this token no call succeeds; and what passes does not matter yet, or nothing may be done, or another's URL may
        // stand there, which only a start puts ours over.
        Err(error)
            if must_see
                || error.is_account_refused()
                || matches!(error, Error::TooManyRequests { .. })
                || error.passes() && (memory.is_confirmed || memory.goes_on || mode == Mode::DryRun) =>
        {
            return Visit::unseen(error);
        }
        // Reading alone may be broken: whoever is not registered yet loses nothing by trying.
        Err(error) => (Standing::Unknown, Some(error)),
    };
    let mut tried = None;
    let end = match plan::decide(webhook, &standing, memory, Instant::now()) {
        _ if matches!(standing, Standing::Deleted) => End::Deleted,
        Action::Nothing => End::AlreadySo,
        Action::Leave(holder) => End::Left(holder),
        Action::Put(_) if mode == Mode::DryRun => match &standing {
            Standing::Url(url) => plan::remains_of_ours(webhook, url.expose_secret())
                .map_or(End::WouldPut, |remains| End::Failed(Error::Changed { remains })),
            _ => End::WouldPut,
        },
        Action::Put(reason) => {
            let others = webhook.older_urls.iter().chain(&webhook.retired_urls);
            let put = client.put_webhook(&target.api_key, &webhook.webhook_url, others);
            match put.await {
                Ok(detail) => kept(client, webhook, target)
                    .await
                    .unwrap_or(End::Put { reason, detail }),
                Err(error) => {
                    tried = Some(reason);
                    End::Failed(error)
                }
            }
        }
    };
    Visit {
        found: found(&standing, webhook, memory),
        unreadable,
        end,
        tried,
    }
}

/// What is to be said of a chatbot whose answer has no URL in its place, nor that there is none.
fn untold() -> Error {
    let detail = "/webhook_url is missing, or neither text nor null".to_owned();
    Error::Unexpected { status: 200, detail }
}

/// What stands there after a PUT, if that is not ours. What is read may be as old as what is read from a copy.
async fn kept(client: &Client, webhook: &Webhook, target: &Target) -> Option<End> {
    let look = async || check(webhook, read(client, target).await.unwrap_or(Standing::Unknown));
    look().await?;
    sleep(MAX_LAG).await;
    look().await
}

/// Believes what is read after a PUT: where posts would not be taken, nothing is registered. What cannot be read is
/// no reason to doubt CaiGunn's word.
fn check(webhook: &Webhook, after: Standing) -> Option<End> {
    let url = match after {
        Standing::Url(url) => url,
        Standing::Nothing => return Some(End::NotKept(None)),
        Standing::Deleted => return Some(End::Deleted),
        Standing::Unknown => return None,
    };
    let (url, ours) = (url.expose_secret(), webhook.webhook_url.expose_secret());
    if plan::likeness_to_ours(webhook, url) != Likeness::Other {
        return None;
    }
    // An older process of this deployment may have come between.
    if !has_host_of(url, ours) || plan::is_older(webhook, url) {
        return Some(End::NotKept(Some(shown(url))));
    }
    let another = || "another port, path or token of its host".to_owned();
    let remains = remains(url, ours).unwrap_or_else(another);
    Some(End::Failed(Error::Changed { remains }))
}

/// Takes our URL away from a chatbot, if it is still ours.
///
/// # Cancel safety
/// Dropping the future leaves open whether it was taken away; another call is safe.
pub async fn remove(
    client: &Client,
    webhook: &Webhook,
    target: &Target,
    memory: &Memory,
    mode: Mode,
) -> Removal {
    let found = match read(client, target).await {
        Ok(standing) => found(&standing, webhook, memory),
        Err(error) => return Removal::Failed(error),
    };
    match (found, mode) {
        (Found::Ours | Found::Older(_), Mode::DryRun) => Removal::WouldBeDone,
        // Between the look and this call another may put its URL: CaiGunn has no way to delete only ours.
        (Found::Ours | Found::Older(_), Mode::Apply) => match client.delete_webhook(&target.api_key).await {
            Ok(detail) => Removal::Done(detail),
            Err(error) => Removal::Failed(error),
        },
        (found, _) => Removal::NotOurs(found),
    }
}

/// What CaiGunn says of a chatbot.
async fn read(client: &Client, target: &Target) -> Result<Standing, Error> {
    match target.id {
        Some(id) => client.chatbot(id).await,
        None => Ok(Standing::Unknown),
    }
}

fn found(standing: &Standing, webhook: &Webhook, memory: &Memory) -> Found {
    let url = match standing {
        Standing::Nothing | Standing::Deleted => return Found::Nothing,
        Standing::Unknown => return Found::Unknown,
        Standing::Url(url) => url.expose_secret(),
    };
    match plan::likeness_to_ours(webhook, url) {
        Likeness::Same => Found::Ours,
        // Ours too, if this process has put it and nobody else since.
        Likeness::Masked if memory.is_confirmed => Found::Ours,
        Likeness::Masked => Found::Unknown,
        Likeness::Other if plan::is_older(webhook, url) => Found::Older(shown(url)),
        Likeness::Other => Found::Other(shown(url)),
    }
}
