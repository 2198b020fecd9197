//! Where a provider departs from the RFCs, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{diagnosis::Cause, wire::error_response::ErrorResponse};

/// How a provider's messages differ from RFC 6749. The default is RFC 6749.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each named in the catalogue's files")]
pub struct Dialect {
    /// What stands between two scopes.
    pub scope_separator: char,
    /// What stands between two scopes of a response, if it is another character (GitHub).
    pub granted_scope_separator: Option<char>,
    /// Dotted path of the object with the tokens, if they are not at the top (`authed_user`).
    pub token_path: Option<String>,
    /// Whether token requests are JSON instead of a form.
    pub json_body: bool,
    /// Whether a refresh must name the redirect URI of the authorization.
    pub redirect_uri_on_refresh: bool,
    /// What a refresh says besides.
    pub refresh_parameters: BTreeMap<String, String>,
    /// Whether `expires_in: 0` means that there is no end (Mailchimp).
    pub zero_lifetime_is_endless: bool,
    /// Whether no `expires_in` means that there is no end (GitHub OAuth apps).
    pub absent_lifetime_is_endless: bool,
    /// Whether a 503 may come after the request was processed, against RFC 9110 15.6.4.
    pub unavailable_may_be_processed: bool,
    /// What this provider's errors mean; the first that fits counts.
    pub errors: Vec<ErrorRule>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            scope_separator: ' ',
            granted_scope_separator: None,
            token_path: None,
            json_body: false,
            redirect_uri_on_refresh: false,
            refresh_parameters: BTreeMap::new(),
            zero_lifetime_is_endless: false,
            absent_lifetime_is_endless: false,
            unavailable_may_be_processed: false,
            errors: Vec::new(),
        }
    }
}

impl Dialect {
    /// The first rule that fits an error.
    pub fn rule_for(&self, status: u16, error: &ErrorResponse) -> Option<&ErrorRule> {
        self.errors.iter().find(|rule| rule.fits(status, error))
    }
}

/// What one error of a provider means. Every condition that is stated must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The status, if it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error code, the subtype or a vendor code is one of these; any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// The description has one of these parts, whatever their case; any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// What it means.
    pub meaning: Meaning,
    /// The cause, where the error alone tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether the error tells the cause for sure.
    #[serde(default)]
    pub certain: bool,
}

/// What becomes of the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The refresh token (or the code) is dead.
    Dead,
    /// The client registration is at fault, the grant may be alive.
    Client,
    /// The request was wrong, the grant may be alive.
    Request,
    /// It passes; the request was not processed.
    Transient,
}

impl ErrorRule {
    fn fits(&self, status: u16, error: &ErrorResponse) -> bool {
        // A rule without a condition would swallow every error.
        let conditional = !self.error.is_empty() || !self.contains.is_empty();
        conditional
            && self.status.is_none_or(|wanted| wanted == status)
            && (self.error.is_empty() || self.error.iter().any(|value| error.says(value)))
            && (self.contains.is_empty() || self.describes(error))
    }

    fn describes(&self, error: &ErrorResponse) -> bool {
        let Some(description) = &error.description else { return false };
        let description = description.as_str().to_lowercase();
        self.contains.iter().any(|part| description.contains(&part.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{error_response::ErrorCode, untrusted_text::UntrustedText};

    fn rule(toml: &str) -> ErrorRule {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn every_stated_condition_must_hold() {
        let error = ErrorResponse {
            description: Some(UntrustedText::new("Unknown or INVALID refresh token")),
            vendor_codes: vec!["70043".into()],
            ..ErrorResponse::of_code(ErrorCode::parse("invalid_grant"))
        };
        let rows = [
            ("error = ['invalid_grant']", true),
            ("error = ['70043']", true),
            ("error = ['invalid_client', '70043']", true),
            ("error = ['invalid_client']", false),
            ("contains = ['invalid refresh']", true),
            ("error = ['invalid_grant']\ncontains = ['expired']", false),
            ("status = 403\nerror = ['invalid_grant']", true),
            ("status = 400\nerror = ['invalid_grant']", false),
            ("status = 403", false),
        ];
        for (conditions, expected) in rows {
            let rule = rule(&format!("{conditions}\nmeaning = 'dead'"));
            assert_eq!(rule.fits(403, &error), expected, "{conditions}");
        }
    }
}
