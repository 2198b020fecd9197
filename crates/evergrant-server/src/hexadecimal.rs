//! Digests as text.

/// The 32 bytes of 64 hexadecimal digits.
pub(crate) fn parse_digest(digits: &str) -> Option<[u8; 32]> {
    // `from_str_radix` alone would take a sign.
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_digits_and_nothing_else() {
        assert_eq!(parse_digest(&"0f".repeat(32)), Some([15; 32]));
        for unfit in ["", "0f", &"+f".repeat(32), &"ü".repeat(32), &"0f".repeat(33)] {
            assert_eq!(parse_digest(unfit), None, "{unfit}");
        }
    }
}
