//! stub
#![allow(missing_docs)]
use std::time::Duration;
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub after: Duration,
    pub interval: Duration,
    pub concurrency: usize,
    pub max_calls_per_minute: usize,
    pub give_up_after: Duration,
}
