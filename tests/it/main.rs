//! Everything that is promised to the outside, a file a promise.

mod admin;
mod answers;
mod clients;
mod crash;
mod disk_full;
mod duplicates;
mod harness;
mod quarantine;
mod shutdown;
