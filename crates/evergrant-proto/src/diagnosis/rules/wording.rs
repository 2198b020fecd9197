//! What the provider's own words say.

use super::{Facts, Finding};
use crate::{
    diagnosis::{Cause, Certainty, wording::Weight},
    wire::error_response::ErrorCode,
};

pub(super) fn the_words_are_plain(facts: Facts<'_>) -> Option<Finding> {
    finding(facts, Weight::Plain, Certainty::Likely).filter(|said| !repeats_the_code(facts, said))
}

pub(super) fn the_words_hint_at_it(facts: Facts<'_>) -> Option<Finding> {
    finding(facts, Weight::Hint, Certainty::Possible)
}

/// "Client authentication failed" is `invalid_client` in words. Of credentials that have worked, our records tell more.
fn repeats_the_code(facts: Facts<'_>, said: &Finding) -> bool {
    said.cause == Cause::WrongClientCredentials
        && facts.code() == Some(&ErrorCode::InvalidClient)
        && facts.history.client_worked_before == Some(true)
}

fn finding(facts: Facts<'_>, weight: Weight, certainty: Certainty) -> Option<Finding> {
    let saying = facts.hearing.means(weight)?;
    let evidence = format!("The provider's text speaks of {}.", saying.subject);
    Some(Finding::new(saying.cause, certainty, evidence).or(saying.or))
}
