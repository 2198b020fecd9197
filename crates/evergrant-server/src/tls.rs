//! TLS: the certificate that callers see, and how a renewed one takes its place without a restart.
//!
//! TLS 1.2 and 1.3, HTTP/1.1, no 0-RTT data: a request that spends something must not be replayable. Whoever renews
//! the files may write them one after the other, so a pair that does not fit is no reason to stop serving: the old one
//! stays until a new one is whole.

mod certificate;
mod validity;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use evergrant::{clock::Clock, proto::time::Timestamp};
use rustls::{
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use self::certificate::Stamp;
pub use self::certificate::{Certificate, TlsError};

/// How often the files are looked at. Certificates are renewed weeks before their end.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where certificate chain and private key are, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's own certificate first, then the ones between it and the root.
    pub certificate: PathBuf,
    /// The key of the first.
    pub key: PathBuf,
}

/// What connections are encrypted with.
pub struct Tls {
    files: TlsFiles,
    /// What the files looked like when they were last read, for better or worse.
    seen: Mutex<Option<Stamp>>,
    served: Arc<Served>,
    acceptor: TlsAcceptor,
}

/// What became of another look at the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The certificate that was served already.
    Same,
    /// Connections from now on see another one.
    Renewed,
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    ///
    /// They cannot be used. A certificate that has expired, or is not valid yet, can: see
    /// [`Certificate::is_valid_at`].
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = Stamp::of(&files);
        let served = Arc::new(Served(RwLock::new(Certificate::read(&files)?)));
        let acceptor = acceptor(&served);
        Ok(Self { files, seen: Mutex::new(seen), served, acceptor })
    }

    /// Reads the files again. What cannot be used, or has expired while the old certificate has not, changes nothing.
    /// Blocks.
    pub fn reload(&self, now: Timestamp) -> Result<Reloaded, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Stamp::of(&self.files);
        let read = Certificate::read(&self.files)?;
        let mut served = self.served.0.write().unwrap_or_else(PoisonError::into_inner);
        if read.has_expired_at(now) && !served.has_expired_at(now) {
            return Err(TlsError::Expired {
                certificate: self.files.certificate.clone(),
                end: read.not_after(),
            });
        }
        let same = read.is_same_as(&served);
        *served = read;
        Ok(if same { Reloaded::Same } else { Reloaded::Renewed })
    }

    /// Reads the files again and says in the log what came of it. Blocks.
    pub fn renew(&self, now: Timestamp) {
        match self.reload(now) {
            Ok(Reloaded::Renewed) => {
                let end = self.not_after();
                tracing::info!(target: "evergrant::tls", %end, "a renewed certificate is served");
            }
            Ok(Reloaded::Same) => {
                tracing::info!(target: "evergrant::tls", "the certificate was read again and is the same");
            }
            Err(error) => {
                tracing::error!(target: "evergrant::tls", %error, "the new certificate cannot be used: the old one is served on");
            }
        }
    }

    /// When the certificate that is served ends.
    pub fn not_after(&self) -> Timestamp {
        self.served.0.read().unwrap_or_else(PoisonError::into_inner).not_after()
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Takes a renewed certificate over as long as it is polled.
    pub(crate) async fn watch(self: Arc<Self>, clock: &dyn Clock) {
        loop {
            clock.wait_until(clock.moment().plus(LOOK_EVERY)).await;
            let (tls, now) = (Arc::clone(&self), clock.now().wall);
            // A look that panics is followed by another one.
            let _ = tokio::task::spawn_blocking(move || tls.renew_if_changed(now)).await;
        }
    }

    fn renew_if_changed(&self, now: Timestamp) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if Stamp::of(&self.files) != seen {
            self.renew(now);
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn acceptor(served: &Arc<Served>) -> TlsAcceptor {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(served) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    TlsAcceptor::from(Arc::new(config))
}

/// The certificate of new connections, whatever name they ask for: there is one.
#[derive(Debug)]
struct Served(RwLock<Certificate>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).certified())
    }
}

#[cfg(test)]
mod tests {
    use super::{certificate::tests::Pair, *};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_renewed_certificate_takes_the_place_of_the_old_one() {
        let pair = Pair::valid_until(2040);
        let tls = Tls::load(pair.files()).unwrap();
        assert_eq!(tls.reload(NOW), Ok(Reloaded::Same));
        pair.write(&Pair::valid_until(2041));
        assert_eq!(tls.reload(NOW), Ok(Reloaded::Renewed));
        assert_eq!(tls.not_after().to_string(), "2041-01-01T00:00:00Z");
    }

    #[test]
    fn a_new_certificate_that_cannot_be_used_leaves_the_old_one() {
        let pair = Pair::valid_until(2040);
        let tls = Tls::load(pair.files()).unwrap();
        let other = Pair::valid_until(2041);
        std::fs::copy(other.files().certificate, pair.files().certificate).unwrap();
        assert!(matches!(tls.reload(NOW), Err(TlsError::Mismatch { .. })));
        pair.write(&Pair::valid_until(2020));
        assert!(matches!(tls.reload(NOW), Err(TlsError::Expired { .. })));
        std::fs::remove_file(pair.files().key).unwrap();
        assert!(matches!(tls.reload(NOW), Err(TlsError::Unreadable { .. })));
        assert_eq!(tls.not_after().to_string(), "2040-01-01T00:00:00Z");
    }

    #[test]
    fn debug_shows_paths_and_no_key() {
        let pair = Pair::valid_until(2040);
        let shown = format!("{:?}", Tls::load(pair.files()).unwrap());
        assert!(shown.contains("key.pem") && !shown.contains("PRIVATE"), "{shown}");
    }
}
