//! Which provider answered, by what the report shows of it.

use std::{collections::BTreeMap, sync::LazyLock};

use evergrant_proto::{
    diagnosis::Certainty,
    provider::{Catalogue, Provider},
    wire::{
        error_response::{ErrorCode, ErrorResponse},
        untrusted_text::UntrustedText,
    },
};
use serde::Serialize;

use crate::reading::Case;

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

/// Other names of catalogue entries, in lower case.
const ALIASES: [(&str, &str); 27] = [
    ("amazon", "amazon-lwa"),
    ("login-with-amazon", "amazon-lwa"),
    ("aad", "microsoft"),
    ("azure", "microsoft"),
    ("azure-ad", "microsoft"),
    ("entra", "microsoft"),
    ("microsoft-entra", "microsoft"),
    ("office365", "microsoft"),
    ("cognito", "aws-cognito"),
    ("duende", "identityserver"),
    ("identityserver4", "identityserver"),
    ("duende-identityserver", "identityserver"),
    ("gmail", "google"),
    ("hydra", "ory-hydra"),
    ("ory", "ory-hydra"),
    ("intuit", "quickbooks"),
    ("jira", "atlassian"),
    ("meta", "facebook"),
    ("node-oidc-provider", "oidc-provider"),
    ("forgejo", "gitea"),
    ("red-hat-sso", "keycloak"),
    ("rhsso", "keycloak"),
    ("spring", "spring-authorization-server"),
    ("stripe", "stripe-connect"),
    ("tesla", "tesla-fleet"),
    ("twitter", "x"),
    ("xsuaa", "sap-xsuaa"),
];

/// Finds the provider of a report.
pub(super) fn recognize(case: &Case, catalogue: &Catalogue) -> Option<Recognized> {
    if let Some(name) = &case.provider {
        return by_name(name, catalogue).map(|provider| recognized(provider, None));
    }
    by_host(case, catalogue)
        .or_else(|| by_header(case))
        .or_else(|| by_wording(case))
        .and_then(|(id, because)| Some(recognized(catalogue.provider(id)?, Some(because))))
        .or_else(|| by_signature(case, catalogue))
}

fn recognized(provider: &Provider, because: Option<&'static str>) -> Recognized {
    Recognized { id: provider.id.clone(), name: provider.name.clone(), because }
}

fn by_name<'a>(name: &str, catalogue: &'a Catalogue) -> Option<&'a Provider> {
    let name = name.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, id)| *id);
    catalogue.provider(&name).or_else(|| catalogue.provider(alias?))
}

/// The hosts of the endpoints that have no placeholders in them.
static HOSTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let catalogue = Catalogue::builtin();
    let of_provider = |provider: &Provider| {
        let endpoints = provider.resolve(&BTreeMap::new()).unwrap_or_default();
        let urls = [endpoints.authorization, endpoints.token, endpoints.refresh, endpoints.userinfo];
        let hosts = urls.into_iter().flatten().filter_map(|url| url.host_str().map(str::to_owned));
        hosts.map(|host| (host, provider.id.clone())).collect::<Vec<_>>()
    };
    catalogue.iter().flat_map(of_provider).collect()
});

/// Hosts that hold more than their token endpoint, and those of tenants.
const SUFFIXES: [(&str, &str); 14] = [
    ("login.microsoftonline.com", "microsoft"),
    ("login.microsoftonline.us", "microsoft"),
    ("login.windows.net", "microsoft"),
    ("login.live.com", "microsoft"),
    ("graph.microsoft.com", "microsoft"),
    ("googleapis.com", "google"),
    ("accounts.google.com", "google"),
    ("auth0.com", "auth0"),
    ("okta.com", "okta"),
    ("oktapreview.com", "okta"),
    ("amazoncognito.com", "aws-cognito"),
    ("salesforce.com", "salesforce"),
    ("myshopify.com", "shopify"),
    ("zendesk.com", "zendesk"),
];

fn by_host<'a>(case: &Case, catalogue: &Catalogue) -> Option<(&'a str, &'static str)> {
    let host = case.host.as_deref()?.to_ascii_lowercase();
    let within = |suffix: &str| {
        host == suffix || host.strip_suffix(suffix).is_some_and(|before| before.ends_with('.'))
    };
    let exact = HOSTS.iter().find(|(known, _)| *known == host).map(|(_, id)| id.as_str());
    let known = exact.or_else(|| SUFFIXES.iter().find(|(suffix, _)| within(suffix)).map(|(_, id)| *id));
    known.filter(|id| catalogue.provider(id).is_some()).map(|id| (id, "the request went to its host"))
}

fn by_header<'a>(case: &Case) -> Option<(&'a str, &'static str)> {
    const HEADERS: [(&str, &str); 4] = [
        ("intuit_tid", "quickbooks"),
        ("x-ms-request-id", "microsoft"),
        ("x-okta-request-id", "okta"),
        ("x-slack-req-id", "slack"),
    ];
    let header = HEADERS.iter().find(|(name, _)| case.headers.iter().any(|(header, _)| header == name))?;
    Some((header.1, "the answer carries one of its headers"))
}

/// Words that one provider uses and nobody else.
fn by_wording<'a>(case: &Case) -> Option<(&'a str, &'static str)> {
    const WORDS: [(&str, &str); 8] = [
        ("aadsts", "microsoft"),
        ("msis9", "adfs"),
        ("invalid_rapt", "google"),
        ("token has been expired or revoked", "google"),
        ("oauthexception", "facebook"),
        ("invalid_session_id", "salesforce"),
        ("bad_refresh_token", "hubspot"),
        ("expired access/refresh token", "salesforce"),
    ];
    let error = case.error.as_ref()?;
    let text = said(error);
    let word = WORDS.iter().find(|(word, _)| text.contains(word))?;
    Some((word.1, "the wording is its own"))
}

fn said(error: &ErrorResponse) -> String {
    let code = error.code.as_ref().map(ErrorCode::as_str).unwrap_or_default();
    let description = error.description.as_ref().map(UntrustedText::as_str).unwrap_or_default();
    let subtype = error.subtype.as_deref().unwrap_or_default();
    format!("{code} {subtype} {description}").to_lowercase()
}

/// The only provider whose certain signature names these very words.
fn by_signature(case: &Case, catalogue: &Catalogue) -> Option<Recognized> {
    const TELLING: usize = 24;
    let description = case.error.as_ref()?.description.as_ref()?.as_str().to_lowercase();
    let fits = |provider: &&Provider| {
        let mut signatures = provider.dialect.signatures.iter();
        signatures.any(|signature| {
            signature.certainty == Certainty::Certain
                && signature
                    .contains
                    .iter()
                    .any(|part| part.len() >= TELLING && description.contains(part.as_str()))
        })
    };
    let mut found = catalogue.iter().filter(fits);
    let provider = found.next().filter(|_| found.next().is_none())?;
    Some(recognized(provider, Some("the wording is in its signatures")))
}
