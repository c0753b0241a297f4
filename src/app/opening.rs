//! Opens the inbox, in whichever store it is.

use std::sync::Arc;

use crate::config::InboxLocation;
use crate::inbox::sqlite::SqliteInbox;
use crate::inbox::{self, Inbox, postgres};

/// Opens the inbox of a location.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open_inbox(
    location: &InboxLocation,
    settings: inbox::Settings,
) -> Result<Arc<dyn Inbox>, inbox::Error> {
    match location {
        InboxLocation::Sqlite(path) => Ok(Arc::new(SqliteInbox::open(path, settings)?)),
        InboxLocation::Postgres(location) => postgres::open(location, settings).await,
    }
}
