//! Randomness that nobody chooses: salts, keys, epochs.

use aws_lc_rs::rand;

/// Bytes from the system's random source.
pub(crate) fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("the system's random source works");
}
