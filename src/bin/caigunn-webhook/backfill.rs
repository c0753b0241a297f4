//! `backfill`

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use caigunn_webhook::app::open_inbox;
use caigunn_webhook::backfill::{Backfill, Mode};
use caigunn_webhook::caigunn::keyring::Keyring;
use caigunn_webhook::config::{InboxLocation, Settings};
use caigunn_webhook::event::{ChatbotId, EventId};
use caigunn_webhook::http::reachable;
use caigunn_webhook::inbox::announce::Announcer;
use caigunn_webhook::inbox::postgres::{Tables, look};
use caigunn_webhook::inbox::sqlite::{Flaw, being_restored, lost_in_use};
use caigunn_webhook::inbox::{self, Inbox, Writer};
use caigunn_webhook::subscription::{once, probe};
use clap::Args;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::{AdminApi, path_with};
use crate::id::id;
use crate::output::{self, FormatArgs, counted};
use crate::{input, provider};

#[derive(Args)]
pub struct BackfillArgs {
    /// The jobs to ask CaiGunn's log about, by their event_id
    #[arg(required_unless_present = "file", value_name = "EVENT_ID", value_parser = id::<EventId>)]
    event_ids: Vec<EventId>,
    /// A file with an event_id on each line, and what follows a # left out; - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The chatbot they are of, where the inbox has nothing of them and the account has many
    #[arg(long, value_name = "ID", value_parser = id::<ChatbotId>)]
    chatbot: Option<ChatbotId>,
    /// Only say what is missing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// Asks about one job, in whichever way there is.
type Ask = Box<dyn Fn(EventId) -> LocalBoxFuture<'static, anyhow::Result<Value>>>;

pub async fn run(args: &BackfillArgs, settings: &Settings) -> anyhow::Result<()> {
    let mut event_ids = args.event_ids.clone();
    if let Some(path) = &args.file {
        event_ids.extend(read(path)?);
    }
    let mut known = HashSet::new();
    event_ids.retain(|event_id| known.insert(*event_id));
    let Some(inbox) = opened(settings).await? else {
        let ask = by_the_receiver(args, settings)?;
        return ask_all(args, settings, &event_ids, ask).await;
    };
    let (writer, writing) = Writer::new(Arc::clone(&inbox), settings.writer, Announcer::default());
    let writing = tokio::spawn(writing);
    let ask = by_ourselves(args, settings, Arc::clone(&inbox), writer).await?;
    let done = ask_all(args, settings, &event_ids, ask).await;
    writing.await.context("the writer ended")?;
    inbox.close().await.context("closing the inbox")?;
    done
}

/// The inbox, unless a receiver is to be asked.
async fn opened(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Inbox>>> {
    // One that runs counts and logs what is brought, whichever inbox would open here.
    if settings.admin_url.is_some() || does_receiver_answer(settings).await? {
        return Ok(None);
    }
    match &settings.inbox_location {
        // What may not be looked for is told by opening it.
        InboxLocation::Sqlite(path) if matches!(path.try_exists(), Ok(false)) => match lost_in_use(path) {
            Some(lost) => bail!("{lost}"),
            None => bail!(
                "there is no inbox at {}: run this in the receiver's folder, with its settings",
                path.display()
            ),
        },
        // A URL that leads elsewhere must not make an inbox there.
        InboxLocation::Postgres(location) => {
            let seen = look(location, &settings.inbox)
                .await
                .context("opening the inbox")?;
            if seen.tables == Tables::Missing {
                bail!(
                    "there is no inbox at {}: run this with the receiver's settings",
                    location.shown()
                );
            }
            seen.tables.refuse_older().context("opening the inbox")?;
        }
        InboxLocation::Sqlite(_) => {}
    }
    match open_inbox(&settings.inbox_location, settings.inbox.clone()).await {
        Err(inbox::Error::InUse { .. }) => match restored(&settings.inbox_location) {
            Some(flaw) => bail!("{flaw}"),
            None => bail!(
                "another process has the inbox open, but no receiver answers at the admin address {}: check admin.listen, or \
                 see whether that receiver hangs",
                settings.admin_listen
            ),
        },
        opened => opened.map(Some).context("opening the inbox"),
    }
}

/// That a restore is just putting a copy in the inbox's place, if it is so.
fn restored(location: &InboxLocation) -> Option<Flaw> {
    match location {
        InboxLocation::Sqlite(path) => being_restored(path),
        InboxLocation::Postgres(_) => None,
    }
}

/// Whether a receiver answers at the admin address.
async fn does_receiver_answer(settings: &Settings) -> anyhow::Result<bool> {
    let url = format!("http://{}", reachable(settings.admin_listen)).parse()?;
    let client = probe::client_without_proxy()?;
    Ok(probe::ask(&client, &url, Uuid::new_v4()).await.is_ok())
}

async fn by_ourselves(
    args: &BackfillArgs,
    settings: &Settings,
    inbox: Arc<dyn Inbox>,
    writer: Writer,
) -> anyhow::Result<Ask> {
    let client = provider::client(settings)?;
    let given: Vec<_> = settings.selection.keys().collect();
    let keyring: Keyring = match provider::targets(&client, settings).await {
        Ok(targets) => {
            let keys = targets.into_iter().map(|target| (target.id, target.api_key));
            keys.collect()
        }
        // With keys at hand each is tried; only whose they are is not known.
        Err(error) if !given.is_empty() && !error.is_account_refused() => {
            output::say(format_args!(
                "the account's chatbots cannot be listed, so every API key is tried: {error}"
            ));
            given.into_iter().map(|key| (None, key)).collect()
        }
        Err(error) => return Err(anyhow!(error.explained())).context("listing the account's chatbots"),
    };
    let keyring = Arc::new(keyring);
    let backfill = Backfill::new(inbox, writer, client, &settings.backfill);
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Store };
    let chatbot_id = args.chatbot;
    Ok(Box::new(move |event_id| {
        let (backfill, keyring) = (backfill.clone(), Arc::clone(&keyring));
        Box::pin(async move {
            let outcome = backfill.job(&keyring, event_id, chatbot_id, mode).await;
            let outcome = outcome.map_err(|error| anyhow!(error.explained()))?;
            Ok(serde_json::to_value(outcome)?)
        })
    }))
}

fn by_the_receiver(args: &BackfillArgs, settings: &Settings) -> anyhow::Result<Ask> {
    let admin = Arc::new(AdminApi::new(settings)?);
    let query = [
        ("dry_run", Some(args.dry_run.to_string())),
        ("chatbot_id", args.chatbot.map(|id| id.to_string())),
    ];
    Ok(Box::new(move |event_id| {
        let path = path_with(&format!("/jobs/{event_id}/backfill"), query.clone());
        let admin = Arc::clone(&admin);
        Box::pin(async move { admin.post_to_running(&path, None).await })
    }))
}

/// Asks about all jobs, some at once, and prints what came of it.
async fn ask_all(
    args: &BackfillArgs,
    settings: &Settings,
    event_ids: &[EventId],
    ask: Ask,
) -> anyhow::Result<()> {
    let bar = output::progress("{bar:40} {pos}/{len} jobs, {eta} left");
    bar.set_length(event_ids.len() as u64);
    let asking = event_ids.iter().map(|event_id| {
        let (event_id, answer, bar) = (*event_id, ask(*event_id), &bar);
        async move {
            let result = answer.await;
            bar.inc(1);
            shown(event_id, result)
        }
    });
    let results = once::in_order(asking, settings.backfill.concurrency).await;
    bar.finish_and_clear();
    report(&results, args)
}

/// What came of one job, as it is shown.
fn shown(event_id: EventId, result: anyhow::Result<Value>) -> Value {
    let outcome = result.unwrap_or_else(|error| json!({ "unreadable": [format!("{error:#}")] }));
    let list = |name: &str| outcome[name].as_array().cloned().unwrap_or_default();
    let missing: Vec<_> = list("missing")
        .iter()
        .map(|missing| missing["event"].clone())
        .collect();
    let logged_count = outcome["logged_count"].as_u64().unwrap_or_default();
    let mut problems = list("unreadable");
    if logged_count == 0 && problems.is_empty() {
        problems.push("CaiGunn has no log of it".into());
    }
    json!({ "event_id": event_id, "logged_count": logged_count, "missing": missing, "problems": problems })
}

fn report(jobs: &[Value], args: &BackfillArgs) -> anyhow::Result<()> {
    let count = |job: &Value, name: &str| job[name].as_array().map_or(0, Vec::len);
    let missing_count: usize = jobs.iter().map(|job| count(job, "missing")).sum();
    let failed_count = jobs.iter().filter(|job| count(job, "problems") > 0).count();
    let done = if args.dry_run { "missing" } else { "stored" };
    let result = json!({
        "jobs": jobs,
        "dry_run": args.dry_run,
        "missing_count": missing_count,
        "failed_count": failed_count,
    });
    let format = args.format.chosen();
    format.print(&result, || {
        let table = output::columns(
            "JOB event_id | IN THE LOG logged_count | WAS MISSING missing | PROBLEM problems",
            jobs,
            format,
        );
        format!(
            "{table}\n{} asked about: {} {done}, {} with problems\n",
            counted(jobs.len(), "job"),
            counted(missing_count, "notification"),
            counted(failed_count, "job")
        )
    })?;
    if failed_count > 0 {
        bail!(
            "{failed_count} of {} could not be made complete",
            counted(jobs.len(), "job")
        );
    }
    Ok(())
}

/// The ids in a file, one a line. Empty lines and what follows a # are left out.
fn read(path: &Path) -> anyhow::Result<Vec<EventId>> {
    let text = input::read(path)?;
    let text = String::from_utf8_lossy(&text);
    // Some editors begin a file with a mark of what it is written in.
    let text = text.trim_start_matches('\u{feff}');
    let (mut event_ids, mut mistakes) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.parse() {
            _ if line.is_empty() => {}
            Ok(event_id) => event_ids.push(event_id),
            Err(_) => mistakes.push(format!("line {number}: expected a uuid, found {line:.60?}")),
        }
    }
    if !mistakes.is_empty() {
        let shown = mistakes.iter().take(10).cloned().collect::<Vec<_>>().join("\n  ");
        let are = if mistakes.len() == 1 { "is" } else { "are" };
        bail!(
            "{} has {} that {are} no event_id:\n  {shown}",
            input::named(path),
            counted(mistakes.len(), "line")
        );
    }
    if event_ids.is_empty() {
        bail!("{} has no event_id", input::named(path));
    }
    Ok(event_ids)
}
