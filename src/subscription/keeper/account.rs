//! What is to be said of the account: of its access token, and of the list of its chatbots where that fails.

use std::time::Duration;

use super::Keeper;
use crate::caigunn::{ACCESS_TOKEN, Error};
use crate::clock::Timestamp;
use crate::subscription::EXPIRY_NOTICE;
use crate::subscription::view::MAX_UNSHOWN_WAIT;

/// How often in a row the list must fail before that is shown: one that failed once is nobody's matter.
const MIN_LIST_FAILURES: u32 = 2;

impl Keeper {
    /// Says that the chatbots could not be listed, and shows it unless it may be over in a moment.
    pub(super) fn list_failed(&mut self, error: &Error, wait: Duration) {
        if error.is_account_refused() {
            return self.account_refused(error, wait);
        }
        error.log("list_failed", None, "cannot list the account's chatbots", wait);
        let mut seen = self.view.look();
        // What was refused before may have been another access token: the last answer counts.
        let was_refused = seen.problem.take().is_some();
        let is_of_a_moment =
            error.passes() && wait <= MAX_UNSHOWN_WAIT && self.list_failure_count < MIN_LIST_FAILURES;
        if was_refused || !is_of_a_moment {
            seen.list_error = Some(format!("the chatbots cannot be listed: {error}"));
        }
        drop(seen);
        // Keys that are given are of use without a list, and so is what an earlier one told.
        let keyring = self.known_keys();
        let is_news = self
            .keyring
            .borrow()
            .as_ref()
            .is_none_or(|known| !known.has_same_keys(&keyring));
        if is_news && !self.subjects.is_empty() {
            self.keyring.send_replace(Some(keyring));
        } else if was_refused {
            // Backfilling waits for that.
            self.keyring.send_modify(|_| {});
        }
    }

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

    /// Warns of the end of the access token, once of each.
    pub(super) fn warn_of_expiry(&mut self) {
        let end = self.client.token_expires_at();
        let Some(end) = end.filter(|end| *end < Timestamp::now().plus(EXPIRY_NOTICE)) else {
            return;
        };
        if self.said_expiry.replace(end) != Some(end) {
            tracing::warn!(
                error.type = "access_token_expires",
                "the access token ends at {end}; `caigunn-webhook token refresh` makes a new one while it is valid"
            );
        }
    }
}
