//! What was parsed as a secret must not be seen in what is printed.

use std::fmt::Debug;

/// In seeds, wherever a secret stands. Short enough to survive mutations, too long to come about by chance.
pub(crate) const CANARY: &str = "canary-7f3a91c2d4";

/// Shorter ones can be parts of other words.
const SHORTEST: usize = 12;

/// Panics if `shown` says one of the `secrets` that were read from `input`.
///
/// A secret counts only if it stands in the input once, as it is: an input that repeats it elsewhere, as a scope or
/// as the name of a member, has told it itself. One without a digit may be a word of ours.
pub(crate) fn assert_masked(input: &[u8], secrets: &[&str], shown: &impl Debug) {
    let telling: Vec<_> = secrets.iter().copied().filter(|secret| stands_once(input, secret)).collect();
    if !telling.is_empty() {
        assert_silent(&telling, &format!("{shown:?}"));
    }
}

/// Panics if `text` holds one of the `secrets`.
pub(crate) fn assert_silent(secrets: &[&str], text: &str) {
    for secret in secrets {
        assert!(!text.contains(secret), "a secret is printed: {text}");
    }
}

fn stands_once(input: &[u8], secret: &str) -> bool {
    // Where characters can be written in several ways, it may stand there a second time and not be seen.
    let plain = !input.iter().any(|byte| matches!(byte, b'\\' | b'%' | b'+'));
    // Punctuation is what lists are printed with.
    let word = secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let known = word && secret.len() >= SHORTEST && secret.bytes().any(|byte| byte.is_ascii_digit());
    // The host of an address is printed in lower case, however it was written.
    let told = |window: &&[u8]| window.eq_ignore_ascii_case(secret.as_bytes());
    plain && known && input.windows(secret.len()).filter(told).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a secret is printed")]
    fn a_secret_that_is_printed_is_found() {
        assert_masked(br#"{"access_token":"canary-7f3a91c2d4"}"#, &[CANARY], &format!("token {CANARY}"));
    }

    #[test]
    fn what_the_input_tells_itself_is_no_leak() {
        assert_masked(b"canary-7f3a91c2d4 canary-7f3a91c2d4", &[CANARY], &CANARY);
        assert_masked(b"\\u0061 canary-7f3a91c2d4", &[CANARY], &CANARY);
        assert_masked(b"canary-7f3a91c2d4 https://canary-7F3A91c2d4.example", &[CANARY], &CANARY);
    }
}
