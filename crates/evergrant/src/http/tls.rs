//! TLS: who is trusted, and what is never used.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::config::EgressError;

/// TLS 1.2 and 1.3, the public CAs (compiled in: a fresh Debian has none) and the operator's own.
pub(super) fn client_config(ca_bundle: Option<&[u8]>) -> Result<ClientConfig, EgressError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(bundle) = ca_bundle {
        add_bundle(&mut roots, bundle)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // 0-RTT data can be replayed by anyone who records it (RFC 8446 8), and a refresh must arrive once.
    config.enable_early_data = false;
    Ok(config)
}

fn add_bundle(roots: &mut RootCertStore, bundle: &[u8]) -> Result<(), EgressError> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(bundle) {
        let certificate = certificate.map_err(|error| EgressError::CaBundle(error.to_string()))?;
        roots.add(certificate).map_err(|error| EgressError::CaBundle(error.to_string()))?;
    }
    if roots.len() == before {
        return Err(EgressError::CaBundle("there is no CERTIFICATE section in it".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for bundle in [b"".as_slice(), b"not PEM", broken] {
            assert!(matches!(client_config(Some(bundle)), Err(EgressError::CaBundle(_))));
        }
    }
}
