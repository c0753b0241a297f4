//! How the server's certificate is judged.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::Error;
use super::Location;
use super::location::{Certificate, Roots, Trust};
use crate::outgoing;

/// What PostgreSQL's protocol is called in a TLS handshake. A server of version 17 demands it where TLS begins without
/// being asked for first (`sslnegotiation=direct`); older ones do not look at it.
const ALPN: &[u8] = b"postgresql";

/// What makes TLS connections to a location, and judges the server as the location says.
///
/// # Errors
/// [`Error::Unavailable`]: the authorities that are to be believed, or our certificate, cannot be read.
pub fn connector(location: &Location) -> Result<MakeRustlsConnect, Error> {
    let provider = outgoing::provider();
    let verifier = verifier(&location.trust, &provider).map_err(Error::unavailable)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has algorithms for every version")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &location.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let (chain, key) = read_certificate(certificate).map_err(Error::unavailable)?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|error| {
                Error::unavailable(format!(
                    "sslcert {} and sslkey {} do not fit: {error}",
                    certificate.chain.display(),
                    certificate.key.display()
                ))
            })?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let lenient = |roots| {
        Arc::new(Lenient {
            roots,
            algorithms: provider.signature_verification_algorithms,
        })
    };
    match trust {
        Trust::Anyone => Ok(lenient(None)),
        Trust::Chain(roots) => Ok(lenient(Some(read(roots)?))),
        Trust::ChainAndName(roots) => {
            let roots = Arc::new(read(roots)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
            Ok(verifier.map_err(|error| error.to_string())?)
        }
    }
}

/// Reads the certificates of authorities; there is at least one.
fn read(roots: &Roots) -> Result<RootCertStore, String> {
    let (place, certificates) = match roots {
        Roots::File(path) => {
            let place = format!("sslrootcert {}", path.display());
            let certificates = read_file(path).map_err(|reason| format!("{place} {reason}"))?;
            (place, certificates)
        }
        Roots::System => {
            // What of them cannot be read is missed by nobody unless all of them cannot.
            let certificates = rustls_native_certs::load_native_certs().certs;
            ("the system's list of authorities".to_owned(), certificates)
        }
    };
    let mut store = RootCertStore::empty();
    // A collection may hold some of a kind that nobody uses any more.
    let (usable_count, _) = store.add_parsable_certificates(certificates);
    if usable_count == 0 {
        return Err(format!("{place} holds no certificate of an authority"));
    }
    Ok(store)
}

/// Reads what shows the server who we are.
fn read_certificate(
    certificate: &Certificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let Certificate { chain: path, key } = certificate;
    let chain = read_file(path).map_err(|reason| format!("sslcert {} {reason}", path.display()))?;
    if chain.is_empty() {
        return Err(format!("sslcert {} holds no certificate", path.display()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let advice = "; it must be a key in PEM that is not encrypted";
        format!("sslkey {} {}{advice}", key.display(), reason_of(error))
    })?;
    Ok((chain, key))
}

fn read_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    certificates.map_err(reason_of)
}

fn reason_of(error: pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("cannot be read: {error}"),
        pem::Error::NoItemsFound => "holds none".to_owned(),
        error => format!("is no PEM file: {error}"),
    }
}

/// Looks at less of a certificate than the name in it: at whose it is, or at nothing. That the server holds the
/// certificate's key is checked all the same, so nobody can use another's.
#[derive(Debug)]
struct Lenient {
    /// Whose certificates are taken; `None`: anyone's.
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
