//! Scopes and resources: what a client asks for, and whether it may.

use url::Url;

use super::{Provider, Reason, parameters::Parameters, refusal::Refusal};
use crate::settings::ClientSettings;

/// What a client gets that names no scope (RFC 6749 3.3).
const DEFAULT_SCOPE: &str = "profile";

/// The scope of a request, each value once; None if it names none.
pub(super) fn requested(parameters: &Parameters) -> Result<Option<Vec<String>>, Refusal> {
    let Some(text) = parameters.value("scope") else { return Ok(None) };
    // RFC 6749 3.3: visible ASCII without the quote and the backslash.
    let legal = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let mut scope: Vec<String> = Vec::new();
    for value in text.split(' ').filter(|value| !value.is_empty()) {
        if !value.bytes().all(legal) {
            return Err(Reason::ScopeNotAllowed.into());
        }
        if !scope.iter().any(|known| known == value) {
            scope.push(value.into());
        }
    }
    Ok(Some(scope))
}

/// The scope of a new authorization.
pub(super) fn of_client(parameters: &Parameters, client: &ClientSettings) -> Result<Vec<String>, Refusal> {
    let scope = requested(parameters)?.unwrap_or_else(|| vec![DEFAULT_SCOPE.into()]);
    if client.scopes.is_empty() || is_subset(&scope, &client.scopes) {
        Ok(scope)
    } else {
        Err(Reason::ScopeNotAllowed.into())
    }
}

/// The scope of tokens under a grant: all of it, or less (RFC 6749 6).
pub(super) fn within(parameters: &Parameters, granted: &[String]) -> Result<Vec<String>, Refusal> {
    match requested(parameters)? {
        None => Ok(granted.to_vec()),
        Some(scope) if is_subset(&scope, granted) => Ok(scope),
        Some(_) => Err(Reason::ScopeNotAllowed.into()),
    }
}

/// The resources of tokens under a grant: all that were granted, or some of them (RFC 8707 2.2).
pub(super) fn resources_within(parameters: &Parameters, granted: &[String]) -> Result<Vec<String>, Refusal> {
    let requested: Vec<String> = parameters.values("resource").map(String::from).collect();
    match () {
        () if requested.is_empty() => Ok(granted.to_vec()),
        () if is_subset(&requested, granted) => Ok(requested),
        () => Err(Reason::ResourceNotAllowed.into()),
    }
}

fn is_subset(part: &[String], whole: &[String]) -> bool {
    part.iter().all(|value| whole.contains(value))
}

impl Provider {
    /// The resources of a new authorization: absolute URIs without fragment (RFC 8707 2).
    pub(super) fn requested_resources(&self, parameters: &Parameters) -> Result<Vec<String>, Refusal> {
        let requested: Vec<String> = parameters.values("resource").map(String::from).collect();
        let served = &self.settings.resources;
        let known = |resource: &String| served.is_empty() || served.contains(resource);
        let absolute = |resource: &String| Url::parse(resource).is_ok_and(|url| url.fragment().is_none());
        if requested.iter().all(|resource| known(resource) && absolute(resource)) {
            Ok(requested)
        } else {
            Err(Reason::ResourceNotAllowed.into())
        }
    }
}
