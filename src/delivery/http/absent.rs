//! Whether somebody takes connections again where nobody did, found out without sending anything.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::select_ok;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout};
use url::{Host, Url};

/// How long after a connection that was refused the next one is tried: two packets each time, which nobody notices, and soon
/// enough for people who wait for their application to be back.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long one may take. A host that is there needs milliseconds.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long the addresses of a name are believed. Asking for them costs others more than a connection does.
const LOOKUP_AGE: Duration = Duration::from_secs(20);

/// Waits until a connection is made where the one before was not; gives false at once where the first one is made: nobody
/// was missing, and what went wrong is something else. The connection is closed before anything is said on it.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn is_back(url: &Url) -> bool {
    let mut was_absent = false;
    loop {
        let looked_up_at = Instant::now();
        let addresses = addresses(url).await.unwrap_or_default();
        loop {
            if takes_connections(&addresses).await {
                return was_absent;
            }
            was_absent = true;
            sleep(INTERVAL).await;
            if looked_up_at.elapsed() >= LOOKUP_AGE || addresses.is_empty() {
                break;
            }
        }
        if addresses.is_empty() {
            sleep(LOOKUP_AGE).await;
        }
    }
}

async fn addresses(url: &Url) -> io::Result<Vec<SocketAddr>> {
    let port = url.port_or_known_default().unwrap_or_default();
    Ok(match url.host() {
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        Some(Host::Domain(name)) => lookup_host((name, port)).await?.collect(),
        None => Vec::new(),
    })
}

async fn takes_connections(addresses: &[SocketAddr]) -> bool {
    // All at once, for one that says nothing must not be in the way of another.
    let connecting: Vec<_> = addresses
        .iter()
        .map(|address| Box::pin(TcpStream::connect(*address)))
        .collect();
    if connecting.is_empty() {
        return false;
    }
    timeout(TIMEOUT, select_ok(connecting))
        .await
        .is_ok_and(|connected| connected.is_ok())
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A port on which nobody takes connections, until the socket listens.
    fn port() -> (Socket, Url) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, format!("http://{address}/").parse().unwrap())
    }

    #[tokio::test]
    async fn who_comes_back_is_noticed_by_name_and_by_address() {
        for name in ["127.0.0.1", "localhost"] {
            let (socket, mut url) = port();
            url.set_host(Some(name)).unwrap();
            let mut waiting = Box::pin(is_back(&url));
            let in_vain = timeout(2 * INTERVAL, &mut waiting).await;
            assert!(in_vain.is_err(), "nobody is there");

            socket.listen(8).unwrap();

            assert!(timeout(PATIENCE, waiting).await.expect("it is noticed"), "{name}");
        }
    }

    #[tokio::test]
    async fn of_who_was_there_all_the_time_nothing_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());

        let is_back = timeout(PATIENCE, is_back(&url.parse().unwrap())).await;

        assert!(!is_back.expect("it is told at once"));
    }
}
