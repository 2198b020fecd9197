//! Users who are named without a grant.

use super::{Facts, Finding};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::{Consequence, Stage},
};

/// RFC 6749 4.3.2: `invalid_grant` is the answer to a wrong name or password.
pub(super) fn name_or_password_is_wrong(facts: Facts<'_>) -> Option<Finding> {
    let refused =
        facts.failure.stage == Stage::Password && facts.failure.consequence == Consequence::Terminal;
    refused.then(|| {
        Finding::new(
            Cause::WrongUserCredentials,
            Certainty::Likely,
            "What was presented is a user's name and password, and the provider refuses it.",
        )
    })
}
