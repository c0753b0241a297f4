//! The PostgreSQL store beside a plain one, both without HTTP: one table, one index over identities, a batch by one call of
//! a function, and old rows deleted.
//!
//! Each is filled first and then kept at its size, but for what comes in some seconds: what is older is removed as fast as new
//! ones come, in the ring by `Inbox::expire` and its TRUNCATE, from the plain table by DELETE, with autovacuum as it comes;
//! whoever stores waits where that is slower. Three batches are with the server at once. The server's CPU time is that of
//! all its processes, so of vacuums and checkpoints too. Retention costs each receipt here what it costs in months, but it
//! comes within minutes.

mod stores;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::sample::Ids;
use caigunn_webhook::event::{EventId, Identity};
use caigunn_webhook::inbox::{NewReceipt, Origin, RequestId};
use futures_util::future::join_all;
use tokio::time::{interval, sleep};
use tokio_postgres::Client;
use uuid::Uuid;

use super::Run;
use crate::database::{Database, SIZE};
use crate::load::{body, notification};
use crate::server::times;
use stores::{APPENDS, Plain, Ring, Store, connect};

const SMALL: u64 = 10_000;

/// What writers hand over at 64 connections and at 256, about.
const BATCHES: [usize; 2] = [80, 256];

/// The rate at which the receipts came that are there in the beginning, a second. Their times matter only for the first
/// rounds of retention.
const PAST_RATE: f64 = 15_000.0;

/// How often what is old is removed.
const ROUND: Duration = Duration::from_secs(1);

/// How many more than it is to keep a store may have for a while.
const TOO_MANY: u64 = 100_000;

/// Unless `--seconds` says otherwise.
const SECONDS: u64 = 120;

/// What came of a store.
struct Measured {
    /// Receipts a second.
    rate: f64,
    /// The server's, for each of them.
    cpu: Duration,
}

/// At 10,000 receipts and at so many.
pub fn run(run: &Run, large: u64) {
    let Ok(server) = std::env::var("CAIGUNN_TEST_POSTGRES") else {
        println!(
            "\nPostgreSQL is left out: `scripts/with-postgres cargo bench --bench ingest -- --plain` has one"
        );
        return;
    };
    for count in [SMALL, large] {
        println!("\nPostgreSQL, the ring and a plain table of {count} receipts");
        let ring = measure::<Ring>(run, &server, count);
        let plain = measure::<Plain>(run, &server, count);
        for ((batch, ring), plain) in BATCHES.iter().zip(&ring).zip(&plain) {
            let (rate, cpu) = (
                plain.rate / ring.rate,
                plain.cpu.as_secs_f64() / ring.cpu.as_secs_f64(),
            );
            println!("  batches of {batch}: plain/ring {rate:.2}, of the server's CPU a receipt {cpu:.2}");
        }
    }
}

/// One store alone, which is gone when the next is measured.
fn measure<S: Store>(run: &Run, server: &str, count: u64) -> Vec<Measured> {
    let database = Database::new(server, S::NAME);
    let base = database.url.split('?').next().expect("a URL");
    // Without TLS, as the plain one is.
    let url = format!("{base}?sslmode=disable");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    println!(" {}", S::NAME);
    drop(runtime.block_on(S::open(&url)));
    let age = Duration::from_secs_f64(count as f64 / PAST_RATE);
    database.fill(count, age, S::HAS_SLOTS);
    let measured = runtime.block_on(async {
        // Not before: it reads what is there.
        let (store, watch) = (S::open(&url).await, Watch::open(&url, count).await);
        measure_store(run, &store, &watch).await
    });
    drop(runtime);
    database.remove(server);
    measured
}

/// With batches of each size, once the store does what it does all day.
async fn measure_store(run: &Run, store: &impl Store, watch: &Watch) -> Vec<Measured> {
    let time = run.time(SECONDS);
    load(store, watch, BATCHES[0], time).await;
    let mut measured = Vec::new();
    for batch in BATCHES {
        let cpu = watch.cpu();
        let (count, time) = load(store, watch, batch, time).await;
        let one = Measured {
            rate: count as f64 / time.as_secs_f64(),
            cpu: (watch.cpu() - cpu).div_f64(count as f64),
        };
        println!(
            "  batches of {batch:3} {:>8.0}/s {:>8.1} us of the server's CPU a receipt; {} held, in {} MB",
            one.rate,
            one.cpu.as_secs_f64() * 1e6,
            watch.held(),
            watch.megabytes().await
        );
        measured.push(one);
    }
    measured
}

/// Stores batches for so long, beside retention; how many receipts that were, and how long it took.
async fn load(store: &impl Store, watch: &Watch, batch: usize, time: Duration) -> (usize, Duration) {
    let (sample, started) = (sample(), Instant::now());
    let is_over = || started.elapsed() >= time;
    let appending = async {
        let counts = join_all((0..APPENDS).map(async |number| {
            let mut count = 0;
            while !is_over() {
                if watch.held() > watch.count + TOO_MANY {
                    sleep(Duration::from_millis(1)).await;
                    continue;
                }
                let new = (0..batch).map(|_| again(&sample)).collect();
                assert_eq!(store.append(number, new).await, batch, "all are new");
                watch.newest_seq.fetch_add(batch as u64, Ordering::Relaxed);
                count += batch;
            }
            count
        }));
        (counts.await.into_iter().sum(), started.elapsed())
    };
    let removing = async {
        let mut ticks = interval(ROUND);
        while !is_over() {
            ticks.tick().await;
            let kept_seq = watch.newest_seq.load(Ordering::Relaxed) - watch.count + 1;
            store.remove(watch.received_at(kept_seq).await, kept_seq).await;
            watch.first_seq.store(kept_seq, Ordering::Relaxed);
        }
    };
    tokio::join!(appending, removing).0
}

fn sample() -> NewReceipt {
    let ids = Ids::fresh();
    let request_id = RequestId::new(Uuid::new_v4());
    NewReceipt::new(
        &notification(&ids),
        body(&ids).into(),
        Timestamp::now(),
        request_id,
        Origin::Webhook,
    )
}

/// The same of another job. Its body still names the first, which no store reads.
fn again(sample: &NewReceipt) -> NewReceipt {
    NewReceipt {
        received_at: Timestamp::now(),
        identity: Identity::Job {
            event_id: EventId::new(Uuid::new_v4()),
            name: sample.name.clone(),
        },
        ..sample.clone()
    }
}

/// A look at a store and its server from beside.
struct Watch {
    client: Client,
    /// How many receipts are to be kept.
    count: u64,
    newest_seq: AtomicU64,
    /// Of the oldest that is there.
    first_seq: AtomicU64,
    /// The process that all others of the server are children of.
    postmaster: u32,
}

impl Watch {
    async fn open(url: &str, count: u64) -> Self {
        let client = connect(url).await;
        let backend = client.query_one("SELECT pg_backend_pid()", &[]).await;
        let backend: i32 = backend.expect("the query is right").get(0);
        Self {
            client,
            count,
            newest_seq: AtomicU64::new(count),
            first_seq: AtomicU64::new(1),
            postmaster: times(backend as u32)
                .expect("the server is on this machine")
                .parent,
        }
    }

    /// How many receipts there are.
    fn held(&self) -> u64 {
        self.newest_seq.load(Ordering::Relaxed) + 1 - self.first_seq.load(Ordering::Relaxed)
    }

    /// When that receipt, or the first after it, came.
    async fn received_at(&self, seq: u64) -> Timestamp {
        const TIME: &str = "SELECT (extract(epoch FROM received_at) * 1000000)::bigint FROM receipt
            WHERE seq >= $1 ORDER BY seq LIMIT 1";
        let time = self.client.query_one(TIME, &[&(seq as i64)]).await;
        Timestamp::from_micros(time.expect("it is there").get(0))
    }

    /// What they take, in MB.
    async fn megabytes(&self) -> i64 {
        let bytes = self.client.query_one(SIZE, &[]).await;
        bytes.expect("the query is right").get::<_, i64>(0) / 1_000_000
    }

    /// The CPU time of the server so far, with what has ended.
    fn cpu(&self) -> Duration {
        let of_server = times(self.postmaster).expect("the server runs");
        let processes = std::fs::read_dir("/proc").expect("Linux has it");
        let children = processes
            .filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(times)
            .filter(|times| times.parent == self.postmaster);
        of_server.own + of_server.children + children.map(|times| times.own).sum::<Duration>()
    }
}
