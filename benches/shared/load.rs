//! Posting to a server, and how long it takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{Event, Notification, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// What a load met.
#[derive(Default)]
pub struct Load {
    pub time: Duration,
    /// Of each request, in microseconds.
    pub latencies: Vec<u32>,
    /// How many requests were not answered with 200.
    pub refused: usize,
    /// The CPU time of the server, if it was measured.
    pub cpu: Duration,
}

impl Load {
    pub fn add(&mut self, other: Self) {
        self.time += other.time;
        self.latencies.extend(other.latencies);
        self.refused += other.refused;
        self.cpu += other.cpu;
    }
}

/// Posts new events over so many connections, one request at a time on each, for `time`. All must be accepted.
pub fn load(address: SocketAddr, connections: usize, time: Duration) -> Load {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let (load, ()) = runtime.block_on(load_during(address, connections, Duration::ZERO, async {
        tokio::time::sleep(time).await;
    }));
    assert_eq!(
        load.refused,
        0,
        "of {} requests so many were refused",
        load.latencies.len()
    );
    load
}

/// Posts new events until `work` is done, on each connection one every so often, or as fast as they are answered.
pub async fn load_during<T>(
    address: SocketAddr,
    connections: usize,
    every: Duration,
    work: impl Future<Output = T>,
) -> (Load, T) {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let posting: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(post_until(address, every, Arc::clone(&stop))))
        .collect();
    let done = work.await;
    stop.store(true, Ordering::Relaxed);
    let mut load = Load::default();
    for task in posting {
        load.add(task.await.expect("it posts"));
    }
    load.time = started.elapsed();
    (load, done)
}

async fn post_until(address: SocketAddr, every: Duration, stop: Arc<AtomicBool>) -> Load {
    let mut client = Client::open(address).await;
    let mut request = client.request(&body(&Ids::fresh()));
    let id_at = request
        .find(r#""event_id":""#)
        .expect("the sample has an event_id")
        + r#""event_id":""#.len();
    let mut load = Load::default();
    let mut id = Uuid::encode_buffer();
    // One that was late is made up for, so that the rate is what was asked for.
    let mut turns = (!every.is_zero()).then(|| tokio::time::interval(every));
    while !stop.load(Ordering::Relaxed) {
        let fresh = Uuid::new_v4().hyphenated().encode_lower(&mut id);
        request.replace_range(id_at..id_at + fresh.len(), fresh);
        let started = Instant::now();
        let is_accepted = client.post(request.as_bytes()).await == 200;
        let taken = started.elapsed().as_micros();
        load.latencies.push(taken.try_into().unwrap_or(u32::MAX));
        load.refused += usize::from(!is_accepted);
        if let Some(turns) = &mut turns {
            turns.tick().await;
        }
    }
    load
}

/// A connection to a server.
pub struct Client {
    address: SocketAddr,
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.set_nodelay(true).expect("a TCP option");
        Self {
            address,
            stream,
            answer: vec![0; 4096],
        }
    }

    /// The text of a request with that body.
    pub fn request(&self, body: &str) -> String {
        format!(
            "POST /webhook HTTP/1.1\r\nHost: {}\r\nUser-Agent: bench\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
    }

    /// Sends a request and reads its answer, whose status it returns.
    pub async fn post(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.expect("the server reads");
        let read = read_answer(&mut self.stream, &mut self.answer).await;
        let status = self.answer[..read]
            .strip_prefix(b"HTTP/1.1 ")
            .and_then(|rest| std::str::from_utf8(rest.get(..3)?).ok());
        status
            .and_then(|status| status.parse().ok())
            .expect("an answer begins with its status")
    }
}

/// Reads an answer whose length is declared.
async fn read_answer(stream: &mut TcpStream, answer: &mut [u8]) -> usize {
    let mut read = 0;
    loop {
        let count = stream
            .read(&mut answer[read..])
            .await
            .expect("the server answers");
        assert!(count > 0, "the server closed the connection");
        read += count;
        let Some(head) = answer[..read].windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&answer[..head]).expect("a head is ASCII");
        let length = text
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .expect("the length is declared");
        if read >= head + 4 + length {
            return read;
        }
    }
}

pub fn body(ids: &Ids) -> String {
    sample::to_json(&notification(ids)).to_string()
}

pub fn notification(ids: &Ids) -> Notification {
    let event = Event::CrawlingCompleted {
        training_data_ids: vec![ids.training_data_id; 3],
    };
    sample::notification(event, ids, Wire::V2024_07)
}
