//! `notices`

use anyhow::{Context, bail};
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::Settings;
use caigunn_webhook::delivery::Report;
use caigunn_webhook::inbox::outbox::Outcome;
use caigunn_webhook::notice::{self, Message, Poster};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::output::{self, Printing, WrongUsage, counted};

const COLUMNS: &str = "NOTICE notice | FORMAT format | WHERE TO to | OUTCOME outcome | WHAT WAS SAID said";

/// How many characters of an answer are shown; the JSON has 4 KiB of it.
const MAX_ANSWER_CHARS: usize = 200;

#[derive(Subcommand)]
pub enum NoticesCommand {
    /// Send a test message by each notice, or by one, and say what was answered
    Test {
        /// Its name in the configuration
        name: Option<String>,
    },
}

pub async fn run(args: &Printing<NoticesCommand>, settings: &Settings) -> anyhow::Result<()> {
    let NoticesCommand::Test { name } = &args.command;
    let notices = chosen(&settings.notices, name.as_deref())?;
    let mut tests = Vec::new();
    for notice in &notices {
        let poster = Poster::new(notice, None, None).context("preparing calls over the network")?;
        let report = poster.post(&Message::test(Timestamp::now())).await;
        tests.push(test(notice, &report));
    }
    let failed_count = tests
        .iter()
        .filter(|test| test["outcome"] != Outcome::Delivered.as_str())
        .count();
    let (result, format) = (json!({ "tests": tests }), args.format.chosen());
    format.print(&result, || output::columns(COLUMNS, &tests, format))?;
    if failed_count > 0 {
        bail!(
            "{} of {} did not arrive",
            failed_count,
            counted(tests.len(), "message")
        );
    }
    Ok(())
}

/// The notices to test.
fn chosen<'a>(all: &'a [notice::Settings], name: Option<&str>) -> anyhow::Result<Vec<&'a notice::Settings>> {
    let names: Vec<_> = all.iter().map(notice::Settings::name).collect();
    if names.is_empty() {
        bail!(WrongUsage(
            "no notices are configured; docs/notices.md says how to".to_owned()
        ));
    }
    let chosen: Vec<_> = all
        .iter()
        .filter(|notice| name.is_none_or(|name| notice.name() == name))
        .collect();
    match name {
        Some(name) if chosen.is_empty() => {
            bail!(WrongUsage(format!(
                "no notice {name:?} is configured; there are: {}",
                names.join(", ")
            )))
        }
        _ => Ok(chosen),
    }
}

/// What came of one message.
fn test(notice: &notice::Settings, report: &Report) -> Value {
    let answer = String::from_utf8_lossy(&report.answer).into_owned();
    let shown: String = answer.trim().chars().take(MAX_ANSWER_CHARS).collect();
    let said = match &*shown {
        "" => report.detail.clone(),
        shown => format!("{}: {shown}", report.detail),
    };
    json!({
        "notice": notice.name(),
        "format": notice.form.as_str(),
        "to": notice.destination.kind.place(),
        "outcome": report.outcome.as_str(),
        "status": report.status,
        "detail": report.detail,
        "answer": answer,
        "said": said,
    })
}
