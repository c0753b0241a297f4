//! What must hold whatever comes: functions that take any bytes, and panic where a promise is broken.
//!
//! The tests feed each the files of its corpus, `fuzz/corpus/{name}`, and some thousand inputs that differ from them a
//! little; `scripts/fuzz` feeds them millions, led by what of the program each input reaches.

use crate::{backfill, config, event, http};

/// One of them.
pub struct Target {
    /// Its name, which is also that of the folder of its corpus.
    pub name: &'static str,
    /// Panics if the input breaks a promise.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    target("body", event::fuzzing::body),
    target("sameness", event::fuzzing::sameness),
    target("log", backfill::fuzzing::log),
    target("edge", http::fuzzing::edge),
    target("queries", http::fuzzing::queries),
    target("settings", config::fuzzing::settings),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

#[cfg(test)]
mod tests;
