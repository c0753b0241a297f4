//! A destination made of a socket, which answers every request with the same bytes, whatever they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderName};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the server does once it has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It takes the next request.
    Keep,
    /// It ends the connection.
    Close,
    /// It goes on writing as fast as it can.
    Flood,
    /// It goes on writing, a byte at a time.
    Drip,
    /// It does nothing more.
    Hang,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }
}

/// What a server has seen.
#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    connection_count: usize,
}

/// It ends when the test drops it.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    ended: watch::Receiver<usize>,
    ending: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(answer: &[u8], then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (ended_sender, ended) = watch::channel(0);
        let (ending, told) = watch::channel(());
        let (answer, in_task) = (answer.to_vec(), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                in_task.lock().connection_count += 1;
                let (answer, seen, ended) = (answer.clone(), Arc::clone(&in_task), ended_sender.clone());
                let mut told = told.clone();
                told.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = serve(stream, &answer, then, &seen) => {}
                        _ = told.changed() => {}
                    }
                    ended.send_modify(|count| *count += 1);
                });
            }
        });
        Self {
            address,
            seen,
            ended,
            ending,
            task,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().requests.clone()
    }

    pub fn only_request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    pub fn connection_count(&self) -> usize {
        self.seen.lock().connection_count
    }

    /// Ends every connection that there is.
    pub fn end_connections(&self) {
        self.ending.send_replace(());
    }

    /// Waits until a connection has ended.
    pub async fn until_ended(&mut self) {
        self.until_so_many_ended(1).await;
    }

    /// Waits until so many connections have ended.
    pub async fn until_so_many_ended(&mut self, all: usize) {
        let ended = self.ended.wait_for(|count| *count >= all);
        let waited = tokio::time::timeout(Duration::from_secs(60), ended).await;
        waited.expect("the connection ends").unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8], then: Then, seen: &Mutex<Seen>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        seen.lock().requests.push(request);
        if stream.write_all(answer).await.is_err() {
            return;
        }
        match then {
            Then::Keep => {}
            Then::Close => return,
            Then::Flood => while stream.write_all(&[b'x'; 1 << 16]).await.is_ok() {},
            Then::Drip => {
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Then::Hang => {
                // Until the other side ends it.
                let _ = stream.read_u8().await;
            }
        }
    }
}

async fn read_request(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Request> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|count| *count > 0)?;
    let mut headers = HeaderMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        let name: HeaderName = name.parse().unwrap();
        assert!(headers.insert(name, value.parse().unwrap()).is_none(), "{header}");
    }
    let length = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        line: line.trim_end().to_owned(),
        headers,
        body,
    })
}
