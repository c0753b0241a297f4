//! One event that nothing goes before: how soon the destination has it.

use std::time::{Duration, Instant};

use super::Run;
use crate::backlog::Store;
use crate::drain::destination;
use crate::load::{Client, body};
use crate::server::Program;
use crate::sink::Port;
use caigunn_webhook::event::sample::Ids;

const COUNT: usize = 1000;

/// Between two events.
const PAUSE: Duration = Duration::from_millis(5);

/// Of each build.
pub fn run(run: &Run, store: &Store) {
    println!("  one event at a time, from its 200 to the destination's first byte");
    for program in &run.programs {
        let mut waits = one_by_one(program, store);
        waits.sort_unstable();
        let at = |share: f64| waits[(COUNT as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "    {:6}p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            program.name,
            at(0.5),
            at(0.99),
            at(0.999)
        );
    }
}

fn one_by_one(program: &Program, store: &Store) -> Vec<Duration> {
    let inbox = store.empty();
    let sink = Port::free().listen(false);
    sink.open();
    let server = program.delivering(program.name, &inbox.url, &destination(&sink, 16));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut client = Client::open(server.address).await;
        let mut waits = Vec::new();
        for _ in 0..COUNT {
            let request = client.request(&body(&Ids::fresh()));
            assert_eq!(client.post(request.as_bytes()).await, 200);
            let answered_at = Instant::now();
            let arrived_at = sink
                .arrivals
                .recv_timeout(Duration::from_secs(30))
                .expect("it comes");
            waits.push(arrived_at.saturating_duration_since(answered_at));
            tokio::time::sleep(PAUSE).await;
        }
        waits
    })
}
