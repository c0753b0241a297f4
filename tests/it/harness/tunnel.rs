//! What stands between CaiGunn and a receiver: a tunnel with an address that is known before the receiver has one.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running tunnel. It ends with the test's runtime.
pub struct Tunnel {
    pub address: SocketAddr,
    end: watch::Sender<End>,
}

/// Where a tunnel leads.
#[derive(Clone, Copy)]
enum End {
    Nowhere,
    /// To what is just being started: connections wait.
    Awaited,
    At(SocketAddr),
}

impl Tunnel {
    /// Starts one that leads nowhere, and so answers 502.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (end, ends) = watch::channel(End::Nowhere);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, ends.clone()));
            }
        });
        Self { address, end }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has connections wait until it is known where to.
    pub fn hold(&self) {
        self.end.send_replace(End::Awaited);
    }

    /// Leads new connections there from now on, and those that wait.
    pub fn lead_to(&self, address: SocketAddr) {
        self.end.send_replace(End::At(address));
    }

    /// Leads new connections nowhere from now on.
    pub fn lead_nowhere(&self) {
        self.end.send_replace(End::Nowhere);
    }
}

/// A server that answers this to whatever is sent, and closes. It ends with the test's runtime.
pub async fn answering(answer: impl Into<String>) -> SocketAddr {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(give(stream, answer.clone()));
        }
    });
    address
}

async fn pass_on(mut stream: TcpStream, mut ends: watch::Receiver<End>) {
    let known = ends.wait_for(|end| !matches!(end, End::Awaited)).await;
    let end = known.map_or(End::Nowhere, |end| *end);
    let connected = match end {
        End::At(address) => TcpStream::connect(address).await.ok(),
        End::Nowhere | End::Awaited => None,
    };
    match connected {
        // Either side may go at any time.
        Some(mut connected) => drop(copy_bidirectional(&mut stream, &mut connected).await),
        None => {
            let refusal = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            give(stream, refusal.to_owned()).await;
        }
    }
}

/// Reads what is sent first, so that no reset overtakes the answer.
async fn give(mut stream: TcpStream, answer: String) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
