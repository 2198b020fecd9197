//! What people see: pages without scripts, in light and dark, escaped by the template engine.

mod cause;
mod connect;
mod named;
mod notice;
mod parties;
mod problems;
mod provider;
mod reason;
mod theme;
mod why;

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
    connect::ConnectPage,
    notice::Notice,
    parties::{Brand, Parties},
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

/// A page that may have a style of its own beside that of every page: the colour of an app.
pub(crate) trait Styled: Template {
    /// The style, as the page has it.
    fn accent(&self) -> Option<&str> {
        None
    }
}

/// The policy of every page.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy(&[STYLE, REFERENCE_STYLE]));

/// Nothing is loaded and nothing runs; only these very styles apply. There is no `form-action`: browsers apply it to
/// the redirects after a form, too, and these lead through the provider to wherever the client returns its users.
fn policy(styles: &[&str]) -> HeaderValue {
    let hashes: Vec<_> = styles.iter().map(|style| source(style)).collect();
    let policy = format!(
        "default-src 'none'; style-src {}; base-uri 'none'; frame-ancestors 'none'",
        hashes.join(" ")
    );
    HeaderValue::from_str(&policy).expect("a policy is ASCII")
}

/// A style, as a policy names it (CSP 3, 2.3.1).
fn source(style: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, style.as_bytes())))
}

/// A page and its status.
#[derive(Debug)]
pub(crate) struct Page<T> {
    status: StatusCode,
    template: T,
}

impl<T: Styled> Page<T> {
    pub(crate) fn new(status: StatusCode, template: T) -> Self {
        Self { status, template }
    }
}

impl<T: Styled> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let policy = match self.template.accent() {
            Some(accent) => policy(&[STYLE, accent]),
            None => POLICY.clone(),
        };
        match self.template.render() {
            Ok(html) => (self.status, headers_with(policy), Html(html)).into_response(),
            Err(error) => {
                tracing::error!(target: "evergrant", %error, "a page cannot be rendered");
                Problem::of(Reason::Internal).into_response()
            }
        }
    }
}

/// Of an answer that leads on from a page.
pub(crate) fn headers() -> [(HeaderName, HeaderValue); 5] {
    headers_with(POLICY.clone())
}

/// The address of a page may be a link or hold a code: it is neither kept nor passed on.
fn headers_with(policy: HeaderValue) -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ]
}

#[cfg(test)]
mod tests {
    use evergrant::proto::{
        client::{Breaker, ClientRecord},
        provider::{Catalogue, Provider},
    };

    use super::*;

    /// An app of this name and colour at a provider that calls itself hostile, too.
    fn parties(name: &str, color: &str) -> Parties {
        let record = serde_json::json!({
            "name": "shop", "namespace": "default", "version": 1, "provider": Provider::generic(), "parameters": {},
            "issuer": null, "issuer_announced": false, "endpoints": {}, "identifier": "id", "authentication": "none",
            "redirect_uris": [], "scopes": "", "return_urls": [], "breaker": Breaker::default(), "created_at": 0,
            "updated_at": 0, "removed_at": null, "branding": { "name": name, "color": color },
        });
        let mut client: ClientRecord = serde_json::from_value(record).unwrap();
        client.provider.id = "hostile".into();
        client.provider.name = HOSTILE.into();
        Parties::of(&client)
    }

    const HOSTILE: &str = "<script>alert('x')</script>\"";

    #[test]
    fn what_a_stranger_wrote_is_escaped() {
        let parties = || parties(HOSTILE, "#0a5fd0");
        let why = Some(HOSTILE.to_owned());
        let notices = [
            Notice::denied(parties(), HOSTILE),
            Notice::connected(parties()),
            Notice::failed(parties(), why.clone(), HOSTILE),
            Notice::wrong_account(parties()),
        ];
        let connect = ConnectPage {
            parties: parties(),
            host: Some(HOSTILE.into()),
            is_known: true,
            is_dead: true,
            why,
        };
        let pages =
            notices.map(|notice| notice.render().unwrap()).into_iter().chain([connect.render().unwrap()]);
        for html in pages {
            assert!(!html.contains("<script"), "{html}");
            assert!(html.contains("&#60;script"), "{html}");
        }
    }

    fn styles(html: &str) -> Vec<&str> {
        html.split("<style>").skip(1).map(|rest| rest.split_once("</style>").unwrap().0).collect()
    }

    fn assert_allowed<T: Styled>(page: T) -> usize {
        let html = page.render().unwrap();
        let response = Page::new(StatusCode::OK, page).into_response();
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for style in styles(&html) {
            assert!(policy.contains(&source(style)), "{policy} does not allow {style}");
        }
        assert!(!html.contains("style=") && !policy.contains("unsafe"), "{html}");
        styles(&html).len()
    }

    #[test]
    fn the_policy_names_the_styles_that_are_in_the_page_and_no_other_ones() {
        let catalogue = Catalogue::builtin();
        let problem = evergrant_explain::problems::find("user_revoked").unwrap();
        assert_eq!(assert_allowed(Notice::link_unknown()), 1);
        assert_eq!(assert_allowed(CausePage::new(problem, &catalogue)), 2);
        assert_eq!(assert_allowed(Notice::connected(parties("Acme", "#ffd400"))), 2);
        let connect = ConnectPage {
            parties: parties("Acme", "#ffd400"),
            host: None,
            is_known: false,
            is_dead: false,
            why: None,
        };
        assert!(connect.render().unwrap().contains("--fill:#ffd400"));
        assert_eq!(assert_allowed(connect), 2);
    }
}
