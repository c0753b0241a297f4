//! How a connection to a destination is made: by TCP to it, or to the proxy that stands before it, and with TLS where that is
//! wanted.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderValue, USER_AGENT};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::{Service, ServiceExt, service_fn};
use url::Url;

use super::answer::{Missing, Stage};
use super::stream::Carrier;
use crate::delivery::Error;
use crate::outgoing::{self, Trusting};

/// When a peer is asked whether it is still there, and how long what was sent may be without a word of it.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The protocol that is spoken within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// Makes connections to one destination.
pub struct Connector {
    first: First,
    /// Where the destination is, without a user, a password or a fragment.
    url: Uri,
    proxy: Option<Intercept>,
    /// Whether the destination is spoken to with TLS.
    is_encrypted: bool,
    /// What TLS is spoken with, where that is so on some part of the way.
    trust: Option<Trusting<TlsConnector>>,
    timeout: Duration,
}

/// Connects to whom TCP goes to.
#[derive(Clone)]
struct First {
    tcp: HttpConnector,
    uri: Uri,
    is_encrypted: bool,
}

impl Connector {
    /// To that URL, through that proxy; nothing is sent yet. Making a connection takes `timeout` at most. What TLS trusts is asked
    /// for only where it is spoken: reading it takes long, and fails where there is none. It is asked for anew where a certificate is refused.
    ///
    /// # Errors
    /// The URL is none that HTTP can be spoken with, or nothing is trusted.
    pub fn new(
        url: &Url,
        proxy: Option<Intercept>,
        timeout: Duration,
        trusted: impl Fn() -> Result<ClientConfig, String> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let mut bare = url.clone();
        // Neither fails where there is a host.
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        bare.set_fragment(None);
        let url: Uri = bare.as_str().parse().map_err(|_| Error::Url)?;
        let is_encrypted = |uri: &Uri| uri.scheme_str() == Some("https");
        let to = proxy.as_ref().map_or(&url, Intercept::uri).clone();
        let trust = if is_encrypted(&url) || is_encrypted(&to) {
            let trust = Trusting::new(move || {
                let mut config = trusted()?;
                config.alpn_protocols = vec![PROTOCOL.to_vec()];
                Ok(TlsConnector::from(Arc::new(config)))
            });
            Some(trust.map_err(Error::Certificates)?)
        } else {
            None
        };
        let first = First {
            tcp: tcp(timeout),
            is_encrypted: is_encrypted(&to),
            uri: to,
        };
        Ok(Self {
            first,
            is_encrypted: is_encrypted(&url),
            url,
            proxy,
            trust,
            timeout,
        })
    }

    /// Where the destination is.
    pub const fn url(&self) -> &Uri {
        &self.url
    }

    /// The proxy that is told in each request where that is to go, since it reads what is sent through it.
    pub fn reading_proxy(&self) -> Option<&Intercept> {
        self.proxy.as_ref().filter(|_| !self.is_encrypted)
    }

    /// What names the proxy, to be put behind what was seen; empty if there is none.
    pub fn through(&self) -> String {
        self.proxy.as_ref().map_or_else(String::new, outgoing::names)
    }

    /// Makes one.
    pub async fn connect(&self) -> Result<Carrier, Missing> {
        let cause = match timeout(self.timeout, self.connected()).await {
            Ok(Ok(carrier)) => return Ok(carrier),
            Ok(Err(error)) => outgoing::innermost(&*error),
            Err(_) => "operation timed out".to_owned(),
        };
        Err(Missing(Stage::Unconnected, format!("{cause}{}", self.through())))
    }

    /// Once more where a certificate was refused and what is trusted was read anew: its authority may have been added since.
    async fn connected(&self) -> Result<Carrier, BoxError> {
        let Some(trust) = &self.trust else {
            return self.connected_by(None).await;
        };
        let (tls, since) = trust.get();
        match self.connected_by(Some(&tls)).await {
            Err(error) if outgoing::is_distrust(&*error) && trust.renew(since) => {
                self.connected_by(Some(&trust.get().0)).await
            }
            connected => connected,
        }
    }

    async fn connected_by(&self, tls: Option<&TlsConnector>) -> Result<Carrier, BoxError> {
        match (&self.proxy, tls.filter(|_| self.is_encrypted)) {
            (None, Some(tls)) => encrypted(self.first.reach().await?, tls, &self.url).await,
            (Some(proxy), Some(tls)) => encrypted(self.tunnel(proxy, tls).await?, tls, &self.url).await,
            // The proxy is spoken to as the destination is; what is its own stands in each request.
            (_, None) => self.first.connect(tls).await,
        }
    }

    /// To the destination through a proxy that sees nothing of what is sent.
    async fn tunnel(&self, proxy: &Intercept, tls: &TlsConnector) -> Result<Carrier, BoxError> {
        let (first, tls) = (self.first.clone(), tls.clone());
        let to_proxy = service_fn(move |_: Uri| {
            let (first, tls) = (first.clone(), tls.clone());
            async move { first.connect(Some(&tls)).await.map(TokioIo::new) }
        });
        let agent = HeaderValue::from_static(outgoing::USER_AGENT);
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy)
            .with_headers(HeaderMap::from_iter([(USER_AGENT, agent)]));
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        Ok(tunnel.call(self.url.clone()).await?.into_inner())
    }
}

impl First {
    async fn connect(&self, tls: Option<&TlsConnector>) -> Result<Carrier, BoxError> {
        let carrier = self.reach().await?;
        match tls.filter(|_| self.is_encrypted) {
            Some(tls) => encrypted(carrier, tls, &self.uri).await,
            None => Ok(carrier),
        }
    }

    async fn reach(&self) -> Result<Carrier, BoxError> {
        // A proxy that speaks SOCKS, which desktops name beside others, would be told all of it in HTTP.
        let scheme = self.uri.scheme_str().unwrap_or_default();
        if !["http", "https"].contains(&scheme) {
            return Err(format!("nothing here speaks {scheme}: name a proxy that speaks HTTP").into());
        }
        let mut tcp = self.tcp.clone();
        let stream = tcp.ready().await?.call(self.uri.clone()).await?;
        Ok(Box::new(stream.into_inner()))
    }
}

/// With TLS to that host.
async fn encrypted(carrier: Carrier, tls: &TlsConnector, uri: &Uri) -> Result<Carrier, BoxError> {
    // An address of IPv6 has brackets in a URL alone.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(tls.connect(name, carrier).await?))
}

fn tcp(connect_timeout: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    // Else it refuses what it is to connect to for TLS.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect_timeout));
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(USER_TIMEOUT));
    connector
}

type BoxError = Box<dyn StdError + Send + Sync>;
