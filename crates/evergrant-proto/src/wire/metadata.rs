//! Authorization server metadata (RFC 8414, OpenID Connect Discovery 1.0).

use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::http::{HttpRequest, HttpResponse, Method};
use crate::provider::Endpoints;

/// Largest document that is parsed, in bytes.
const MAX_METADATA_BYTES: usize = 512 * 1024;

/// Longest list that is kept.
const MAX_LIST: usize = 200;

/// Why a text is not an issuer identifier (RFC 8414 2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// Not a URL.
    #[error("the issuer {0:?} is not a URL")]
    NotAUrl(String),
    /// Not https; plain http is good for loopback only.
    #[error("the issuer {0:?} is not an https URL")]
    Insecure(String),
    /// With query or fragment.
    #[error("the issuer {0:?} has a query or a fragment")]
    QueryOrFragment(String),
}

/// Why metadata cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// There is no document at this address.
    #[error("the provider answered {0} instead of its metadata")]
    Status(u16),
    /// Larger than half a mebibyte.
    #[error("the metadata are larger than {MAX_METADATA_BYTES} bytes")]
    TooLarge,
    /// Not a JSON object with the members that RFC 8414 2 wants; `reason` says where.
    #[error("the metadata are not readable: {0}")]
    Unreadable(String),
    /// RFC 8414 3.3: they are of another issuer than the one that was asked, and must not be used.
    #[error("the metadata are of the issuer {found:?}, not of {expected:?}")]
    OtherIssuer {
        /// Who was asked.
        expected: String,
        /// Who answered.
        found: String,
    },
    /// An endpoint is not a URL, or not https.
    #[error("the endpoint {endpoint} is not an https URL")]
    InsecureEndpoint {
        /// Its member.
        endpoint: &'static str,
    },
}

/// What an authorization server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Exactly the issuer that was asked.
    pub issuer: String,
    /// Its endpoints; all of them https, or http on loopback.
    pub endpoints: Endpoints,
    /// The keys of its ID tokens.
    pub jwks_uri: Option<Url>,
    /// RFC 9207 3: a callback must have `iss`.
    pub issuer_in_callback: bool,
    /// `token_endpoint_auth_methods_supported`; RFC 8414 2: `client_secret_basic` if it does not say.
    pub authentication_methods: Vec<String>,
    /// `code_challenge_methods_supported`; empty if it does not say.
    pub code_challenge_methods: Vec<String>,
    /// `grant_types_supported`; empty if it does not say.
    pub grant_types: Vec<String>,
    /// `scopes_supported`; empty if it does not say.
    pub scopes: Vec<String>,
    /// `dpop_signing_alg_values_supported` (RFC 9449 5.1).
    pub dpop_algorithms: Vec<String>,
}

/// Where the metadata of an issuer can be: RFC 8414 3.1, then OpenID Connect Discovery 4.
pub fn well_known_urls(issuer: &str) -> Result<Vec<Url>, InvalidIssuer> {
    let url = parse_issuer(issuer)?;
    let path = url.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url
    };
    let mut urls = vec![
        // Discovery first: it has all that RFC 8414 has, and most servers know only it.
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ];
    if !path.is_empty() {
        urls.push(at(format!("/.well-known/openid-configuration{path}")));
    }
    Ok(urls)
}

/// The request for metadata.
pub fn metadata_request(url: Url) -> HttpRequest {
    let headers = vec![("accept".into(), Zeroizing::new("application/json".to_owned()))];
    HttpRequest { method: Method::Get, url, headers, body: Zeroizing::new(Vec::new()) }
}

impl Metadata {
    /// Reads the metadata of an issuer. The issuer in them must be the same, character by character (RFC 8414
    /// 3.3): else one server could send our requests and secrets to another's endpoints.
    pub fn read(response: &HttpResponse, issuer: &str) -> Result<Self, InvalidMetadata> {
        let document = Document::read(response)?;
        if document.issuer != issuer {
            return Err(document.of_another_than(issuer));
        }
        document.into_metadata()
    }

    /// Reads metadata of which only the address is known. The issuer in them must be one whose metadata stand there
    /// (RFC 8414 3.3): nobody speaks for another's address.
    pub fn read_at(response: &HttpResponse, address: &Url) -> Result<Self, InvalidMetadata> {
        let document = Document::read(response)?;
        // Databricks appends the path of RFC 8414 as OpenID Connect Discovery does.
        let appended =
            format!("{}/.well-known/oauth-authorization-server", document.issuer.trim_end_matches('/'));
        let stands_there = well_known_urls(&document.issuer).is_ok_and(|urls| urls.contains(address));
        if !stands_there && (parse_issuer(&document.issuer).is_err() || appended != address.as_str()) {
            return Err(document.of_another_than(address.as_str()));
        }
        document.into_metadata()
    }
}

/// The members as they stand in the document; unknown ones are ignored (RFC 8414 3.2).
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: Option<bool>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    grant_types_supported: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
    dpop_signing_alg_values_supported: Option<Vec<String>>,
}

impl Document {
    fn read(response: &HttpResponse) -> Result<Self, InvalidMetadata> {
        if response.status != 200 {
            return Err(InvalidMetadata::Status(response.status));
        }
        if response.body.len() > MAX_METADATA_BYTES {
            return Err(InvalidMetadata::TooLarge);
        }
        serde_json::from_slice(&response.body).map_err(|error| {
            InvalidMetadata::Unreadable(format!("line {}, column {}", error.line(), error.column()))
        })
    }

    fn of_another_than(&self, expected: &str) -> InvalidMetadata {
        let found = self.issuer.chars().filter(|character| !character.is_control()).take(200).collect();
        InvalidMetadata::OtherIssuer { expected: expected.to_owned(), found }
    }

    fn into_metadata(self) -> Result<Metadata, InvalidMetadata> {
        Ok(Metadata {
            endpoints: Endpoints {
                authorization: endpoint("authorization_endpoint", self.authorization_endpoint.as_deref())?,
                token: endpoint("token_endpoint", self.token_endpoint.as_deref())?,
                refresh: None,
                revocation: endpoint("revocation_endpoint", self.revocation_endpoint.as_deref())?,
                introspection: endpoint("introspection_endpoint", self.introspection_endpoint.as_deref())?,
                device_authorization: endpoint(
                    "device_authorization_endpoint",
                    self.device_authorization_endpoint.as_deref(),
                )?,
                userinfo: endpoint("userinfo_endpoint", self.userinfo_endpoint.as_deref())?,
            },
            jwks_uri: endpoint("jwks_uri", self.jwks_uri.as_deref())?,
            issuer: self.issuer,
            issuer_in_callback: self.authorization_response_iss_parameter_supported.unwrap_or(false),
            authentication_methods: self
                .token_endpoint_auth_methods_supported
                .map_or_else(|| vec!["client_secret_basic".to_owned()], bounded),
            code_challenge_methods: self.code_challenge_methods_supported.map(bounded).unwrap_or_default(),
            grant_types: self.grant_types_supported.map(bounded).unwrap_or_default(),
            scopes: self.scopes_supported.map(bounded).unwrap_or_default(),
            dpop_algorithms: self.dpop_signing_alg_values_supported.map(bounded).unwrap_or_default(),
        })
    }
}

fn bounded(mut list: Vec<String>) -> Vec<String> {
    list.truncate(MAX_LIST);
    list
}

fn endpoint(endpoint: &'static str, text: Option<&str>) -> Result<Option<Url>, InvalidMetadata> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let url = Url::parse(text).ok().filter(is_secure);
    url.map(Some).ok_or(InvalidMetadata::InsecureEndpoint { endpoint })
}

fn parse_issuer(issuer: &str) -> Result<Url, InvalidIssuer> {
    let shown = || issuer.chars().filter(|character| !character.is_control()).take(200).collect();
    let url = Url::parse(issuer).map_err(|_| InvalidIssuer::NotAUrl(shown()))?;
    if !is_secure(&url) {
        return Err(InvalidIssuer::Insecure(shown()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidIssuer::QueryOrFragment(shown()));
    }
    Ok(url)
}

/// https, or http to this very machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(url::Host::Domain(name))) => name == "localhost",
        ("http", Some(url::Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(url::Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Metadata, InvalidMetadata> {
        let response =
            HttpResponse { status: 200, headers: vec![], body: Zeroizing::new(body.as_bytes().to_vec()) };
        Metadata::read(&response, "https://as.example")
    }

    #[test]
    fn the_addresses_are_those_of_both_standards() {
        let urls = |issuer| well_known_urls(issuer).unwrap().iter().map(Url::to_string).collect::<Vec<_>>();
        assert_eq!(
            urls("https://as.example"),
            [
                "https://as.example/.well-known/openid-configuration",
                "https://as.example/.well-known/oauth-authorization-server"
            ]
        );
        assert_eq!(
            urls("https://as.example/realms/one/"),
            [
                "https://as.example/realms/one/.well-known/openid-configuration",
                "https://as.example/.well-known/oauth-authorization-server/realms/one",
                "https://as.example/.well-known/openid-configuration/realms/one"
            ]
        );
    }

    #[test]
    fn an_issuer_must_be_a_plain_secure_url() {
        assert!(well_known_urls("http://127.0.0.1:8790").is_ok());
        assert!(matches!(well_known_urls("http://as.example"), Err(InvalidIssuer::Insecure(_))));
        assert!(matches!(well_known_urls("https://as.example/?a"), Err(InvalidIssuer::QueryOrFragment(_))));
        assert!(matches!(well_known_urls("as.example"), Err(InvalidIssuer::NotAUrl(_))));
    }

    #[test]
    fn metadata_are_read() {
        let metadata = read(
            r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token","unknown":[1],
                "authorization_response_iss_parameter_supported":true,"code_challenge_methods_supported":["S256"]}"#,
        )
        .unwrap();
        assert_eq!(metadata.endpoints.token.unwrap().as_str(), "https://as.example/token");
        assert!(metadata.issuer_in_callback);
        assert_eq!(metadata.authentication_methods, ["client_secret_basic"]);
        assert_eq!(metadata.code_challenge_methods, ["S256"]);
    }

    #[test]
    fn requirement_17_another_issuer_is_refused_even_if_only_a_slash_differs() {
        let found = read(r#"{"issuer":"https://as.example/"}"#).unwrap_err();
        assert_eq!(
            found,
            InvalidMetadata::OtherIssuer {
                expected: "https://as.example".into(),
                found: "https://as.example/".into()
            }
        );
    }

    #[test]
    fn metadata_found_by_their_address_are_of_an_issuer_that_has_them_there() {
        let read_at = |issuer: &str, address: &str| {
            let body = format!(r#"{{"issuer":"{issuer}"}}"#);
            let response = HttpResponse { status: 200, headers: vec![], body: body.into_bytes().into() };
            Metadata::read_at(&response, &Url::parse(address).unwrap()).map(|metadata| metadata.issuer)
        };
        let own = [
            ("https://as.example", "https://as.example/.well-known/openid-configuration"),
            ("https://as.example/app/", "https://as.example/app/.well-known/openid-configuration"),
            ("https://as.example/oidc", "https://as.example/oidc/.well-known/oauth-authorization-server"),
            ("https://as.example/oidc", "https://as.example/.well-known/oauth-authorization-server/oidc"),
        ];
        for (issuer, address) in own {
            assert_eq!(read_at(issuer, address).as_deref(), Ok(issuer), "{address}");
        }
        for issuer in
            ["https://evil.example", "https://as.example/other", "http://as.example", "", "nonsense"]
        {
            let found = read_at(issuer, "https://as.example/.well-known/openid-configuration");
            assert!(matches!(found, Err(InvalidMetadata::OtherIssuer { .. })), "{issuer}: {found:?}");
        }
    }

    #[test]
    fn an_insecure_endpoint_is_refused() {
        for url in ["http://as.example/token", "ftp://as.example/token", "token", "javascript:alert(1)"] {
            let body = format!(r#"{{"issuer":"https://as.example","token_endpoint":"{url}"}}"#);
            assert_eq!(
                read(&body),
                Err(InvalidMetadata::InsecureEndpoint { endpoint: "token_endpoint" }),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        assert!(matches!(read("<html>"), Err(InvalidMetadata::Unreadable(_))));
        assert!(matches!(read("{}"), Err(InvalidMetadata::Unreadable(_))));
        let response = HttpResponse { status: 404, headers: vec![], body: Vec::new().into() };
        assert_eq!(Metadata::read(&response, "https://as.example"), Err(InvalidMetadata::Status(404)));
    }

    proptest! {
        #[test]
        fn reading_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let response = HttpResponse { status: 200, headers: vec![], body: Zeroizing::new(bytes) };
            let _ = Metadata::read(&response, "https://as.example");
        }
    }
}
