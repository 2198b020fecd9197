//! The paths that a file names, with grouped imports spelled out.

use crate::source::Token;

/// `std::time::Instant`, or a single word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) segments: Vec<String>,
    /// A macro call, `word!`.
    pub(crate) is_macro: bool,
    /// Counted from one.
    pub(crate) line: usize,
}

pub(crate) fn paths(tokens: &[Token]) -> Vec<NamedPath> {
    let mut reader = Reader { tokens, position: 0, found: Vec::new() };
    while reader.position < tokens.len() {
        if reader.at("use") {
            reader.position += 1;
            reader.import(&[]);
        } else if is_word(&tokens[reader.position]) {
            reader.expression();
        } else {
            reader.position += 1;
        }
    }
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token],
    position: usize,
    found: Vec<NamedPath>,
}

impl Reader<'_> {
    fn at(&self, text: &str) -> bool {
        self.tokens.get(self.position).is_some_and(|token| token.text == text)
    }

    /// One branch of an import: a path, a group, or a path that ends in a group.
    fn import(&mut self, prefix: &[String]) {
        let mut segments = prefix.to_vec();
        let mut line = self.tokens.get(self.position).map_or(0, |token| token.line);
        while let Some(token) = self.tokens.get(self.position) {
            match token.text.as_str() {
                "::" => self.position += 1,
                "{" => return self.group(&segments),
                "as" => self.position += 2,
                word if is_word(token) || word == "*" => {
                    line = token.line;
                    // `io::{self}` names `io`.
                    if word != "self" || segments.is_empty() {
                        segments.push(word.to_owned());
                    }
                    self.position += 1;
                }
                _ => break,
            }
        }
        if segments.len() > prefix.len() || !prefix.is_empty() {
            self.found.push(NamedPath { segments, is_macro: false, line });
        }
    }

    fn group(&mut self, prefix: &[String]) {
        self.position += 1;
        while self.position < self.tokens.len() && !self.at("}") {
            if self.at(",") {
                self.position += 1;
                continue;
            }
            let before = self.position;
            self.import(prefix);
            // Whatever this is, it is not an import: go on instead of waiting for it to become one.
            self.position = self.position.max(before + 1);
        }
        self.position += 1;
    }

    fn expression(&mut self) {
        let line = self.tokens[self.position].line;
        let mut segments = Vec::new();
        while let Some(token) = self.tokens.get(self.position).filter(|token| is_word(token)) {
            segments.push(token.text.clone());
            self.position += 1;
            if !self.at("::") {
                break;
            }
            self.position += 1;
        }
        self.found.push(NamedPath { segments, is_macro: self.at("!"), line });
    }
}

fn is_word(token: &Token) -> bool {
    token.text.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tokens;

    fn named(source: &str) -> Vec<String> {
        paths(&tokens(source)).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn a_grouped_import_is_spelled_out() {
        assert_eq!(
            named("use std::{fmt, time::{self, Duration as D}, *};"),
            ["std::fmt", "std::time", "std::time::Duration", "std::*"]
        );
    }

    #[test]
    fn a_path_in_an_expression_is_one_path() {
        assert_eq!(named("a.b::c(::std::fs)"), ["a", "b::c", "std::fs"]);
    }

    #[test]
    fn a_macro_is_told_from_a_function() {
        let found = paths(&tokens("print!(x) print(y)"));
        let prints: Vec<_> = found.iter().filter(|path| path.segments == ["print"]).collect();
        assert_eq!(prints.iter().map(|path| path.is_macro).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn broken_source_ends_the_reading_and_not_the_patience() {
        assert!(named("use std::{ ; } fn").len() < 10);
        assert!(named("use std::{{{").len() < 10);
    }
}
