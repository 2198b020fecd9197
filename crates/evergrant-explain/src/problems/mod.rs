//! A page for every cause: what it means, how to confirm it, what helps and what never does.
//!
//! The pages are the files of `problems/`, one a cause. Each begins with facts in TOML ([`Problem`]) and goes on in
//! Markdown, in five sections of fixed names ([`SECTIONS`]).

mod document;
mod html;
mod problem;
mod search;
mod source;
mod terminal;
#[cfg(test)]
mod tests;
mod words;

use std::sync::LazyLock;

pub use self::{
    html::sentence_to_html,
    problem::{Advice, AppliesTo, Category, Measured, Party, Problem, Verification},
    search::{Hit, Query, search},
    source::{PageError, SECTIONS},
};

/// The names of the files, and what is in them.
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/problems.rs"));

static PROBLEMS: LazyLock<Vec<Problem>> = LazyLock::new(|| {
    let pages = FILES.iter().map(|(name, text)| source::parse(name, text).expect("a test reads every page"));
    pages.collect()
});

/// Every page, in the order of the alphabet.
pub fn all() -> &'static [Problem] {
    &PROBLEMS
}

/// The page of a cause, by its name.
pub fn find(id: &str) -> Option<&'static Problem> {
    all().iter().find(|problem| problem.id.as_str() == id)
}
