//! The list of problems, and what a search has found in it.

use std::collections::BTreeSet;

use askama::Template;
use evergrant::proto::provider::Catalogue;
use evergrant_explain::problems::{self, Category, Hit, Problem, Query};

use super::{
    Styled,
    cause::anchor,
    named::{Named, named},
};
use crate::extract::shown;

/// Most pages that a search shows: whoever needs more has typed too little.
const MOST: usize = 12;
/// How far the first has to be before the second.
const AHEAD: f64 = 1.2;
/// Most letters that the form shows again, as many as it takes.
const LONGEST_TEXT: usize = 2000;

#[derive(Debug, Template)]
#[template(path = "problems.html")]
pub(crate) struct ProblemsPage<'a> {
    asked: Asked,
    providers: Vec<Named<'a>>,
    codes: BTreeSet<&'static str>,
    statuses: BTreeSet<u16>,
    groups: Vec<Group>,
}

/// What was asked, as the form shows it again.
#[derive(Debug)]
struct Asked {
    text: String,
    provider: String,
    code: String,
    status: String,
}

/// Pages under one heading.
#[derive(Debug)]
struct Group {
    id: Option<&'static str>,
    title: &'static str,
    /// Whether it is the one answer that should be read first.
    best: bool,
    problems: Vec<&'static Problem>,
}

impl Styled for ProblemsPage<'_> {}

impl<'a> ProblemsPage<'a> {
    pub(crate) fn new(query: &Query, hits: &[Hit], catalogue: &'a Catalogue) -> Self {
        let asked = Asked {
            text: query.text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect(),
            provider: query.provider.clone().unwrap_or_default(),
            code: shown(query.code.as_deref().unwrap_or_default()),
            status: query.status.map(|status| status.to_string()).unwrap_or_default(),
        };
        let groups = if asked.text.trim().is_empty() { by_category(hits) } else { ranked(hits) };
        let ids: BTreeSet<&str> = problems::all()
            .iter()
            .flat_map(|problem| &problem.applies_to.providers)
            .map(String::as_str)
            .collect();
        let mut providers: Vec<_> = ids.into_iter().map(|id| named(catalogue, id)).collect();
        providers.sort();
        Self {
            asked,
            providers,
            codes: problems::all()
                .iter()
                .flat_map(|problem| &problem.error_codes)
                .map(String::as_str)
                .collect(),
            statuses: problems::all().iter().flat_map(|problem| problem.statuses.iter().copied()).collect(),
            groups,
        }
    }
}

/// One answer before the others only if it is clearly ahead of them: a message that many causes share names none.
fn ranked(hits: &[Hit]) -> Vec<Group> {
    let ahead = match hits {
        [] => return Vec::new(),
        [_] => true,
        [first, second, ..] => first.score > AHEAD * second.score,
    };
    let problems: Vec<_> = hits.iter().take(MOST).map(|hit| hit.problem).collect();
    let (first, others) = problems.split_at(usize::from(ahead));
    let title = if ahead { "Or" } else { "It can be one of these" };
    let groups = [
        Group { id: None, title: "Most likely", best: true, problems: first.to_vec() },
        Group { id: None, title, best: false, problems: others.to_vec() },
    ];
    groups.into_iter().filter(|group| !group.problems.is_empty()).collect()
}

fn by_category(hits: &[Hit]) -> Vec<Group> {
    let groups = Category::ALL.map(|category| Group {
        id: Some(anchor(category)),
        title: category.title(),
        best: false,
        problems: hits.iter().map(|hit| hit.problem).filter(|problem| problem.category == category).collect(),
    });
    groups.into_iter().filter(|group| !group.problems.is_empty()).collect()
}
