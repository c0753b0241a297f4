//! What commands print: tables for people, JSON for programs.

use std::io::Write;

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
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

/// A mistake on the command line that shows only when the settings are known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

#[derive(Args)]
pub struct FormatArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// Rows under headers, the columns as wide as they need be.
pub fn table<const N: usize>(headers: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headers);
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join("\n") + "\n"
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
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// JSON as it is printed.
pub fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Writes to standard output, for a reader who may have gone.
pub fn write(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("writing to standard output")
}

/// A scalar member of an answer, as a table shows it.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
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

/// The beginning of somebody's text, on one line.
pub fn beginning(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    if line.is_empty() { "-".to_owned() } else { line }
}

/// Members of an answer, one a line.
pub fn members(answer: &Value, names: &[&str]) -> String {
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let lines = names
        .iter()
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
