//! What commands print: tables for people, JSON for programs. Nothing else in the commands writes anywhere.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Row, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

/// The most items that are listed.
const MAX_LIMIT: usize = 1_000_000;

/// What is to be said where the receiver that leads has not followed an instruction yet.
pub const NOT_YET: &str = "it is not done yet: the receiver that leads does it as soon as it can";

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

impl Format {
    /// Prints a result.
    pub fn print(self, result: &Value, for_people: impl FnOnce() -> String) -> anyhow::Result<()> {
        write(&match self {
            Self::Json => format!("{result:#}\n"),
            Self::Table => for_people(),
        })
    }
}

/// A mistake on the command line that shows only when the settings are known.
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
    pub format: Format,
}

/// Commands each of which prints a result.
#[derive(Args)]
pub struct Printing<C: Subcommand> {
    #[command(subcommand)]
    pub command: C,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Rows under headers, if there are any, the columns as wide as they need be.
pub fn table<'a, R: IntoIterator<Item = String>>(
    headers: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    let headers = Row::from(headers);
    if headers.cell_count() > 0 {
        table.set_header(headers);
    }
    for row in rows {
        table.add_row(row.into_iter().map(|cell| printable(&cell)));
    }
    let lines = table.lines();
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

/// Members of objects as a table: `ID id | BEGUN created_at | MATCHED progress/matched_count`. Times are those whose names
/// end so.
pub fn columns(columns: &str, objects: &[Value]) -> String {
    let columns: Vec<_> = columns
        .split(" | ")
        .filter_map(|column| column.rsplit_once(' '))
        .collect();
    let cell = |object: &Value, member: &str| {
        let value = object.pointer(&format!("/{member}")).unwrap_or(&Value::Null);
        match member.ends_with("_at") {
            true => time(value),
            false => text(value),
        }
    };
    let headers = columns.iter().map(|(header, _)| *header);
    let rows = objects
        .iter()
        .map(|object| columns.iter().map(move |(_, member)| cell(object, member)));
    table(headers, rows)
}

/// A text of somebody else's as it may be shown on a terminal: without control characters, which could rewrite the
/// screen, and without those that break a line or turn its direction, which could make it say something else.
pub fn printable(text: &str) -> String {
    let visible = |character: char| match character {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        control if control.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(visible).collect()
}

/// A number of things, with the noun in the form that fits it.
pub fn counted(count: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("1 {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
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

/// Writes a line to standard error, for whoever is there to read it.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
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

/// The first characters of somebody's text.
pub fn beginning(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
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
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(format!("expected 1 to {MAX_LIMIT}")),
    }
}
