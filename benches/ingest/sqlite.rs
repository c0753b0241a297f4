//! The receiver with its inbox in a file, beside a server that does nothing.

use std::path::Path;

use super::Run;
use crate::report::{WARM_UP, compare, memory, print_heads, print_memory, row};
use crate::server::{Program, Server};
use crate::{files, fill};

/// An answer that takes longer than this is too late for some senders' patience.
const LATE_MICROSECONDS: u32 = 100_000;

const RATIOS: [[&str; 2]; 3] = [["old", "no-op"], ["new", "no-op"], ["new", "old"]];

/// On an empty inbox, and on one with a million receipts.
pub fn run(run: &Run) {
    let noop = Server::again("no-op", &["noop"]);
    beside(run, &noop, "an empty inbox", None);
    let filled = fill::with_a_million(run);
    beside(run, &noop, "an inbox of 1,000,000 receipts", Some(&filled));
}

fn beside(run: &Run, noop: &Server, title: &str, filled: Option<&Path>) {
    println!("\n{title}");
    let ours: Vec<Server> = run
        .programs
        .iter()
        .map(|program| start(run, program, filled))
        .collect();
    let servers: Vec<&Server> = std::iter::once(noop).chain(&ours).collect();
    for connections in run.connections() {
        compare(run, &servers, connections, &RATIOS);
    }
    print_memory(&ours);
}

/// On an inbox of its own.
fn start(run: &Run, program: &Program, filled: Option<&Path>) -> Server {
    let kind = filled.map_or("empty", |_| "filled");
    let path = run.folder.join(format!("{}-{kind}.db", program.name));
    if let Some(filled) = filled {
        files::copy(filled, &path);
    }
    program.start(&files::url(&path))
}

/// A minute of each receiver alone, on a million receipts: the longest answer, and how many were late.
pub fn minute(run: &Run) {
    const CONNECTIONS: usize = 256;
    let filled = fill::with_a_million(run);
    let time = run.time(60);
    println!("\n{} s on an inbox of 1,000,000 receipts", time.as_secs());
    print_heads(CONNECTIONS);
    let mut notes = Vec::new();
    for program in &run.programs {
        let server = start(run, program, Some(&filled));
        server.measure(CONNECTIONS, WARM_UP);
        let load = server.measure(CONNECTIONS, time);
        let late = load.latencies.iter().filter(|time| **time > LATE_MICROSECONDS);
        println!(
            "{}   {} of {} took over 100 ms",
            row(&server.name, &load.figures()),
            late.count(),
            load.latencies.len()
        );
        notes.push(memory(&server));
    }
    println!("{}", notes.join("\n"));
}
