//! Whether the inbox in PostgreSQL can be opened.

use super::Finding;
use super::inbox::{CHECK, reason_of};
use crate::inbox::postgres::{self, Location};
use crate::inbox::{Inbox, Settings};

pub async fn examine(location: &Location, settings: Settings) -> Finding {
    let shown = location.shown();
    let opened = match postgres::PostgresInbox::open(location, settings).await {
        Ok(inbox) => inbox.close().await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(()) => Finding::ok(CHECK, format!("PostgreSQL at {shown} opens")),
        Err(error) => Finding::failure(
            CHECK,
            format!("PostgreSQL at {shown} does not open: {}", reason_of(error)),
            "see that the server runs and can be reached from here, and that user, password, database and sslmode in \
             CAIGUNN_INBOX_URL are right",
        ),
    }
}
