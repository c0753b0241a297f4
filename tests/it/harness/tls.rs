//! A side that speaks TLS, with a certificate that nobody knows who is not shown it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Takes connections with a certificate for this machine, which is written to that file.
pub fn acceptor(certificate: &Path) -> TlsAcceptor {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1", "localhost"].map(str::to_owned))
        .expect("a certificate");
    fs::write(certificate, certified.cert.pem()).expect("the folder takes files");
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(caigunn_webhook::outgoing::provider())
        .with_safe_default_protocol_versions()
        .expect("they go together")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

/// Stands in front of `behind`, as long as the test runs; gives where.
pub async fn before(behind: SocketAddr, certificate: &Path) -> SocketAddr {
    let acceptor = acceptor(certificate);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // How a connection ends is its sides' affair.
                let mut outer = acceptor.accept(stream).await?;
                let mut inner = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await
            });
        }
    });
    address
}
