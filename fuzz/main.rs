//! Runs one target of `caigunn_webhook::fuzzing` for as long as it is told to; see scripts/fuzz.

#![no_main]

use std::sync::LazyLock;

use caigunn_webhook::fuzzing::TARGETS;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("CAIGUNN_FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.into_iter().find(|(of, _)| *of == name);
    let (_, run) = target.unwrap_or_else(|| panic!("CAIGUNN_FUZZ_TARGET names no target: {name:?}"));
    run
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| RUN(input));
