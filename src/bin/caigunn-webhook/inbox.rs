//! `inbox copy`, `inbox check`; `inbox backup` and `inbox restore` below

mod backup;
mod restore;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use caigunn_webhook::config::{InboxLocation, Settings};
use caigunn_webhook::doctor::{Condition, soundness};
use caigunn_webhook::inbox::copy::{CopyError, Progress, copy};
use caigunn_webhook::inbox::postgres::{PostgresInbox, look};
use caigunn_webhook::inbox::sqlite::{SqliteReader, Wanted, lost_in_use, mounted_alone, named, obstacle};
use caigunn_webhook::inbox::{self, Inbox};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::output::{self, Format, Printing, WrongUsage, counted};

/// How long one call to the second inbox may take: a transaction of some hundred receipts, each of which may be as
/// large as a body, on a server that has others to serve.
const COPY_TIMEOUT: Duration = Duration::from_secs(300);

/// What the inbox in a file is called.
const FILE_URL: &str = "sqlite:PATH";

/// What an inbox in a database is called.
const DATABASE_URL: &str = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";

#[derive(Subcommand)]
pub enum InboxCommand {
    /// Copy an inbox from a file to PostgreSQL, and compare both
    ///
    /// A receiver may go on storing into the file. What was copied stays when this is cut off, and another run copies
    /// the rest. An inbox that is configured need not be named: so a password need not be on the command line.
    Copy(CopyArgs),
    /// Read all of an inbox, and say whether it is sound
    ///
    /// It changes nothing, and a receiver may run meanwhile. Takes about a second for each GiB of a file and one
    /// for each million receipts in it, and minutes where a database holds millions of receipts.
    Check {
        /// Where it is, as CAIGUNN_INBOX_URL says it [default: the configured one]
        url: Option<String>,
    },
    /// Copy the inbox to a file, also while a receiver stores into it
    ///
    /// The copy holds all that was accepted before it began, is on the disk before it has its name, and is then read to
    /// see that it is sound. For an inbox in a file; PostgreSQL has backups of its own.
    Backup {
        /// The file to make; nothing is overwritten
        file: PathBuf,
    },
    /// Put a copy in the inbox's place; the old one is kept under another name
    ///
    /// Stop the receiver first. What was delivered since the copy was made is delivered again, and numbers of receipts
    /// are used again.
    Restore {
        /// A file that `inbox backup` made, or any other sound copy, with its -wal beside it if it has one
        copy: PathBuf,
    },
}

#[derive(Args)]
pub struct CopyArgs {
    /// The first inbox, sqlite:PATH [default: the configured one, if it is a file]
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The second one, postgres://… [default: the configured one, if it is a database]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

pub async fn run(args: &Printing<InboxCommand>, settings: &Settings) -> anyhow::Result<()> {
    let format = args.format.chosen();
    match &args.command {
        InboxCommand::Copy(args) => copy_inbox(args, settings, format).await,
        InboxCommand::Check { url } => check(url.as_deref(), settings, format).await,
        InboxCommand::Backup { file } => backup::run(file, settings, format).await,
        InboxCommand::Restore { copy } => restore::run(copy, settings, format).await,
    }
}

async fn copy_inbox(args: &CopyArgs, settings: &Settings, format: Format) -> anyhow::Result<()> {
    let configured = &settings.inbox_location;
    let from = located("--from", args.from.as_deref(), configured, FILE_URL, false)?;
    let to = located("--to", args.to.as_deref(), configured, DATABASE_URL, true)?;
    let (InboxLocation::Sqlite(from), InboxLocation::Postgres(to)) = (from, to) else {
        unreachable!("each is of the kind that its flag names")
    };
    must_exist(&from)?;
    let reader = SqliteReader::open(&from).map_err(CopyError::From)?;
    let patient = inbox::Settings {
        timeout: COPY_TIMEOUT,
        ..settings.inbox.clone()
    };
    let seen = look(&to, &patient).await.map_err(CopyError::To)?;
    seen.tables.refuse_older().map_err(CopyError::To)?;
    let database = PostgresInbox::open(&to, patient).await.map_err(CopyError::To)?;
    let bar = output::progress("{msg:9} {bar:40} {pos}/{len} receipts, {eta} left");
    let copied = copy(&reader, &database, |progress| {
        let (phase, count, total) = match progress {
            Progress::Copied { count, total } => ("copying", count, total),
            Progress::Compared { count, total } => ("comparing", count, total),
        };
        bar.set_message(phase);
        bar.set_length(total);
        bar.set_position(count);
    })
    .await;
    bar.finish_and_clear();
    let outcome = copied?;
    database.close().await.context("closing the second inbox")?;
    let mut result = json!(outcome);
    result["from"] = InboxLocation::Sqlite(from).to_string().into();
    result["to"] = to.to_string().into();
    let receipt_count = usize::try_from(outcome.receipt_count)?;
    format.print(&result, || {
        let columns = "COPIED NOW copied_count | IN BOTH receipt_count | SHA-256 OF BOTH sha256";
        format!(
            "{}\n{} of the first inbox are in the second, the same to the byte; of deliveries to {} both have {}; {} in \
             quarantine copied now\n",
            output::columns(columns, std::slice::from_ref(&result), format),
            counted(receipt_count, "receipt"),
            counted(outcome.destination_count, "destination"),
            outcome.delivery_count,
            counted(outcome.quarantined_count, "request")
        )
    })
}

async fn check(url: Option<&str>, settings: &Settings, format: Format) -> anyhow::Result<()> {
    let allowed = format!("{FILE_URL} or {DATABASE_URL}");
    let location = match url {
        Some(url) => parsed("URL", url, &allowed)?,
        None => settings.inbox_location.clone(),
    };
    let found = soundness(&location, &settings.inbox_location, &settings.inbox).await;
    let mut result = json!(found);
    result["inbox"] = location.to_string().into();
    format.print(&result, || match found.condition {
        Condition::Sound => output::columns(
            "INBOX inbox | KIND kind | VERSION OF TABLES tables_version | RECEIPTS receipt_count | CONDITION condition",
            std::slice::from_ref(&result), format),
        _ => String::new(),
    })?;
    if let InboxLocation::Sqlite(path) = &location
        && let Some(flaw) = mounted_alone(path)
    {
        output::say(format_args!("warning: {}", output::printable(&flaw.to_string())));
    }
    // One that is not there is no sound one: whoever asks, before an update or of a backup, thinks that there is one.
    match found.advice {
        Some(advice) => bail!(
            "{}\n{}",
            output::printable(&found.found),
            output::printable(&advice)
        ),
        None => Ok(()),
    }
}

/// The inbox that a flag names, or the configured one, if it is of the kind that it must be.
fn located(
    flag: &str,
    given: Option<&str>,
    configured: &InboxLocation,
    allowed: &str,
    is_shared: bool,
) -> anyhow::Result<InboxLocation> {
    let found = given.map_or_else(|| Ok(configured.clone()), |text| parsed(flag, text, allowed))?;
    if found.is_shared() == is_shared {
        return Ok(found);
    }
    let text = match given {
        Some(_) => format!("{flag}: expected {allowed}, found {found}"),
        None => format!("{flag} is missing: expected {allowed}, since the configured inbox is {found}"),
    };
    Err(WrongUsage(text).into())
}

/// Reads a location. The text is not repeated, for it may hold a password.
fn parsed(name: &str, text: &str, allowed: &str) -> anyhow::Result<InboxLocation> {
    // A path, and not a URL of another kind, whose text may hold a password.
    let is_path = !text.contains("://") && !text.starts_with("postgres") && Path::new(text).is_file();
    let advice = if is_path {
        format!(": did you mean sqlite:{text}?")
    } else {
        String::new()
    };
    text.parse()
        .map_err(|reason| WrongUsage(format!("{name}: expected {allowed}: {reason}{advice}")).into())
}

fn must_exist(inbox: &Path) -> anyhow::Result<()> {
    let shown = inbox.display();
    match inbox.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => match lost_in_use(inbox) {
            Some(lost) => bail!("{lost}"),
            None => bail!("there is no inbox at {shown}: a path may be relative to the receiver's folder"),
        },
        Err(error) => match obstacle(inbox, Wanted::Reading) {
            Some(obstacle) => bail!("cannot find {shown}: {obstacle}"),
            None => bail!("cannot find {shown}: {error}"),
        },
    }
}

/// The file that an argument names, with `sqlite:` before the path, as elsewhere, or without.
fn named_file(name: &str, given: &Path) -> anyhow::Result<PathBuf> {
    // What is there already may have any name.
    let (Some(text), false) = (given.to_str(), given.is_file()) else {
        return Ok(given.to_owned());
    };
    let text = text.strip_prefix("sqlite:").unwrap_or(text);
    if text == "-" {
        return Err(WrongUsage(format!("{name}: - names no file")).into());
    }
    named(text).map_err(|mistake| WrongUsage(format!("{name}: {mistake}")).into())
}
