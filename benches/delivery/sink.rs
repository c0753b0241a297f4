//! A destination that only reads: it answers every request with 200 and nothing, on a thread of its own, when it may.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use memchr::memmem;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// How many requests are kept to be sent again by the plain client.
const KEPT_COUNT: usize = 1000;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The port of a destination that is down: connections are refused.
pub struct Port(Socket);

/// A destination that is there; gone when this is dropped.
pub struct Sink {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    is_open: watch::Sender<bool>,
    /// When the first byte of each request came.
    pub arrivals: mpsc::Receiver<Instant>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// How many requests have come.
    arrived_count: AtomicU64,
    /// How many have their answer.
    answered_count: AtomicU64,
    /// When that reached the target.
    target_count: AtomicU64,
    reached_at: OnceLock<Instant>,
    kept: Mutex<Vec<Vec<u8>>>,
    keeps: bool,
}

impl Port {
    /// A free one.
    pub fn free() -> Self {
        Self::of(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// That one.
    pub fn of(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("a TCP option");
        socket.bind(&address.into()).expect("a free port");
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        let address = self.0.local_addr().expect("it is bound");
        address.as_socket().expect("it is of IP")
    }

    /// Takes connections from now on; answers when it is told to.
    pub fn listen(self, keeps: bool) -> Sink {
        self.0.listen(1024).expect("it is bound");
        Sink::new(self.0.into(), keeps).expect("a thread starts")
    }
}

impl Sink {
    fn new(listener: TcpListener, keeps: bool) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            keeps,
            ..Shared::default()
        });
        let (is_open, gate) = watch::channel(false);
        let (sender, arrivals) = mpsc::channel();
        let stop = CancellationToken::new();
        Ok(Self {
            address: listener.local_addr()?,
            shared: Arc::clone(&shared),
            is_open,
            arrivals,
            stop: stop.clone(),
            thread: Some(thread::spawn(move || {
                serve(listener, &shared, &gate, &sender, &stop)
            })),
        })
    }

    /// How many requests have come.
    pub fn arrived_count(&self) -> u64 {
        self.shared.arrived_count.load(Ordering::Relaxed)
    }

    /// How many have their answer.
    pub fn answered_count(&self) -> u64 {
        self.shared.answered_count.load(Ordering::Relaxed)
    }

    /// Answers from now on, also what has come before.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Answers so many, and gives the time that took.
    pub fn take(&self, count: u64) -> Duration {
        self.shared.target_count.store(count, Ordering::Relaxed);
        let started = Instant::now();
        self.open();
        loop {
            if let Some(reached_at) = self.shared.reached_at.get() {
                return *reached_at - started;
            }
            let answered = self.answered_count();
            assert!(started.elapsed() < PATIENCE, "{answered} of {count} came");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The first requests that came, as they were sent.
    pub fn kept(&self) -> Vec<Vec<u8>> {
        self.shared.kept.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    listener: TcpListener,
    shared: &Arc<Shared>,
    gate: &watch::Receiver<bool>,
    arrivals: &mpsc::Sender<Instant>,
    stop: &CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    // Its connections end with it.
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("it is a listener");
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let (stream, _) = accepted.expect("a connection");
            let connection = connection(stream, Arc::clone(shared), gate.clone(), arrivals.clone());
            tokio::spawn(async {
                // It ends as the peer wants it to.
                let _ = connection.await;
            });
        }
    });
}

async fn connection(
    mut stream: TcpStream,
    shared: Arc<Shared>,
    mut gate: watch::Receiver<bool>,
    arrivals: mpsc::Sender<Instant>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(8 << 10);
    let mut is_open = false;
    loop {
        request.clear();
        while !is_whole(&request) {
            let is_first = request.is_empty();
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
            if is_first && shared.arrived_count.load(Ordering::Relaxed) < KEPT_COUNT as u64 {
                // Nobody may be there to hear it.
                let _ = arrivals.send(Instant::now());
            }
        }
        let arrived = shared.arrived_count.fetch_add(1, Ordering::Relaxed);
        if shared.keeps && arrived < KEPT_COUNT as u64 {
            let mut kept = shared.kept.lock().expect("nobody panics with it");
            kept.push(request.clone());
        }
        if !is_open {
            gate.wait_for(|is_open| *is_open)
                .await
                .map_err(io::Error::other)?;
            is_open = true;
        }
        stream.write_all(ANSWER).await?;
        let answered = shared.answered_count.fetch_add(1, Ordering::Relaxed) + 1;
        if answered == shared.target_count.load(Ordering::Relaxed) {
            let _ = shared.reached_at.set(Instant::now());
        }
    }
}

/// Whether that is a request with all of its body, whose length it declares.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = memmem::find(request, b"\r\n\r\n") else {
        return false;
    };
    let name = b"content-length: ";
    let length = memmem::find(&request[..head], name).map(|at| {
        let digits = request[at + name.len()..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
    });
    request.len() >= head + 4 + length.unwrap_or(0)
}
