//! Which token a caller has seen: by its generation, or by its digest where it was handed on without one.

use aws_lc_rs::digest::{SHA256, digest};
use evergrant::{
    Keeper, Token, TokenError,
    proto::{
        grant::AccessKey,
        name::{Generation, GrantId},
    },
};

use crate::problem::{Problem, Reason};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Generation(Generation),
    /// SHA-256 of the access token.
    Digest([u8; 32]),
}

impl Seen {
    /// Exactly one of both has to be given.
    pub(super) fn new(generation: Option<Generation>, digest: Option<&str>) -> Result<Self, Problem> {
        match (generation, digest) {
            (Some(generation), None) => Ok(Self::Generation(generation)),
            (None, Some(digits)) => parse_digest(digits).map(Self::Digest),
            _ => Err(invalid("Say which token was seen: generation or token_sha256, and not both.")),
        }
    }

    /// The generation of the token that was seen, or the token that has taken its place since.
    pub(super) async fn resolve(
        self,
        keeper: &Keeper,
        grant: GrantId,
        key: &AccessKey,
    ) -> Result<Result<Generation, Token>, TokenError> {
        match self {
            Self::Generation(generation) => Ok(Ok(generation)),
            Self::Digest(seen) => {
                let current = keeper.token_for(grant, key.clone(), std::time::Duration::ZERO).await?;
                let is_current = digest(&SHA256, current.expose().as_bytes()).as_ref() == seen;
                Ok(if is_current { Ok(current.generation()) } else { Err(current) })
            }
        }
    }
}

fn parse_digest(digits: &str) -> Result<[u8; 32], Problem> {
    let fail = || invalid("The field token_sha256 is not 64 hexadecimal digits.");
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(fail());
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| fail())?;
    }
    Ok(digest)
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Reason::InvalidBody, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_name_of_a_token_is_taken() {
        let digits = "0f".repeat(32);
        assert_eq!(Seen::new(Some(Generation(3)), None), Ok(Seen::Generation(Generation(3))));
        assert_eq!(Seen::new(None, Some(&digits)), Ok(Seen::Digest([15; 32])));
        assert!(Seen::new(None, None).is_err());
        assert!(Seen::new(Some(Generation(3)), Some(&digits)).is_err());
        for unfit in ["", "0f", &"+f".repeat(32), &"ü".repeat(32)] {
            assert!(Seen::new(None, Some(unfit)).is_err(), "{unfit}");
        }
    }
}
