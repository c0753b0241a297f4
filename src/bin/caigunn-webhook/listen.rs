//! `listen`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use caigunn_webhook::clock::{Timestamp, milliseconds};
use caigunn_webhook::config::Settings;
use caigunn_webhook::delivery::{
    self, DestinationSettings, Filter, Format, Kind, Parcel, Report, Sender, http,
};
use caigunn_webhook::event;
use caigunn_webhook::inbox::Receipt;
use caigunn_webhook::inbox::outbox::Outcome;
use caigunn_webhook::rotating::Rotating;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use crate::admin::{AdminApi, Refused};
use crate::configuration::read_secret;
use crate::follow::{Follow, is_failure, until_stopped};
use crate::output::{self, FormatArgs, WrongUsage, text};
use crate::web;
use crate::which::Of;

#[derive(Args)]
pub struct ListenArgs {
    /// Where to post each notification, such as localhost:3000/hooks
    #[arg(long, value_name = "URL", value_parser = web::url)]
    forward_to: Url,
    /// Signs with this secret, whsec_...; one that is of worth belongs in a file
    #[arg(long, value_name = "SECRET")]
    secret: Option<SecretString>,
    /// Signs with the secret in this file
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    secret_file: Option<PathBuf>,
    /// Sends CloudEvents instead of CaiGunn's bytes
    #[arg(long)]
    cloudevents: bool,
    /// How long an attempt may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, allow_hyphen_values = true, value_parser = output::number::<u64, 1, 600>)]
    timeout: u64,
    #[command(flatten)]
    which: Of,
    #[command(flatten)]
    format: FormatArgs,
}

pub async fn run(args: &ListenArgs, settings: &Settings) -> anyhow::Result<()> {
    let sender = sender(args)?;
    let admin = AdminApi::new(settings)?;
    until_stopped(forward(&admin, &*sender, args)).await.map(|_| ())
}

/// The secret to sign with, by the rule for those of destinations.
fn secret(args: &ListenArgs) -> anyhow::Result<Option<SecretString>> {
    let read = match (&args.secret, &args.secret_file) {
        (Some(secret), _) => {
            delivery::secret(secret.expose_secret()).map_err(|error| format!("--secret: {error}"))
        }
        (None, Some(path)) => read_secret(&path.to_string_lossy())
            .and_then(|text| delivery::secret(text.trim()))
            .map_err(|error| format!("--secret-file {}: {error}", path.display())),
        (None, None) => return Ok(None),
    };
    Ok(Some(read.map_err(WrongUsage)?))
}

fn sender(args: &ListenArgs) -> anyhow::Result<Arc<dyn Sender>> {
    let destination = DestinationSettings {
        name: "listen".to_owned(),
        filter: Filter::default(),
        since: None,
        max_in_flight: 1,
        max_per_second: None,
        timeout: Duration::from_secs(args.timeout),
        format: match args.cloudevents {
            true => Format::CloudEvents,
            false => Format::Raw,
        },
        secrets: Rotating::new(secret(args)?.into_iter().collect()),
        kind: Kind::Http(http::Settings {
            url: args.forward_to.clone(),
            headers: reqwest::header::HeaderMap::new(),
            proxy: true,
        }),
    };
    delivery::sender(&destination).context("preparing calls to where it is forwarded")
}

/// Sends each notification once, one after the other. One that is not taken is passed over: its line says so.
async fn forward(admin: &AdminApi, sender: &dyn Sender, args: &ListenArgs) -> anyhow::Result<()> {
    let mut follow = Follow::begin(admin, &args.which).await?;
    // The path and the query of a URL may hold a secret.
    output::say(format_args!(
        "listening to the receiver at {} and forwarding what comes from now on to {}; Ctrl-C ends it",
        admin.place(),
        http::place(&args.forward_to)
    ));
    loop {
        let listed = follow.next().await?;
        let whole = follow.whole(&listed).await;
        let (parcel, whole) = match whole.and_then(|whole| Ok((parcel(&whole)?, whole))) {
            Ok(read) => read,
            Err(error) if !is_of_receipt(&error) => return Err(error),
            Err(error) => {
                let id = text(&listed["id"]);
                output::say(format_args!("the receipt {id} is not forwarded: {error:#}"));
                continue;
            }
        };
        let (at, began) = (Timestamp::now(), Instant::now());
        let report = sender.send(parcel).await;
        let line = line(&whole, at, &report, began.elapsed(), args.format.chosen());
        output::stream(&line)?;
    }
}

/// Whether it is one receipt that cannot be read, or is gone; the others can be forwarded all the same.
fn is_of_receipt(error: &anyhow::Error) -> bool {
    let is_gone = |refused: &Refused| refused.status == 404;
    error.is::<Unreadable>() || error.downcast_ref().is_some_and(is_gone) || is_failure(error)
}

/// What cannot be read of a receipt.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the receiver gave it without a body")]
    NoBody,
    #[error("reading what the receiver had accepted")]
    Body(#[source] event::ParseError),
    #[error("reading what the receiver says of it")]
    Receipt(#[source] serde_json::Error),
    #[error("{0}")]
    Damaged(String),
}

/// A receipt as the admin API gave it, to be sent.
fn parcel(whole: &Value) -> Result<Parcel, Unreadable> {
    // It goes to no destination, either.
    if let Some(damage) = whole["damage"].as_str() {
        return Err(Unreadable::Damaged(damage.to_owned()));
    }
    let body = whole["body"].as_str().ok_or(Unreadable::NoBody)?;
    let notification = event::parse(body.as_bytes()).map_err(Unreadable::Body)?;
    let receipt = Receipt::deserialize(whole).map_err(Unreadable::Receipt)?;
    Ok(Parcel {
        receipt: Receipt {
            event: notification.name(),
            ..receipt
        },
        body: body.to_owned().into(),
        attempt: 1,
        replay_count: 0,
    })
}

/// What is printed of an attempt.
fn line(whole: &Value, at: Timestamp, report: &Report, took: Duration, format: output::Format) -> String {
    let duration_ms = milliseconds(took);
    let line = json!({
        "at": at,
        "event": whole["event"],
        "receipt_id": whole["id"],
        "outcome": report.outcome,
        "status": report.status,
        "detail": report.detail,
        "duration_ms": duration_ms,
    });
    if format == output::Format::Json {
        return output::json(&format!("{line}\n"));
    }
    let said = match (report.outcome, report.status) {
        (Outcome::Delivered, Some(status)) => status.to_string(),
        (outcome, _) => format!("{}: {}", outcome.as_str(), report.detail),
    };
    let [event, id] = ["event", "receipt_id"].map(|name| text(&line[name]));
    let what = format!("{event:20}  {id}  {said}  {duration_ms:.1} ms");
    output::line(format, &line["at"], &what)
}
