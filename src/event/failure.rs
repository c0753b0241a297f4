//! Why something failed.

use std::borrow::Cow;
use std::fmt;

/// Why something failed, in CaiGunn's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// "Training data not found"
    TrainingDataNotFound,
    /// "Character limit exceeded"
    CharacterLimitExceeded,
    /// "Unsupport file format" (sic)
    UnsupportedFileFormat,
    /// Any other text, possibly empty.
    Other(String),
}

impl Failure {
    const DOCUMENTED: [(Self, &str); 3] = [
        (Self::TrainingDataNotFound, "Training data not found"),
        (Self::CharacterLimitExceeded, "Character limit exceeded"),
        (Self::UnsupportedFileFormat, "Unsupport file format"),
    ];

    /// CaiGunn's text for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            documented => Self::DOCUMENTED
                .iter()
                .find_map(|(failure, text)| (failure == documented).then_some(*text))
                .expect("every variant but Other is in DOCUMENTED"),
        }
    }
}

impl From<Cow<'_, str>> for Failure {
    fn from(text: Cow<'_, str>) -> Self {
        Self::DOCUMENTED
            .into_iter()
            .find_map(|(failure, documented)| (documented == text).then_some(failure))
            .unwrap_or_else(|| Self::Other(text.into_owned()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
