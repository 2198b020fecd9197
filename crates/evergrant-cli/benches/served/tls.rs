//! A certificate of this run, and who trusts it.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Where certificate and key lie.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn make(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).expect("the folder can be written");
            path.to_str().expect("a path of text").to_owned()
        };
        Self {
            certificate: write("chain.pem", made.cert.pem()),
            key: write("key.pem", made.signing_key.serialize_pem()),
        }
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        let certificates = CertificateDer::pem_file_iter(&self.certificate).expect("it was written");
        certificates.map(|certificate| certificate.expect("it was written whole")).collect()
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        for certificate in self.chain() {
            roots.add(certificate).expect("it is a certificate");
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("it was written");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(self.chain(), key);
        TlsAcceptor::from(Arc::new(config.expect("they fit")))
    }
}
