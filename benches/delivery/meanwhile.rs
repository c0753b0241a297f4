//! What a backlog that is drained costs whoever posts.

use std::time::Duration;

use super::Run;
use crate::backlog::Store;
use crate::drain::destination;
use crate::load::Load;
use crate::sink::Port;

const CONNECTIONS: [usize; 2] = [64, 256];

/// Shorter than any build needs for a backlog.
const TIME: Duration = Duration::from_secs(3);

/// Of each build, beside itself without a destination.
pub fn run(run: &Run, store: &Store) {
    println!("  those who post while {} are pending", run.options.count);
    for program in &run.programs {
        let filled = store.posted(program, run.options.count);
        for connections in CONNECTIONS {
            let [mut without, mut with] = [Load::default(), Load::default()];
            let mut delivered = 0;
            for _ in 0..run.options.rounds {
                let copy = store.copy(&filled);
                without.add(program.start(&copy.url).measure(connections, TIME));
                let copy = store.copy(&filled);
                let sink = Port::free().listen(false);
                sink.open();
                let server = program.delivering(program.name, &copy.url, &destination(&sink, 16));
                let before = sink.answered_count();
                with.add(server.measure(connections, TIME));
                delivered += sink.answered_count() - before;
            }
            let rate = |load: &Load| load.latencies.len() as f64 / load.time.as_secs_f64();
            println!(
                "    {:6}{connections:>4} connections{:>9.0}/s alone{:>9.0}/s meanwhile, ratio {:.2}{:>9.0}/s delivered, {} pending",
                program.name,
                rate(&without),
                rate(&with),
                rate(&with) / rate(&without),
                delivered as f64 / with.time.as_secs_f64(),
                (u64::from(run.options.rounds) * run.options.count + with.latencies.len() as u64)
                    .saturating_sub(delivered),
            );
        }
    }
}
