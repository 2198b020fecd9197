//! The page that a browser sees at the end.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use evergrant::proto::engine::CallbackEnd;

use crate::failure::Failure;

/// A page of a few words.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    title: &'static str,
    text: String,
}

/// How an authorization ended, for the person at the browser.
pub(super) fn of(end: &CallbackEnd) -> Page {
    match Failure::without_grant(end) {
        None => Page {
            status: StatusCode::OK,
            title: "Connected",
            text: "The account is connected. You can close this window.".to_owned(),
        },
        Some(why) => failure(&why.to_string()),
    }
}

/// It did not work.
pub(super) fn failure(why: &str) -> Page {
    Page {
        status: StatusCode::BAD_REQUEST,
        title: "Not connected",
        text: format!("{why}. The terminal says what to do next; you can close this window."),
    }
}

/// Somebody came who was not sent by the provider for this link.
pub(super) fn foreign() -> Page {
    Page {
        status: StatusCode::BAD_REQUEST,
        title: "Nothing to do here",
        text: "This is not the answer to the link that was opened last.".to_owned(),
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Self { status, title, text } = self;
        let body = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title} - Evergrant</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><style>:root{{color-scheme:light dark}}\
             body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}}</style>\
             <h1>{title}</h1><p>{}</p></html>",
            escaped(&text)
        );
        let headers = [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            ),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONNECTION, "close"),
        ];
        (status, headers, Html(body)).into_response()
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        assert_eq!(escaped("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }
}
