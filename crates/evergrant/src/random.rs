//! Randomness: the one place where it enters.

/// Random bytes of the operating system's quality, for secrets and seeds.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

/// An id that nobody can guess and nobody has drawn before.
pub(crate) fn id() -> u128 {
    u128::from_be_bytes(bytes())
}

/// A draw for the moment of a refresh.
pub(crate) fn jitter() -> u16 {
    u16::from_be_bytes(bytes())
}
