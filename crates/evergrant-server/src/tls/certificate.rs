//! A certificate chain and its key, as they stand in their files.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use evergrant::proto::time::Timestamp;
use rustls::{
    InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::{
    TlsFiles,
    validity::{self, Validity},
};

/// No chain is nearly as long: who names a log file by mistake waits for no gigabyte.
const LIMIT: u64 = 1024 * 1024;

/// A chain whose first certificate belongs to the key.
#[derive(Debug, Clone)]
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    validity: Validity,
    key_mode: u32,
}

/// Why certificate and key cannot be used, and what helps. Nothing of the key is ever in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// A file that is no PEM, or PEM of something else.
    #[error("{} holds no certificate: a file with \"-----BEGIN CERTIFICATE-----\" is expected, the server's own first", .0.display())]
    NoCertificate(PathBuf),
    /// A file without a key that can be read.
    #[error("{} holds no private key that can be read: PKCS #8, PKCS #1 or SEC 1 in PEM is expected, without a passphrase", .0.display())]
    NoKey(PathBuf),
    /// The first certificate cannot be used.
    #[error("the first certificate in {} cannot be used: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Key and certificate belong to different pairs.
    #[error("the key in {} is not the one of the first certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The new certificate has ended and the old one has not.
    #[error("the certificate in {} ended at {end}", certificate.display())]
    Expired {
        /// The file.
        certificate: PathBuf,
        /// Its end.
        end: Timestamp,
    },
}

impl Certificate {
    /// Reads both files. Blocks.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let (chain, _) = read(&files.certificate)?;
        let (key, key_mode) = read(&files.key)?;
        let chain = parse_chain(&chain).ok_or_else(|| TlsError::NoCertificate(files.certificate.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::NoKey(files.key.clone()))?;
        let unusable =
            |why: &dyn ToString| TlsError::Unusable { path: files.certificate.clone(), why: why.to_string() };
        let validity = validity::of(&chain[0]).ok_or_else(|| unusable(&"it is no X.509 certificate"))?;
        let provider = aws_lc_rs::default_provider();
        let key =
            provider.key_provider.load_private_key(key).map_err(|_| TlsError::NoKey(files.key.clone()))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                return Err(TlsError::Mismatch {
                    certificate: files.certificate.clone(),
                    key: files.key.clone(),
                });
            }
            Err(error) => return Err(unusable(&error)),
        }
        Ok(Self { certified: Arc::new(certified), validity, key_mode })
    }

    /// When it begins.
    pub fn not_before(&self) -> Timestamp {
        self.validity.not_before
    }

    /// When it ends.
    pub fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// Whether its time has begun and not ended.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.validity.not_before <= now && !self.has_expired_at(now)
    }

    /// The permissions of the key's file, if others than its owner and group can read it. A group is how a service
    /// is commonly given the key of the machine.
    pub fn key_readable_by_others(&self) -> Option<u32> {
        (self.key_mode & 0o007 != 0).then_some(self.key_mode)
    }

    pub(super) fn has_expired_at(&self, now: Timestamp) -> bool {
        self.validity.not_after < now
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

/// What tells that a file was replaced or written. Links are followed: renewal tools switch them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp([Option<(u64, u64, SystemTime)>; 2]);

impl Stamp {
    /// `None` if nothing is there to be compared with.
    pub(super) fn of(files: &TlsFiles) -> Option<Self> {
        let stamps = [&files.certificate, &files.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
        });
        stamps.iter().any(Option::is_some).then_some(Self(stamps))
    }
}

fn parse_chain(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    chain.ok().filter(|chain| !chain.is_empty())
}

/// What is in a file, and its permissions.
fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, u32), TlsError> {
    let unreadable =
        |error: std::io::Error| TlsError::Unreadable { path: path.to_owned(), why: error.to_string() };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok((bytes, mode))
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate and its key, in a folder of their own.
    pub(in crate::tls) struct Pair(tempfile::TempDir);

    impl Pair {
        pub(in crate::tls) fn valid_until(year: i32) -> Self {
            let pair = Self(tempfile::tempdir().unwrap());
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_before = date_time_ymd(2015, 1, 1);
            params.not_after = date_time_ymd(year, 1, 1);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            fs::write(pair.files().certificate, certificate.pem()).unwrap();
            fs::write(pair.files().key, key.serialize_pem()).unwrap();
            fs::set_permissions(pair.files().key, fs::Permissions::from_mode(0o600)).unwrap();
            pair
        }

        pub(in crate::tls) fn files(&self) -> TlsFiles {
            TlsFiles { certificate: self.0.path().join("chain.pem"), key: self.0.path().join("key.pem") }
        }

        pub(in crate::tls) fn write(&self, other: &Self) {
            fs::copy(other.files().certificate, self.files().certificate).unwrap();
            fs::copy(other.files().key, self.files().key).unwrap();
        }
    }

    #[test]
    fn a_certificate_has_a_beginning_and_an_end() {
        let certificate = Certificate::read(&Pair::valid_until(2040).files()).unwrap();
        assert_eq!(certificate.not_after().to_string(), "2040-01-01T00:00:00Z");
        let beginning = Timestamp::from_seconds(1_420_070_400);
        assert!(certificate.is_valid_at(beginning) && !certificate.is_valid_at(Timestamp(beginning.0 - 1)));
        let end = certificate.not_after();
        assert!(certificate.is_valid_at(end) && !certificate.is_valid_at(Timestamp(end.0 + 1)));
    }

    #[test]
    fn every_mistake_names_its_file_and_what_is_expected() {
        let (pair, other) = (Pair::valid_until(2040), Pair::valid_until(2040));
        let files = pair.files();
        let swapped = TlsFiles { certificate: files.key.clone(), key: files.certificate.clone() };
        assert_eq!(Certificate::read(&swapped).unwrap_err(), TlsError::NoCertificate(files.key.clone()));
        let twice = TlsFiles { key: files.certificate.clone(), ..files.clone() };
        assert_eq!(Certificate::read(&twice).unwrap_err(), TlsError::NoKey(files.certificate.clone()));
        let mixed = TlsFiles { key: other.files().key, ..files.clone() };
        assert!(matches!(Certificate::read(&mixed).unwrap_err(), TlsError::Mismatch { .. }));
        let nowhere = TlsFiles { key: "/nowhere/key.pem".into(), ..files.clone() };
        assert!(Certificate::read(&nowhere).unwrap_err().to_string().contains("/nowhere/key.pem"));
        fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        assert!(matches!(Certificate::read(&files).unwrap_err(), TlsError::Unusable { .. }));
        fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n").unwrap();
        fs::copy(other.files().certificate, &files.certificate).unwrap();
        let told = Certificate::read(&files).unwrap_err();
        assert!(matches!(told, TlsError::NoKey(_)) && !told.to_string().contains("canary"));
    }

    #[test]
    fn a_key_that_everybody_can_read_is_noticed() {
        let files = Pair::valid_until(2040);
        for (mode, noticed) in [(0o600, None), (0o640, None), (0o644, Some(0o644))] {
            fs::set_permissions(files.files().key, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Certificate::read(&files.files()).unwrap().key_readable_by_others(), noticed);
        }
    }
}
