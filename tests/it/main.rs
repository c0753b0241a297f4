//! Everything that is promised to the outside, a file a promise.

mod admin;
mod answers;
mod duplicates;
mod harness;
mod quarantine;
