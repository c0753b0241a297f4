//! What must hold whatever comes: functions that take any bytes, and panic where a promise is broken.
//!
//! The tests feed each the files of its corpus, `fuzz/corpus/{name}`, and some thousand inputs that differ from them a
//! little; `scripts/fuzz` feeds them millions, led by what of the program each input reaches.

use crate::{backfill, config, event, http};

/// One of them: its name, which is also that of the folder of its corpus, and what panics if the input breaks a promise.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] = [
    ("body", event::fuzzing::body),
    ("sameness", event::fuzzing::sameness),
    ("log", backfill::fuzzing::log),
    ("edge", http::fuzzing::edge),
    ("queries", http::fuzzing::queries),
    ("settings", config::fuzzing::settings),
];

#[cfg(test)]
mod tests;
