//! Asks a server on this host whether it is ready: the health check of a container that has no other program in it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// A server that takes longer serves nobody.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer is a few hundred bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Why a server is not called ready.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nobody answers there.
    #[error("nobody answers on {address}: {source}")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// It takes too long.
    #[error("{0} does not answer in time")]
    Slow(SocketAddr),
    /// It answers that it is not.
    #[error("it answers {0}")]
    Refused(String),
}

/// Completes well if `/readyz` of the server there says 200.
pub async fn probe(address: SocketAddr, tls: bool) -> Result<(), Unready> {
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        if !tls {
            return ask(stream).await;
        }
        let name = ServerName::IpAddress(address.ip().into());
        ask(connector().connect(name, stream).await?).await
    };
    let answer = match timeout(PATIENCE, asking).await {
        Err(_) => return Err(Unready::Slow(address)),
        Ok(Err(source)) => return Err(Unready::Unreachable { address, source }),
        Ok(Ok(answer)) => answer,
    };
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let told = problem["type"].as_str().unwrap_or(status);
    Err(Unready::Refused(told.chars().take(100).collect()))
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

fn connector() -> TlsConnector {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let anybody = Anybody(provider.signature_verification_algorithms);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Takes every certificate. Nothing secret is sent, the address is our own setting, and the certificate is for the name
/// by which others know the server.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
