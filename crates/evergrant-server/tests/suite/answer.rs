//! What the server answered.

use reqwest::header::HeaderMap;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.json()
    }

    /// The JSON of a refusal, whose form is checked.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, reason: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert!(!self.header("x-request-id").is_empty(), "{self:?}");
        let json = self.json();
        assert_eq!(json["type"], format!("/problems/{reason}"), "{json:#}");
        assert_eq!(json["status"], status);
        assert!(json["title"].is_string() && json["detail"].is_string(), "{json:#}");
        assert_eq!(json.get("retry_after").is_some(), !self.header("retry-after").is_empty());
        json
    }

    /// The text of a page, whose headers are checked.
    #[track_caller]
    pub(crate) fn page(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.header("content-type").starts_with("text/html"), "{self:?}");
        assert!(self.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
        assert_eq!(self.header("referrer-policy"), "no-referrer");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(!self.body.contains("<script"));
        &self.body
    }
}
