//! What the operator decides.

use std::{sync::Arc, time::Duration};

use evergrant::Carrier;
use url::Url;

use crate::{LinkKey, RateLimit, Tls};

/// What a server has to know besides its keeper.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where browsers and programs reach this server, as they see it: scheme, host, maybe a port and a path prefix.
    /// `callback` under it is the redirect URI to register at providers.
    pub public_url: Url,
    /// What carries messages to webhooks, with its guard; `None`: what carries requests to providers.
    pub webhook_carrier: Option<Arc<dyn Carrier>>,
    /// How long a receiver of a message may take to answer. Standard Webhooks recommends 15 to 30 s.
    pub webhook_patience: Duration,
    /// How often one API key may ask; `None`: as often as it likes. Requests for access tokens are not counted.
    pub rate_limit: Option<RateLimit>,
    /// Signs the links for re-authorization; `None`: a key that is derived from the store's, so that links outlive the
    /// process and every server of the store knows them.
    pub link_key: Option<LinkKey>,
    /// How long the server still accepts requests after it was told to stop, so that load balancers notice that
    /// `/readyz` says 503 and send new ones elsewhere.
    pub drain: Duration,
    /// How long a caller may take for the TLS handshake, to send the head of a request, between two pieces of its body, and
    /// to take a piece of the answer.
    pub patience: Duration,
    /// Bytes of a body that earn a second more than `patience` for all of it; 0: one does, for ever.
    pub body_rate: u32,
    /// How long the next request of a connection is waited for after that: it may be on its way. Its answer says that
    /// the connection ends.
    pub linger: Duration,
    /// How long accepted requests may take to finish after that.
    pub finish: Duration,
    /// The certificate of connections; `None`: plain HTTP.
    pub tls: Option<Arc<Tls>>,
}

impl ServerConfig {
    /// The usual ones.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            webhook_carrier: None,
            webhook_patience: Duration::from_secs(20),
            rate_limit: Some(RateLimit::default()),
            link_key: None,
            drain: Duration::ZERO,
            patience: Duration::from_secs(30),
            // The slowest mobile network is a few times quicker.
            body_rate: 500,
            // Whoever asks for tokens in a hurry asks more often.
            linger: Duration::from_secs(1),
            // Longer than a flight of 30 s: a request that has waited for one still gets its token.
            finish: Duration::from_secs(35),
            tls: None,
        }
    }

    /// An address under the public one. `path` has no slash before it.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// The redirect URI that providers send browsers back to.
    pub(crate) fn callback(&self) -> String {
        self.address("callback")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_a_path_prefix() {
        for (public, callback) in [
            ("http://127.0.0.1:8780", "http://127.0.0.1:8780/callback"),
            ("https://a.example/grants/", "https://a.example/grants/callback"),
        ] {
            let config = ServerConfig::new(public.parse().unwrap());
            assert_eq!(config.callback(), callback);
        }
    }
}
