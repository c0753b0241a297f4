//! The way between two that are not on one machine: what either sends, and its end, takes time; or only so much comes
//! through in a second.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How many pieces of 64 KiB may be on the way.
const PIECE_COUNT: usize = 64;
const PIECE_BYTES: usize = 64 << 10;

/// How much comes through a narrow line before another connection has its turn.
const NARROW_PIECE_BYTES: usize = 16 << 10;

/// Something on the way, and when it arrives.
type Piece = (Instant, io::Result<Vec<u8>>);

/// Starts an address that leads to another one, with so much time each way. It ends with the test's runtime.
pub async fn distance_to(address: SocketAddr, one_way: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let near = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, address, one_way));
        }
    });
    near
}

async fn pass_on(mut near: TcpStream, address: SocketAddr, one_way: Duration) -> io::Result<()> {
    let mut far = TcpStream::connect(address).await?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    let (from_near, to_near) = near.split();
    let (from_far, to_far) = far.split();
    // Whoever is gone is gone for both.
    tokio::try_join!(pass(from_near, to_far, one_way), pass(from_far, to_near, one_way))?;
    Ok(())
}

async fn pass(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    one_way: Duration,
) -> io::Result<()> {
    let (departures, arrivals) = mpsc::channel(PIECE_COUNT);
    let (_, arrived) = tokio::join!(send_off(from, departures, one_way), take_in(arrivals, to));
    arrived
}

/// Reads until the end, which goes the same way as an empty piece, or as an error.
async fn send_off(mut from: impl AsyncRead + Unpin, departures: mpsc::Sender<Piece>, one_way: Duration) {
    loop {
        let mut bytes = Vec::with_capacity(PIECE_BYTES);
        let read = from.read_buf(&mut bytes).await;
        let is_last = bytes.is_empty();
        let piece = (Instant::now() + one_way, read.map(|_| bytes));
        // Nobody is there to take it once the other side is gone.
        if departures.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

async fn take_in(mut arrivals: mpsc::Receiver<Piece>, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some((due, piece)) = arrivals.recv().await {
        sleep_until(due).await;
        let bytes = piece?;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Starts an address that leads to another one by a line that brings so many bytes a second back from there, on all
/// connections together. It ends with the test's runtime.
pub async fn narrow_to(address: SocketAddr, bytes_per_second: u32) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let near = listener.local_addr().expect("a bound listener has an address");
    let free_at = Arc::new(Mutex::new(Instant::now()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on_narrowly(
                stream,
                address,
                bytes_per_second,
                Arc::clone(&free_at),
            ));
        }
    });
    near
}

async fn pass_on_narrowly(
    mut near: TcpStream,
    address: SocketAddr,
    bytes_per_second: u32,
    free_at: Arc<Mutex<Instant>>,
) -> io::Result<()> {
    let mut far = TcpStream::connect(address).await?;
    far.set_nodelay(true)?;
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = far.split();
    let back = async {
        let mut buffer = vec![0; NARROW_PIECE_BYTES];
        loop {
            let count = from_far.read(&mut buffer).await?;
            if count == 0 {
                return to_near.shutdown().await;
            }
            let takes = Duration::from_secs(1) * count as u32 / bytes_per_second;
            let arrives_at = {
                let mut free_at = free_at.lock().expect("nobody panics with it");
                *free_at = (*free_at).max(Instant::now()) + takes;
                *free_at
            };
            sleep_until(arrives_at).await;
            to_near.write_all(&buffer[..count]).await?;
        }
    };
    let forth = async {
        tokio::io::copy(&mut from_near, &mut to_far).await?;
        to_far.shutdown().await
    };
    tokio::try_join!(back, forth).map(drop)
}
