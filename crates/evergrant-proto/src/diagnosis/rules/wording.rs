//! What the provider's own words say.

use super::{Facts, Finding};
use crate::diagnosis::{Certainty, wording::Weight};

pub(super) fn the_words_are_plain(facts: Facts<'_>) -> Option<Finding> {
    finding(facts, Weight::Plain, Certainty::Likely)
}

pub(super) fn the_words_hint_at_it(facts: Facts<'_>) -> Option<Finding> {
    finding(facts, Weight::Hint, Certainty::Possible)
}

fn finding(facts: Facts<'_>, weight: Weight, certainty: Certainty) -> Option<Finding> {
    let saying = facts.hearing.means(weight)?;
    let evidence = format!("The provider's text speaks of {}.", saying.subject);
    Some(Finding::new(saying.cause, certainty, evidence).or(saying.or))
}
