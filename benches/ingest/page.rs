//! What the page costs: how long its pages take on a million receipts or more, beside those who post at half their rate; and what a
//! hundred viewers of what comes cost whoever posts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Run;
use crate::load::{load, load_during};
use crate::report::{WARM_UP, compare, print_memory};
use crate::server::{Server, get};
use crate::{files, fill};

const CONNECTIONS: usize = 64;

/// How often each page is asked for.
const COUNT: usize = 1_000;

const VIEWERS: usize = 100;

const RATIOS: [[&str; 2]; 1] = [["new watched", "new"]];

/// Of this build alone, since older ones have no page.
pub fn run(run: &Run, receipts: usize) {
    let program = run.programs.last().expect("this build is there");
    let filled = fill::with(run, receipts);
    let start = |name: &str| {
        let path = run.folder.join(format!("{name}.db"));
        files::copy(&filled, &path);
        program.delivering(name, &files::url(&path), "[]")
    };
    let server = start("new");
    pages(&server, receipts);
    let watched = start("new watched");
    let viewers = Viewers::of(watched.admin());
    println!("\n{VIEWERS} viewers of what comes");
    compare(run, &[&server, &watched], CONNECTIONS, &RATIOS);
    println!("  the viewers got {} KiB", viewers.end() >> 10);
    print_memory(&[server, watched]);
}

/// How long each kind of page takes, its connection included.
fn pages(server: &Server, receipts: usize) {
    let full = load(server.address, CONNECTIONS, WARM_UP);
    let rate = full.latencies.len() as f64 / full.time.as_secs_f64();
    let every = Duration::from_secs_f64(2.0 * CONNECTIONS as f64 / rate);
    let admin = server.admin();
    let kinds = kinds(admin);
    println!("\npages of {receipts} receipts, each {COUNT} times, beside posts at half of {rate:.0}/s");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    for (kind, paths) in kinds {
        let asking = thread::spawn(move || {
            let times = paths.iter().cycle().take(COUNT).map(|path| {
                let started = Instant::now();
                let answer = get(admin, path).expect("it answers");
                assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
                started.elapsed()
            });
            let mut times: Vec<_> = times.collect();
            times.sort_unstable();
            times
        });
        let (posted, ()) = runtime.block_on(load_during(server.address, CONNECTIONS, every, async {
            while !asking.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }));
        let times = asking.join().expect("it asks to the end");
        let at = |share: usize| times[COUNT * share / 100 - 1].as_secs_f64() * 1e3;
        println!(
            "  {kind:12} p50 {:>7.2} ms   p99 {:>7.2} ms   max {:>7.2} ms   beside {:.0} posts a second",
            at(50),
            at(99),
            at(100),
            posted.latencies.len() as f64 / posted.time.as_secs_f64()
        );
    }
}

/// The kinds of pages, with paths of each.
fn kinds(admin: SocketAddr) -> Vec<(&'static str, Vec<String>)> {
    let receipts = get(admin, "/api/v1/receipts?limit=200").expect("it answers");
    let (_, receipts) = receipts.split_once("\r\n\r\n").expect("an answer has a body");
    let receipts: Value = serde_json::from_str(receipts).expect("it is JSON");
    let receipts = receipts["receipts"].as_array().expect("there are some");
    let each = |start: &str, separator: &str, member: &str| {
        let value = |receipt: &Value| receipt[member].as_str().expect("it has one").to_owned();
        receipts
            .iter()
            .map(|receipt| format!("{start}{separator}{}", value(receipt)))
            .collect()
    };
    let paths = |start: &str, member: &str| each(start, "/", member);
    let queries = |start: &str, member: &str| each(start, "=", member);
    vec![
        ("overview", vec!["/".to_owned()]),
        ("receipts", vec!["/receipts".to_owned()]),
        ("a receipt", paths("/receipts", "id")),
        ("jobs", vec!["/jobs".to_owned()]),
        ("a job", paths("/jobs", "event_id")),
        ("of a job", queries("/receipts?event_id", "event_id")),
        ("failed", vec!["/jobs?state=failed".to_owned()]),
        ("running", vec!["/jobs?state=running".to_owned()]),
        ("a chatbot", queries("/jobs?chatbot_id", "chatbot_id")),
        ("a time", queries("/jobs?until", "received_at")),
    ]
}

/// Those who watch, until they are ended.
struct Viewers {
    ends: Arc<AtomicBool>,
    read_bytes: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Viewers {
    fn of(admin: SocketAddr) -> Self {
        let (ends, read_bytes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..VIEWERS).map(|_| {
            let (ends, read_bytes) = (Arc::clone(&ends), Arc::clone(&read_bytes));
            let mut stream = TcpStream::connect(admin).expect("it accepts");
            let request = format!("GET /live HTTP/1.1\r\nHost: {admin}\r\nAccept: text/event-stream\r\n\r\n");
            stream.write_all(request.as_bytes()).expect("it reads");
            let timeout = stream.set_read_timeout(Some(Duration::from_millis(500)));
            timeout.expect("a socket has one");
            let mut read = [0; 16 << 10];
            let count = stream.read(&mut read).expect("it answers");
            assert!(
                read.starts_with(b"HTTP/1.1 200"),
                "{}",
                String::from_utf8_lossy(&read[..count])
            );
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    match stream.read(&mut read) {
                        Ok(0) => panic!("a viewer was dropped"),
                        Ok(count) => drop(read_bytes.fetch_add(count, Ordering::Relaxed)),
                        // Nothing came for a while.
                        Err(_) => {}
                    }
                }
            })
        });
        let threads = threads.collect();
        Self {
            ends,
            read_bytes,
            threads,
        }
    }

    /// How many bytes they got in all.
    fn end(self) -> usize {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it watches to the end");
        }
        self.read_bytes.load(Ordering::Relaxed)
    }
}
