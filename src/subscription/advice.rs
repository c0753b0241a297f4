//! What a person should do where waiting alone will not help.

use crate::caigunn::Error;

/// When the access token is refused.
pub const ACCESS_TOKEN: &str = "put a valid one into CAIGUNN_ACCESS_TOKEN and restart: while one is still valid, \
                                `caigunn-webhook token refresh` makes the next; after that, CaiGunn's web site does";

/// On the failure of a call with an API key.
pub fn of(error: &Error) -> Option<&'static str> {
    match error {
        Error::TooManyRequests { .. } | Error::Unavailable { .. } => None,
        Error::Refused { .. } => Some(
            "check CAIGUNN_API_KEY and CAIGUNN_ACCESS_TOKEN: the key must be of a chatbot of the token's user, \
             and the token must not have expired",
        ),
        Error::Invalid { .. } => Some("check CAIGUNN_PUBLIC_URL and CAIGUNN_API_KEY"),
        Error::Unexpected { .. } => Some("check CAIGUNN_API_URL"),
    }
}
