//! Where a request goes: the part of a URL that decides which connection may carry it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use evergrant_proto::wire::http::{TransportFailure, TransportFailureKind};
use url::{Host, Url};

use super::failure::unsent;

/// An origin (RFC 6454) that the rules about schemes let through; its addresses are still to be vetted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    /// Whether TLS is spoken. Without it only loopback is a destination.
    pub(super) secure: bool,
    /// Name or literal address, without a final dot.
    pub(super) host: Host<String>,
    pub(super) port: u16,
}

impl Destination {
    /// The destination of `url`, or a refusal: a scheme other than `https`, credentials in the URL, plain HTTP
    /// to anything but allowed loopback.
    ///
    /// Odd spellings of an address (`0x7f.1`, `2130706433`) have become addresses in the parser of [`Url`].
    pub(super) fn of(url: &Url, allow_loopback_http: bool) -> Result<Self, TransportFailure> {
        let forbidden = |why: &str| unsent(TransportFailureKind::Forbidden, why);
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(name.strip_suffix('.').unwrap_or(name).to_owned()),
            Some(literal) => literal.to_owned(),
            None => return Err(forbidden("the URL has no host")),
        };
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(forbidden("the URL is not https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("the URL carries credentials"));
        }
        let port = url.port_or_known_default().ok_or_else(|| forbidden("the URL has no port"))?;
        let destination = Self { secure, host, port };
        let plain_allowed = allow_loopback_http && destination.is_loopback();
        if !secure && !plain_allowed {
            let remedy = if destination.is_loopback() { "set `allow_loopback_http`" } else { "use https" };
            return Err(forbidden(&format!("{destination}: plain HTTP is not allowed; {remedy}")));
        }
        Ok(destination)
    }

    /// Whether the URL itself names this host: a literal loopback address or a `localhost` name (RFC 6761 6.3).
    pub(super) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }

    /// The addresses of a destination that needs no resolver: a literal, or a `localhost` name, which is never
    /// asked from one (RFC 6761 6.3).
    pub(super) fn literal_addresses(&self) -> Option<Vec<IpAddr>> {
        match &self.host {
            Host::Ipv4(address) => Some(vec![(*address).into()]),
            Host::Ipv6(address) => Some(vec![(*address).into()]),
            Host::Domain(_) if self.is_loopback() => {
                Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
            }
            Host::Domain(_) => None,
        }
    }

    /// `host:port` as a `Host` header or a `CONNECT` target has it. A default port is left out of the former.
    pub(super) fn authority(&self, with_default_port: bool) -> String {
        let default = if self.secure { 443 } else { 80 };
        if self.port == default && !with_default_port {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(url: &str, allow_loopback_http: bool) -> Result<Destination, TransportFailure> {
        Destination::of(&Url::parse(url).unwrap(), allow_loopback_http)
    }

    #[test]
    fn plain_http_is_for_loopback_and_only_with_the_flag() {
        for url in ["http://127.0.0.1:8790/", "http://localhost/", "http://a.localhost./", "http://[::1]/"] {
            assert!(destination(url, true).is_ok(), "{url}");
            assert_eq!(destination(url, false).unwrap_err().kind, TransportFailureKind::Forbidden, "{url}");
        }
        for url in
            ["http://provider.example/", "http://10.0.0.1/", "http://localhost.example/", "ftp://127.0.0.1/"]
        {
            assert_eq!(destination(url, true).unwrap_err().kind, TransportFailureKind::Forbidden, "{url}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_seen_as_the_address() {
        for url in ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/"] {
            assert_eq!(
                destination(url, false).unwrap().host,
                Host::<String>::Ipv4(Ipv4Addr::LOCALHOST),
                "{url}"
            );
        }
    }

    #[test]
    fn credentials_in_the_url_are_refused_and_not_repeated() {
        let failure = destination("https://user:canary@provider.example/", false).unwrap_err();
        assert_eq!(failure.kind, TransportFailureKind::Forbidden);
        assert!(!failure.detail.contains("canary"));
    }

    #[test]
    fn a_default_port_is_left_out_of_the_host_header_and_kept_in_the_tunnel_target() {
        let provider = destination("https://provider.example./token", false).unwrap();
        assert_eq!(provider.authority(false), "provider.example");
        assert_eq!(provider.authority(true), "provider.example:443");
        assert_eq!(
            destination("https://[2001:4860::1]:8443/", false).unwrap().authority(false),
            "[2001:4860::1]:8443"
        );
    }
}
