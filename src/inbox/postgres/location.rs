//! Where the server is.

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {}
