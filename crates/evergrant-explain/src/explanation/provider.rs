//! Which provider answered, by what the report shows of it and the catalogue says of providers.

use evergrant_proto::{
    provider::{Catalogue, Provider, Template},
    wire::{
        error_response::{ErrorCode, ErrorResponse},
        untrusted_text::UntrustedText,
    },
};
use serde::Serialize;

use crate::reading::Case;

/// Shortest part of a description by which a provider is recognized, in bytes: shorter ones are met elsewhere.
const TELLING: usize = 24;

/// A provider of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recognized {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// By what it was recognized, as the end of a sentence; `None` if the report said so.
    #[serde(skip)]
    pub because: Option<&'static str>,
}

/// What a provider is recognized by.
struct Mark {
    because: &'static str,
    fits: fn(&Seen, &Provider) -> bool,
}

/// The surest first.
const MARKS: [Mark; 5] = [
    Mark { because: "the request went to its host", fits: owns_the_host },
    Mark { because: "the request went to its host", fits: has_an_endpoint_there },
    Mark { because: "the answer carries one of its headers", fits: sent_the_headers },
    Mark { because: "the wording is its own", fits: says_its_own_words },
    Mark { because: "the wording is in its signatures", fits: says_its_signatures },
];

/// Finds the provider of a report. What fits several providers tells none.
pub(super) fn recognize(case: &Case, catalogue: &Catalogue) -> Option<Recognized> {
    if let Some(name) = &case.provider {
        return catalogue.find(name).map(|provider| recognized(provider, None));
    }
    let seen = Seen::of(case);
    MARKS.iter().filter(|_| seen.is_something()).find_map(|mark| {
        let mut found = catalogue.iter().filter(|provider| (mark.fits)(&seen, provider));
        let provider = found.next().filter(|_| found.next().is_none())?;
        Some(recognized(provider, Some(mark.because)))
    })
}

fn recognized(provider: &Provider, because: Option<&'static str>) -> Recognized {
    Recognized { id: provider.id.clone(), name: provider.name.clone(), because }
}

/// What a report shows of a provider, in lower case.
struct Seen<'a> {
    host: Option<String>,
    headers: Vec<&'a str>,
    /// Code, subtype and description.
    said: Option<String>,
    description: Option<String>,
}

impl<'a> Seen<'a> {
    fn of(case: &'a Case) -> Self {
        let error = case.error.as_ref();
        let description = error.and_then(|error| error.description.as_ref());
        Self {
            host: case.host.as_deref().map(str::to_ascii_lowercase),
            headers: case.headers.iter().map(|(name, _)| name.as_str()).collect(),
            said: error.map(said),
            description: description.map(|description| description.as_str().to_lowercase()),
        }
    }

    fn is_something(&self) -> bool {
        self.host.is_some() || !self.headers.is_empty() || self.said.is_some()
    }
}

fn said(error: &ErrorResponse) -> String {
    let code = error.code.as_ref().map(ErrorCode::as_str).unwrap_or_default();
    let description = error.description.as_ref().map(UntrustedText::as_str).unwrap_or_default();
    let subtype = error.subtype.as_deref().unwrap_or_default();
    format!("{code} {subtype} {description}").to_lowercase()
}

/// A host that is all its own, or one below it.
fn owns_the_host(seen: &Seen, provider: &Provider) -> bool {
    let Some(host) = seen.host.as_deref() else { return false };
    let within = |own: &String| {
        host.strip_suffix(own.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    provider.recognition.hosts.iter().any(within)
}

/// Several products of one house can share a host.
fn has_an_endpoint_there(seen: &Seen, provider: &Provider) -> bool {
    let host = seen.host.as_deref();
    host.is_some() && provider.endpoints.iter().any(|template| fixed_host(template) == host)
}

fn fixed_host(template: &Template) -> Option<&str> {
    let rest = template.as_str().strip_prefix("https://")?;
    let host = rest.split(['/', ':', '?']).next()?;
    Some(host).filter(|host| !host.contains('{'))
}

fn sent_the_headers(seen: &Seen, provider: &Provider) -> bool {
    provider.recognition.headers.iter().any(|own| seen.headers.contains(&own.as_str()))
}

fn says_its_own_words(seen: &Seen, provider: &Provider) -> bool {
    seen.said
        .as_ref()
        .is_some_and(|said| provider.recognition.words.iter().any(|own| said.contains(own.as_str())))
}

fn says_its_signatures(seen: &Seen, provider: &Provider) -> bool {
    let Some(description) = &seen.description else { return false };
    let parts = provider.dialect.signatures.iter().flat_map(|signature| &signature.contains);
    parts.filter(|part| part.len() >= TELLING).any(|part| description.contains(part.as_str()))
}
