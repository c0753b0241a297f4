//! What stands between two: CaiGunn and a receiver, or a receiver and its database. A tunnel has an address that is
//! known before its end is, and can be as bad as a network.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::PATIENCE;

/// A running tunnel. It ends with the test's runtime.
pub struct Tunnel {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    end: watch::Sender<End>,
    line: watch::Sender<Line>,
    is_open: watch::Sender<bool>,
    connections: TaskTracker,
    lost_count: AtomicUsize,
    held: watch::Sender<Vec<u8>>,
}

/// Where a tunnel leads.
#[derive(Clone, Copy)]
enum End {
    Nowhere,
    /// To what is just being started: connections wait.
    Awaited,
    At(SocketAddr),
}

/// What a tunnel does to its connections.
#[derive(Clone, PartialEq, Eq)]
enum Line {
    Passing,
    /// As [`Line::Passing`], until a client sends this.
    Losing(Arc<[u8]>),
    Stalled,
    Cut,
}

impl Tunnel {
    /// Starts one that leads nowhere, and so answers 502.
    pub async fn start() -> Self {
        Self::start_with(End::Nowhere)
    }

    /// Starts one that leads there.
    pub async fn to(address: SocketAddr) -> Self {
        Self::start_with(End::At(address))
    }

    fn start_with(end: End) -> Self {
        // Bound as long as the tunnel is there, so that nobody else gets its port while it is cut.
        let port = bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = port.local_addr().expect("a bound socket has an address");
        let state = Arc::new(State {
            end: watch::Sender::new(end),
            line: watch::Sender::new(Line::Passing),
            is_open: watch::Sender::new(true),
            connections: TaskTracker::new(),
            lost_count: AtomicUsize::new(0),
            held: watch::Sender::default(),
        });
        tokio::spawn(serve(port, listen(address), Arc::clone(&state)));
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has connections wait until it is known where to.
    pub fn hold(&self) {
        self.state.end.send_replace(End::Awaited);
    }

    /// Leads new connections there from now on, and those that wait.
    pub fn lead_to(&self, address: SocketAddr) {
        self.state.end.send_replace(End::At(address));
    }

    /// Leads new connections nowhere from now on.
    pub fn lead_nowhere(&self) {
        self.state.end.send_replace(End::Nowhere);
    }

    /// Ends all connections, and has new ones refused.
    pub async fn cut(&self) {
        self.state.line.send_replace(Line::Cut);
        self.wait_until_open(false).await;
        self.state.connections.close();
        let ended = timeout(PATIENCE, self.state.connections.wait()).await;
        ended.expect("the connections end");
        self.state.connections.reopen();
    }

    /// Passes nothing on, not even an end, of any connection, and takes new ones without a word.
    pub fn stall(&self) {
        self.state.held.send_replace(Vec::new());
        self.state.line.send_replace(Line::Stalled);
    }

    /// Waits until something with that in it was sent since [`Tunnel::stall`], and is held back.
    pub async fn wait_until_it_holds(&self, text: &str) {
        let mut held = self.state.held.subscribe();
        let held = held.wait_for(|held| memmem::find(held, text.as_bytes()).is_some());
        let held = timeout(PATIENCE, held).await.expect("it is sent");
        held.expect("the sender is ours");
    }

    /// Passes everything on again, also what was held back.
    pub async fn heal(&self) {
        self.state.line.send_replace(Line::Passing);
        self.wait_until_open(true).await;
    }

    /// The next time that a client sends this, has the end of the tunnel get it and do what it says, but ends the
    /// connection before the answer comes back. What is sent as ciphertext is not recognized.
    pub fn lose_answer_to(&self, text: &str) {
        self.state.line.send_replace(Line::Losing(text.as_bytes().into()));
    }

    /// How many answers were lost by [`Tunnel::lose_answer_to`].
    pub fn lost_count(&self) -> usize {
        self.state.lost_count.load(Ordering::SeqCst)
    }

    async fn wait_until_open(&self, is_open: bool) {
        let mut changes = self.state.is_open.subscribe();
        let changed = timeout(PATIENCE, changes.wait_for(|now| *now == is_open)).await;
        changed
            .expect("the tunnel is served")
            .expect("the sender is ours");
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

/// A socket that shares its port with the others that are bound so.
fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("ports can be shared");
    socket.bind(address).expect("a free port");
    socket
}

fn listen(address: SocketAddr) -> TcpListener {
    bind(address).listen(1024).expect("a bound socket listens")
}

/// Takes connections but while the tunnel is cut.
async fn serve(port: TcpSocket, mut listener: TcpListener, state: Arc<State>) {
    let address = port.local_addr().expect("a bound socket has an address");
    let mut line = state.line.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.expect("the listener is open");
                state.connections.spawn(pass_on(stream, Arc::clone(&state)));
            }
            () = wait_for_line(&mut line, |line| *line == Line::Cut) => {
                drop(listener);
                state.is_open.send_replace(false);
                wait_for_line(&mut line, |line| *line != Line::Cut).await;
                listener = listen(address);
                state.is_open.send_replace(true);
            }
        }
    }
}

async fn pass_on(mut stream: TcpStream, state: Arc<State>) {
    let mut line = state.line.subscribe();
    tokio::select! {
        () = lead(&mut stream, &state) => {}
        () = wait_for_line(&mut line, |line| *line == Line::Cut) => {}
    }
}

async fn wait_for_line(lines: &mut watch::Receiver<Line>, is_it: impl FnMut(&Line) -> bool) {
    let changed = lines.wait_for(is_it).await;
    changed.expect("whoever waits has the sender");
}

/// Leads a connection to the end of the tunnel.
async fn lead(stream: &mut TcpStream, state: &State) {
    wait_for_line(&mut state.line.subscribe(), |line| *line != Line::Stalled).await;
    let mut ends = state.end.subscribe();
    let known = ends.wait_for(|end| !matches!(end, End::Awaited)).await;
    let end = known.map_or(End::Nowhere, |end| *end);
    let connected = match end {
        End::At(address) => TcpStream::connect(address).await.ok(),
        End::Nowhere | End::Awaited => None,
    };
    match connected {
        Some(connected) => connect(stream, connected, state).await,
        None => {
            let refusal = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            give(stream, refusal.to_owned()).await;
        }
    }
}

/// Passes bytes both ways until both sides have ended, or one is gone, or an answer is to be lost.
async fn connect(client: &mut TcpStream, mut server: TcpStream, state: &State) {
    let is_lost = AtomicBool::new(false);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut sent = Vec::new();
    let requests = pass(from_client, to_server, state, |bytes| {
        if state.is_to_lose(&mut sent, bytes) {
            is_lost.store(true, Ordering::SeqCst);
        }
        Ok(())
    });
    let answers = pass(from_server, to_client, state, |_| {
        match is_lost.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    });
    // Either side may go at any time.
    let _ = tokio::try_join!(requests, answers);
    if is_lost.load(Ordering::SeqCst) {
        // The server closes when it has done all that it was sent.
        let _ = server.shutdown().await;
        let mut nowhere = tokio::io::sink();
        let rest = timeout(PATIENCE, tokio::io::copy(&mut server, &mut nowhere)).await;
        let _ = rest.expect("the server closes");
        state.lost_count.fetch_add(1, Ordering::SeqCst);
    }
}

impl State {
    /// Whether these bytes of a connection, of which `sent` is the last that it sent before, end with what is waited
    /// for, and no other connection was first.
    fn is_to_lose(&self, sent: &mut Vec<u8>, bytes: &[u8]) -> bool {
        let Line::Losing(text) = self.line.borrow().clone() else {
            return false;
        };
        sent.extend_from_slice(bytes);
        let is_found = memmem::find(sent, &text).is_some();
        sent.drain(..sent.len().saturating_sub(text.len()));
        is_found
            && self.line.send_if_modified(|line| {
                let is_first = matches!(line, Line::Losing(_));
                if is_first {
                    *line = Line::Passing;
                }
                is_first
            })
    }
}

/// Passes bytes on until their end, if `look` has nothing against it.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
    mut look: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut line = state.line.subscribe();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).await;
        if let (Line::Stalled, Ok(length)) = (&*line.borrow(), &read) {
            state
                .held
                .send_modify(|held| held.extend_from_slice(&buffer[..*length]));
        }
        wait_for_line(&mut line, |line| *line != Line::Stalled).await;
        // What was held back goes with the connection.
        if *line.borrow() == Line::Cut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let bytes = &buffer[..read?];
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        look(bytes)?;
        to.write_all(bytes).await?;
    }
}

/// Reads what is sent first, so that no reset overtakes the answer.
async fn give(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: String) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
