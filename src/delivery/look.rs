//! What a look at a destination finds, for `doctor`. No notification is sent, and nothing is changed.

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
