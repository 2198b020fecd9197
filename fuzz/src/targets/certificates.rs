//! Certificates and their keys: files of an operator, or of a program that renews them.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use evergrant_server::{Certificate, TlsFiles};
use tempfile::TempDir;

use super::files::folder;
use crate::secrecy::{CANARY, assert_silent};

/// A folder, a sound certificate in DER, and its key in PEM.
struct Place {
    folder: TempDir,
    certificate: Vec<u8>,
    key: String,
}

thread_local! {
    static PLACE: Place = Place::new();
}

/// The input as certificate and key in one file, as what a certificate is in its wrapping, and as changes of a sound one.
pub(super) fn certificate(bytes: &[u8]) {
    PLACE.with(|place| {
        place.read(bytes, bytes);
        place.read(wrapped(bytes).as_bytes(), place.key.as_bytes());
        let mut changed = place.certificate.clone();
        for change in bytes.chunks_exact(3) {
            let position = usize::from(u16::from_be_bytes([change[0], change[1]])) % changed.len();
            changed[position] = change[2];
        }
        place.read(wrapped(&changed).as_bytes(), place.key.as_bytes());
    });
}

fn wrapped(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

impl Place {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        let names = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name of a host");
        let certificate = names.self_signed(&key).expect("a certificate can be made");
        Self { folder: folder(), certificate: certificate.der().to_vec(), key: key.serialize_pem() }
    }

    /// What is read has two ends; what is not is refused, and nothing of it is repeated.
    fn read(&self, certificate: &[u8], key: &[u8]) {
        let file = |name: &str, bytes: &[u8]| {
            let path = self.folder.path().join(name);
            fs::write(&path, bytes).expect("the file can be written");
            path
        };
        let files = TlsFiles { certificate: file("certificate", certificate), key: file("key", key) };
        match Certificate::read(&files) {
            Ok(read) => {
                let ends = [read.not_before(), read.not_after()];
                assert!(ends.iter().all(|end| !end.to_string().is_empty()), "{ends:?}");
                assert!(!read.is_valid_at(read.not_after().plus(std::time::Duration::from_secs(1))));
            }
            Err(error) => assert_silent(&[CANARY], &format!("{error} {error:?}")),
        }
    }
}
