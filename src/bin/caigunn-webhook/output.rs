//! What commands print: tables for people, JSON for programs. Nothing else in the commands writes anywhere.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use caigunn_webhook::accents::{escaped, plain, thinned};
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::telemetry::Priorities;
pub use caigunn_webhook::words::counted;
use caigunn_webhook::words::with_short_ids;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Zoned;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::Level;

use crate::table;

/// The most items that are listed.
const MAX_LIMIT: u64 = 1_000_000;

/// How many columns a terminal is taken to have that does not say.
const UNKNOWN_WIDTH: usize = 80;

/// What is to be said where the receiver that leads has not followed an instruction yet.
pub const NOT_YET: &str = "it is not done yet: the receiver that leads does it as soon as it can";

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    // For people. A comment for the help would take it a line for each form.
    #[default]
    Table,
    // The same with all columns and whole ids, however wide that is.
    #[value(skip)]
    Wide,
    // For programs.
    Json,
}

impl Format {
    /// Prints a result.
    pub fn print(self, result: &Value, for_people: impl FnOnce() -> String) -> anyhow::Result<()> {
        write(&match self {
            Self::Json => json(&format!("{result:#}\n")),
            Self::Table | Self::Wide => for_people(),
        })
    }

    /// Prints a list, in JSON under that name; on a terminal it is said where it has nothing in it.
    pub fn print_list(self, name: &str, items: &[Value], columns: &str) -> anyhow::Result<()> {
        self.print(&json!({ name: items }), || self::columns(columns, items, self))?;
        if items.is_empty() && self == Self::Table && is_for_people() {
            say("Nothing matches.");
        }
        Ok(())
    }
}

/// A mistake on the command line or in the settings that shows only once the command knows both.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// Whoever read what is printed has gone, and nothing else was to be done.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads what is printed any more")]
pub struct ReaderGone;

#[derive(Args)]
pub struct FormatArgs {
    /// How the result is printed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// What others call `--format json`
    #[arg(long, global = true, hide = true)]
    json: bool,
    /// Show all columns, whole ids and times in UTC, also where the terminal is narrow
    #[arg(long, global = true)]
    wide: bool,
}

impl FormatArgs {
    /// What was chosen.
    pub fn chosen(&self) -> Format {
        match self.format {
            _ if self.json => Format::Json,
            Format::Table if self.wide => Format::Wide,
            format => format,
        }
    }
}

/// Commands each of which prints a result.
#[derive(Args)]
pub struct Printing<C: Subcommand> {
    #[command(subcommand)]
    pub command: C,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Members of objects as a table: see [`table::of_objects`].
pub fn columns(columns: &str, objects: &[Value], format: Format) -> String {
    let width = (format == Format::Table).then(terminal_width).flatten();
    table::of_objects(columns, objects, width)
}

/// A time as a table in that format has it: on a terminal short and local.
pub fn time_in(format: Format, value: &Value) -> String {
    match format == Format::Table && is_for_people() {
        true => table::short_time(value, &Zoned::now()),
        false => time(value),
    }
}

/// A line of what is followed: when, and what, on a terminal in short as in a table.
pub fn line(format: Format, at: &Value, what: &str) -> String {
    let at = time_in(format, at);
    let line = match format == Format::Table && is_for_people() {
        true => format!("{at}  {}", with_short_ids(what)),
        false => format!("{at}  {what}"),
    };
    printable(&line) + "\n"
}

/// Whether what is printed goes to a terminal.
pub fn is_for_people() -> bool {
    io::stdout().is_terminal()
}

/// How many columns the terminal has that is printed to, by `COLUMNS` if that is set; `None` where it is none.
fn terminal_width() -> Option<usize> {
    if !is_for_people() {
        return None;
    }
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let asked = || {
        rustix::termios::tcgetwinsize(io::stdout())
            .map(|size| usize::from(size.ws_col))
            .ok()
    };
    let is_one = |columns: &usize| *columns > 0;
    said.filter(is_one)
        .or_else(|| asked().filter(is_one))
        .or(Some(UNKNOWN_WIDTH))
}

/// A text of somebody else's as it may be shown on a terminal: without control characters, which could rewrite the
/// screen, and without those that break a line or turn its direction, which could make it say something else.
/// Of accents in a row a few are left.
pub fn printable(text: &str) -> String {
    plain(&thinned(text))
}

/// JSON that was written, as it may be shown on a terminal.
pub fn json(written: &str) -> String {
    escaped(written).into_owned()
}

/// A body of several lines as it may be shown on a terminal. JSON may be laid out with tabs, which are control characters too.
pub fn lines(body: &str) -> String {
    let lines = body.lines().map(|line| printable(&line.replace('\t', "    ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// A time of an answer as one.
pub fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// That something is wrong with one of several things is a failure.
///
/// # Errors
/// Of how many it is: each has a member `problem`, or `error`, which is null where nothing is.
pub fn refuse_failed(rows: &[Value], noun: &str, words: &str) -> anyhow::Result<()> {
    let failed = rows
        .iter()
        .filter(|row| !row["problem"].is_null() || !row["error"].is_null());
    match failed.count() {
        0 => Ok(()),
        failed_count => bail!("{failed_count} of {} {words}", counted(rows.len(), noun)),
    }
}

/// Writes to standard output. A reader who has gone misses it; what the command did, and its exit code, stay.
pub fn write(text: &str) -> anyhow::Result<()> {
    match stream(text) {
        Err(error) if error.is::<ReaderGone>() => Ok(()),
        written => written,
    }
}

/// As [`write`], of a command that goes on only to print more.
///
/// # Errors
/// [`ReaderGone`], or nothing can be written.
pub fn stream(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("writing to standard output"),
    }
}

/// Waits until whoever read what is printed has gone. A pipe tells that without being written to.
pub async fn until_unread() -> ReaderGone {
    const INTERVAL: Duration = Duration::from_millis(500);
    let stdout = io::stdout();
    loop {
        let mut looked = [PollFd::new(&stdout, PollFlags::empty())];
        let is_told = poll(&mut looked, Some(&Timespec::default())).is_ok();
        if is_told && looked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            return ReaderGone;
        }
        sleep(INTERVAL).await;
    }
}

/// Writes lines to standard error, for whoever is there to read them. What others wrote may be in them.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", lines(&text.to_string()));
}

/// How long [`say_in_passing`] waits: longer than whoever reads on takes.
const IN_PASSING: Duration = Duration::from_secs(1);

/// As [`say`], for a moment: a receiver that ends waits for nobody who reads no more, such as a journal whose disk is full, or
/// `less`.
pub fn say_in_passing(text: String) {
    let (done, ended) = sync_channel(1);
    let said = text.clone();
    // Not a look at whether there is room: others write there too, and may take it first.
    let saying = thread::Builder::new().spawn(move || {
        say(said);
        let _ = done.send(());
    });
    match saying {
        Ok(_) => drop(ended.recv_timeout(IN_PASSING)),
        // That threads are short may be just what is to be said.
        Err(_) => say(text),
    }
}

/// As [`say`], of why the program ends: each line as an error, where the journal reads them.
pub fn say_error(error: impl Display) {
    say(as_error(error));
}

/// A text, each line of it as an error where the journal reads them.
pub fn as_error(error: impl Display) -> String {
    let priorities = Priorities::of(io::stderr(), std::env::var("JOURNAL_STREAM").ok().as_deref());
    let beginning = priorities.beginning(Level::ERROR);
    let error = error.to_string();
    let lines: Vec<_> = error.lines().map(|line| format!("{beginning}{line}")).collect();
    lines.join("\n")
}

/// How far something is, on standard error; hidden where that is no terminal.
pub fn progress(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("each that is given is one");
    ProgressBar::no_length().with_style(style)
}

/// Whether colours are not wanted (<https://no-color.org>), or not understood.
pub fn takes_no_color() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_dumb || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// A member of an answer, as a table shows it.
pub fn text(value: &Value) -> String {
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Array(_) => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time of an answer, to the second.
pub fn time(value: &Value) -> String {
    match value.as_str().and_then(|time| time.split_once('.')) {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text(value),
    }
}

/// The same as tables show it: on a terminal short and local.
pub fn shown_time(value: &Value, format: Format) -> String {
    let is_fitted = format == Format::Table && is_for_people();
    if is_fitted {
        table::short_time(value, &Zoned::now())
    } else {
        time(value)
    }
}

/// Members of an answer, named with a space between, one a line.
pub fn members(answer: &Value, names: &str) -> String {
    let width = names.split(' ').map(str::len).max().unwrap_or(0);
    let lines = names
        .split(' ')
        .map(|name| format!("{name:width$}  {}\n", printable(&text(&answer[name]))));
    lines.collect()
}

/// A name as a part of a path.
pub fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Reads how many items to list at most.
pub fn limit(text: &str) -> Result<usize, String> {
    number::<usize, 1, MAX_LIMIT>(text)
}

/// Reads a number from `LEAST` to `MOST`.
pub fn number<T: TryFrom<u64>, const LEAST: u64, const MOST: u64>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    let number = number.and_then(|number| number.try_into().ok());
    number.ok_or_else(|| format!("expected {LEAST} to {MOST}"))
}
