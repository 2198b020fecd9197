//! Problem documents (RFC 9457): every refusal of the API.

mod from_library;
mod reason;

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use evergrant::proto::{diagnosis::Diagnosis, name::GrantId, remedy_rates::Rates};
use serde::Serialize;

pub use self::reason::Reason;
use crate::view::DiagnosisView;

/// The media type of every refusal.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One refusal. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    reason: Reason,
    status: StatusCode,
    detail: String,
    grant: Option<GrantId>,
    diagnosis: Option<Diagnosis>,
    retry_after: Option<Duration>,
    reauthorize_url: Option<String>,
    lifeboat_records: Option<u32>,
    /// For the log alone.
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reauthorize_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifeboat_records: Option<u32>,
}

impl Problem {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Inner {
            reason,
            status: reason.status(),
            detail,
            grant: None,
            diagnosis: None,
            retry_after: None,
            reauthorize_url: None,
            lifeboat_records: None,
            trouble: None,
        }))
    }

    /// A problem of which there is nothing more to say than its meaning.
    pub(crate) fn of(reason: Reason) -> Self {
        Self::new(reason, reason.meaning())
    }

    pub(crate) fn no_such_grant(id: GrantId) -> Self {
        Self::new(Reason::NoSuchGrant, format!("There is no grant {id}.")).about(id)
    }

    pub(crate) fn reason(&self) -> Reason {
        self.0.reason
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Which grant it is about.
    pub(crate) fn about(mut self, grant: GrantId) -> Self {
        self.0.grant = Some(grant);
        self
    }

    pub(crate) fn diagnosed(mut self, diagnosis: Option<Diagnosis>) -> Self {
        self.0.diagnosis = diagnosis;
        self
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// With another status than its reason has elsewhere.
    pub(crate) fn answered_with(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// A sentence more.
    pub(crate) fn adding(mut self, sentence: &str) -> Self {
        self.0.detail = format!("{} {sentence}", self.0.detail);
        self
    }

    /// Where the user of the grant repairs it.
    pub(crate) fn repaired_at(mut self, link: String) -> Self {
        self.0.reauthorize_url = Some(link);
        self
    }

    /// How many rotated credentials wait for the store.
    pub(crate) fn rescued(mut self, lifeboat_records: u32) -> Self {
        self.0.lifeboat_records = Some(lifeboat_records);
        self
    }

    /// What the system says of the store, if it is away and that is why.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.0.trouble.as_deref()
    }

    /// What the system says of the store that is away, for the log.
    fn troubled(mut self, detail: &str) -> Self {
        self.0.trouble = Some(detail.to_owned());
        self
    }

    fn body(&self, rates: &Rates) -> Vec<u8> {
        serde_json::to_vec(&self.document(rates)).expect("a problem is plain data")
    }

    /// Where the user repairs it, if that helps.
    pub(crate) fn link(&self) -> Option<&str> {
        self.0.reauthorize_url.as_deref()
    }

    /// With how often the remedies of its diagnosis worked here.
    fn document(&self, rates: &Rates) -> Document<'_> {
        let Inner { reason, status, detail, grant, diagnosis, retry_after, reauthorize_url, .. } = &*self.0;
        Document {
            r#type: format!("/problems/{}", reason.as_str()),
            title: reason.title(),
            status: status.as_u16(),
            detail,
            grant: *grant,
            diagnosis: diagnosis.as_ref().map(|diagnosis| DiagnosisView::new(diagnosis, rates)),
            retry_after: retry_after.map(whole_seconds),
            reauthorize_url: reauthorize_url.as_deref(),
            lifeboat_records: self.0.lifeboat_records,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, self.body(&Rates::default())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"evergrant\""));
        }
        response.extensions_mut().insert(self.reason());
        if let Some(detail) = &self.0.trouble {
            response.extensions_mut().insert(StoreTrouble(detail.clone()));
        }
        if self.0.diagnosis.is_some() {
            response.extensions_mut().insert(Diagnosed(self));
        }
        response
    }
}

/// Goes with the answer to a request that has met a store which is not available: what the system says of it.
#[derive(Debug, Clone)]
pub(crate) struct StoreTrouble(pub(crate) String);

/// Goes with the answer to a failure that has a diagnosis, so that what was measured can be put into it on the way out: a
/// problem is made in many places, and none of them can forget it.
#[derive(Debug, Clone)]
pub(crate) struct Diagnosed(Problem);

impl Diagnosed {
    /// The body of the answer with what was measured.
    pub(crate) fn body(&self, rates: &Rates) -> Vec<u8> {
        self.0.body(rates)
    }
}

/// Rounded up, and never zero: a caller that comes back too early has to come twice.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_a_stable_type_and_says_when_to_come_back() {
        let problem = Problem::of(Reason::InProgress).retry_after(Duration::from_millis(1200));
        let response = problem.clone().into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["content-type"], PROBLEM_JSON);
        let json = serde_json::to_value(problem.document(&Rates::default())).unwrap();
        assert_eq!(json["type"], "/problems/in_progress");
        assert_eq!(json["retry_after"], 2);
        assert!(json.get("diagnosis").is_none());
    }

    #[test]
    fn nobody_is_told_to_come_back_at_once() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
    }

    #[test]
    fn a_refused_key_is_told_how_to_authenticate() {
        let response = Problem::of(Reason::Unauthenticated).into_response();
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"evergrant\"");
    }
}
