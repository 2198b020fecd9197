//! The page of a cause.

use askama::Template;
use evergrant::proto::provider::Catalogue;
use evergrant_explain::problems::{self, Category, Problem, sentence_to_html};

use super::{
    Styled,
    named::{Named, named},
};

/// How many wordings are shown before the rest is folded away.
const SHOWN: usize = 5;

#[derive(Debug, Template)]
#[template(path = "cause.html")]
pub(crate) struct CausePage<'a> {
    problem: &'a Problem,
    category: &'static str,
    permanent: bool,
    culprits: String,
    /// Made by the Markdown renderer, which lets no markup through.
    first_step: String,
    symptoms: &'a [String],
    more_symptoms: &'a [String],
    /// As `first_step`.
    body: String,
    providers: Vec<Named<'a>>,
    /// Names, and what is known of them; made by the renderer, too.
    libraries: Vec<(&'a str, String)>,
    related: Vec<&'static Problem>,
    verification: &'static str,
    is_measured: bool,
}

impl<'a> CausePage<'a> {
    pub(crate) fn new(problem: &'a Problem, catalogue: &'a Catalogue) -> Self {
        let (symptoms, more_symptoms) = problem.symptoms.split_at(SHOWN.min(problem.symptoms.len()));
        let libraries = problem.applies_to.libraries.iter();
        Self {
            problem,
            category: anchor(problem.category),
            permanent: problem.id.is_permanent(),
            culprits: problem.culprits_in_words(),
            first_step: problem
                .workarounds
                .first()
                .map(|advice| sentence_to_html(&advice.what))
                .unwrap_or_default(),
            symptoms,
            more_symptoms,
            body: problem.to_html(),
            providers: problem.applies_to.providers.iter().map(|id| named(catalogue, id)).collect(),
            libraries: libraries
                .map(|(name, versions)| (name.as_str(), sentence_to_html(versions)))
                .collect(),
            related: problem.related.iter().filter_map(|cause| problems::find(cause.as_str())).collect(),
            verification: problem.verification.title(),
            is_measured: problem.workarounds.iter().any(|advice| advice.measured.is_some()),
        }
    }
}

impl Styled for CausePage<'_> {}

/// Where the list has the category.
pub(super) fn anchor(category: Category) -> &'static str {
    match category {
        Category::GrantEnded => "grant",
        Category::Rotation => "rotation",
        Category::Registration => "registration",
        Category::Connecting => "connecting",
        Category::Request => "request",
        Category::Outage => "outage",
        Category::Unclear => "unclear",
    }
}
