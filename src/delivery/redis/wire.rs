//! A connection to a server of Redis.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, FromRedisValue, RedisConnectionInfo, RedisError, Value};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::refusal::NO_REDIS;
use super::{Settings, refusal};
use crate::delivery::http::stream::{Duplex, Progress, Stream};
use crate::delivery::http::{CONNECT_SHARE, connect_timeout, place};
use crate::delivery::{Report, Wish};
use crate::inbox::outbox::Outcome;
use crate::outgoing;

/// Where a server listens that names no port.
pub const DEFAULT_PORT: u16 = 6379;

/// A connection. With the last of it goes what works for it.
#[derive(Clone)]
pub struct Connection {
    pub connection: MultiplexedConnection,
    /// The longest text that the server takes, if it tells.
    pub max_bytes: Option<usize>,
    _driver: Arc<AbortOnDropHandle<()>>,
}

/// A connection on which nothing is read before something is written: a server speaks only where it is asked, and what one says
/// before that would be the answer to nothing.
struct Asking {
    stream: Stream,
    has_asked: bool,
    /// Who waits to read until then.
    reader: Option<Waker>,
}

impl AsyncRead for Asking {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.has_asked {
            this.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Asking {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.has_asked = true;
        this.reader.take().into_iter().for_each(Waker::wake);
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Connects; `ended` is cancelled when the connection is of no use any more. The error is what is to be said of the attempt.
pub async fn connect(
    settings: &Settings,
    limit: Duration,
    ended: CancellationToken,
) -> Result<Connection, Report> {
    let place = place(&settings.url);
    let limit = connect_timeout(limit);
    let connected = timeout(limit, reach(settings, &place, limit, ended)).await;
    connected.unwrap_or_else(|_| {
        // Where nobody takes it, the connection itself has ended before that.
        let detail = format!(
            "{place} takes connections, and does not answer {NO_REDIS} within {} s (redis:// is without TLS, rediss:// with it)",
            limit.as_secs_f64()
        );
        Err(unreachable(detail))
    })
}

/// What is to be said where nothing of an attempt was sent.
fn unreachable(detail: String) -> Report {
    Report::new(Outcome::Unreachable, detail).asking(Wish::WhenBack)
}

async fn reach(
    settings: &Settings,
    place: &str,
    limit: Duration,
    ended: CancellationToken,
) -> Result<Connection, Report> {
    let unreachable = |reason: String| unreachable(format!("cannot connect to {place}: {reason}"));
    let host = settings.url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = settings.url.port().unwrap_or(DEFAULT_PORT);
    // What is said behind the connection takes little of the time, if anybody is there.
    let stream = outgoing::connect(host, port, limit.mul_f64(CONNECT_SHARE)).await;
    let stream = stream.map_err(|error| unreachable(error.to_string()))?;
    stream
        .set_nodelay(true)
        .map_err(|error| unreachable(error.to_string()))?;
    if settings.url.scheme() != "rediss" {
        return greet(settings, place, stream, ended).await;
    }
    let tls = outgoing::tls().map_err(|detail| Report::new(Outcome::Ours, detail))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
    let stream = stream.map_err(|error| unreachable(outgoing::innermost(&error)))?;
    greet(settings, place, stream, ended).await
}

/// Says who we are.
async fn greet(
    settings: &Settings,
    place: &str,
    stream: impl Duplex + 'static,
    ended: CancellationToken,
) -> Result<Connection, Report> {
    let mut who = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(user) = &settings.login.user {
        who = who.set_username(user);
    }
    if let Some(password) = settings.login.password.get().as_ref() {
        who = who.set_password(password.expose_secret());
    }
    // Who lets nobody in may say why and close before we have written.
    let stream = Asking {
        stream: Stream::new(Box::new(stream), Progress::default()),
        has_asked: false,
        reader: None,
    };
    // Each attempt has its own time limit.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let greeted = MultiplexedConnection::new_with_config(&who, stream, config).await;
    let (mut connection, driver) = greeted.map_err(|error| refusal::at_the_door(&error, place))?;
    let driver = tokio::spawn(async move {
        driver.await;
        ended.cancel();
    });
    let driver = Arc::new(AbortOnDropHandle::new(driver));
    if let number @ 1.. = settings.database() {
        // The library would do that too, and call each refusal `ERR`.
        let selected = connection
            .req_packed_command(redis::cmd("SELECT").arg(number))
            .await;
        let selected = selected.and_then(Value::extract_error);
        selected.map_err(|error| refusal::at_the_door(&error, place))?;
    }
    let max_bytes = match setting(&mut connection, "proto-max-bulk-len").await {
        Ok(max_bytes) => max_bytes,
        // Who forgot the password learns it here: of a command as long as ours Redis says that it cannot read it.
        Err(error) if refusal::is_at_the_door(&error) => return Err(refusal::at_the_door(&error, place)),
        // Providers of servers often forbid it.
        Err(_) => None,
    };
    Ok(Connection {
        max_bytes: max_bytes.and_then(|bytes| bytes.parse().ok()),
        connection,
        _driver: driver,
    })
}

/// What a server's setting is, if there is such a one.
///
/// # Errors
/// It does not tell.
pub async fn setting(
    connection: &mut MultiplexedConnection,
    name: &str,
) -> Result<Option<String>, RedisError> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(name);
    let answer = connection.req_packed_command(&command).await?.extract_error()?;
    let words = Vec::<String>::from_redis_value(answer)?;
    Ok(words.into_iter().nth(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::login::Login;
    use crate::delivery::pattern::Pattern;
    use crate::rotating::Rotating;

    /// What a connection is whose other end has said this and closed it.
    struct Closed(&'static [u8]);

    impl AsyncRead for Closed {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Closed {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn who_says_why_and_closes_before_we_have_written_is_heard() {
        let settings = Settings {
            url: "redis://r".parse().unwrap(),
            login: Login {
                user: None,
                password: Rotating::new(None),
            },
            stream: Pattern::new("s").unwrap(),
        };
        for (said, expected) in [
            (
                &b"-ERR max number of clients reached\r\n"[..],
                "r:6379 takes no more connections now: ERR max number of clients reached",
            ),
            (b"INFO {}\r\n", "r:6379 does not speak as Redis does"),
        ] {
            let greeted = greet(&settings, "r:6379", Closed(said), CancellationToken::new()).await;

            let told = greeted.err().expect("it is closed").detail;
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
