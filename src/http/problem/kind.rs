//! The kinds of problems: their statuses, names and headers, and what else depends on the kind alone.

use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use tracing::Level;

/// What a sender is told to wait before it tries again: long enough for a queue to drain or a disk to be seen to.
const RETRY_AFTER_SECONDS: &str = "5";

/// The same of a receiver that starts: what is left of a start when the listeners answer takes no longer.
const RETRY_AFTER_START_SECONDS: &str = "1";

/// Defines [`Kind`] together with a list of all of it.
macro_rules! kinds {
    ($($kind:ident,)*) => {
        /// The problems there are: one a thing that the sender would do differently.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: [Self; [$(Self::$kind),*].len()] = [$(Self::$kind),*];
        }
    };
}

kinds! {
    MalformedRequest,
    NotJson,
    WrongUrlToken,
    WrongBearerToken,
    SignedOut,
    TooManyTries,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    BodyTimeout,
    BodyTooLarge,
    UnsupportedMediaType,
    NotNotification,
    InvalidReplay,
    InvalidQuery,
    InstructionFailed,
    NotAcceptable,
    NotConfigured,
    NotLeader,
    Internal,
    CaiGunnFailed,
    UnknownTransferCoding,
    Overloaded,
    Starting,
    Stopping,
    InboxUnavailable,
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
    pub const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "malformed-request", "Malformed request"),
            Self::NotJson => (StatusCode::BAD_REQUEST, "not-json", "The body is not JSON"),
            Self::InvalidQuery => (StatusCode::BAD_REQUEST, "invalid-query", "Invalid query"),
            Self::WrongUrlToken | Self::WrongBearerToken | Self::SignedOut => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "The token is missing or wrong",
            ),
            Self::TooManyTries => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-tries",
                "Too many wrong tokens",
            ),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not for this client"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "body-timeout",
                "The body came too slowly",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be JSON",
            ),
            Self::NotNotification => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "not-a-notification",
                "The body is not a notification",
            ),
            Self::InvalidReplay => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-replay",
                "The body is not a replay",
            ),
            Self::InstructionFailed => (StatusCode::CONFLICT, "instruction-failed", "It could not be done"),
            Self::NotAcceptable => (StatusCode::CONFLICT, "not-acceptable", "It cannot be accepted"),
            Self::NotConfigured => (StatusCode::CONFLICT, "not-configured", "Not configured"),
            Self::NotLeader => (StatusCode::CONFLICT, "not-leader", "Another receiver leads"),
            Self::CaiGunnFailed => (
                StatusCode::BAD_GATEWAY,
                "caigunn-failed",
                "CaiGunn did not give what was asked for",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Self::UnknownTransferCoding => (
                StatusCode::NOT_IMPLEMENTED,
                "unknown-transfer-coding",
                "Unknown transfer coding",
            ),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Overloaded"),
            Self::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting", "Starting"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", "Stopping"),
            Self::InboxUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "inbox-unavailable",
                "The inbox is unavailable",
            ),
        }
    }

    /// The header that a status calls for, or that says what the connection comes to.
    pub const fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::WrongUrlToken => Some((WWW_AUTHENTICATE, "Url-Token")),
            Self::WrongBearerToken => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::MalformedRequest | Self::BodyTimeout | Self::BodyTooLarge | Self::UnknownTransferCoding => {
                Some((CONNECTION, "close"))
            }
            Self::Overloaded | Self::Stopping | Self::InboxUnavailable => {
                Some((RETRY_AFTER, RETRY_AFTER_SECONDS))
            }
            Self::Starting => Some((RETRY_AFTER, RETRY_AFTER_START_SECONDS)),
            Self::NotJson
            | Self::InvalidQuery
            | Self::SignedOut
            | Self::TooManyTries
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UnsupportedMediaType
            | Self::NotNotification
            | Self::InvalidReplay
            | Self::InstructionFailed
            | Self::NotAcceptable
            | Self::NotConfigured
            | Self::NotLeader
            | Self::CaiGunnFailed
            | Self::Internal => None,
        }
    }

    /// Whether a post to the public side can be refused so, which is to bring a notification.
    pub const fn refuses_posts(self) -> bool {
        match self {
            Self::MalformedRequest
            | Self::NotJson
            | Self::WrongUrlToken
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::NotNotification
            | Self::Internal
            | Self::UnknownTransferCoding
            | Self::Overloaded
            | Self::Stopping
            | Self::InboxUnavailable => true,
            Self::WrongBearerToken
            | Self::SignedOut
            | Self::TooManyTries
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::InvalidReplay
            | Self::InvalidQuery
            | Self::InstructionFailed
            | Self::NotAcceptable
            | Self::NotConfigured
            | Self::NotLeader
            | Self::CaiGunnFailed
            | Self::Starting => false,
        }
    }

    /// Whether a copy of a request that is refused so goes into quarantine, once its token was right.
    pub const fn is_quarantined(self) -> bool {
        matches!(
            self,
            Self::NotJson
                | Self::MalformedRequest
                | Self::BodyTimeout
                | Self::BodyTooLarge
                | Self::UnsupportedMediaType
                | Self::NotNotification
        )
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
