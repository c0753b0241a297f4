//! `subscription`

use anyhow::{Context, bail};
use caigunn_webhook::config::Settings;
use caigunn_webhook::event::ChatbotId;
use caigunn_webhook::subscription::once;
use caigunn_webhook::subscription::plan::Holder;
use caigunn_webhook::subscription::visit::{End, Found, Mode, Removal, Target, Visit};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::admin::AdminApi;
use crate::output::{self, Format, FormatArgs};
use crate::provider;

#[derive(Subcommand)]
pub enum SubscriptionCommand {
    /// Show which URL is registered for each chatbot, and what the running receiver knows of it
    Show {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Register this receiver's URL for each chatbot where another one stands, or none
    Ensure {
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Take this receiver's URL away, where it stands; another's is left alone
    Remove {
        /// Only from this chatbot
        #[arg(long, value_name = "ID")]
        chatbot: Option<ChatbotId>,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
}

pub async fn run(command: &SubscriptionCommand, settings: &Settings) -> anyhow::Result<()> {
    match command {
        SubscriptionCommand::Show { format } => show(settings, format.format).await,
        SubscriptionCommand::Ensure { dry_run, format } => {
            ensure(settings, mode(*dry_run), format.format).await
        }
        SubscriptionCommand::Remove {
            chatbot,
            dry_run,
            format,
        } => remove(settings, *chatbot, mode(*dry_run), format.format).await,
    }
}

fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Apply }
}

async fn targets(settings: &Settings) -> anyhow::Result<Vec<Target>> {
    let client = provider::client(settings)?;
    once::targets(&client, &settings.selection)
        .await
        .map_err(provider::explained)
        .context("listing the account's chatbots")
}

async fn show(settings: &Settings, format: Format) -> anyhow::Result<()> {
    let subscription = provider::subscription(settings)?;
    let client = provider::client(settings)?;
    let visits = once::ensure(&client, subscription, targets(settings).await?, Mode::DryRun).await;
    // What only the running receiver knows: a refusal of its is no reason to hide what CaiGunn says.
    let running = match AdminApi::new(settings)?.get("/subscription").await {
        Ok(Some(running)) => running,
        Ok(None) => {
            eprintln!("no receiver runs at the admin address, so what only it knows is left out");
            Value::Null
        }
        Err(error) => {
            eprintln!("what only the running receiver knows is left out: {error:#}");
            Value::Null
        }
    };
    let chatbots: Vec<Value> = visits
        .iter()
        .map(|(target, visit)| {
            let fingerprint = target.fingerprint.to_string();
            let known = running["chatbots"]
                .as_array()
                .and_then(|chatbots| chatbots.iter().find(|known| known["api_key"] == *fingerprint));
            let known = known.unwrap_or(&Value::Null);
            json!({
                "chatbot_id": target.id,
                "title": target.title,
                "api_key": target.fingerprint,
                "webhook_url": registered_url(visit, &subscription.shown_url),
                "is_ours": match visit.found {
                    Found::Ours => Some(true),
                    Found::Other(_) | Found::Nothing => Some(false),
                    Found::Unknown => None,
                },
                "error": error_of(visit),
                "state": known["state"],
                "since": known["since"],
                "last_received_at": known["last_received_at"],
            })
        })
        .collect();
    let failed_count = visits
        .iter()
        .filter(|(_, visit)| error_of(visit).is_some())
        .count();
    match format {
        Format::Json => output::write(&output::json(&json!({
            "webhook_url": subscription.shown_url,
            "probe": running["probe"],
            "tokens": running["tokens"],
            "chatbots": chatbots,
        })))?,
        Format::Table => {
            let rows = chatbots.iter().map(|chatbot| {
                let text = |name: &str| {
                    chatbot[name]
                        .as_str()
                        .map_or_else(|| "-".to_owned(), str::to_owned)
                };
                let ours = match (chatbot["is_ours"].as_bool(), &chatbot["error"]) {
                    (_, Value::String(error)) => error.clone(),
                    (Some(true), _) => "yes".to_owned(),
                    (Some(false), _) => "no".to_owned(),
                    (None, _) => "unknown".to_owned(),
                };
                [
                    text("title"),
                    text("chatbot_id"),
                    text("webhook_url"),
                    ours,
                    text("since"),
                    text("last_received_at"),
                ]
            });
            let headers = [
                "CHATBOT",
                "ID",
                "REGISTERED URL",
                "OURS",
                "SINCE",
                "LAST EVENT RECEIVED",
            ];
            let mut text = output::table(headers, rows);
            if let Some(detail) = running["probe"]["detail"].as_str() {
                let at = running["probe"]["at"].as_str().unwrap_or("-");
                text += &format!("\nLast probe of {}, {at}: {detail}\n", subscription.public_url);
            }
            for token in running["tokens"].as_array().into_iter().flatten() {
                let registered = if token["is_registered"] == true {
                    ", the one registered"
                } else {
                    ""
                };
                text += &format!(
                    "Token {}…{registered}: last used {}\n",
                    token["token"].as_str().unwrap_or("-"),
                    token["last_used_at"]
                        .as_str()
                        .unwrap_or("not since the receiver started")
                );
            }
            output::write(&text)?;
        }
    }
    if failed_count > 0 {
        bail!("{failed_count} of {} chatbots could not be read", visits.len());
    }
    Ok(())
}

async fn ensure(settings: &Settings, mode: Mode, format: Format) -> anyhow::Result<()> {
    let subscription = provider::subscription(settings)?;
    let client = provider::client(settings)?;
    let visits = once::ensure(&client, subscription, targets(settings).await?, mode).await;
    let results = visits.iter().map(|(target, visit)| Done {
        target,
        before: registered_url(visit, &subscription.shown_url),
        done: match &visit.end {
            End::AlreadySo => "already registered",
            End::Put { .. } => "registered",
            End::WouldPut { .. } => "would be registered",
            End::Left(Holder::Successor | Holder::Other | Holder::Rival) => "left alone",
            End::Deleted => "deleted at CaiGunn",
            End::AccountRefused(_) | End::Failed(_) => "failed",
        },
        error: error_of(visit),
    });
    report(&results.collect::<Vec<_>>(), format, "registered")
}

async fn remove(
    settings: &Settings,
    only: Option<ChatbotId>,
    mode: Mode,
    format: Format,
) -> anyhow::Result<()> {
    let subscription = provider::subscription(settings)?;
    let client = provider::client(settings)?;
    let targets = targets(settings).await?;
    if let Some(only) = only
        && targets.iter().all(|target| target.id != Some(only))
    {
        bail!("{only} is none of the {} chatbots to look after", targets.len());
    }
    let removals = once::remove(&client, subscription, targets, only, mode).await;
    let results = removals.iter().map(|(target, removal)| {
        let ours = || Some(subscription.shown_url.clone());
        let (before, done, error) = match removal {
            Removal::Done(_) => (ours(), "removed", None),
            Removal::WouldBeDone => (ours(), "would be removed", None),
            Removal::NotOurs(Found::Other(url)) => (Some(url.clone()), "left alone: not ours", None),
            Removal::NotOurs(Found::Nothing | Found::Ours) => (None, "nothing to remove", None),
            Removal::NotOurs(Found::Unknown) => (
                None,
                "failed",
                Some(
                    "its API key is of no chatbot of this account, so nobody can say whose URL stands there"
                        .to_owned(),
                ),
            ),
            Removal::Failed(error) => (None, "failed", Some(error.to_string())),
        };
        Done {
            target,
            before,
            done,
            error,
        }
    });
    report(&results.collect::<Vec<_>>(), format, "unsubscribed")
}

/// What a command did to one chatbot.
struct Done<'a> {
    target: &'a Target,
    before: Option<String>,
    done: &'static str,
    error: Option<String>,
}

fn report(results: &[Done<'_>], format: Format, aim: &str) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            let results = results.iter().map(|result| {
                json!({
                    "chatbot_id": result.target.id,
                    "title": result.target.title,
                    "api_key": result.target.fingerprint,
                    "before": result.before,
                    "done": result.done,
                    "error": result.error,
                })
            });
            output::write(&output::json(&results.collect()))?;
        }
        Format::Table => {
            let rows = results.iter().map(|result| {
                let done = match &result.error {
                    Some(error) => format!("{}: {error}", result.done),
                    None => result.done.to_owned(),
                };
                [
                    result.target.name(),
                    result.before.clone().unwrap_or_else(|| "-".to_owned()),
                    done,
                ]
            });
            output::write(&output::table(["CHATBOT", "URL BEFORE", "DONE"], rows))?;
        }
    }
    let failed_count = results.iter().filter(|result| result.error.is_some()).count();
    if failed_count > 0 {
        bail!("{failed_count} of {} chatbots could not be {aim}", results.len());
    }
    Ok(())
}

/// The URL that stood at CaiGunn, as it may be shown.
fn registered_url(visit: &Visit, ours: &str) -> Option<String> {
    match &visit.found {
        Found::Ours => Some(ours.to_owned()),
        Found::Other(url) => Some(url.clone()),
        Found::Nothing | Found::Unknown => None,
    }
}

fn error_of(visit: &Visit) -> Option<String> {
    match &visit.end {
        End::Failed(error) | End::AccountRefused(error) => Some(error.to_string()),
        End::AlreadySo | End::Put { .. } | End::WouldPut { .. } | End::Left(_) | End::Deleted => None,
    }
}
