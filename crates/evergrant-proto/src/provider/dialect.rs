//! Where a provider departs from the RFCs, as data.

mod refresh;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::refresh::{ClientInRefresh, RefreshDialect, RenewedBy, ShortLived, TokenMethod};
use super::signature::{Signature, first_that_fits};
use crate::wire::{error_response::ErrorResponse, http::HttpResponse};

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
    /// How token requests are sent.
    #[serde(skip_serializing_if = "is_post")]
    pub token_method: TokenMethod,
    /// Whether token requests are JSON instead of a form.
    pub json_body: bool,
    /// Whether a refresh must name the redirect URI of the authorization.
    pub redirect_uri_on_refresh: bool,
    /// What every token request says besides (Withings' `action`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub token_parameters: BTreeMap<String, String>,
    /// Where refreshes depart from RFC 6749 6.
    #[serde(skip_serializing_if = "RefreshDialect::is_standard")]
    pub refresh: RefreshDialect,
    /// What a refresh says besides.
    pub refresh_parameters: BTreeMap<String, String>,
    /// Headers of every token request (Intuit tells the hard end of a grant only if it is asked to).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub token_headers: BTreeMap<String, String>,
    /// The provider's names of parameters of the authorization request that RFC 6749 names otherwise.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub authorization_names: BTreeMap<String, String>,
    /// The provider's names of token request parameters that RFC 6749 names otherwise: `client_id = "client_key"` (TikTok).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_names: BTreeMap<String, String>,
    /// The provider's names of response members that RFC 6749 names otherwise: `access_token = "accessToken"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_names: BTreeMap<String, String>,
    /// Whether `expires_in: 0` means that there is no end (Mailchimp).
    pub zero_lifetime_is_endless: bool,
    /// Whether no `expires_in` means that there is no end (GitHub OAuth apps).
    pub absent_lifetime_is_endless: bool,
    /// Whether a 503 may come after the request was processed, against RFC 9110 15.6.4.
    pub unavailable_may_be_processed: bool,
    /// What this provider's failures look like and mean; the first that fits counts.
    pub signatures: Vec<Signature>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            scope_separator: ' ',
            granted_scope_separator: None,
            token_path: None,
            token_method: TokenMethod::Post,
            json_body: false,
            redirect_uri_on_refresh: false,
            token_parameters: BTreeMap::new(),
            refresh: RefreshDialect::default(),
            refresh_parameters: BTreeMap::new(),
            token_headers: BTreeMap::new(),
            authorization_names: BTreeMap::new(),
            request_names: BTreeMap::new(),
            response_names: BTreeMap::new(),
            zero_lifetime_is_endless: false,
            absent_lifetime_is_endless: false,
            unavailable_may_be_processed: false,
            signatures: Vec::new(),
        }
    }
}

impl Dialect {
    /// How a refresh is sent.
    pub fn refresh_method(&self) -> TokenMethod {
        self.refresh.method.unwrap_or(self.token_method)
    }

    /// Whether an access token is renewed by itself, and kept in the refresh token's place.
    pub fn access_token_renews_itself(&self) -> bool {
        self.refresh.presents == RenewedBy::AccessToken
    }

    /// The first signature that fits an answer. `error` is what was read of it, if anything.
    pub fn signature_for(
        &self,
        response: &HttpResponse,
        error: Option<&ErrorResponse>,
    ) -> Option<&Signature> {
        first_that_fits(&self.signatures, response, error)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_post(method: &TokenMethod) -> bool {
    *method == TokenMethod::Post
}

#[cfg(test)]
mod tests;
