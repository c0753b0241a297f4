//! The kinds of problems: their statuses, names and headers, and what else depends on the kind alone.

use std::collections::BTreeSet;

use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use tracing::Level;

/// What a sender is told to wait before it tries again: long enough for a queue to drain or a disk to be seen to.
const RETRY_AFTER_SECONDS: &str = "5";

/// The same of a receiver that starts: what is left of a start when the listeners answer takes no longer.
const RETRY_AFTER_START_SECONDS: &str = "1";

/// Defines [`Kind`] together with a list of all of it and what is known of each.
macro_rules! kinds {
    ($($kind:ident => $facts:expr,)*) => {
        /// The problems there are: one a thing that the sender would do differently.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: [Self; [$(Self::$kind),*].len()] = [$(Self::$kind),*];

            fn facts(self) -> Facts {
                match self {
                    $(Self::$kind => $facts,)*
                }
            }
        }
    };
}

kinds! {
    MalformedRequest => facts(400, "malformed-request", "Malformed request").closes().of_posts().quarantined(),
    NotJson => facts(400, "not-json", "The body is not JSON").of_posts().quarantined(),
    WrongUrlToken => facts(401, "unauthorized", NO_TOKEN).with(WWW_AUTHENTICATE, "Url-Token").of_posts(),
    WrongBearerToken => facts(401, "unauthorized", NO_TOKEN).with(WWW_AUTHENTICATE, "Bearer"),
    SignedOut => facts(401, "unauthorized", "You are not signed in"),
    TooManyTries => facts(429, "too-many-tries", "Too many wrong tokens"),
    Forbidden => facts(403, "forbidden", "Not for this client"),
    NotFound => facts(404, "not-found", "Not found"),
    MethodNotAllowed => facts(405, "method-not-allowed", "Method not allowed"),
    BodyTimeout => facts(408, "body-timeout", "The body came too slowly").closes().of_posts().quarantined(),
    BodyTooLarge => facts(413, "body-too-large", "The body is too large").closes().of_posts().quarantined(),
    UnsupportedMediaType => facts(415, "unsupported-media-type", "The body must be JSON").of_posts().quarantined(),
    NotNotification => facts(422, "not-a-notification", "The body is not a notification").of_posts().quarantined(),
    InvalidReplay => facts(422, "invalid-replay", "The body is not a replay"),
    InvalidQuery => facts(400, "invalid-query", "Invalid query"),
    InstructionFailed => facts(409, "instruction-failed", "It could not be done"),
    NotAcceptable => facts(409, "not-acceptable", "It cannot be accepted"),
    NotConfigured => facts(409, "not-configured", "Not configured"),
    NotLeader => facts(409, "not-leader", "Another receiver leads"),
    Internal => facts(500, "internal", "Internal error").of_posts(),
    CaiGunnFailed => facts(502, "caigunn-failed", "CaiGunn did not give what was asked for"),
    UnknownTransferCoding => facts(501, "unknown-transfer-coding", "Unknown transfer coding").closes().of_posts(),
    Overloaded => facts(503, "overloaded", "Overloaded").later().of_posts(),
    Starting => facts(503, "starting", "Starting").with(RETRY_AFTER, RETRY_AFTER_START_SECONDS),
    Stopping => facts(503, "stopping", "Stopping").later().of_posts(),
    InboxUnavailable => facts(503, "inbox-unavailable", "The inbox is unavailable").later().of_posts(),
}

/// What the title says of each request without the right token, but for the page's forms.
const NO_TOKEN: &str = "The token is missing or wrong";

/// What is known of a kind.
struct Facts {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    header: Option<(HeaderName, &'static str)>,
    refuses_posts: bool,
    is_quarantined: bool,
}

/// A kind that no post to the public side is refused with.
fn facts(status: u16, name: &'static str, title: &'static str) -> Facts {
    Facts {
        status: StatusCode::from_u16(status).expect("it has three digits"),
        name,
        title,
        header: None,
        refuses_posts: false,
        is_quarantined: false,
    }
}

impl Facts {
    /// With the header that its status calls for, or that says what the connection comes to.
    fn with(self, name: HeaderName, value: &'static str) -> Self {
        let header = Some((name, value));
        Self { header, ..self }
    }

    fn closes(self) -> Self {
        self.with(CONNECTION, "close")
    }

    fn later(self) -> Self {
        self.with(RETRY_AFTER, RETRY_AFTER_SECONDS)
    }

    fn of_posts(self) -> Self {
        Self {
            refuses_posts: true,
            ..self
        }
    }

    fn quarantined(self) -> Self {
        Self {
            is_quarantined: true,
            ..self
        }
    }
}

impl Kind {
    /// Those with which any request may be refused, whatever it asks for.
    #[cfg(test)]
    pub const OF_ANY_REQUEST: [Self; 4] = [
        Self::MalformedRequest,
        Self::Internal,
        Self::UnknownTransferCoding,
        Self::Overloaded,
    ];

    /// Those with which any request to the admin side may be refused beside.
    pub const OF_ADMIN_SIDE: [Self; 3] = [Self::WrongBearerToken, Self::Forbidden, Self::InboxUnavailable];

    /// Those with which a body of JSON may be refused.
    pub const OF_BODIES: [Self; 4] = [
        Self::NotJson,
        Self::BodyTimeout,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
    ];

    /// The status, the last part of `type`, and the title.
    pub fn parts(self) -> (StatusCode, &'static str, &'static str) {
        let Facts {
            status, name, title, ..
        } = self.facts();
        (status, name, title)
    }

    /// The header that a status calls for, or that says what the connection comes to.
    pub fn header(self) -> Option<(HeaderName, &'static str)> {
        self.facts().header
    }

    /// Whether a post to the public side can be refused so, which is to bring a notification.
    pub fn refuses_posts(self) -> bool {
        self.facts().refuses_posts
    }

    /// Whether a copy of a request that is refused so goes into quarantine, once its token was right.
    pub fn is_quarantined(self) -> bool {
        self.facts().is_quarantined
    }

    /// The names of those that are meant, each once.
    pub fn names(is_meant: fn(Self) -> bool) -> BTreeSet<&'static str> {
        let meant = Self::ALL.into_iter().filter(|kind| is_meant(*kind));
        meant.map(|kind| kind.parts().1).collect()
    }

    /// How loud the log is about it, which depends on who must act. A refused notification that its sender cannot help is at
    /// risk; a bug and a damaged inbox need a person, whoever met them. Anybody else who gets 503 only asked: that the inbox
    /// is unavailable has been said where it began, and a start and a stop have their own lines.
    pub fn level(self, is_notification: bool, is_damage: bool) -> Level {
        match (self, self.parts().0) {
            (Self::Internal, _) => Level::ERROR,
            (_, StatusCode::SERVICE_UNAVAILABLE) if is_notification || is_damage => Level::ERROR,
            (Self::Starting | Self::Stopping, _) => Level::DEBUG,
            (_, StatusCode::SERVICE_UNAVAILABLE) => Level::WARN,
            (_, _) if is_notification => Level::WARN,
            (_, _) => Level::DEBUG,
        }
    }
}
