//! One target under libFuzzer: `EVERGRANT_FUZZ_TARGET=name fuzz CORPUS...`. Started by `cargo xtask fuzz`.

#![no_main]

use std::sync::LazyLock;

use evergrant_fuzz::{TARGETS, Target};

const VARIABLE: &str = "EVERGRANT_FUZZ_TARGET";

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        panic!("{VARIABLE} names no target; there are: {}", names.join(" "))
    })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
