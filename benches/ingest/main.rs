//! The receiver against a server that does nothing, over real sockets, side by side in one run, and against an older
//! build of itself.
//!
//! `scripts/with-postgres cargo bench --bench ingest` prints for 64 and 256 connections, on an empty inbox and on a
//! million receipts, of each server: its rate, how long its answers took, and its CPU time a request; then the ratios.
//! `no-op` is an axum handler that only reads the body. `new` is the program as it is: validation, deduplication,
//! fsync, answer, and log lines written to a file; `old` is another build of it, if there is one (`--against`), with the
//! same environment. Every event is a new one. All are processes of their own, and each is measured in turn and more
//! than once, so that what else the machine does meets all of them. The CPU time is that of the server's process
//! alone, in the measured rounds alone. Of memory it prints what a receiver that has just become ready has (idle), and
//! the most it had (peak).
//!
//! Options follow after a `--`: see [`Options`], or `cargo bench --bench ingest -- --help`.

mod backup;
mod delivery;
mod fill;
mod long_reader;
mod page;
mod postgres;
mod repeat_large;
mod report;
mod row_by_row;
#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod shared;
mod sqlite;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use shared::run::{self, Builds};
use shared::server::Program;
use shared::{database, files, load, server};

/// Measures the receiver beside a server that does nothing, on an empty inbox and on a million receipts; then the one with
/// PostgreSQL, if CAIGUNN_TEST_POSTGRES names a server (scripts/with-postgres starts one). Of --minute, --repeat-large,
/// --long-reader, --backup, --delivery, --page and --postgres several may stand together; what no such option asks for is
/// left out then.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    builds: Builds,
    /// A minute at 256 connections on a million receipts, of each build in turn: the longest answer, and how many took
    /// over 100 ms.
    #[arg(long)]
    minute: bool,
    /// What a body of 8 MiB and its repeat in another spelling cost, and those who post meanwhile.
    #[arg(long)]
    repeat_large: bool,
    /// What those who post notice of a log of so many MiB that a reader held up being worked off.
    #[arg(long, value_name = "MIB", num_args = 0..=1, default_missing_value = "2048")]
    long_reader: Option<u64>,
    /// What `inbox backup` of so many MiB takes beside cp, and those who post meanwhile.
    #[arg(long, value_name = "MIB", num_args = 0..=1, default_missing_value = "1024")]
    backup: Option<u64>,
    /// What destinations cost whoever posts: none beside one that hangs.
    #[arg(long)]
    delivery: bool,
    /// How long pages take on so many receipts, and what a hundred viewers cost whoever posts.
    #[arg(long, value_name = "RECEIPTS", num_args = 0..=1, default_missing_value = "1000000")]
    page: Option<usize>,
    /// The store in PostgreSQL, beside a transaction for each notification and a rival with one INSERT a request.
    #[arg(long)]
    postgres: bool,
    /// With PostgreSQL, what ten million receipts cost each build too, which takes minutes and 7 GB for each.
    #[arg(long)]
    large: bool,
    /// Log lines go to /dev/null, not to a file: to measure a step alone.
    #[arg(long)]
    no_log: bool,
    /// So many connections alone.
    #[arg(long, value_name = "64|256", value_parser = connections)]
    only: Option<usize>,
    /// So many rounds of each server.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a round lasts, 3 unless it is given, and the minute, 60.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
}

/// What is measured, and how.
struct Run {
    options: Options,
    /// For inboxes and logs; gone after the run.
    folder: PathBuf,
    /// The older build, if there is one, and this one.
    programs: Vec<Program>,
}

const CONNECTIONS: [usize; 2] = [64, 256];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [role] if role == "noop" => return server::noop(),
        [role, url] if role == "rival" => return postgres::rival(url),
        [role, url] if role == "row-by-row" => return row_by_row::serve(url),
        _ => {}
    }
    let folder = run::folder();
    Run::new(run::options(), folder.path().to_owned()).measure();
}

impl Run {
    fn new(options: Options, folder: PathBuf) -> Self {
        Self {
            programs: options.builds.programs((!options.no_log).then_some(&folder)),
            options,
            folder,
        }
    }

    fn measure(&self) {
        let options = &self.options;
        let is_part = options.minute
            || options.repeat_large
            || options.long_reader.is_some()
            || options.backup.is_some()
            || options.delivery
            || options.page.is_some()
            || options.postgres;
        if !is_part {
            sqlite::run(self);
        }
        if options.minute {
            sqlite::minute(self);
        }
        if options.repeat_large {
            repeat_large::run(self);
        }
        if let Some(mib) = options.long_reader {
            long_reader::run(self, mib);
        }
        if let Some(mib) = options.backup {
            backup::run(self, mib);
        }
        if options.delivery {
            delivery::run(self);
        }
        if let Some(receipts) = options.page {
            page::run(self, receipts);
        }
        if options.postgres || !is_part {
            postgres::run(self);
        }
    }

    fn connections(&self) -> impl Iterator<Item = usize> {
        let only = self.options.only;
        CONNECTIONS
            .into_iter()
            .filter(move |count| only.is_none_or(|only| only == *count))
    }

    /// How long a load lasts that lasts `seconds` unless another time is asked for.
    fn time(&self, seconds: u64) -> Duration {
        Duration::from_secs(self.options.seconds.unwrap_or(seconds))
    }
}

fn connections(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| CONNECTIONS.contains(count));
    count.ok_or_else(|| "expected 64 or 256".to_owned())
}
