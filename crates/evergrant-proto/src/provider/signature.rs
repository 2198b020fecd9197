//! How a provider's failures are recognized: first-class data, so that no provider needs code of its own.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    diagnosis::{Cause, Certainty},
    wire::{
        error_response::{ErrorCode, ErrorResponse},
        http::HttpResponse,
    },
};

/// One answer of a provider: how it is recognized, and what it means.
///
/// Every condition that is stated must hold; an empty one holds for anything. Signatures are tried in the order of the
/// file, and the first that fits counts: the special ones come before the general ones.
///
/// ```toml
/// [[dialect.signatures]]
/// status = 400
/// error = ["invalid_request"]
/// contains = ["refresh token expired"]
/// meaning = "dead"
/// cause = "refresh_token_expired_absolute"
/// certainty = "certain"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The HTTP status is one of these. A single one may stand without brackets.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// The body is of this kind, by its `Content-Type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The answer says nothing: there is no error in it that could be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// The error code, the subtype or a vendor code is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// And one of these as well: Meta's subcode beside its code 190, Strava's resource beside `invalid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subcode: Vec<String>,
    /// The description has one of these parts, whatever their case. A sentence in the place of the code counts as one.
    #[serde(default, deserialize_with = "lowercased", skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// What becomes of the grant.
    pub meaning: Meaning,
    /// The cause, where the answer tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// How sure all this is.
    #[serde(default = "likely")]
    pub certainty: Certainty,
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

/// The kind of a body, by its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// `application/json`, or anything that ends with `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `text/html`: a proxy or a firewall, hardly ever an authorization server.
    Html,
    /// `text/plain`.
    Text,
}

impl ContentType {
    /// The kind of a response's body; `None` if the header is missing or names another one.
    pub fn of(response: &HttpResponse) -> Option<Self> {
        let essence = response.header("content-type")?.split(';').next()?.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "text/plain" => Some(Self::Text),
            json if json == "application/json" || json.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }
}

impl Signature {
    /// What becomes of the grant, if the answer is good enough to act on. A mere possibility decides nothing, nor does
    /// a page that holds no error at all: whoever sent it, the request may have been processed behind it.
    pub fn verdict(&self) -> Option<Meaning> {
        (self.certainty > Certainty::Possible && self.names_an_error()).then_some(self.meaning)
    }

    /// Whether it recognizes an error, and not only a kind of answer.
    pub fn names_an_error(&self) -> bool {
        !self.error.is_empty() || !self.contains.is_empty()
    }

    /// Whether it is more than a status: without another condition it would swallow every answer.
    pub fn is_conditional(&self) -> bool {
        self.names_an_error() || self.content_type.is_some() || (self.silent && !self.status.is_empty())
    }

    fn fits(&self, answer: &Answer<'_>) -> bool {
        self.is_conditional()
            && (!self.silent || answer.error.is_none())
            && (self.status.is_empty() || self.status.contains(&answer.response.status))
            && self.content_type.is_none_or(|kind| answer.content_type == Some(kind))
            && (self.error.is_empty() || answer.says_one_of(&self.error))
            && (self.subcode.is_empty() || answer.says_one_of(&self.subcode))
            && (self.contains.is_empty() || answer.describes_one_of(&self.contains))
    }
}

/// The first signature that fits an answer.
pub(super) fn first_that_fits<'a>(
    signatures: &'a [Signature],
    response: &HttpResponse,
    error: Option<&ErrorResponse>,
) -> Option<&'a Signature> {
    if signatures.is_empty() {
        return None;
    }
    let answer = Answer::new(response, error);
    signatures.iter().find(|signature| signature.fits(&answer))
}

/// An answer, prepared once for all signatures.
struct Answer<'a> {
    response: &'a HttpResponse,
    content_type: Option<ContentType>,
    error: Option<&'a ErrorResponse>,
    /// In lower case.
    description: Option<String>,
}

impl<'a> Answer<'a> {
    fn new(response: &'a HttpResponse, error: Option<&'a ErrorResponse>) -> Self {
        let description = error.and_then(|error| match (&error.description, &error.code) {
            (Some(description), _) => Some(description.as_str()),
            // Withings says "Invalid Params: invalid refresh_token" where a code belongs.
            (None, Some(ErrorCode::Other(text))) => Some(text.as_str()),
            _ => None,
        });
        Self {
            response,
            content_type: ContentType::of(response),
            error,
            description: description.map(str::to_lowercase),
        }
    }

    fn says_one_of(&self, values: &[String]) -> bool {
        self.error.is_some_and(|error| values.iter().any(|value| error.says(value)))
    }

    fn describes_one_of(&self, parts: &[String]) -> bool {
        self.description
            .as_deref()
            .is_some_and(|description| parts.iter().any(|part| description.contains(part.as_str())))
    }
}

fn likely() -> Certainty {
    Certainty::Likely
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a status such as 400, or a list of them")]
    enum OneOrMany {
        One(u16),
        Many(Vec<u16>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(status) => vec![status],
        OneOrMany::Many(statuses) => statuses,
    })
}

fn lowercased<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let parts = Vec::<String>::deserialize(deserializer)?;
    Ok(parts.iter().map(|part| part.to_lowercase()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::untrusted_text::UntrustedText;

    fn signature(conditions: &str) -> Signature {
        toml::from_str(&format!("{conditions}\nmeaning = 'dead'")).unwrap()
    }

    fn response(status: u16, content_type: &str) -> HttpResponse {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        HttpResponse { status, headers, body: Vec::new().into() }
    }

    fn fits(conditions: &str, response: &HttpResponse, error: Option<&ErrorResponse>) -> bool {
        first_that_fits(&[signature(conditions)], response, error).is_some()
    }

    #[test]
    fn every_stated_condition_must_hold() {
        let error = ErrorResponse {
            description: Some(UntrustedText::new("Unknown or INVALID refresh token")),
            vendor_codes: vec!["190".into(), "460".into()],
            ..ErrorResponse::of_code(ErrorCode::parse("invalid_grant"))
        };
        let rows = [
            ("error = ['invalid_grant']", true),
            ("error = ['460']", true),
            ("error = ['invalid_client', '460']", true),
            ("error = ['invalid_client']", false),
            ("error = ['190']\nsubcode = ['460']", true),
            ("error = ['190']\nsubcode = ['463']", false),
            ("contains = ['Invalid Refresh']", true),
            ("error = ['invalid_grant']\ncontains = ['expired']", false),
            ("status = 403\nerror = ['invalid_grant']", true),
            ("status = [400, 403]\nerror = ['invalid_grant']", true),
            ("status = 400\nerror = ['invalid_grant']", false),
            ("content_type = 'json'\nerror = ['invalid_grant']", true),
            ("content_type = 'html'\nerror = ['invalid_grant']", false),
            ("status = 403", false),
        ];
        let response = response(403, "Application/JSON; charset=utf-8");
        for (conditions, expected) in rows {
            assert_eq!(fits(conditions, &response, Some(&error)), expected, "{conditions}");
        }
    }

    #[test]
    fn a_sentence_in_the_place_of_the_code_is_a_description() {
        let error = ErrorResponse::of_code(ErrorCode::parse("Invalid Params: invalid refresh_token"));
        let ok = response(200, "application/json");
        assert!(fits("contains = ['invalid refresh_token']", &ok, Some(&error)));
    }

    #[test]
    fn a_page_without_an_error_is_recognized_and_decides_nothing() {
        let firewall =
            signature("status = 403\ncontent_type = 'html'\ncause = 'ip_or_network_policy_blocked'");
        assert!(firewall.fits(&Answer::new(&response(403, "text/html"), None)));
        assert_eq!(firewall.verdict(), None);
    }

    #[test]
    fn an_answer_that_says_nothing_is_recognized_by_its_status_and_decides_nothing() {
        let silent = "status = 429\nsilent = true";
        let error = ErrorResponse::of_code(ErrorCode::parse("slow_down"));
        assert!(fits(silent, &response(429, "text/plain"), None));
        assert!(!fits(silent, &response(503, "text/plain"), None));
        assert!(!fits(silent, &response(429, "application/json"), Some(&error)));
        assert!(!fits("silent = true", &response(429, "text/plain"), None), "it would fit too much");
        assert_eq!(signature(silent).verdict(), None);
    }

    #[test]
    fn a_mere_possibility_decides_nothing() {
        assert_eq!(signature("error = ['a']").verdict(), Some(Meaning::Dead));
        assert_eq!(signature("error = ['a']\ncertainty = 'possible'").verdict(), None);
    }

    #[test]
    fn the_kind_of_a_body_is_read_from_its_header() {
        let rows = [
            ("application/problem+json", Some(ContentType::Json)),
            ("text/html;charset=utf-8", Some(ContentType::Html)),
            ("text/plain", Some(ContentType::Text)),
            ("application/x-www-form-urlencoded", Some(ContentType::Form)),
            ("image/png", None),
        ];
        for (header, kind) in rows {
            assert_eq!(ContentType::of(&response(200, header)), kind, "{header}");
        }
    }
}
