//! What people see: pages without scripts, in light and dark, escaped by the template engine.

mod cause;
mod connect;
mod named;
mod notice;
mod problems;
mod provider;
mod reason;

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

pub(crate) use self::{
    cause::CausePage,
    connect::{ConnectPage, why},
    notice::Notice,
    problems::ProblemsPage,
    provider::{provider_name, sign_in_host},
    reason::ReasonPage,
};
use crate::problem::{Problem, Reason};

/// Every page's style, inside the page: a page is one answer, and works under any path prefix.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// What pages to be read add to it.
pub(crate) const REFERENCE_STYLE: &str = include_str!("../../templates/reference.css");

/// What a page is for, by the sign at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Care,
    Fault,
}

/// Nothing is loaded and nothing runs; only these very styles apply. There is no `form-action`: browsers apply it to
/// the redirects after a form, too, and these lead through the provider to wherever the client returns its users.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let [style, reference] =
        [STYLE, REFERENCE_STYLE].map(|style| STANDARD.encode(digest(&SHA256, style.as_bytes())));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}' 'sha256-{reference}'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("a policy is ASCII")
});

/// A page and its status.
#[derive(Debug)]
pub(crate) struct Page<T> {
    status: StatusCode,
    template: T,
}

impl<T: Template> Page<T> {
    pub(crate) fn new(status: StatusCode, template: T) -> Self {
        Self { status, template }
    }
}

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.template.render() {
            Ok(html) => (self.status, headers(), Html(html)).into_response(),
            Err(error) => {
                tracing::error!(target: "evergrant", %error, "a page cannot be rendered");
                Problem::of(Reason::Internal).into_response()
            }
        }
    }
}

/// The address of a page may be a link or hold a code: it is neither kept nor passed on.
pub(crate) fn headers() -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_escaped() {
        let hostile = "<script>alert('x')</script>\"";
        let notice = Notice::denied(hostile).back_to(None).render().unwrap();
        let connect = ConnectPage {
            client: hostile.into(),
            provider: hostile.into(),
            host: Some(hostile.into()),
            why: None,
        };
        for html in [notice, connect.render().unwrap()] {
            assert!(!html.contains("<script"), "{html}");
            assert!(html.contains("&#60;script"), "{html}");
        }
    }

    fn styles(html: &str) -> Vec<&str> {
        html.split("<style>").skip(1).map(|rest| rest.split_once("</style>").unwrap().0).collect()
    }

    #[test]
    fn the_policy_names_the_styles_that_are_in_the_pages() {
        let catalogue = evergrant::proto::provider::Catalogue::builtin();
        let problem = evergrant_explain::problems::find("user_revoked").unwrap();
        assert_eq!(styles(&Notice::link_used().render().unwrap()), [STYLE]);
        let cause = CausePage::new(problem, &catalogue).render().unwrap();
        assert_eq!(styles(&cause), [STYLE, REFERENCE_STYLE]);
        for style in [STYLE, REFERENCE_STYLE] {
            let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
            assert!(POLICY.to_str().unwrap().contains(&format!("'sha256-{hash}'")));
        }
    }
}
