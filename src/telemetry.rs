//! Logs to standard output, from a thread of their own.
//!
//! Lines wait in a bounded queue, so a slow reader of the output never holds up a request; what does not fit is
//! dropped and counted. Nothing of other crates' `log` records is taken in: a TLS or HTTP library may print
//! headers at trace level.

mod journal;
mod output;
mod people;
#[cfg(test)]
pub mod testing;

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt as format};

use crate::accents;
use output::Output;
use people::People;

pub use journal::Priorities;

/// How long the end waits for the lines that still wait.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(1500);

/// The most that is heard of libraries: below it they tell what is sent, and with which password.
const MOST_OF_LIBRARIES: LevelFilter = LevelFilter::DEBUG;

/// The pool of connections to PostgreSQL, which warns of every one that ends, and the client of NATS, which tells of every
/// one. Whoever needed it says so, in our words; so they are heard only where a filter names them.
const QUIET: [&str; 2] = ["async_nats", "deadpool"];

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// [`Format::Pretty`] on a terminal, else [`Format::Json`].
    Auto,
    /// One JSON object a line.
    Json,
    /// For people: a line an event, with the local time; in colour on a terminal.
    Pretty,
}

/// What a [`Filter`] may be, for people.
pub const ALLOWED_FILTER: &str = "a level (error, warn, info, debug, trace, off) or target=level, comma separated, as in \
                                  info,caigunn_webhook::delivery=debug";

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// How the targets of this program begin.
const OURS: &str = "caigunn_webhook";

/// The first parts of targets' names behind `caigunn_webhook::`, between blanks.
const TARGETS: &str = "\
    accents app backfill backoff caigunn clock config delivery descriptors doctor event fingerprint fuzzing http \
    http_time inbox instance metrics minutes notice notification outgoing published rotating serve shutdown \
    subscription systemd telemetry term trace words";

/// Takes what is a level or a target of ours: any other name would be taken for a target too, of which nothing is ever
/// logged, and all else would be silent.
impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let directives = text
            .split(',')
            .map(str::trim)
            .filter(|directive| !directive.is_empty());
        if directives.clone().next().is_none() {
            return Err("there is nothing between its commas".to_owned());
        }
        for directive in directives.clone() {
            let is_level = |text: &str| LEVELS.contains(&&*text.to_ascii_lowercase());
            let (target, level) = directive.split_once('=').unwrap_or((directive, "info"));
            if !is_level(level) {
                return Err(format!("{level:?} is no level"));
            }
            if !is_target(target) && (directive.contains('=') || !is_level(target)) {
                return Err(format!(
                    "{target:?} is neither a level nor a target of this program"
                ));
            }
        }
        let plain = directives.collect::<Vec<_>>().join(",");
        let asked: Targets = plain.parse().map_err(|_| String::new())?;
        let quiet = Targets::new().with_targets(QUIET.map(|target| (target, LevelFilter::OFF)));
        let all = match asked.default_level() {
            Some(level) => quiet
                .with_default(level.min(MOST_OF_LIBRARIES))
                .with_target(OURS, level),
            None => quiet,
        };
        Ok(Self(all.with_targets(asked.iter().map(
            |(target, level)| match target.starts_with(OURS) {
                true => (target, level),
                false => (target, level.min(MOST_OF_LIBRARIES)),
            },
        ))))
    }
}

fn is_target(name: &str) -> bool {
    let mut parts = name.split("::");
    match parts.next() {
        Some(first) if QUIET.contains(&first) => true,
        Some(OURS) => parts.next().is_none_or(is_module),
        _ => false,
    }
}

fn is_module(name: &str) -> bool {
    TARGETS.split(' ').any(|target| target == name)
}

/// Keeps the log going; dropping it writes what waits, for at most `FLUSH_TIMEOUT`.
pub struct Telemetry {
    output: Output,
    lines: Lines,
}

/// Where lines go that are made many at a time, of one target.
#[derive(Clone)]
pub struct Lines(Option<Direct>);

#[derive(Clone)]
struct Direct {
    output: Output,
    filter: Targets,
    priorities: Priorities,
}

impl Lines {
    /// Lines that are made one by one, as all others are.
    pub fn one_by_one() -> Self {
        Self(None)
    }

    /// Adds lines of JSON, each whole, which are so many.
    pub fn add(&self, lines: &[u8], count: usize) {
        if let Some(Direct { output, .. }) = &self.0
            && count > 0
        {
            output.add(&escaped(lines), count);
        }
    }

    /// What a line of that level begins with, before its JSON: nothing, unless the journal reads it.
    pub fn beginning(&self, level: Level) -> &'static str {
        let direct = self.0.as_ref();
        direct.map_or("", |direct| direct.priorities.beginning(level))
    }

    /// Whether lines are to be made as JSON and added here; else they are events, as all others are.
    pub fn are_direct(&self) -> bool {
        self.0.is_some()
    }

    /// Whether direct lines of that target and level are wanted.
    pub fn are_wanted(&self, target: &str, level: Level) -> bool {
        let direct = self.0.as_ref();
        direct.is_some_and(|direct| direct.filter.would_enable(target, &level))
    }
}

/// Lines of JSON, as the journal takes them for text, and a terminal may have them.
fn escaped(json: &[u8]) -> Cow<'_, [u8]> {
    match str::from_utf8(json).map(accents::escaped) {
        Ok(Cow::Owned(escaped)) => Cow::Owned(escaped.into_bytes()),
        // Whoever makes JSON writes UTF-8.
        Ok(Cow::Borrowed(_)) | Err(_) => Cow::Borrowed(json),
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.output.end(FLUSH_TIMEOUT);
    }
}

impl Telemetry {
    /// Where lines go that are made many at a time.
    pub fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// How many lines have been dropped, and why, in words; `None` if none have been.
    pub fn losses(&self) -> Option<String> {
        let why = match self.output.failure() {
            None => "was too slow".to_owned(),
            Some(error) => format!("did not take them: {error}"),
        };
        match self.output.dropped_count() {
            0 => None,
            count => Some(format!(
                "{count} log lines were dropped because standard output {why}"
            )),
        }
    }

    /// How many lines have been dropped, for others to ask.
    pub fn dropped_lines_reader(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let output = self.output.clone();
        move || output.dropped_count()
    }
}

/// Starts logging for the whole process, panics included; on a terminal in colour, unless that `takes_no_color`. If
/// `journal_stream`, the variable of systemd's, names standard output, each line begins with its priority for the journal. To be
/// called once.
///
/// # Errors
/// The system starts no thread for it.
pub fn start(
    settings: Settings,
    takes_no_color: bool,
    journal_stream: Option<&str>,
) -> io::Result<Telemetry> {
    let is_terminal = io::stdout().is_terminal();
    let priorities = Priorities::of(io::stdout(), journal_stream);
    let output = Output::start(io::stdout())?;
    let is_json = match settings.format {
        Format::Auto => !is_terminal,
        Format::Json => true,
        Format::Pretty => false,
    };
    let writer = priorities.before(output.clone(), is_json);
    let Filter(filter) = settings.filter;
    let (layer, lines): (Box<dyn Layer<Registry> + Send + Sync>, _) = if is_json {
        let json = format::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        let direct = Direct {
            output: output.clone(),
            filter: filter.clone(),
            priorities,
        };
        (
            json.with_target(false).with_writer(writer).boxed(),
            Lines(Some(direct)),
        )
    } else {
        let pretty = format::layer()
            .event_format(People)
            .with_ansi(is_terminal && !takes_no_color);
        (pretty.with_writer(writer).boxed(), Lines(None))
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(error.type = "panic", "a bug in the receiver: {panic}");
    }));
    Ok(Telemetry { output, lines })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_that_tell_of_each_connection_are_heard_only_where_they_are_named() {
        for (filter, hears_pool, hears_nats) in [
            ("info", false, false),
            ("trace", false, false),
            ("info,deadpool=warn", true, false),
            ("deadpool=warn", true, false),
            ("info,async_nats=warn", false, true),
        ] {
            let Filter(targets) = filter.parse().unwrap();
            let hears = |target| targets.would_enable(target, &Level::WARN);

            assert_eq!(hears("deadpool.postgres"), hears_pool, "{filter}");
            assert_eq!(hears("async_nats::connector"), hears_nats, "{filter}");
        }
    }

    #[test]
    fn of_libraries_nothing_is_heard_that_tells_what_is_sent() {
        for filter in [
            "trace",
            "info,async_nats=trace",
            "async_nats=trace,deadpool=trace",
        ] {
            let Filter(targets) = filter.parse().unwrap();
            for library in ["async_nats::connection", "deadpool", "hyper_util::client"] {
                assert!(
                    !targets.would_enable(library, &Level::TRACE),
                    "{filter}: {library}"
                );
            }
        }
        let Filter(targets) = "trace".parse().unwrap();
        assert!(targets.would_enable("caigunn_webhook::notification", &Level::TRACE));
        assert!(targets.would_enable("hyper_util::client", &Level::DEBUG));
        let Filter(targets) = "info,async_nats=trace,caigunn_webhook::http=trace"
            .parse()
            .unwrap();
        assert!(targets.would_enable("async_nats", &Level::DEBUG));
        assert!(targets.would_enable("caigunn_webhook::http", &Level::TRACE));
        assert!(!targets.would_enable("caigunn_webhook::inbox", &Level::DEBUG));
    }

    #[test]
    fn every_module_has_a_target_of_its_own() {
        let modules = include_str!("lib.rs").lines();
        let modules = modules.filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        for module in modules {
            assert!(is_module(module), "{module}");
        }
    }

    #[test]
    fn a_level_alone_is_that_of_all_others() {
        let Filter(targets) = "warn".parse().unwrap();

        assert!(targets.would_enable("caigunn_webhook::app", &Level::WARN));
        assert!(!targets.would_enable("caigunn_webhook::app", &Level::INFO));
    }
}
