//! Which token a caller has seen: by its generation, or by its digest where it was handed on without one.

use aws_lc_rs::digest::{SHA256, digest};
use evergrant::{
    Keeper, Token, TokenError,
    proto::{
        grant::AccessKey,
        name::{Generation, GrantId},
    },
};

use crate::{
    hexadecimal::parse_digest,
    problem::{Problem, Reason},
};

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
            (None, Some(digits)) => parse_digest(digits)
                .map(Self::Digest)
                .ok_or_else(|| invalid("The field token_sha256 is not 64 hexadecimal digits.")),
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
        assert!(Seen::new(None, Some("0f")).is_err());
    }
}
