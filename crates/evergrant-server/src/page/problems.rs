//! The list of problems, and what a search has found in it.

use std::collections::BTreeSet;

use askama::Template;
use evergrant::proto::provider::Catalogue;
use evergrant_explain::problems::{self, Category, Hit, Problem, Query};

use super::{
    cause::anchor,
    named::{Named, named},
};
use crate::extract::shown;

/// Most pages that a search shows: whoever needs more has typed too little.
const MOST: usize = 12;
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
    problems: Vec<&'static Problem>,
}

impl<'a> ProblemsPage<'a> {
    pub(crate) fn new(query: &Query, hits: &[Hit], catalogue: &'a Catalogue) -> Self {
        let asked = Asked {
            text: query.text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect(),
            provider: query.provider.clone().unwrap_or_default(),
            code: shown(query.code.as_deref().unwrap_or_default()),
            status: query.status.map(|status| status.to_string()).unwrap_or_default(),
        };
        let found = hits.iter().map(|hit| hit.problem);
        let groups = if asked.text.trim().is_empty() { by_category(found) } else { ranked(found) };
        let ids: BTreeSet<&str> =
            problems::all().iter().flat_map(|problem| &problem.applies_to.providers).map(String::as_str).collect();
        let mut providers: Vec<_> = ids.into_iter().map(|id| named(catalogue, id)).collect();
        providers.sort();
        Self {
            asked,
            providers,
            codes: problems::all().iter().flat_map(|problem| &problem.error_codes).map(String::as_str).collect(),
            statuses: problems::all().iter().flat_map(|problem| problem.statuses.iter().copied()).collect(),
            groups,
        }
    }
}

fn ranked(found: impl Iterator<Item = &'static Problem>) -> Vec<Group> {
    let mut problems = found.take(MOST);
    let Some(best) = problems.next() else { return Vec::new() };
    let others: Vec<_> = problems.collect();
    let mut groups = vec![Group { id: None, title: "Most likely", problems: vec![best] }];
    if !others.is_empty() {
        groups.push(Group { id: None, title: "Or", problems: others });
    }
    groups
}

fn by_category(found: impl Iterator<Item = &'static Problem>) -> Vec<Group> {
    let found: Vec<_> = found.collect();
    let groups = Category::ALL.map(|category| Group {
        id: Some(anchor(category)),
        title: category.title(),
        problems: found.iter().copied().filter(|problem| problem.category == category).collect(),
    });
    groups.into_iter().filter(|group| !group.problems.is_empty()).collect()
}
