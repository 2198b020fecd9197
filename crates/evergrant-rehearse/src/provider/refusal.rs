//! A refusal on its way out: the reason for the journal, and the answer that each endpoint makes of it.

use serde_json::json;

use super::{
    Endpoint, JournalEntry, Method, Provider, Reason, Response, pages, parameters::InvalidParameters,
};
use crate::settings::ErrorDescriptions;

/// A reason, and what only the place that refused knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    particulars: Box<Particulars>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Particulars {
    /// The configured words of a tenant's administrator, instead of ours.
    words: Option<(String, String)>,
    /// What the sender of a malformed request has to know to mend it. Says nothing about grants.
    detail: Option<String>,
    /// Where the reason's own status does not fit the endpoint.
    status: Option<u16>,
    /// For 405.
    allow: Option<String>,
    /// For 403: the scope that would do.
    scope: Option<String>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, particulars: Box::default() }
    }
}

impl From<InvalidParameters> for Refusal {
    fn from(invalid: InvalidParameters) -> Self {
        Self::from(Reason::MalformedRequest).detailed(invalid.to_string())
    }
}

impl Refusal {
    /// A required parameter is absent.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::from(Reason::MissingParameter).detailed(format!("the parameter {parameter} is missing"))
    }

    pub(super) fn detailed(mut self, detail: impl Into<String>) -> Self {
        self.particulars.detail = Some(detail.into());
        self
    }

    pub(super) fn worded(mut self, error: &str, description: &str) -> Self {
        self.particulars.words = Some((error.into(), description.into()));
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.particulars.status = Some(status);
        self
    }

    pub(super) fn allowing(mut self, methods: &[Method]) -> Self {
        let names: Vec<_> = methods.iter().map(ToString::to_string).collect();
        self.particulars.allow = Some(names.join(", "));
        self
    }

    pub(super) fn needing(mut self, scope: &str) -> Self {
        self.particulars.scope = Some(scope.into());
        self
    }

    /// The `error` and `error_description` of an answer.
    pub(super) fn wire(&self, descriptions: ErrorDescriptions) -> (String, String) {
        if let Some(words) = &self.particulars.words {
            return words.clone();
        }
        let description = match (&self.particulars.detail, descriptions) {
            (Some(detail), _) => detail.clone(),
            (None, ErrorDescriptions::Named) => self.reason.name(),
            (None, ErrorDescriptions::Uniform) => self.reason.uniform_description().into(),
        };
        (self.reason.wire().1.into(), description)
    }

    /// RFC 6750 3: a request without a token gets no error code.
    fn bearer_challenge(&self, descriptions: ErrorDescriptions) -> String {
        let realm = "Bearer realm=\"rehearsal\"";
        if self.reason == Reason::MissingAccessToken {
            return realm.into();
        }
        let (error, description) = self.wire(descriptions);
        let scope =
            self.particulars.scope.as_ref().map(|scope| format!(", scope=\"{scope}\"")).unwrap_or_default();
        format!("{realm}, error=\"{error}\", error_description=\"{description}\"{scope}")
    }
}

impl Provider {
    /// A refusal in the words that the client's registration has for its reason.
    pub(super) fn in_dialect(&self, refusal: Refusal, entry: &JournalEntry) -> Refusal {
        let client = entry.client_id.as_deref().and_then(|client_id| self.clients.find(client_id));
        let wording = client.and_then(|client| client.settings.wordings.get(&refusal.reason.name()));
        match wording {
            Some(wording) if refusal.particulars.words.is_none() => {
                let error = wording.error.as_deref().unwrap_or(refusal.reason.wire().1);
                refusal.worded(error, &wording.description)
            }
            _ => refusal,
        }
    }

    /// What the client of an endpoint gets to see of a refusal.
    pub(super) fn refuse(&self, refusal: &Refusal, endpoint: Endpoint) -> Response {
        let (error, description) = refusal.wire(self.settings.error_descriptions);
        let status = refusal.particulars.status.unwrap_or(refusal.reason.wire().0);
        let response = match endpoint {
            Endpoint::Authorize | Endpoint::Device => pages::failure(status, &error, &description),
            _ => Response::json(status, &json!({ "error": error, "error_description": description })),
        };
        let response = match (endpoint, status) {
            (Endpoint::Userinfo | Endpoint::Resource, 400 | 401 | 403) => {
                let challenge = refusal.bearer_challenge(self.settings.error_descriptions);
                response.with_header("www-authenticate", &challenge)
            }
            (_, 401) => {
                response.with_header("www-authenticate", "Basic realm=\"rehearsal\", charset=\"UTF-8\"")
            }
            _ => response,
        };
        match &refusal.particulars.allow {
            Some(methods) => response.with_header("allow", methods),
            None => response,
        }
    }
}
