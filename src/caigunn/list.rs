//! The list of an account's chatbots, from all of its pages.

use std::collections::HashSet;

use reqwest::Method;

use super::body::{self, Listed};
use super::{Client, Credential, Error, Listing, MAX_CHATBOT_BYTES};

/// How many chatbots are asked for at a time: CaiGunn's own default.
const PAGE_COUNT: &str = "30";

/// How many chatbots a user may have here: far more than anybody has, and few enough to hold.
const MAX_CHATBOTS: usize = 10_000;

impl Client {
    /// All chatbots of the user that are not deleted, read one by one: an entry that cannot be read hides no other. A
    /// chatbot that moves up a page while the pages are read, since another is deleted, is missed.
    ///
    /// # Errors
    /// [`Error::Unexpected`] also beyond 10,000 entries, and 4 MiB a page.
    pub async fn chatbots(&self) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut known = HashSet::new();
        let mut offset = 0;
        // CaiGunn may give fewer than asked for, or the same whatever is asked for: only a page without a new one is
        // the end.
        loop {
            let page = match self.chatbots_from(offset, PAGE_COUNT).await {
                Ok(page) => page,
                // There is nothing from there on.
                Err(Error::Unexpected { status: 404, .. }) if offset > 0 => return Ok(listing),
                Err(error) => return Err(error),
            };
            offset += page.len();
            let known_before = known.len();
            for listed in page {
                if !known.insert(listed.mark()) {
                    continue;
                }
                match listed {
                    Listed::Live(chatbot) => listing.chatbots.push(chatbot),
                    Listed::Deleted(_) => {}
                    Listed::Unreadable { mistake, .. } => listing.unreadable.push(mistake),
                }
            }
            if known.len() == known_before {
                return Ok(listing);
            }
            if known.len() > MAX_CHATBOTS {
                return Err(Error::Unexpected {
                    status: 200,
                    detail: format!("more than {MAX_CHATBOTS} chatbots are listed"),
                });
            }
        }
    }

    pub(super) async fn chatbots_from(&self, offset: usize, limit: &str) -> Result<Vec<Listed>, Error> {
        let query = [("offset", &*offset.to_string()), ("limit", limit)];
        let call = self.call(Method::GET, &["user", "chatbot"], &query, Credential::AccessToken)?;
        self.attempt(call, MAX_CHATBOT_BYTES, move |text, _| {
            body::chatbots(text, offset)
        })
        .await
    }
}
