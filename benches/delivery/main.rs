//! How fast accepted notifications go out: the receiver beside a plain client that sends the same requests from memory, and
//! beside an older build of itself.
//!
//! `scripts/with-postgres cargo bench --bench delivery` fills an inbox with 100,000 receipts over 50,000 jobs, an `initial`
//! and a `completed` of each, and has it drained to a server that only reads: a thread of this process that answers 200
//! with nothing in it. `plain` is a client by hyper that sends what the receiver sent, from memory, over as many connections
//! as there may be attempts at once. `new` is the program as it is, `old` another build of it, if there is one
//! (`--against`). All are processes of their own, measured in turn and more than once, with 16 attempts at once, the
//! default, and with 64. The CPU time is that of the process alone, from the first answer until all is recorded.
//!
//! Then: the rate at which notifications are taken while a backlog is drained, beside that of a receiver without a
//! destination; how soon a destination that is back gets something; and how soon it has an event that nothing goes before.
//!
//! Options follow after a `--`: see [`Options`], or `cargo bench --bench delivery -- --help`.

mod backlog;
mod drain;
mod idle;
mod meanwhile;
mod plain;
mod returning;
#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod shared;
mod sink;

use std::path::PathBuf;

use clap::Parser;

use backlog::Store;
use shared::run::{self, Builds};
use shared::server::Program;
use shared::{database, files, load, server};

/// Measures how fast a backlog is drained, what that costs whoever posts meanwhile, and how soon a destination gets something;
/// on SQLite and, if CAIGUNN_TEST_POSTGRES names a server (scripts/with-postgres starts one), on PostgreSQL. Of --drain,
/// --meanwhile, --return, --idle and --pending several may stand together; what no such option asks for is left out then.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    builds: Builds,
    /// A backlog of 100,000, beside the plain client.
    #[arg(long)]
    drain: bool,
    /// The rate of those who post while a backlog is drained.
    #[arg(long)]
    meanwhile: bool,
    /// From a destination's return until it gets something.
    #[arg(long = "return")]
    returning: bool,
    /// From the answer to a single event until the destination has it.
    #[arg(long)]
    idle: bool,
    /// Of this build alone, the return and the rate with so many receipts pending, beside 10,000. Ten million take some
    /// minutes and 6 GB a store.
    #[arg(long, value_name = "RECEIPTS", num_args = 0..=1, default_missing_value = "10000000")]
    pending: Option<u64>,
    /// How many receipts the backlog has.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    count: u64,
    /// Only this store.
    #[arg(long, value_name = "sqlite|postgres", value_parser = ["sqlite", "postgres"])]
    store: Option<String>,
    /// Only so many attempts at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    in_flight: Option<u64>,
    /// So many rounds of each.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// What is measured, and how.
struct Run {
    options: Options,
    /// For inboxes; gone after the run.
    folder: PathBuf,
    /// The older build, if there is one, and this one.
    programs: Vec<Program>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [role, arguments @ ..] = &words[..]
        && role == plain::ROLE
    {
        return plain::run(arguments);
    }
    let folder = run::folder();
    Run::new(run::options(), folder.path().to_owned()).measure();
}

impl Run {
    fn new(options: Options, folder: PathBuf) -> Self {
        Self {
            programs: options.builds.programs(Some(&folder)),
            options,
            folder,
        }
    }

    fn measure(&self) {
        let options = &self.options;
        let is_part = options.drain
            || options.meanwhile
            || options.returning
            || options.idle
            || options.pending.is_some();
        for store in self.stores() {
            println!("\n{}", store.title());
            if options.drain || !is_part {
                drain::run(self, &store);
            }
            if options.meanwhile || !is_part {
                meanwhile::run(self, &store);
            }
            if options.returning || !is_part {
                returning::run(self, &store);
            }
            if options.idle || !is_part {
                idle::run(self, &store);
            }
            if let Some(count) = options.pending {
                returning::many(self, &store, count);
            }
        }
    }

    fn stores(&self) -> Vec<Store> {
        let server = std::env::var("CAIGUNN_TEST_POSTGRES").ok();
        if server.is_none() {
            println!(
                "\nPostgreSQL is left out: `scripts/with-postgres cargo bench --bench delivery` has one"
            );
        }
        let sqlite = Store::Sqlite {
            folder: self.folder.clone(),
        };
        let stores = std::iter::once(sqlite).chain(server.map(|server| Store::Postgres { server }));
        let only = self.options.store.as_deref();
        stores
            .filter(|store| {
                only.is_none_or(|only| store.title().eq_ignore_ascii_case(only) || only == store.key())
            })
            .collect()
    }
}
