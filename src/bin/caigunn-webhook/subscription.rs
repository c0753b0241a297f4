//! `subscription`

mod show;

use anyhow::{Context, anyhow, bail};
use caigunn_webhook::caigunn::Client;
use caigunn_webhook::config::Settings;
use caigunn_webhook::doctor::running;
use caigunn_webhook::event::ChatbotId;
use caigunn_webhook::subscription::plan::Holder;
use caigunn_webhook::subscription::visit::{End, Found, Mode, Removal, Target, Visit};
use caigunn_webhook::subscription::{Webhook, once};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::AdminApi;
use crate::output::{self, Format, Printing, text};
use crate::provider;

const UNPLACED: &str = "its API key is of no chatbot of this account that can be read";

#[derive(Subcommand)]
pub enum SubscriptionCommand {
    /// Show which URL is registered for each chatbot, and what the running receiver knows of it
    Show,
    /// Register this receiver's URL for each chatbot where another one stands, or none
    Ensure(How),
    /// Take this receiver's URL away, where it stands; another's is left alone
    Remove {
        /// Only from this chatbot, by its id
        #[arg(long, value_name = "ID", value_parser = chatbot_id)]
        chatbot: Option<ChatbotId>,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Do it although the receiver that --admin names cannot be asked
        #[arg(long)]
        force: bool,
    },
}

#[derive(Args)]
pub struct How {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do it although the receiver that runs does not take this token, or cannot be asked
    #[arg(long)]
    force: bool,
}

pub async fn run(args: &Printing<SubscriptionCommand>, settings: &Settings) -> anyhow::Result<()> {
    let format = args.format.chosen();
    match &args.command {
        SubscriptionCommand::Show => show::run(settings, format).await,
        SubscriptionCommand::Ensure(how) => {
            let unseen = stop_before_cutting_off(settings, how.force || how.dry_run).await?;
            ensure(settings, how.mode(), format, unseen).await
        }
        SubscriptionCommand::Remove {
            chatbot,
            dry_run,
            force,
        } => {
            let how = How {
                dry_run: *dry_run,
                force: *force,
            };
            remove(settings, *chatbot, &how, format).await
        }
    }
}

impl How {
    fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Apply }
    }
}

fn chatbot_id(text: &str) -> Result<ChatbotId, String> {
    text.parse()
        .map_err(|_| "expected an id, as `subscription show` lists them".to_owned())
}

async fn targets(settings: &Settings) -> anyhow::Result<(Client, Vec<Target>)> {
    let client = provider::client(settings)?;
    let targets = provider::targets(&client, settings).await;
    let targets = targets
        .map_err(|error| anyhow!(error.explained()))
        .context("listing the account's chatbots")?;
    Ok((client, targets))
}

/// What each chatbot had and what is done about it, as a receiver that has just started does.
async fn visited(settings: &Settings, webhook: &Webhook, mode: Mode) -> anyhow::Result<Vec<(Target, Visit)>> {
    let (client, targets) = targets(settings).await?;
    Ok(once::ensure(&client, webhook, targets, mode).await)
}

/// What a chatbot is called in tables.
fn title(chatbot: &Value) -> String {
    match chatbot["title"].as_str() {
        _ if chatbot["chatbot_id"].is_null() => format!("(API key {}…)", text(&chatbot["api_key"])),
        Some(title) => title.to_owned(),
        None => "-".to_owned(),
    }
}

/// Refuses to register what the receiver that runs here does not take; with `is_forced` it only says so. Gives what to say of the
/// URL where no receiver is seen at all.
async fn stop_before_cutting_off(settings: &Settings, is_forced: bool) -> anyhow::Result<Option<String>> {
    let webhook = provider::webhook(settings)?;
    let admin = AdminApi::new(settings)?;
    let reason = match admin.get("/subscription").await {
        Ok(None) => match running::is_elsewhere(webhook, admin.place()).await {
            Some(elsewhere) => Some(elsewhere),
            None => {
                return Ok(Some(format!(
                    "no receiver is seen at {}, nor at {}: if none runs there, what CaiGunn posts is lost",
                    webhook.public_url.as_str().trim_end_matches('/'),
                    admin.place()
                )));
            }
        },
        Ok(Some(seen)) => running::would_be_cut_off(settings, admin.place(), &seen),
        Err(error) => Some(format!("{error:#}; so whether one would be cut off is not known")),
    };
    reason.map_or(Ok(()), |reason| stop(&reason, is_forced))?;
    Ok(None)
}

/// Refuses for that reason, or only says it.
fn stop(reason: &str, is_forced: bool) -> anyhow::Result<()> {
    if !is_forced {
        bail!("{reason}, or give --force");
    }
    output::say(reason);
    Ok(())
}

async fn ensure(
    settings: &Settings,
    mode: Mode,
    format: Format,
    unseen: Option<String>,
) -> anyhow::Result<()> {
    let webhook = provider::webhook(settings)?;
    let visits = visited(settings, webhook, mode).await?;
    unseen
        .iter()
        .for_each(|unseen| output::say(format_args!("{unseen}")));
    let results = visits.iter().map(|(target, visit)| {
        let done = match &visit.end {
            End::AlreadySo => "already registered",
            End::Put { .. } => "registered",
            End::WouldPut if target.id.is_some() => "would be registered",
            End::WouldPut => {
                "would be tried, though its API key is of no chatbot of this account that can be read"
            }
            End::Left(Holder::Successor | Holder::Other | Holder::Rival) => "left alone",
            End::Deleted => "deleted at CaiGunn",
            End::NotKept(_) | End::Failed(_) => "failed",
        };
        let before = registered_url(visit, &webhook.shown_url);
        outcome(target, before.as_deref(), done, error_of(visit).as_deref())
    });
    report(&results.collect::<Vec<_>>(), format, "registered")
}

async fn remove(
    settings: &Settings,
    only: Option<ChatbotId>,
    how: &How,
    format: Format,
) -> anyhow::Result<()> {
    let webhook = provider::webhook(settings)?;
    let admin = AdminApi::new(settings)?;
    let seen = admin.get("/subscription").await;
    if let Err(error) = &seen {
        let reason = format!("{error:#}; so whether one registers its URL again is not known");
        stop(&reason, how.force || how.dry_run || settings.admin_url.is_none())?;
    }
    let (client, targets) = targets(settings).await?;
    if let Some(only) = only
        && targets.iter().all(|target| target.id != Some(only))
    {
        bail!("{only} is none of the {} chatbots to look after", targets.len());
    }
    let removals = once::remove(&client, webhook, targets, only, how.mode()).await;
    let is_removed =
        |(_, removal): &(Target, Removal)| matches!(removal, Removal::Done(_) | Removal::WouldBeDone);
    if removals.iter().any(is_removed)
        && let Ok(seen) = seen
        && let Some(notice) = running::registers_again(webhook, admin.place(), seen.as_ref()).await
    {
        output::say(notice);
    }
    let results = removals.iter().map(|(target, removal)| {
        let ours = || Some(webhook.shown_url.clone());
        let (before, done, error) = match removal {
            Removal::Done(_) => (ours(), "removed", None),
            Removal::WouldBeDone => (ours(), "would be removed", None),
            Removal::NotOurs(Found::Other(url)) => (Some(url.clone()), "left alone: not ours", None),
            Removal::NotOurs(Found::Nothing | Found::Ours | Found::Older(_)) => {
                (None, "nothing to remove", None)
            }
            Removal::NotOurs(Found::Unknown) => (
                None,
                "failed",
                Some(match target.id {
                    Some(_) => "CaiGunn does not tell whose URL stands there".to_owned(),
                    None => format!("{UNPLACED}, so nobody can say whose URL stands there"),
                }),
            ),
            Removal::Failed(error) => (None, "failed", Some(error.to_string())),
        };
        outcome(target, before.as_deref(), done, error.as_deref())
    });
    report(&results.collect::<Vec<_>>(), format, "unsubscribed")
}

/// What a command did to one chatbot.
fn outcome(target: &Target, before: Option<&str>, done: &str, error: Option<&str>) -> Value {
    json!({
        "chatbot_id": target.id,
        "title": target.title,
        "api_key": target.fingerprint,
        "before": before,
        "done": done,
        "error": error,
    })
}

fn report(results: &[Value], format: Format, aim: &str) -> anyhow::Result<()> {
    format.print(&json!({ "chatbots": results }), || {
        let mut rows = results.to_vec();
        for row in &mut rows {
            row["title"] = title(row).into();
            if let Some(error) = row["error"].as_str() {
                row["done"] = format!("{}: {error}", text(&row["done"])).into();
            }
        }
        output::columns(
            "CHATBOT title | ID chatbot_id | URL BEFORE before | DONE done",
            &rows,
            format,
        )
    })?;
    refuse_failed(results, aim)
}

fn refuse_failed(chatbots: &[Value], aim: &str) -> anyhow::Result<()> {
    let words = format!("could not be {aim}; `caigunn-webhook doctor` says what to do");
    output::refuse_failed(chatbots, "chatbot", &words)
}

/// The URL that stood at CaiGunn, as it may be shown.
fn registered_url(visit: &Visit, ours: &str) -> Option<String> {
    match &visit.found {
        Found::Ours => Some(ours.to_owned()),
        Found::Older(url) | Found::Other(url) => Some(url.clone()),
        Found::Nothing | Found::Unknown => None,
    }
}

fn error_of(visit: &Visit) -> Option<String> {
    match &visit.end {
        End::Failed(error) => Some(error.to_string()),
        End::NotKept(Some(url)) => Some(format!("CaiGunn took the URL, but has {url} there")),
        End::NotKept(None) => Some("CaiGunn took the URL, but has none there".to_owned()),
        End::AlreadySo | End::Put { .. } | End::WouldPut | End::Left(_) | End::Deleted => None,
    }
}
