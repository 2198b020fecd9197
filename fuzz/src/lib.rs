//! What hostile input must not achieve: a panic, a hang, a leak of a secret, or a grant that breaks its promises.
//!
//! A [`Target`] is a function that takes bytes and panics if it has found something. Two drivers run all of them:
//!
//! * `tests/quick.rs`, in every test run: the committed seeds and a fixed series of mutations of them, in seconds;
//! * `src/bin/fuzz.rs`, by `cargo xtask fuzz` and `cargo xtask soak`: libFuzzer, which is guided by the coverage that it
//!   gains, for minutes.
//!
//! An input that was a finding becomes a file in `seeds/TARGET/`, so that both drivers know it from then on.
//! A new target is one function, its line in [`TARGETS`], and a folder of seeds.

mod http_text;
mod secrecy;
mod targets;

pub use targets::{TARGETS, Target};
