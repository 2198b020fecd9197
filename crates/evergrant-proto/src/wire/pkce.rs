//! Proof keys and other values that only the party which started an authorization knows (RFC 7636).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::{AuthorizationState, CodeVerifier};

/// How many random bytes each value is made from: 256 bits, as RFC 7636 4.1 recommends.
pub const RANDOM_BYTES: usize = 32;

/// A `code_verifier` (RFC 7636 4.1): 43 characters. The bytes must come from a secure random source and be
/// used once.
#[expect(clippy::missing_panics_doc, reason = "base64url is printable")]
pub fn code_verifier(random: &[u8; RANDOM_BYTES]) -> CodeVerifier {
    CodeVerifier::new(text_of(random).as_str()).expect("base64url is printable")
}

/// A `state` (RFC 6749 10.12): 43 characters. The bytes must come from a secure random source and be used once.
#[expect(clippy::missing_panics_doc, reason = "base64url is printable")]
pub fn authorization_state(random: &[u8; RANDOM_BYTES]) -> AuthorizationState {
    AuthorizationState::new(text_of(random).as_str()).expect("base64url is printable")
}

/// The `code_challenge` of a verifier with method S256 (RFC 7636 4.2).
pub fn code_challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

fn text_of(random: &[u8; RANDOM_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_comes_out_as_printed() {
        let octets = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
            214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = code_verifier(&octets);
        assert_eq!(verifier.expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(code_challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
