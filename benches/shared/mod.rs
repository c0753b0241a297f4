//! What the benchmarks of a running receiver share.

pub mod database;
pub mod files;
pub mod load;
pub mod run;
pub mod server;
