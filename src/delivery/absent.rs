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

/// How often it is tried before nobody is missing: a program that ends may close its connections some time before its port.
const LOOK_COUNT: u32 = 5;

/// How long one may take. A host that is there needs milliseconds.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long the addresses of a name are believed. Asking for them costs others more than a connection does.
const LOOKUP_AGE: Duration = Duration::from_secs(20);

/// Waits until a connection is made where the one before was not; gives false where the first five are made, within a second:
/// nobody was missing, and what went wrong is something else. A connection is closed before anything is said on it.
///
/// `default_port` is where they are made to if the URL names no port.
pub async fn is_back(url: &Url, default_port: u16) -> bool {
    let (mut was_absent, mut made_count) = (false, 0);
    loop {
        let looked_up_at = Instant::now();
        let addresses = addresses(url, default_port).await.unwrap_or_default();
        loop {
            if takes_connections(&addresses).await {
                made_count += 1;
                if was_absent || made_count == LOOK_COUNT {
                    return was_absent;
                }
            } else {
                was_absent = true;
            }
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

async fn addresses(url: &Url, default_port: u16) -> io::Result<Vec<SocketAddr>> {
    let port = url.port().unwrap_or(default_port);
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
            let mut waiting = Box::pin(is_back(&url, 0));
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

        let is_back = timeout(PATIENCE, is_back(&url.parse().unwrap(), 0)).await;

        assert!(!is_back.expect("it is told soon"));
    }

    #[tokio::test]
    async fn who_goes_a_little_later_than_its_connections_is_missed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}/").parse().unwrap();
        let mut waiting = Box::pin(is_back(&url, 0));
        tokio::select! {
            accepted = listener.accept() => drop(accepted.unwrap()),
            is_back = &mut waiting => panic!("{is_back}, although it may go yet"),
        }
        drop(listener);
        let in_vain = timeout(2 * INTERVAL, &mut waiting).await;
        assert!(in_vain.is_err(), "nobody is there");

        let _listener = TcpListener::bind(address).await.unwrap();

        assert!(timeout(PATIENCE, waiting).await.expect("it is noticed"));
    }
}
