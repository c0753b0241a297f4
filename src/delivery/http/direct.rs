//! The way to a destination that is called by `http` and without a proxy: a pool of connections of our own.
//!
//! A connection is driven by the very attempt that uses it, and by nobody while it lies idle. So an attempt wakes no other
//! task and is woken by none but its socket, which is half of what it cost through the client for all other ways.

use std::error::Error;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tower::{Service, ServiceExt};

use super::answer::{Beginning, Missing};
use super::{IDLE_TIMEOUT, MAX_HEADERS, Settings};
use crate::delivery::envelope::Envelope;
use crate::outgoing;

/// As the client for all other ways has them: when a peer is asked whether it is still there, and how long what was sent
/// may be without a word of it.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The way to one destination.
pub struct Direct {
    connector: HttpConnector,
    connect_timeout: Duration,
    url: Uri,
    /// Path and query.
    target: Uri,
    /// Those that every request has.
    headers: HeaderMap,
    pool: Arc<Pool>,
}

/// A connection with whoever drives it.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    connection: Driven,
}

/// The head of an answer, and where the rest of it comes from.
pub struct Answered {
    pub response: Response<Incoming>,
    link: Link,
    pool: Arc<Pool>,
}

/// Connections that lie idle, since when.
struct Pool {
    links: Mutex<Idle>,
    max_count: usize,
}

#[derive(Default)]
struct Idle {
    links: Vec<(Instant, Link)>,
    /// Somebody closes those that lie there for too long.
    is_tended: bool,
}

impl Direct {
    /// The way to that URL; `None` if it is none of these, or has something in it that is not sent as it is.
    pub fn new(settings: &Settings, connect_timeout: Duration, max_idle_count: usize) -> Option<Self> {
        let url = &settings.url;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_proxied = settings.proxy && outgoing::proxy_to(url).is_some();
        if url.scheme() != "http" || has_user || is_proxied {
            return None;
        }
        let uri: Uri = url.as_str().split('#').next()?.parse().ok()?;
        let target = uri.path_and_query()?.as_str().parse().ok()?;
        let host = uri.authority()?.as_str();
        let mut headers = settings.headers.clone();
        headers.insert(HOST, HeaderValue::from_str(host).ok()?);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(outgoing::USER_AGENT));
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect_timeout));
        connector.set_keepalive(Some(KEEPALIVE));
        connector.set_keepalive_interval(Some(KEEPALIVE));
        connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(USER_TIMEOUT));
        Some(Self {
            connector,
            connect_timeout,
            url: uri,
            target,
            headers,
            pool: Arc::new(Pool {
                links: Mutex::default(),
                max_count: max_idle_count,
            }),
        })
    }

    /// The request that carries an envelope.
    ///
    /// # Errors
    /// What keeps it from being made, in words.
    pub fn request(&self, envelope: Envelope) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(envelope.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.clone();
        let mut headers = self.headers.clone();
        headers.reserve(envelope.headers.len());
        for (name, value) in envelope.headers {
            let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
            headers.append(HeaderName::from_static(name), value);
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Sends a request and waits for the head of its answer. What met a connection that the peer had closed meanwhile is
    /// sent over another one.
    ///
    /// # Errors
    /// Why there is no answer.
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection; the request may have been received.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Answered, Missing> {
        loop {
            let idle = self.pool.take().await;
            let is_used = idle.is_some();
            let mut link = match idle {
                Some(link) => link,
                None => Box::pin(self.connect()).await?,
            };
            let sending = link.sender.try_send_request(request);
            match driven(&mut link.connection, sending).await {
                Ok(response) => {
                    let pool = Arc::clone(&self.pool);
                    return Ok(Answered { response, link, pool });
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if is_used => request = unsent,
                    Some(_) | None => return Err(Missing::of(failed.error())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Link, Missing> {
        let connecting = async {
            let mut connector = self.connector.clone();
            let connector = connector.ready().await.map_err(boxed)?;
            let stream = connector.call(self.url.clone()).await.map_err(boxed)?;
            // Old forms of headers make no other answer of a 200 (RFC 9112 sections 5.1 and 5.2).
            let mut builder = http1::Builder::new();
            builder
                .max_headers(MAX_HEADERS)
                .allow_obsolete_multiline_headers_in_responses(true)
                .allow_spaces_after_header_name_in_responses(true);
            builder.handshake(stream).await.map_err(boxed)
        };
        let unconnected = |cause| Err(Missing::Unconnected { cause });
        match timeout(self.connect_timeout, connecting).await {
            Ok(Ok((sender, connection))) => Ok(Link {
                sender,
                connection: Some(Box::new(connection)),
            }),
            Ok(Err(error)) => unconnected(outgoing::innermost(&*error)),
            Err(_) => unconnected("operation timed out".to_owned()),
        }
    }
}

impl Answered {
    /// Reads the beginning of the body, and the end if it is not far; then the connection can be used again.
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection. What was read is in `beginning`.
    pub async fn read(self, beginning: &mut Beginning) {
        let Self {
            response,
            mut link,
            pool,
        } = self;
        let mut body = response.into_body();
        let reading = async {
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(chunk) = frame.into_data()
                    && !beginning.take(&chunk)
                {
                    return false;
                }
            }
            true
        };
        if !driven(&mut link.connection, reading).await {
            return;
        }
        // It says so itself when it takes another request.
        link.advance().await;
        if link.sender.is_ready() {
            pool.put(link);
        }
    }
}

impl Link {
    /// Does what can be done on it now.
    async fn advance(&mut self) {
        std::future::poll_fn(|context| {
            advance(&mut self.connection, context);
            Poll::Ready(())
        })
        .await;
    }
}

impl Pool {
    /// The one that was used last and is open.
    async fn take(&self) -> Option<Link> {
        loop {
            let (since, mut link) = self.idle().links.pop()?;
            if since.elapsed() < IDLE_TIMEOUT {
                // What the peer has said meanwhile: nothing, if it goes on.
                link.advance().await;
                if link.connection.is_some() && link.sender.is_ready() {
                    return Some(link);
                }
            }
        }
    }

    fn put(self: &Arc<Self>, link: Link) {
        let mut idle = self.idle();
        if idle.links.len() < self.max_count {
            idle.links.push((Instant::now(), link));
        }
        if !std::mem::replace(&mut idle.is_tended, true) {
            tokio::spawn(Arc::clone(self).tend());
        }
    }

    /// Closes what lies idle for too long, until nothing is left.
    async fn tend(self: Arc<Self>) {
        loop {
            let next = {
                let mut idle = self.idle();
                idle.links.retain(|(since, _)| since.elapsed() < IDLE_TIMEOUT);
                let Some(since) = idle.links.iter().map(|(since, _)| *since).min() else {
                    idle.is_tended = false;
                    return;
                };
                since + IDLE_TIMEOUT
            };
            sleep_until(next).await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        // Nothing that could panic is done under the lock.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection until it has ended. It is large, and goes from attempt to attempt.
type Driven = Option<Box<Connection<TokioIo<TcpStream>, Full<Bytes>>>>;

/// The result of what waits for a connection that is driven meanwhile.
async fn driven<T>(connection: &mut Driven, waiting: impl Future<Output = T>) -> T {
    let mut waiting = pin!(waiting);
    std::future::poll_fn(|context| {
        // It has something to say to the connection, or the connection to it.
        if let Poll::Ready(done) = waiting.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        advance(connection, context);
        waiting.as_mut().poll(context)
    })
    .await
}

fn advance(connection: &mut Driven, context: &mut Context<'_>) {
    // How it ended, whoever waits for an answer is told.
    if connection
        .as_mut()
        .is_some_and(|connection| Pin::new(&mut **connection).poll(context).is_ready())
    {
        *connection = None;
    }
}

fn boxed(error: impl Error + Send + Sync + 'static) -> Box<dyn Error + Send + Sync> {
    error.into()
}
