//! Parameters of the query.

use std::{fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use url::form_urlencoded;

use super::shown;
use crate::problem::{Problem, Reason};

/// Most parameters of one query.
const MAX_PARAMETERS: usize = 64;

/// What a decoder writes where it found no UTF-8.
const REPLACEMENT: char = '\u{fffd}';

/// The query, to be taken apart by name. A route takes what it knows and then calls [`Parameters::finish`]: a mistyped
/// parameter must not be silently the default.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().take(MAX_PARAMETERS + 1).collect();
        if pairs.len() > MAX_PARAMETERS {
            return Err(invalid(format!("The query has more than {MAX_PARAMETERS} parameters.")));
        }
        if pairs.iter().any(|(name, value)| name.contains(REPLACEMENT) || value.contains(REPLACEMENT)) {
            return Err(invalid("The query is not UTF-8.".to_owned()));
        }
        Ok(Self(pairs))
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|pair| pair.0 == name);
        self.0 = left;
        Vec::into_iter(taken).map(|(_, value)| value).collect()
    }

    /// The value of a parameter, read by `read`.
    pub(crate) fn take_with<T, E: Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let values = self.take_all(name);
        match &values[..] {
            [] => Ok(None),
            [value] => read(value).map(Some).map_err(|error| {
                invalid(format!("The parameter {name} is not usable: {}.", shown(&error.to_string())))
            }),
            _ => Err(invalid(format!("The parameter {name} is repeated."))),
        }
    }

    /// The value of a parameter.
    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        self.take_with(name, |text| text.parse::<T>().map_err(|error| in_words(error.to_string())))
    }

    /// A limit of a list: `default` if it is not given, at most `most`.
    pub(crate) fn take_limit(&mut self, default: usize, most: usize) -> Result<usize, Problem> {
        match self.take::<usize>("limit")? {
            None => Ok(default),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(_) => Err(invalid(format!("The parameter limit is not between 1 and {most}."))),
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(invalid(format!("The parameter {:?} is not known here.", shown(name)))),
        }
    }
}

/// What the standard library says of numbers, it says to programmers.
fn in_words(error: String) -> String {
    let of_numbers = ["invalid digit", "number too large", "cannot parse integer"];
    if of_numbers.iter().any(|start| error.starts_with(start)) {
        return "it takes a whole number that is not too large".to_owned();
    }
    error
}

fn invalid(detail: String) -> Problem {
    Problem::new(Reason::InvalidQuery, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_by_name_and_nothing_may_be_left() {
        let mut parameters = Parameters::parse("min_ttl=60&label=a:1&label=b:2&x=y").unwrap();
        assert_eq!(parameters.take("min_ttl"), Ok(Some(60_u64)));
        assert_eq!(parameters.take::<u64>("absent"), Ok(None));
        assert_eq!(parameters.take_all("label"), ["a:1", "b:2"]);
        let problem = parameters.finish().unwrap_err();
        assert!(problem.detail().contains("\"x\""), "{}", problem.detail());
    }

    #[test]
    fn a_repeated_or_unreadable_parameter_is_refused() {
        let mut repeated = Parameters::parse("limit=1&limit=2").unwrap();
        assert!(repeated.take::<u64>("limit").unwrap_err().detail().contains("repeated"));
        let negative = Parameters::parse("limit=-1").unwrap().take::<u64>("limit").unwrap_err();
        assert!(negative.detail().contains("a whole number"), "{}", negative.detail());
        assert!(Parameters::parse("limit=0").unwrap().take_limit(50, 500).is_err());
        assert!(Parameters::parse("limit=501").unwrap().take_limit(50, 500).is_err());
        assert!(Parameters::parse("a=%ff").is_err());
        assert!(Parameters::parse(&"a&".repeat(100)).is_err());
    }
}
