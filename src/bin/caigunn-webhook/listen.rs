//! `listen`

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::Settings;
use caigunn_webhook::delivery::{
    self, DestinationSettings, Filter, Format, Kind, Parcel, Report, Sender, http,
};
use caigunn_webhook::event;
use caigunn_webhook::inbox::outbox::Outcome;
use caigunn_webhook::inbox::{Origin, Receipt};
use caigunn_webhook::shutdown::StopSignals;
use clap::Args;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use crate::admin::AdminApi;
use crate::follow::{Follow, FollowArgs};
use crate::output::{self, FormatArgs, WrongUsage, text};

#[derive(Args)]
pub struct ListenArgs {
    /// Where to post each notification, such as http://localhost:3000/hooks
    #[arg(long, value_name = "URL", value_parser = url)]
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
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    format: FormatArgs,
}

fn url(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok();
    url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| "expected a URL such as http://localhost:3000/hooks".to_owned())
}

pub async fn run(args: &ListenArgs, settings: &Settings) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen().context("listening for Ctrl-C")?;
    let sender = sender(args)?;
    let admin = AdminApi::new(settings)?;
    let mut follow = Follow::begin(&admin, &args.follow).await?;
    // The path and the query of a URL may hold a secret.
    eprintln!(
        "listening to the receiver at {} and forwarding what comes from now on to {}; Ctrl-C ends it",
        admin.address(),
        http::place(&args.forward_to)
    );
    tokio::select! {
        forwarded = forward(&mut follow, &*sender, args) => forwarded,
        _ = signals.next() => Ok(()),
    }
}

fn sender(args: &ListenArgs) -> anyhow::Result<Arc<dyn Sender>> {
    let secret = match &args.secret_file {
        Some(path) => {
            let read = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            Some(SecretString::from(read.trim().to_owned()))
        }
        None => args.secret.clone(),
    };
    let destination = DestinationSettings {
        name: "listen".to_owned(),
        filter: Filter::default(),
        since: None,
        max_in_flight: 1,
        max_per_second: None,
        timeout: Duration::from_secs(args.timeout),
        format: if args.cloudevents {
            Format::CloudEvents
        } else {
            Format::Raw
        },
        kind: Kind::Http(http::Settings {
            url: args.forward_to.clone(),
            secrets: secret.into_iter().collect(),
            headers: reqwest::header::HeaderMap::new(),
            proxy: true,
        }),
    };
    delivery::sender(&destination).map_err(|error| match error {
        delivery::Error::Secret => WrongUsage(format!("--secret: {error}")).into(),
        error => error.into(),
    })
}

/// Sends each notification once, one after the other. One that is not taken is passed over: its line says so.
async fn forward(follow: &mut Follow<'_>, sender: &dyn Sender, args: &ListenArgs) -> anyhow::Result<()> {
    loop {
        let listed = follow.next().await?;
        let whole = follow.whole(&listed).await?;
        let parcel = parcel(&whole)?;
        let (at, began) = (Timestamp::now(), Instant::now());
        let report = sender.send(parcel).await;
        let line = line(&whole, at, &report, began.elapsed(), args.format.format);
        output::write(&line)?;
    }
}

/// A receipt as the admin API gave it, to be sent.
fn parcel(whole: &Value) -> anyhow::Result<Parcel> {
    let Some(body) = whole["body"].as_str() else {
        bail!("the receiver gave a receipt without a body");
    };
    let notification = event::parse(body.as_bytes()).context("reading what the receiver had accepted")?;
    let member = |name: &str| whole[name].as_str().unwrap_or_default();
    Ok(Parcel {
        receipt: Receipt {
            id: member("id").parse().context("reading a receipt's id")?,
            sequence: whole["sequence"].as_u64().unwrap_or_default(),
            received_at: member("received_at")
                .parse()
                .context("reading when a receipt was received")?,
            event: notification.name(),
            event_id: notification.event_id,
            chatbot_id: notification.chatbot_id,
            wire: notification.wire,
            origin: if member("origin") == Origin::Backfill.as_str() {
                Origin::Backfill
            } else {
                Origin::Webhook
            },
            body_bytes: body.len(),
        },
        body: body.to_owned().into(),
        attempt: 1,
    })
}

/// What is printed of an attempt.
fn line(whole: &Value, at: Timestamp, report: &Report, took: Duration, format: output::Format) -> String {
    let duration_ms = took.as_micros() as f64 / 1_000.0;
    match format {
        output::Format::Json => {
            let line = json!({
                "at": at,
                "event": whole["event"],
                "receipt_id": whole["id"],
                "outcome": report.outcome,
                "status": report.status,
                "detail": report.detail,
                "duration_ms": duration_ms,
            });
            format!("{line}\n")
        }
        output::Format::Table => {
            let said = match (report.outcome, report.status) {
                (Outcome::Delivered, Some(status)) => status.to_string(),
                (outcome, _) => format!("{}: {}", outcome.as_str(), report.detail),
            };
            let columns = [
                output::time(&json!(at)),
                format!("{:20}", text(&whole["event"])),
                text(&whole["id"]),
                said,
                format!("{duration_ms:.1} ms"),
            ];
            output::printable(&columns.join("  ")) + "\n"
        }
    }
}
