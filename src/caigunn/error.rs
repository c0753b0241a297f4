//! Why a call failed: whose credential was refused, what passes by itself, what a person must check, and how it is logged.
//! All of that is decided here, for whoever calls.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::event::ChatbotId;
use crate::fingerprint::Fingerprint;

/// What to do when the access token is refused.
pub const ACCESS_TOKEN: &str = "put a valid one into the file that CAIGUNN_ACCESS_TOKEN_FILE names, or into CAIGUNN_ACCESS_TOKEN and restart: while one \
                                is still valid, `caigunn-webhook token refresh` makes the next; after that, CaiGunn's web site does";

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The account's access token: the list of chatbots itself was refused, or a new token.
    AccessToken,
    /// One chatbot's API key, by its fingerprint; the access token is good.
    ApiKey(Fingerprint),
    /// The same, where the log of a job was asked for.
    ApiKeyOfLog(Fingerprint),
    /// What one chatbot is asked with the access token, which is good for the others.
    Chatbot(ChatbotId),
}

impl fmt::Display for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessToken => formatter.write_str("the access token"),
            Self::ApiKey(fingerprint) | Self::ApiKeyOfLog(fingerprint) => {
                write!(formatter, "API key {fingerprint}…")
            }
            Self::Chatbot(id) => write!(formatter, "to tell of chatbot {id}"),
        }
    }
}

/// Why a call failed, by what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A credential is wrong or has expired (401, 403): a person must mend it.
    #[error("CaiGunn refused {whose} with {status}: {detail}")]
    Refused {
        /// Whose.
        whose: Credential,
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn does not accept what was sent (other 4xx in JSON): a person must look.
    #[error("CaiGunn did not accept the request, with {status}: {detail}")]
    Invalid {
        /// What was sent with it.
        whose: Credential,
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn asks for patience (429): try again, not before `retry_after`.
    #[error("CaiGunn asks for fewer requests: {detail}")]
    TooManyRequests {
        /// How long `Retry-After` says to wait, as seconds or as a date.
        retry_after: Option<Duration>,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn could not be reached, was too slow, or failed (5xx): try again.
    #[error("CaiGunn is unavailable: {detail}")]
    Unavailable {
        /// How long `Retry-After` says to wait, as seconds or as a date.
        retry_after: Option<Duration>,
        /// What happened.
        detail: String,
    },
    /// Not the API answered but a web page, a redirect or something else that is no JSON, as while a site is maintained:
    /// try again.
    #[error("CaiGunn answered with {status} and no JSON, as while it is maintained: {detail}")]
    NoApi {
        /// The status.
        status: u16,
        /// The beginning of the answer, or where it stops being JSON.
        detail: String,
    },
    /// CaiGunn takes our webhook URL, and has another in its place: a person must look.
    #[error("CaiGunn changes the webhook URL: it has {remains}, where posts are refused")]
    Changed {
        /// What it has there; nothing of the URL itself.
        remains: String,
    },
    /// A credential cannot be sent: a person must mend it.
    #[error("not sent: {whose} has a character that no header may hold")]
    Unsendable {
        /// Which one.
        whose: Credential,
    },
    /// CaiGunn answered with JSON of another shape than the documented one, as it may while it is maintained, or with too
    /// much of it, or does not know a call that it always has: try again.
    #[error("CaiGunn answered unexpectedly with {status}: {detail}")]
    Unexpected {
        /// The status.
        status: u16,
        /// What is wrong, and where.
        detail: String,
    },
}

impl Error {
    /// Of a refusal that may be of an access token that is used no more: asking again tells.
    pub(super) fn of_replaced_token() -> Self {
        Self::Unavailable {
            retry_after: None,
            detail: "it answered 401, and the access token was replaced meanwhile".to_owned(),
        }
    }

    /// Whether it passes by itself; anything else lasts until a person acts.
    pub fn passes(&self) -> bool {
        match self {
            Self::TooManyRequests { .. }
            | Self::Unavailable { .. }
            | Self::NoApi { .. }
            | Self::Unexpected { .. } => true,
            Self::Refused { .. } | Self::Invalid { .. } | Self::Changed { .. } | Self::Unsendable { .. } => {
                false
            }
        }
    }

    /// Whether no call can succeed: the list itself refused the access token.
    pub fn is_account_refused(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                whose: Credential::AccessToken,
                status: 401,
                ..
            }
        )
    }

    /// Whether it may be CaiGunn that is down. An answer of another shape may be of one log or chatbot alone.
    pub fn is_outage(&self) -> bool {
        self.passes() && !matches!(self, Self::Unexpected { .. })
    }

    /// How long CaiGunn asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The same of a call that was not made, since so long is left of the wait; where CaiGunn has asked for that, with its end.
    pub(super) fn of_quiet(mut self, left: Duration, ends_at: Option<Timestamp>) -> Self {
        if let Self::TooManyRequests { retry_after, detail } | Self::Unavailable { retry_after, detail } =
            &mut self
        {
            *retry_after = Some(left);
            if let Some(ends_at) = ends_at {
                *detail += &format!(" (as before: it was not asked now, and is left alone until {ends_at})");
            }
        }
        self
    }

    /// What a person should check, where waiting alone may not help.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::TooManyRequests { .. } | Self::Unavailable { .. } => None,
            Self::Refused {
                whose: Credential::AccessToken,
                ..
            } => Some(ACCESS_TOKEN),
            Self::Unsendable {
                whose: Credential::ApiKey(_) | Credential::ApiKeyOfLog(_),
            } => Some("check CAIGUNN_API_KEY"),
            Self::Unsendable { .. } => Some("check CAIGUNN_ACCESS_TOKEN"),
            Self::Refused {
                whose: Credential::ApiKey(_) | Credential::ApiKeyOfLog(_),
                ..
            } => Some(
                "check CAIGUNN_API_KEY: the key must be of a chatbot of the access token's user that is not deleted",
            ),
            Self::Refused {
                whose: Credential::Chatbot(_),
                ..
            } => Some("check at CaiGunn that this chatbot is the access token's user's"),
            Self::Invalid {
                whose: Credential::ApiKey(_),
                ..
            } => Some("check CAIGUNN_PUBLIC_URL and CAIGUNN_API_KEY"),
            Self::Invalid {
                whose: Credential::ApiKeyOfLog(_),
                ..
            } => Some("check CAIGUNN_API_KEY and CAIGUNN_API_URL"),
            // These calls have neither.
            Self::Invalid { .. } => Some("check CAIGUNN_ACCESS_TOKEN and CAIGUNN_API_URL"),
            Self::Changed { .. } => Some(
                "take a CAIGUNN_WEBHOOK_TOKEN of fewer characters, and of small letters and digits alone; if that does not \
                 help, see the chatbot's settings at CaiGunn, and that no other deployment wants it",
            ),
            Self::NoApi { .. } | Self::Unexpected { .. } => Some("if it lasts, check CAIGUNN_API_URL"),
        }
    }

    /// What went wrong, and what to check.
    pub fn explained(&self) -> String {
        match self.advice() {
            Some(advice) => format!("{self}; {advice}"),
            None => self.to_string(),
        }
    }

    /// Logs it: what could not be done for it, what to check, and when that is tried again. It is an error where a
    /// person must act. `api_key` names the chatbot that it is about, if it is about one.
    pub fn log(&self, kind: &'static str, api_key: Option<&Fingerprint>, what: &str, wait: Duration) {
        let explained = self.explained();
        let seconds = wait.as_secs_f64().ceil();
        let api_key = api_key.map(tracing::field::display);
        if self.passes() {
            tracing::warn!(api_key, error.type = kind, "{what}: {explained}; trying again in {seconds} s");
        } else {
            tracing::error!(api_key, error.type = kind, "{what}: {explained}; trying again in {seconds} s");
        }
    }
}
