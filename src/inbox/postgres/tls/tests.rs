//! Which servers each mode takes: real handshakes with certificates made here.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsAcceptor;

use super::*;

const NAME: &str = "db.example.com";

/// One who signs certificates, and a file with its own.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("root.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// A server's certificate for a name, and its key.
    fn certified(&self, name: &str) -> Arc<CertifiedKey> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = ring::sign::any_supported_type(&key).unwrap();
        Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

/// A server that shows the same to everyone.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn location(query: &str) -> Location {
    Location::parse(&format!("postgres://{NAME}/inbox?{query}")).unwrap()
}

/// Connects to a server that shows this; gives what it was told, or why the connection was refused.
async fn greeting(query: &str, shown: &Arc<CertifiedKey>) -> Result<String, String> {
    let versions = [&version::TLS12, &version::TLS13].map(|version| greeting_by(query, shown, version));
    let [old, new] = versions;
    let (old, new) = (old.await, new.await);
    assert_eq!(old.is_ok(), new.is_ok(), "{old:?} {new:?}");
    new
}

async fn greeting_by(
    query: &str,
    shown: &Arc<CertifiedKey>,
    version: &'static SupportedProtocolVersion,
) -> Result<String, String> {
    let provider = outgoing::provider();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::clone(shown))));
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let (near, far) = duplex(64 << 10);
    let serving = tokio::spawn(async move {
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(far).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(ALPN));
        stream.write_all(b"hello").await?;
        stream.shutdown().await
    });
    let mut connector = connector(&location(query)).unwrap();
    let connect = MakeTlsConnect::<DuplexStream>::make_tls_connect(&mut connector, NAME).unwrap();
    let connected = connect.connect(near).await;
    let mut stream = connected.map_err(|error| error.to_string())?;
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).await.unwrap();
    serving.await.unwrap().unwrap();
    Ok(greeting)
}

#[track_caller]
fn assert_refused(greeted: &Result<String, String>, expected: &str, case: &str) {
    let Err(reason) = greeted else {
        panic!("{case}: the server is taken")
    };
    assert!(reason.contains(expected), "{case}: {reason}");
}

#[tokio::test]
async fn a_mode_that_verifies_nothing_takes_any_server() {
    let other = Authority::new("theirs");
    for query in ["sslmode=prefer", "sslmode=require"] {
        for name in [NAME, "other.example.com"] {
            assert_eq!(
                greeting(query, &other.certified(name)).await.as_deref(),
                Ok("hello")
            );
        }
    }
}

#[tokio::test]
async fn a_mode_that_verifies_the_chain_takes_any_server_of_the_authority() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    for mode in ["require", "verify-ca"] {
        let query = format!("sslmode={mode}&sslrootcert={}", authority.file().display());
        for name in [NAME, "other.example.com"] {
            let greeted = greeting(&query, &authority.certified(name)).await;
            assert_eq!(greeted.as_deref(), Ok("hello"), "{mode} {name}");

            let greeted = greeting(&query, &other.certified(name)).await;
            assert_refused(&greeted, "UnknownIssuer", &format!("{mode} {name}"));
        }
    }
}

#[tokio::test]
async fn verify_full_takes_the_host_alone() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let query = format!("sslmode=verify-full&sslrootcert={}", authority.file().display());

    let right = greeting(&query, &authority.certified(NAME)).await;
    let wrong_name = greeting(&query, &authority.certified("other.example.com")).await;
    let wrong_authority = greeting(&query, &other.certified(NAME)).await;

    assert_eq!(right.as_deref(), Ok("hello"));
    assert_refused(&wrong_name, "not valid for name", "the name");
    assert_refused(&wrong_authority, "UnknownIssuer", "the authority");
}

#[tokio::test]
async fn the_systems_authorities_do_not_know_ours() {
    let authority = Authority::new("ours");
    for query in [
        "sslmode=verify-ca",
        "sslmode=verify-full",
        "sslmode=verify-full&sslrootcert=system",
    ] {
        let greeted = greeting(query, &authority.certified(NAME)).await;

        assert_refused(&greeted, "UnknownIssuer", query);
    }
}

#[tokio::test]
async fn a_server_without_the_certificates_key_is_refused_in_every_mode() {
    let authority = Authority::new("ours");
    let roots = format!("sslrootcert={}", authority.file().display());
    let certificate = authority.certified(NAME).cert.clone();
    let stolen = Arc::new(CertifiedKey::new(
        certificate,
        authority.certified(NAME).key.clone(),
    ));
    for query in [
        "sslmode=require",
        &format!("sslmode=verify-ca&{roots}"),
        &format!("sslmode=verify-full&{roots}"),
    ] {
        let greeted = greeting(query, &stolen).await;

        assert_refused(&greeted, "BadSignature", query);
    }
}

#[tokio::test]
async fn all_certificates_of_a_file_count() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let path = authority.folder.path().join("both.pem");
    let both = format!(
        "# ours\n{}\n# and theirs\n{}",
        other.issuer.pem(),
        authority.issuer.pem()
    );
    fs::write(&path, both).unwrap();
    let query = format!("sslmode=verify-full&sslrootcert={}", path.display());

    for authority in [&authority, &other] {
        assert_eq!(
            greeting(&query, &authority.certified(NAME)).await.as_deref(),
            Ok("hello")
        );
    }
}

#[test]
fn a_file_without_an_authority_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.pem");
    let shown = path.display();
    let reason = || match connector(&location(&format!("sslmode=verify-full&sslrootcert={shown}"))) {
        Err(Error::Unavailable { reason }) => reason,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it is taken"),
    };
    let pem = |content: &str| format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");

    let missing = reason();
    assert!(
        missing.starts_with(&format!("sslrootcert {shown} cannot be read: No such file")),
        "{missing}"
    );
    for content in ["", "no certificate\n", &pem("AAAA")] {
        fs::write(&path, content).unwrap();

        assert_eq!(
            reason(),
            format!("sslrootcert {shown} holds no certificate of an authority"),
            "{content}"
        );
    }
    fs::write(&path, pem("?")).unwrap();
    let broken = reason();
    assert!(
        broken.starts_with(&format!("sslrootcert {shown} is no PEM file: ")),
        "{broken}"
    );
}

#[test]
fn no_file_is_read_where_nothing_is_verified() {
    for text in [
        "postgres:///inbox?host=/run&sslmode=verify-full&sslrootcert=/nowhere",
        "postgres://db/inbox",
    ] {
        assert!(connector(&Location::parse(text).unwrap()).is_ok(), "{text}");
    }
}

/// Whether a server that demands a certificate of the authority lets us in.
async fn lets_in(query: &str, authority: &Authority) -> bool {
    let provider = outgoing::provider();
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_cert_resolver(Arc::new(Shows(authority.certified(NAME))));
    let (near, far) = duplex(64 << 10);
    let accepting =
        tokio::spawn(async move { TlsAcceptor::from(Arc::new(config)).accept(far).await.is_ok() });
    let mut connector = connector(&location(query)).unwrap();
    let connect = MakeTlsConnect::<DuplexStream>::make_tls_connect(&mut connector, NAME).unwrap();
    let connected = connect.connect(near).await;
    // The connection goes on until the server has judged.
    let is_let_in = accepting.await.unwrap();
    drop(connected);
    is_let_in
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_is_shown_the_one_that_is_named() {
    let authority = Authority::new("ours");
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["me".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let (chain, key_file) = (
        authority.file().with_file_name("me.pem"),
        authority.file().with_file_name("me.key"),
    );
    fs::write(&chain, certificate.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    let query = format!(
        "sslmode=require&sslcert={}&sslkey={}",
        chain.display(),
        key_file.display()
    );

    assert!(lets_in(&query, &authority).await);
    assert!(!lets_in("sslmode=require", &authority).await);
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_with_the_reason() {
    let authority = Authority::new("ours");
    let (chain, key) = (authority.file(), authority.file().with_file_name("me.key"));
    let query = format!(
        "sslmode=require&sslcert={}&sslkey={}",
        chain.display(),
        key.display()
    );
    let refusal = || {
        let Err(Error::Unavailable { reason }) = connector(&location(&query)) else {
            panic!("it is taken")
        };
        reason
    };

    assert!(refusal().contains("me.key cannot be read"), "{}", refusal());
    fs::write(&key, "planted").unwrap();
    let reason = refusal();
    assert!(
        reason.contains("me.key holds none; it must be a key in PEM that is not encrypted"),
        "{reason}"
    );
    assert!(!reason.contains("planted"), "{reason}");
    // That of somebody else.
    fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(refusal().contains("do not fit"), "{}", refusal());
}
