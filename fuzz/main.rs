//! Runs one target of `caigunn_webhook::fuzzing` for as long as it is told to; see scripts/fuzz.

#![no_main]

use std::sync::LazyLock;

use caigunn_webhook::fuzzing::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("CAIGUNN_FUZZ_TARGET").unwrap_or_default();
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .unwrap_or_else(|| panic!("CAIGUNN_FUZZ_TARGET names no target: {name:?}"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.run)(input));
