//! What a look at a destination finds, for `doctor`. No notification is sent, and nothing is changed.

use super::{Kind, command, http};

/// What was found, in words for an operator; nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// That is as it should be.
    Good(String),
    /// It delivers, and this is not as it should be.
    Doubtful {
        /// What.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// Nothing can be delivered.
    Bad {
        /// What is wrong.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
}

/// Looks whether there is something at a destination that would take what is sent, and what its word is worth.
///
/// # Errors
/// The system's certificates cannot be read.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn look(kind: &Kind) -> Result<Vec<Sight>, reqwest::Error> {
    Ok(match kind {
        Kind::Http(settings) => vec![http::reach::look(settings).await?],
        Kind::Command(settings) => vec![command::find::look(settings)],
    })
}
