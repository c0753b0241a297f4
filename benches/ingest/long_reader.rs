//! What those who post notice when a reader that held up SQLite's log ends, and all of the log is copied into the file: how
//! many are refused, and how long answers take, from the end of the reader until the log has been cut back. They are 16
//! connections, on each of which one comes every 10 ms, and late ones as soon as they can.

use std::path::Path;
use std::time::{Duration, Instant};

use caigunn_webhook::event::sample::Ids;
use rusqlite::Connection;

use super::Run;
use crate::files;
use crate::load::{Client, body, load_during};
use crate::report::{print_heads, row};
use crate::server::Server;

const OTHERS: usize = 16;
const PAUSE: Duration = Duration::from_millis(10);

/// The size of a body that makes the log long.
const BODY_BYTES: usize = 1 << 20;

/// To what the log is cut back (`journal_size_limit`).
const CUT_BYTES: u64 = 64 << 20;

/// Longer than any disk takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Of each receiver in turn, on an empty inbox.
pub fn run(run: &Run, mib: u64) {
    println!("\na log of {mib} MiB that a reader held up is worked off, beside {OTHERS} light posters");
    print_heads(OTHERS);
    for program in &run.programs {
        let inbox = run.folder.join(format!("{}-reader.db", program.name));
        let server = program.start(&files::url(&inbox));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        runtime.block_on(measure(&server, &inbox, mib));
    }
}

async fn measure(server: &Server, inbox: &Path, mib: u64) {
    let log = inbox.with_extension("db-wal");
    let log_bytes = || std::fs::metadata(&log).map_or(0, |log| log.len());
    let reader = Connection::open(inbox).expect("the inbox is there");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM receipt")
        .expect("it is read");
    let mut client = Client::open(server.address).await;
    while log_bytes() < mib << 20 {
        let request = client.request(&large());
        assert_eq!(client.post(request.as_bytes()).await, 200);
    }
    let before = load_during(
        server.address,
        OTHERS,
        PAUSE,
        tokio::time::sleep(Duration::from_secs(5)),
    );
    println!(
        "{}",
        row(
            &format!("{} while it reads", server.name),
            &before.await.0.figures()
        )
    );
    let (load, taken) = load_during(server.address, OTHERS, PAUSE, async {
        let started = Instant::now();
        reader.execute_batch("COMMIT").expect("it ends");
        while log_bytes() > CUT_BYTES && started.elapsed() < PATIENCE {
            tokio::time::sleep(PAUSE).await;
        }
        started.elapsed()
    })
    .await;
    println!(
        "{}",
        row(&format!("{} when it ends", server.name), &load.figures())
    );
    println!(
        "    {} of {} posts refused; the log has {} MiB after {:.1} s",
        load.refused,
        load.latencies.len(),
        log_bytes() >> 20,
        taken.as_secs_f64()
    );
}

/// A notification with a member that is long.
fn large() -> String {
    let small = body(&Ids::fresh());
    let members = small.strip_prefix('{').expect("a notification is an object");
    format!(r#"{{"extra":"{}",{members}"#, "x".repeat(BODY_BYTES))
}
