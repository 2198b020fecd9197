//! How requests may leave this process. Nothing here is read from environment variables.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use ipnet::IpNet;
use url::{Host, Url};
use zeroize::Zeroizing;

/// What the HTTP client may do and with whom it may speak. The default reaches the public internet by HTTPS and
/// nothing else.
///
/// ```
/// use evergrant::http::{EgressConfig, HttpClient};
///
/// // A provider in the company's own network.
/// let config = EgressConfig { allow_networks: vec!["10.20.0.0/16".parse()?], ..EgressConfig::default() };
/// let client = HttpClient::new(config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EgressConfig {
    /// Lets requests go to this host itself, and there also without TLS: for development, rehearsal and tests.
    /// It covers URLs that name loopback (`localhost`, `127.0.0.0/8`, `[::1]`), not names that resolve to it.
    pub allow_loopback_http: bool,
    /// Networks that are reachable although they are not public: self-hosted providers. HTTPS is still required.
    pub allow_networks: Vec<IpNet>,
    /// Certificates in PEM that are trusted in addition to the public ones: a company's own CA.
    pub ca_bundle: Option<Vec<u8>>,
    /// The only way out, if there is one. Loopback, where it is allowed, is still reached directly.
    pub proxy: Option<EgressProxy>,
    /// Longest body of an answer, in bytes; a longer one is a failure, never cut. 1 MiB unless set.
    pub max_body_bytes: usize,
    /// Time for a name, a connection and the TLS handshake together; the deadline of the exchange bounds it, too. 10 s
    /// unless set.
    pub connect_timeout: Duration,
    /// Value of `user-agent`.
    pub user_agent: String,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow_loopback_http: false,
            allow_networks: Vec::new(),
            ca_bundle: None,
            proxy: None,
            // JWKS and metadata of the large providers stay below 100 KiB.
            max_body_bytes: 1024 * 1024,
            connect_timeout: Duration::from_secs(10),
            user_agent: concat!("evergrant/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl fmt::Debug for EgressConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EgressConfig")
            .field("allow_loopback_http", &self.allow_loopback_http)
            .field("allow_networks", &self.allow_networks)
            .field("ca_bundle_bytes", &self.ca_bundle.as_ref().map(Vec::len))
            .field("proxy", &self.proxy)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("connect_timeout", &self.connect_timeout)
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

/// Why a client cannot be made from an [`EgressConfig`]: always the operator's configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The CA bundle holds no certificate, or something that is none.
    #[error("the CA bundle holds no usable certificate: {0}")]
    CaBundle(String),
    /// The proxy is not of the form `http://[user:password@]host:port`.
    #[error("the egress proxy is not of the form http://[user:password@]host:port: {0}")]
    Proxy(&'static str),
    /// The user agent cannot be a header value.
    #[error("the user agent holds a character that a header cannot hold")]
    UserAgent,
    /// The TLS library refused the settings.
    #[error("TLS could not be set up: {0}")]
    Tls(String),
}

/// An HTTP proxy that opens tunnels by `CONNECT` (RFC 9110 9.3.6). It sees names and ports, never a request.
///
/// The proxy resolves names, so this process cannot vet what they resolve to: the proxy's own rules have to keep
/// private addresses out. Literal addresses are vetted here as without a proxy. The proxy's own address is not
/// vetted: the operator has named it.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressProxy {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    pub(super) authorization: Option<Zeroizing<String>>,
}

impl EgressProxy {
    /// Reads `http://host:port` or `http://user:password@host:port`.
    ///
    /// # Errors
    ///
    /// [`EgressError::Proxy`]: the text is of another form. It is not repeated, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        let url = Url::parse(text).map_err(|_| EgressError::Proxy("it is no URL"))?;
        if url.scheme() != "http" {
            return Err(EgressError::Proxy("only the scheme http is supported"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EgressError::Proxy("it has a path, query or fragment"));
        }
        let host = url.host().ok_or(EgressError::Proxy("it has no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or(EgressError::Proxy("it has no port"))?;
        Ok(Self { host, port, authorization: basic_authorization(&url)? })
    }
}

impl fmt::Debug for EgressProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EgressProxy({}:{})", self.host, self.port)
    }
}

fn basic_authorization(url: &Url) -> Result<Option<Zeroizing<String>>, EgressError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut pair = Zeroizing::new(percent_decoded(url.username())?);
    pair.push(b':');
    pair.extend_from_slice(&Zeroizing::new(percent_decoded(url.password().unwrap_or_default())?));
    Ok(Some(Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(&*pair))))))
}

/// The URL parser leaves the user information percent-encoded.
fn percent_decoded(text: &str) -> Result<Vec<u8>, EgressError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            decoded.push(first);
            continue;
        }
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.ok_or(EgressError::Proxy("a % in its credentials starts no escape"))?);
        rest = &tail[2..];
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_with_credentials_is_read_and_masked() {
        let proxy = EgressProxy::parse("http://me:p%40ss@proxy.example:3128").unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap().as_str(), "Basic bWU6cEBzcw==");
        assert_eq!(format!("{proxy:?}"), "EgressProxy(proxy.example:3128)");
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused_without_quoting_it() {
        for text in ["", "proxy:3128", "socks5://proxy:1080", "http://proxy:3128/path", "http://a:%zz@proxy"]
        {
            let error = EgressProxy::parse(text).unwrap_err();
            assert!(matches!(error, EgressError::Proxy(_)), "{text}: {error}");
        }
    }
}
