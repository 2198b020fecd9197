//! The page of a cause.

use askama::Template;
use evergrant::proto::provider::Catalogue;
use evergrant_explain::problems::{self, Category, Problem};

use super::named::{Named, named};

/// How many wordings are shown before the rest is folded away.
const SHOWN: usize = 5;

#[derive(Debug, Template)]
#[template(path = "cause.html")]
pub(crate) struct CausePage<'a> {
    problem: &'a Problem,
    category: &'static str,
    permanent: bool,
    culprits: String,
    first_step: &'a str,
    symptoms: &'a [String],
    more_symptoms: &'a [String],
    /// Made by the Markdown renderer, which lets no markup through.
    body: String,
    providers: Vec<Named<'a>>,
    related: Vec<&'static Problem>,
    verification: &'static str,
}

impl<'a> CausePage<'a> {
    pub(crate) fn new(problem: &'a Problem, catalogue: &'a Catalogue) -> Self {
        let (symptoms, more_symptoms) = problem.symptoms.split_at(SHOWN.min(problem.symptoms.len()));
        Self {
            problem,
            category: anchor(problem.category),
            permanent: problem.id.is_permanent(),
            culprits: problem.culprits_in_words(),
            first_step: problem.workarounds.first().map_or("", |advice| &advice.what),
            symptoms,
            more_symptoms,
            body: problem.to_html(),
            providers: problem.applies_to.providers.iter().map(|id| named(catalogue, id)).collect(),
            related: problem.related.iter().filter_map(|cause| problems::find(cause.as_str())).collect(),
            verification: problem.verification.title(),
        }
    }
}

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
