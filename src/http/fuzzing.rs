//! Targets: the bytes of a connection, and what the admin API is asked for.

mod edge;
mod reference;

pub use super::admin::fuzzing::queries;
pub use edge::edge;
