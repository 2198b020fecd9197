//! Numbers that look random and are the same in every run.

/// The generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Text of this many characters of the base64url alphabet's letters, as opaque tokens are.
    pub(crate) fn token(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letter = |part: u64| char::from(LETTERS[usize::try_from(part % 64).expect("below 64")]);
        (0..length.div_ceil(8))
            .flat_map(|_| self.number().to_le_bytes())
            .take(length)
            .map(|byte| letter(byte.into()))
            .collect()
    }
}
