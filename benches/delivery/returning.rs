//! A destination that was down: how soon it gets something when it is back, and how fast the rest goes then.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Run;
use crate::backlog::{Inbox, Store};
use crate::drain::wait_for;
use crate::server::Program;
use crate::sink::Port;

/// How many wait for it unless it matters.
const FEW: u64 = 10_000;

/// For how long it is down.
const DOWN: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_millis(2_300),
    Duration::from_millis(5_700),
    Duration::from_millis(11_100),
    Duration::from_millis(25_900),
];

/// How long a return may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of each build.
pub fn run(run: &Run, store: &Store) {
    for program in &run.programs {
        let inbox = store.posted(program, FEW);
        println!("{}", returns(program, &inbox, FEW));
    }
}

/// Of this build, with few and with many pending.
pub fn many(run: &Run, store: &Store, count: u64) {
    let program = run.programs.last().expect("this build is there");
    for count in [FEW, count] {
        let inbox = store.filled(program, count);
        let mut took = Duration::ZERO;
        for _ in 0..run.options.rounds {
            let few = (count == FEW).then(|| store.copy(&inbox));
            took += first(program, few.as_ref().unwrap_or(&inbox));
        }
        let rate = (u64::from(run.options.rounds) * FEW) as f64 / took.as_secs_f64();
        println!("    the first {FEW} of {count}: {rate:.0}/s");
        // Last, since what is back takes something.
        println!("{}", returns(program, &inbox, count));
    }
}

fn returns(program: &Program, inbox: &Inbox, count: u64) -> String {
    let mut port = Port::free();
    let address = port.address();
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "http://{address}/", since = "2000-01-01T00:00:00Z"}}]"#
    );
    let server = program.delivering(program.name, &inbox.url, &destination);
    let mut waits = String::new();
    for down in DOWN {
        wait_for("it to be down", || {
            server.gauge("caigunn_webhook_destination_down{destination=\"app\"} ") == 1
        });
        sleep(down);
        let opened_at = Instant::now();
        let sink = port.listen(false);
        let arrived_at = sink.arrivals.recv_timeout(PATIENCE).expect("something comes");
        let wait = arrived_at.saturating_duration_since(opened_at).as_millis();
        waits += &format!("{wait} ms after {:.1} s, ", down.as_secs_f64());
        // As who is back does, it takes something; what is under way when it goes is cut.
        sink.take(1);
        drop(sink);
        port = Port::of(address);
    }
    format!(
        "    {:6}back, with {count} pending: {}",
        program.name,
        waits.trim_end_matches(", ")
    )
}

/// How long it takes to send as many as there are in a small backlog.
fn first(program: &Program, inbox: &Inbox) -> Duration {
    let sink = Port::free().listen(false);
    let server = program.delivering(program.name, &inbox.url, &crate::drain::destination(&sink, 16));
    wait_for("the first requests", || sink.arrived_count() >= 16);
    sleep(Duration::from_millis(300));
    let took = sink.take(FEW);
    server.stop();
    took
}
