//! What is to be said of the account's access token.

use std::time::Duration;

use super::Keeper;
use crate::caigunn::{ACCESS_TOKEN, Error};
use crate::clock::Timestamp;
use crate::subscription::EXPIRY_NOTICE;

impl Keeper {
    /// Says that nothing can be done with this access token: once with what to do about it, then only that it is so.
    pub(super) fn account_refused(&mut self, error: &Error, wait: Duration) {
        let seconds = wait.as_secs();
        if self.is_refusal_said {
            tracing::warn!(
                error.type = "access_token_refused",
                "{error}; the access token is still refused; trying again in {seconds} s"
            );
        } else {
            tracing::error!(
                error.type = "access_token_refused",
                "{error}; nothing can be registered or backfilled with this access token: {ACCESS_TOKEN}; trying \
                 again in {seconds} s"
            );
        }
        self.is_refusal_said = true;
        self.view.look().problem = Some(error.to_string());
    }

    pub(super) fn warn_of_expiry(&mut self) {
        let Some(end) = self.client.token_expires_at() else {
            return;
        };
        if !self.is_expiry_said && end < Timestamp::now().plus(EXPIRY_NOTICE) {
            self.is_expiry_said = true;
            tracing::warn!(
                error.type = "access_token_expires",
                "the access token ends at {end}; `caigunn-webhook token refresh` makes a new one while it is valid"
            );
        }
    }
}
