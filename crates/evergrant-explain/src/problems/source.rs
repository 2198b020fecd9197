//! From a file to a page.

use std::ops::Range;

use evergrant_proto::diagnosis::Cause;
use thiserror::Error;

use super::problem::Problem;

/// The headings of every page, in this order. The last one is left out where all providers do the same.
pub const SECTIONS: [&str; 5] =
    ["What it means", "How to confirm", "What helps", "What never helps", "By provider"];

/// How many of them no page goes without.
const NEEDED: usize = 4;

/// What encloses the facts.
const FENCE: &str = "+++\n";

/// Why a file is no page. All of it is found by the tests.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PageError {
    /// The file does not begin with facts between two lines of `+++`.
    #[error("{0}.md: does not begin with facts between two lines of +++")]
    NoFrontMatter(String),
    /// The facts are not TOML of this shape.
    #[error("{file}.md, line {line}: {message}")]
    FrontMatter {
        /// The name of the file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, with the field's name.
        message: String,
    },
    /// The name of the file is not the cause's.
    #[error("{file}.md: explains {id}")]
    Misplaced {
        /// The name of the file.
        file: String,
        /// The cause.
        id: Cause,
    },
    /// The sections are not those of [`SECTIONS`].
    #[error("{file}.md: has the sections {found:?}")]
    Sections {
        /// The name of the file.
        file: String,
        /// Its headings.
        found: Vec<String>,
    },
}

/// Reads the file of a name.
pub(super) fn parse(file: &str, text: &str) -> Result<Problem, PageError> {
    let (facts, body) = text
        .strip_prefix(FENCE)
        .and_then(|rest| rest.split_once("\n+++\n"))
        .ok_or_else(|| PageError::NoFrontMatter(file.to_owned()))?;
    let mut problem: Problem = toml::from_str(facts).map_err(|error| PageError::FrontMatter {
        file: file.to_owned(),
        line: line_in_file(facts, error.span()),
        message: error.message().to_owned(),
    })?;
    if problem.id.as_str() != file {
        return Err(PageError::Misplaced { file: file.to_owned(), id: problem.id });
    }
    let found: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    if found.len() < NEEDED || !SECTIONS.starts_with(&found) {
        let found = found.into_iter().map(str::to_owned).collect();
        return Err(PageError::Sections { file: file.to_owned(), found });
    }
    body.trim().clone_into(&mut problem.body);
    Ok(problem)
}

/// The fence is the first line, and lines are counted from 1.
fn line_in_file(facts: &str, span: Option<Range<usize>>) -> usize {
    let before = span.and_then(|span| facts.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = r#"id = "user_revoked"
title = "t"
error_codes = []
statuses = []
symptoms = []
category = "grant_ended"
culprits = ["user"]
root_cause = "r"
verification = "reported"
workarounds = []
dead_ends = []
related = []
questions = []
applies_to = { everywhere = true }"#;

    const BODY: &str = "## What it means\nx\n## How to confirm\n## What helps\n## What never helps\n";

    #[test]
    fn a_page_is_facts_and_sections() {
        let problem = parse("user_revoked", &format!("+++\n{FACTS}\n+++\n\n{BODY}")).unwrap();
        assert_eq!(problem.id, Cause::UserRevoked);
        assert!(problem.body.starts_with("## What it means\nx"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_field() {
        let typo = FACTS.replace("title", "titel");
        let error = parse("user_revoked", &format!("+++\n{typo}\n+++\n{BODY}")).unwrap_err();
        let PageError::FrontMatter { line, message, .. } = error else { panic!("{error}") };
        assert_eq!(line, 3);
        assert!(message.contains("titel"), "{message}");

        let unknown = FACTS.replace("user_revoked", "user_removed");
        let error = parse("user_revoked", &format!("+++\n{unknown}\n+++\n{BODY}")).unwrap_err();
        assert!(matches!(error, PageError::FrontMatter { line: 2, .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_no_page_is_refused() {
        assert!(matches!(parse("x", BODY), Err(PageError::NoFrontMatter(_))));
        let misplaced = parse("password_changed", &format!("+++\n{FACTS}\n+++\n{BODY}"));
        assert!(matches!(misplaced, Err(PageError::Misplaced { id: Cause::UserRevoked, .. })));
        for body in
            ["", "## What helps\n", &BODY.replace("What helps", "Solution"), &format!("{BODY}## More\n")]
        {
            let refused = parse("user_revoked", &format!("+++\n{FACTS}\n+++\n{body}"));
            assert!(matches!(refused, Err(PageError::Sections { .. })), "{body:?}");
        }
    }
}
