//! Recognizing a refresh token again without holding it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{name::AttemptId, secret::RefreshToken};

/// What is left of a refresh token that was brought by one attempt and may be brought by another one: half a SHA-256
/// of it and of the id of the attempt that it is compared for, so that two marks of one token have nothing in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMark(String);

impl TokenMark {
    /// The mark of this token for this attempt.
    pub fn of(refresh_token: &RefreshToken, attempt: AttemptId) -> Self {
        let digest = Sha256::new()
            .chain_update(attempt.0.to_be_bytes())
            .chain_update(refresh_token.expose().as_bytes())
            .finalize();
        let half = digest[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
        Self(format!("{half:032x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_token_and_one_attempt_and_holds_neither() {
        let token = |text: &str| RefreshToken::new(text).unwrap();
        let mark = TokenMark::of(&token("canary-token"), AttemptId(1));
        assert_eq!(mark, TokenMark::of(&token("canary-token"), AttemptId(1)));
        assert_ne!(mark, TokenMark::of(&token("canary-token"), AttemptId(2)));
        assert_ne!(mark, TokenMark::of(&token("canary-tokem"), AttemptId(1)));
        assert!(!format!("{mark:?}").contains("canary"));
    }
}
