//! Everything that is promised to the outside, a file a promise.

mod admin;
mod answers;
mod crash;
mod duplicates;
mod harness;
mod quarantine;
mod shutdown;
