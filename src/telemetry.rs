//! Logs to standard output, from a thread of their own.
//!
//! Lines wait in a bounded queue, so a slow reader of the output never holds up a request; what does not fit is
//! dropped and counted. Nothing of other crates' `log` records is taken in: a TLS or HTTP library may print
//! headers at trace level.

use std::io::{self, BufWriter, IsTerminal};
use std::str::FromStr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt as format};

/// How many lines may wait: at some 0.5 KiB each, 4 MiB.
const QUEUED_LINES: usize = 8192;

/// How much is written to the output at once, in bytes.
const WRITE_BYTES: usize = 64 << 10;

/// How long the end waits for the lines that still wait: a little more than the guard's own second.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(1500);

/// The pool of connections to PostgreSQL, which warns of every one that ends. Whoever needed it says so, in our words;
/// so it is heard only where a filter names it.
const POOL: &str = "deadpool";

/// What to log and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which targets at which level, such as `info` or `info,caigunn_webhook=debug`.
    pub filter: Filter,
    /// The form of a line.
    pub format: Format,
}

/// Which targets at which level.
#[derive(Clone, Debug)]
pub struct Filter(Targets);

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// [`Format::Pretty`] on a terminal, else [`Format::Json`].
    Auto,
    /// One JSON object a line.
    Json,
    /// For people; in colour on a terminal.
    Pretty,
}

impl FromStr for Filter {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let asked: Targets = text.parse()?;
        let quiet = Targets::new().with_target(POOL, LevelFilter::OFF);
        let all = match asked.default_level() {
            Some(level) => quiet.with_default(level),
            None => quiet,
        };
        Ok(Self(all.with_targets(asked.iter())))
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            other => Err(format!("expected auto, json or pretty, found {other:?}")),
        }
    }
}

/// Keeps the log going; dropping it writes what waits, for at most `FLUSH_TIMEOUT`.
pub struct Telemetry {
    dropped: ErrorCounter,
    worker: Option<WorkerGuard>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let worker = self.worker.take();
        let (ended, end) = mpsc::channel::<()>();
        // On a thread of its own, since the guard prints to standard output where the queue is full: with nobody
        // reading it, that would never end.
        let flushing = thread::Builder::new().spawn(move || {
            drop(worker);
            drop(ended);
        });
        if flushing.is_ok() {
            let _ = end.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

impl Telemetry {
    /// How many lines have been dropped because the output was too slow.
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }

    /// [`Telemetry::dropped_lines`] for others to ask.
    pub fn dropped_lines_reader(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let dropped = self.dropped.clone();
        move || dropped.dropped_lines()
    }
}

/// Starts logging for the whole process, panics included. To be called once.
pub fn start(settings: Settings) -> Telemetry {
    let is_terminal = io::stdout().is_terminal();
    let output = BufWriter::with_capacity(WRITE_BYTES, io::stdout());
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUED_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(output);
    let dropped = writer.error_counter();
    let is_json = match settings.format {
        Format::Auto => !is_terminal,
        Format::Json => true,
        Format::Pretty => false,
    };
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if is_json {
        let json = format::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        json.with_target(false).with_writer(writer).boxed()
    } else {
        format::layer()
            .with_ansi(is_terminal)
            .with_target(false)
            .with_writer(writer)
            .boxed()
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(settings.filter.0))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(error.type = "panic", "a bug in the receiver: {panic}");
    }));
    Telemetry {
        dropped,
        worker: Some(worker),
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_pool_of_connections_is_heard_only_where_it_is_named() {
        for (filter, is_heard) in [
            ("info", false),
            ("trace", false),
            ("info,deadpool=warn", true),
            ("deadpool=warn", true),
        ] {
            let Filter(targets) = filter.parse().unwrap();

            assert_eq!(
                targets.would_enable("deadpool.postgres", &Level::WARN),
                is_heard,
                "{filter}"
            );
        }
    }

    #[test]
    fn a_level_alone_is_that_of_all_others() {
        let Filter(targets) = "warn".parse().unwrap();

        assert!(targets.would_enable("caigunn_webhook::app", &Level::WARN));
        assert!(!targets.would_enable("caigunn_webhook::app", &Level::INFO));
    }
}
