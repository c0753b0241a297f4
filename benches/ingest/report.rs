//! Servers side by side: rounds of each in turn, and what is printed of them.

use std::time::Duration;

use super::Run;
use crate::load::{Load, load};
use crate::server::Server;

pub const WARM_UP: Duration = Duration::from_secs(1);
const ROUND_SECONDS: u64 = 3;

/// The column heads of [`Load::figures`].
const HEADS: [&str; 5] = ["rate", "p50", "p99", "max", "CPU/request"];
const UNITS: [&str; 5] = ["/s", " ms", " ms", " ms", " us"];

/// Measures servers in turns, and prints the figures of each and the ratios of pairs of them, given by name. A pair of
/// which one is not there is left out.
pub fn compare(run: &Run, servers: &[&Server], connections: usize, ratios: &[[&str; 2]]) {
    for server in servers {
        load(server.address, connections, WARM_UP);
    }
    let mut loads: Vec<Load> = servers.iter().map(|_| Load::default()).collect();
    for round in 0..run.options.rounds {
        let mut turns: Vec<_> = servers.iter().zip(&mut loads).collect();
        // Forth and back, since each leaves the disk something to do for the next one.
        if round % 2 == 1 {
            turns.reverse();
        }
        for (server, sum) in turns {
            sum.add(server.measure(connections, run.time(ROUND_SECONDS)));
        }
    }
    print_heads(connections);
    let figures: Vec<_> = loads.iter().map(Load::figures).collect();
    for (server, figures) in servers.iter().zip(&figures) {
        println!("{}", row(&server.name, figures));
    }
    let of = |name| servers.iter().position(|server| server.name == name);
    for [name, other] in ratios {
        if let (Some(one), Some(two)) = (of(*name), of(*other)) {
            let pairs = figures[one].iter().zip(figures[two]);
            let ratios: String = pairs
                .map(|(one, two)| format!("{:>11.2}   ", one / two))
                .collect();
            println!("    {:24}{}", format!("{name}/{other}"), ratios.trim_end());
        }
    }
}

pub fn print_heads(connections: usize) {
    let heads: String = HEADS.iter().map(|head| format!("{head:>11}   ")).collect();
    println!(
        "  {:26}{}",
        format!("{connections} connections"),
        heads.trim_end()
    );
}

/// A line of a table.
pub fn row(name: &str, figures: &[f64; 5]) -> String {
    let columns = figures.iter().zip(UNITS).map(|(figure, unit)| {
        let digits = if unit == "/s" { 0 } else { 2 };
        format!("{figure:>11.digits$}{unit:3}")
    });
    format!("    {name:24}{}", columns.collect::<String>().trim_end())
}

/// How soon receivers were ready, and what memory they took.
pub fn print_memory(servers: &[Server]) {
    for server in servers {
        println!("{}", memory(server));
    }
}

pub fn memory(server: &Server) -> String {
    format!(
        "  {}: ready after {:.2} s, idle memory {} MiB, peak memory {} MiB",
        server.name,
        server.ready_after.as_secs_f64(),
        server.idle,
        server.memory("VmHWM")
    )
}

impl Load {
    /// Requests a second; of the time to an answer the median, the 99th percentile and the longest, in milliseconds; the
    /// server's CPU time a request in microseconds.
    pub fn figures(&self) -> [f64; 5] {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let count = sorted.len() as f64;
        let at = |share: f64| f64::from(sorted[(count * share) as usize]) / 1_000.0;
        [
            count / self.time.as_secs_f64(),
            at(0.5),
            at(0.99),
            self.longest().as_secs_f64() * 1_000.0,
            self.cpu.as_secs_f64() * 1_000_000.0 / count,
        ]
    }

    pub fn longest(&self) -> Duration {
        let longest = self.latencies.iter().max().copied().unwrap_or(0);
        Duration::from_micros(longest.into())
    }
}
