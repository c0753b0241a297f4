//! Lines for people: one an event, with what its message does not say behind it.
//!
//! ```text
//! 03:48:06 crawling.completed accepted as receipt …5d6e7f80, job 3fa85f64…, bot 0f4e2f0a…, 1.4 ms
//! 03:48:07 WARN POST /webhook answered 401: no token was sent, 0.1 ms
//! ```
//!
//! Times are local, and ids cut to what tells them apart. Whoever needs all of it takes the lines of JSON.

use std::fmt::{self, Debug, Write};

use jiff::Zoned;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::accents::{is_hidden, thinned};
use crate::words::with_short_ids;

/// What only programs make something of.
const FOR_PROGRAMS: [&str; 6] = [
    "error.type",
    "http.response.status_code",
    "incoming_request_id",
    "outcome",
    "request_id",
    "wire",
];

/// Fields by other names.
const SHORT_NAMES: [(&str, &str); 2] = [("chatbot_id", "bot"), ("event_id", "job")];

/// Writes an event for people.
pub struct People;

impl<S, N> FormatEvent<S, N> for People
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let (dim, colour, end) = match (writer.has_ansi_escapes(), *event.metadata().level()) {
            (false, _) => ("", "", ""),
            (true, Level::ERROR) => ("\u{1b}[2m", "\u{1b}[31m", "\u{1b}[0m"),
            (true, Level::WARN) => ("\u{1b}[2m", "\u{1b}[33m", "\u{1b}[0m"),
            (true, _) => ("\u{1b}[2m", "", "\u{1b}[0m"),
        };
        write!(writer, "{dim}{}{end} ", Zoned::now().strftime("%H:%M:%S"))?;
        if *event.metadata().level() != Level::INFO {
            write!(writer, "{colour}{}{end} ", event.metadata().level())?;
        }
        writeln!(writer, "{}", said.line())
    }
}

/// What an event says, as text.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Said {
    fn line(&self) -> String {
        let mut line = with_short_ids(&self.message);
        let mut duration = None;
        for (name, value) in &self.fields {
            match *name {
                "duration_ms" => duration = Some(value),
                name if FOR_PROGRAMS.contains(&name) || self.is_said(value) => {}
                "sample" => line += ", a sample",
                name => {
                    let short = SHORT_NAMES.iter().find(|(long, _)| *long == name);
                    let name = short.map_or(name, |(_, short)| *short);
                    let _ = write!(line, ", {name} {}", with_short_ids(value));
                }
            }
        }
        if let Some(duration) = duration {
            let milliseconds = duration.parse().unwrap_or(0.0_f64);
            let _ = write!(line, ", {milliseconds:.1} ms");
        }
        thinned(&line).chars().map(shown).collect()
    }

    /// Whether the message has it already. A digit or two may be there by chance.
    fn is_said(&self, value: &str) -> bool {
        value.is_empty() || (value.len() > 2 && self.message.contains(value))
    }
}

/// A character as a terminal may have it: none that rewrites the screen, breaks the line or turns its direction.
fn shown(character: char) -> char {
    match character {
        control if control.is_control() => ' ',
        hidden if is_hidden(hidden) => '\u{fffd}',
        other => other,
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            name => self.fields.push((name, value)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, event};
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::testing::Text;
    use super::*;

    const RECEIPT: &str = "019ffa1e-2b3c-7d4e-8f50-a1b25d6e7f80";
    const JOB: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

    /// What is written of events, without the time of each.
    fn written(is_ansi: bool, work: impl FnOnce()) -> Vec<String> {
        let text = Text::default();
        let writer = text.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(People)
            .with_ansi(is_ansi)
            .with_writer(move || writer.clone());
        super::super::testing::listen();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        text.read().lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_event_is_one_line_with_what_its_message_does_not_say() {
        let found = written(false, || {
            event!(
                Level::INFO,
                outcome = "accepted",
                event = "crawling.completed",
                event_id = JOB,
                receipt_id = RECEIPT,
                sample = true,
                detail = "a\nb\u{1b}[31m",
                request_id = RECEIPT,
                duration_ms = 1.437,
                "crawling.completed accepted as receipt {RECEIPT}"
            );
            event!(Level::WARN, count = 3, chatbot_id = %JOB, "three of é were cut\nshort");
        });

        let said: Vec<_> = found.iter().map(|line| line.split_once(' ').unwrap()).collect();
        let expected = [
            "crawling.completed accepted as receipt …5d6e7f80, job 3fa85f64…, a sample, detail a b [31m, 1.4 ms",
            "WARN three of é were cut short, count 3, bot 3fa85f64…",
        ];
        assert_eq!(said.iter().map(|(_, said)| *said).collect::<Vec<_>>(), expected);
        for (time, _) in said {
            let parts: Vec<_> = time.split(':').map(str::parse::<u8>).collect();
            assert!(
                matches!(parts[..], [Ok(0..=23), Ok(0..=59), Ok(0..=60)]) && time.len() == 8,
                "{time}"
            );
        }
    }

    #[test]
    fn on_a_terminal_what_is_wrong_is_in_colour() {
        let found = written(true, || event!(Level::ERROR, "no"));

        assert!(found[0].ends_with(" \u{1b}[31mERROR\u{1b}[0m no"), "{found:?}");
    }
}
