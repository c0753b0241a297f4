//! The durable path against a server that does nothing, over real sockets, side by side in one run.
//!
//! `scripts/with-postgres cargo bench --bench ingest` prints rates, latencies, memory and the ratio of the two rates. The no-op is an
//! axum handler that only reads the body; ours is the program as it is: validation, deduplication, fsync, answer,
//! and log lines written to a file. Every event is a new one. Both are processes of their own, each is measured
//! in turn and more than once, so that what else the machine does meets both.
//!
//! With a PostgreSQL server (`CAIGUNN_TEST_POSTGRES`) it then measures that store too, see `postgres`; with `--large`
//! also what ten million receipts cost it, which takes minutes and 7 GB.
//!
//! With `--delivery` it measures what destinations cost whoever posts, and nothing else, see `delivery`.

mod delivery;
mod postgres;
mod row_by_row;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{Event, Wire};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Entry, Inbox, NewReceipt, Origin, RequestId, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

const ROUNDS: usize = 4;
const ROUND_TIME: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_secs(1);
const CONNECTIONS: [usize; 2] = [64, 256];
const MANY: usize = 1_000_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [role] if role == "noop" => return noop_server(),
        [role, url] if role == "rival" => return postgres::rival(url),
        [role, url] if role == "row-by-row" => return row_by_row::serve(url),
        _ => {}
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder takes files");
    if words.iter().any(|word| word == "--delivery") {
        return delivery::run(folder.path());
    }
    if !words.iter().any(|word| word == "--postgres") {
        sqlite(folder.path());
    }
    postgres::run(folder.path());
}

fn sqlite(folder: &Path) {
    let noop = Server::again("noop", "");
    for (name, receipts) in [("an empty inbox", 0), ("an inbox of 1,000,000 receipts", MANY)] {
        let inbox = folder.join(format!("{receipts}.db"));
        seed(&inbox, receipts);
        let durable = Server::durable(&format!("sqlite:{}", inbox.display()), folder);
        println!(
            "\n{name}: ready after {:.2} s, {} MiB resident",
            durable.start.as_secs_f64(),
            durable.memory("VmRSS")
        );
        for connections in CONNECTIONS {
            compare("no-op", &noop, "durable", &durable, connections);
        }
        println!("  peak memory {} MiB", durable.memory("VmHWM"));
    }
}

/// Prints the rates of both and how many times the first one's the second one's is.
fn compare(first_name: &str, first: &Server, second_name: &str, second: &Server, connections: usize) {
    let (mut first_load, mut second_load) = (Load::default(), Load::default());
    load(first.address, connections, WARM_UP);
    load(second.address, connections, WARM_UP);
    for _ in 0..ROUNDS {
        first_load.add(load(first.address, connections, ROUND_TIME));
        second_load.add(load(second.address, connections, ROUND_TIME));
    }
    println!("  {connections} connections");
    println!("    {first_name:17} {first_load}");
    println!("    {second_name:17} {second_load}");
    println!(
        "    ratio {second_name}/{first_name} {:.2}",
        second_load.rate() / first_load.rate()
    );
}

/// What a load met.
#[derive(Default)]
struct Load {
    time: Duration,
    /// Of each request, in microseconds.
    latencies: Vec<u32>,
}

impl Load {
    fn add(&mut self, other: Self) {
        self.time += other.time;
        self.latencies.extend(other.latencies);
    }

    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = |share: f64| f64::from(sorted[(sorted.len() as f64 * share) as usize]) / 1_000.0;
        write!(
            formatter,
            "{:>8.0}/s   p50 {:>6.2} ms   p99 {:>6.2} ms",
            self.rate(),
            at(0.5),
            at(0.99)
        )
    }
}

/// Posts new events over so many connections, one request at a time on each, for `time`.
fn load(address: SocketAddr, connections: usize, time: Duration) -> Load {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let posting: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(post_until(address, Arc::clone(&stop))))
            .collect();
        tokio::time::sleep(time).await;
        stop.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for task in posting {
            latencies.extend(task.await.expect("every answer is 200"));
        }
        Load {
            time: started.elapsed(),
            latencies,
        }
    })
}

async fn post_until(address: SocketAddr, stop: Arc<AtomicBool>) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("a TCP option");
    let body = body(&Ids::fresh());
    let mut request = format!(
        "POST /webhook HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let id_at = request
        .find(r#""event_id":""#)
        .expect("the sample has an event_id")
        + r#""event_id":""#.len();
    let mut latencies = Vec::new();
    let mut answer = vec![0; 4096];
    let mut id = Uuid::encode_buffer();
    while !stop.load(Ordering::Relaxed) {
        let fresh = Uuid::new_v4().hyphenated().encode_lower(&mut id);
        request.replace_range(id_at..id_at + fresh.len(), fresh);
        let started = Instant::now();
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        let read = read_answer(&mut stream, &mut answer).await;
        latencies.push(started.elapsed().as_micros().try_into().unwrap_or(u32::MAX));
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer[..read])
        );
    }
    latencies
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

fn body(ids: &Ids) -> String {
    sample::to_json(&sample_notification(ids)).to_string()
}

fn sample_notification(ids: &Ids) -> caigunn_webhook::event::Notification {
    let event = Event::CrawlingCompleted {
        training_data_ids: vec![ids.training_data_id; 3],
    };
    sample::notification(event, ids, Wire::V2024_07)
}

/// Fills an inbox by the store's own means.
fn seed(path: &Path, receipts: usize) {
    let settings = Settings {
        duplicate_window: Duration::from_secs(60),
        quarantine_max_count: 1000,
        quarantine_max_bytes: 64 << 20,
        max_connections: 8,
        timeout: Duration::from_secs(60),
    };
    let inbox = SqliteInbox::open(path, settings).expect("a new inbox opens");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let started = Instant::now();
    for first in (0..receipts).step_by(256) {
        let batch = (first..receipts.min(first + 256)).map(|_| {
            let notification = sample_notification(&Ids::fresh());
            let body = sample::to_json(&notification).to_string().into();
            let request_id = RequestId::new(Uuid::new_v4());
            Entry::Receipt(NewReceipt::new(
                &notification,
                body,
                Timestamp::now(),
                request_id,
                Origin::Webhook,
            ))
        });
        runtime
            .block_on(inbox.append(batch.collect()))
            .expect("the inbox takes a batch");
    }
    if receipts > 0 {
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "\nfilled an inbox in {seconds:.1} s, {:.0}/s",
            receipts as f64 / seconds
        );
    }
    runtime.block_on(inbox.close()).expect("the inbox closes");
}

/// A server in a process of its own, ended when this is dropped.
struct Server {
    process: Child,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    /// From its start until it was ready.
    start: Duration,
}

impl Server {
    /// This program in another role.
    fn again(role: &str, url: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
            .args([role, url].iter().filter(|word| !word.is_empty()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its output is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it prints its address");
        Self {
            process,
            address: line.trim().parse().expect("an address"),
            admin: None,
            start: Duration::ZERO,
        }
    }

    fn durable(inbox_url: &str, folder: &Path) -> Self {
        Self::delivering(inbox_url, "[]", folder)
    }

    /// The receiver, with destinations.
    fn delivering(inbox_url: &str, destinations: &str, folder: &Path) -> Self {
        let port = || {
            std::net::TcpListener::bind("127.0.0.1:0")
                .and_then(|free| free.local_addr())
                .expect("a free port")
        };
        let (address, admin) = (port(), port());
        let log = File::create(folder.join("log.json")).expect("the target folder takes files");
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_caigunn-webhook"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAIGUNN_")) {
            command.env_remove(name);
        }
        let process = command
            .env("CAIGUNN_LISTEN", address.to_string())
            .env("CAIGUNN_ADMIN_LISTEN", admin.to_string())
            .env("CAIGUNN_INBOX_URL", inbox_url)
            .env("CAIGUNN_DELIVERY_DESTINATION", destinations)
            .stdout(log)
            .spawn()
            .expect("the program starts");
        while !is_ready(address) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "not ready within 30 s"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Self {
            process,
            address,
            admin: Some(admin),
            start: started.elapsed(),
        }
    }

    /// What `/metrics` shows.
    fn metrics(&self) -> String {
        get(self.admin.expect("it is a receiver"), "/metrics").expect("it answers")
    }

    /// A line of the process's status, in MiB.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("Linux tells memory");
        line.trim_matches(|sign: char| !sign.is_ascii_digit())
            .parse::<u64>()
            .expect("a number of KiB")
            >> 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    get(address, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The whole answer, if there is one.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn noop_server() {
    let noop = axum::routing::post(|body: axum::body::Bytes| async move { body.len().to_string() });
    serve(axum::Router::new().route("/webhook", noop));
}

/// Serves for ever on a free port; prints its address.
fn serve(router: axum::Router) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        println!(
            "{}",
            listener.local_addr().expect("a bound listener has an address")
        );
        axum::serve(listener, router).await.expect("axum serves");
    });
}
