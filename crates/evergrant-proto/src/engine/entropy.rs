//! Draws for jitter and attempt ids, from a seed that comes in as bytes. Not for secrets.

/// xoshiro256++ (Blackman and Vigna, public domain algorithm): small, fast, and reproducible from its seed.
#[derive(Debug, Clone)]
pub(crate) struct Entropy {
    state: [u64; 4],
}

impl Entropy {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut state = [0_u64; 4];
        for (word, bytes) in state.iter_mut().zip(seed.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        // The all-zero state would stay zero for ever.
        if state == [0; 4] {
            state[0] = 1;
        }
        Self { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let drawn = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let mixed = [a ^ d ^ b, b ^ c ^ a, c ^ a ^ (b << 17), (d ^ b).rotate_left(45)];
        self.state = mixed;
        drawn
    }

    pub(crate) fn id(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    pub(crate) fn jitter(&mut self) -> u16 {
        (self.next() >> 48) as u16
    }

    /// A draw between zero and `most` milliseconds, both included.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        // The bias of the remainder is below 2^-40 for the spans drawn here.
        self.next() % most.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let (mut one, mut two) = (Entropy::new([7; 32]), Entropy::new([7; 32]));
        assert!((0..100).all(|_| one.id() == two.id()));
        assert_ne!(Entropy::new([8; 32]).id(), Entropy::new([7; 32]).id());
    }

    #[test]
    fn even_the_zero_seed_draws() {
        let mut entropy = Entropy::new([0; 32]);
        assert_ne!(entropy.id(), entropy.id());
    }
}
