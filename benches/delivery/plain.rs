//! A plain client: it sends what a receiver sent, from memory, over so many connections, and does nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::server::Server;

/// The argument by which this program is one.
pub const ROLE: &str = "plain";

/// Starts one that sends so many of these requests, again and again.
pub fn start(
    folder: &Path,
    requests: &[Vec<u8>],
    address: SocketAddr,
    connections: u64,
    count: u64,
) -> Server {
    let file = folder.join("requests");
    let lines = requests.iter().map(|request| {
        let hex = request.iter().map(|byte| format!("{byte:02x}"));
        hex.collect::<String>() + "\n"
    });
    std::fs::write(&file, lines.collect::<String>()).expect("the target folder takes files");
    let file = file.display().to_string();
    let (address, connections, count) = (address.to_string(), connections.to_string(), count.to_string());
    Server::again("plain", &[ROLE, &file, &address, &connections, &count])
}

/// Sends, and stays until it is killed.
pub fn run(arguments: &[String]) {
    let [file, address, connections, count] = arguments else {
        panic!("a file, an address, a number of connections and of requests");
    };
    let lines = std::fs::read_to_string(file).expect("it is there");
    let requests: Arc<Vec<_>> = Arc::new(lines.lines().map(request).collect());
    let address: SocketAddr = address.parse().expect("an address");
    let connections: usize = connections.parse().expect("a number");
    let count: usize = count.parse().expect("a number");
    println!("{address}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let next = Arc::new(AtomicUsize::new(0));
        for _ in 0..connections {
            tokio::spawn(send(address, Arc::clone(&requests), Arc::clone(&next), count));
        }
        std::future::pending::<()>().await;
    });
}

async fn send(
    address: SocketAddr,
    requests: Arc<Vec<Request<Full<Bytes>>>>,
    next: Arc<AtomicUsize>,
    count: usize,
) {
    let stream = TcpStream::connect(address).await.expect("it is there");
    stream.set_nodelay(true).expect("a TCP option");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("it has nothing to fail by");
    tokio::spawn(connection);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        let request = requests[number % requests.len()].clone();
        sender.ready().await.expect("the connection is kept");
        let answer = sender.send_request(request).await.expect("it answers");
        answer
            .into_body()
            .collect()
            .await
            .expect("there is nothing in it");
    }
}

/// A request as it was sent, in hexadecimal digits.
fn request(line: &str) -> Request<Full<Bytes>> {
    let bytes: Vec<u8> = (0..line.len() / 2)
        .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).expect("digits"))
        .collect();
    let end = memchr::memmem::find(&bytes, b"\r\n\r\n").expect("it has a head");
    let head = std::str::from_utf8(&bytes[..end]).expect("it is ASCII");
    let mut lines = head.split("\r\n");
    let path = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .expect("a path");
    let headers = lines.filter_map(|line| line.split_once(": "));
    let request = headers.fold(Request::post(path), |request, (name, value)| {
        request.header(name, value)
    });
    let body = Bytes::copy_from_slice(&bytes[end + 4..]);
    request.body(Full::new(body)).expect("it was one")
}
