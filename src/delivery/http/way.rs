//! The way to a destination, for one request after the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::proxy::matcher::Intercept;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Settings;
use super::answer::{self, Beginning, Missing};
use super::connector::Connector;
use super::pool::{Link, Pool};
use crate::delivery::Error;
use crate::delivery::envelope::Envelope;
use crate::outgoing;

/// How much of the answer of one that has the notification is read behind what is kept. Where a connection is closed on which
/// something is left to be read, the system throws away what it has still to send, and an application may read while it answers.
const MAX_PASSED_OVER_BYTES: usize = 16 << 20;

/// The way to one destination.
pub struct Way {
    pub connector: Connector,
    /// What each request is for: path and query, or all of the URL where a proxy is to read it.
    target: Uri,
    /// Those that every request has.
    headers: HeaderMap,
    pool: Arc<Pool>,
}

/// The head of an answer, and where the rest of it comes from.
pub struct Answered {
    pub response: Response<Incoming>,
    link: Link,
    pool: Arc<Pool>,
}

impl Way {
    /// The way there, through that proxy; nothing is sent yet. `trusted` says what TLS trusts.
    pub fn new(
        settings: &Settings,
        proxy: Option<Intercept>,
        connect_timeout: Duration,
        max_idle_count: usize,
        trusted: impl Fn() -> Result<ClientConfig, String> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let connector = Connector::new(&settings.url, proxy, connect_timeout, trusted)?;
        let url = connector.url();
        let host = url.authority().ok_or(Error::Url)?.as_str();
        let mut headers = settings.headers.clone();
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| Error::Url)?);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(outgoing::USER_AGENT));
        if let Some(authorization) = basic(&settings.url) {
            headers.entry(AUTHORIZATION).or_insert(authorization);
        }
        let target = match connector.reading_proxy() {
            Some(proxy) => {
                let auth = proxy.basic_auth().cloned();
                headers.extend(auth.map(|auth| (PROXY_AUTHORIZATION, auth)));
                url.clone()
            }
            None => {
                let target = url.path_and_query().ok_or(Error::Url)?;
                target.clone().into()
            }
        };
        Ok(Self {
            connector,
            target,
            headers,
            pool: Pool::new(max_idle_count),
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
    /// # Cancel safety
    /// Dropping the future ends the connection; the request may have been received.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Answered, Missing> {
        loop {
            let idle = self.pool.take().await;
            let is_used = idle.is_some();
            let mut link = match idle {
                Some(link) => link,
                // Its future is large.
                None => Box::pin(self.connect()).await?,
            };
            let sending = link.sender.try_send_request(request);
            match link.driven(sending).await {
                Ok(response) => {
                    let pool = Arc::clone(&self.pool);
                    return Ok(Answered { response, link, pool });
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if is_used => request = unsent,
                    Some(_) | None => return Err(Missing::of(failed.error(), &self.connector.through())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Link, Missing> {
        let carrier = self.connector.connect().await?;
        let made = Link::over(carrier).await;
        made.map_err(|error| Missing::of(&error, &self.connector.through()))
    }
}

impl Answered {
    /// Reads the beginning of the body, and the end if it is not far; then the connection can be used again, unless the answer
    /// came before all of the request was written. If the answer is that the notification was taken, this sees to it that the rest of the request goes out too, which the application may read
    /// after it has answered. All that takes no longer than until `deadline`, and reading no longer than
    /// [`answer::read_until`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection. What was read is in `beginning`.
    pub async fn read(self, beginning: &mut Beginning, deadline: Instant) {
        let Self {
            response,
            mut link,
            pool,
        } = self;
        let is_taken = response.status().is_success();
        // It may close the connection instead, or take its time before it reads the next.
        let is_early = !link.progress.is_complete();
        let mut body = response.into_body();
        let reading = async {
            let mut passed_over = 0;
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(chunk) = frame.into_data()
                    && !beginning.take(&chunk)
                {
                    passed_over += chunk.len();
                    if !is_taken || passed_over > MAX_PASSED_OVER_BYTES {
                        return false;
                    }
                }
            }
            true
        };
        let is_read = timeout_at(answer::read_until(deadline), link.driven(reading)).await;
        if is_taken && !link.progress.is_over() {
            let _ = timeout_at(
                deadline,
                poll_fn(|context| write_out(&mut link, &mut body, context)),
            )
            .await;
        }
        if is_read == Ok(true) && !is_early {
            pool.put(link).await;
        }
    }
}

/// Whether all of a request is written, or cannot be. What is answered meanwhile is passed over: a peer may read no more until
/// it has said it.
fn write_out(link: &mut Link, body: &mut Incoming, context: &mut Context<'_>) -> Poll<()> {
    while !body.is_end_stream()
        && let Poll::Ready(Some(Ok(_))) = Pin::new(&mut *body).poll_frame(context)
    {}
    link.poll(context);
    match link.has_ended() || link.progress.is_over() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }
}

/// The user and the password of a URL, as a header that is never printed.
fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
