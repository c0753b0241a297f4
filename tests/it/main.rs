//! Everything that is promised to the outside, a file a promise.

mod harness;
