//! `deliveries`

use std::str::FromStr;

use anyhow::bail;
use caigunn_webhook::config::Settings;
use caigunn_webhook::event::ChatbotId;
use caigunn_webhook::inbox::ReceiptId;
use caigunn_webhook::inbox::outbox::State;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::{self, AdminApi, Refused, path_with};
use crate::output::{self, Format, FormatArgs, text};

/// How many are asked for at once, at most.
const PAGE_LIMIT: usize = 500;

#[derive(Subcommand)]
pub enum DeliveriesCommand {
    /// List deliveries, newest receipt first
    List(ListArgs),
    /// Show a delivery with its attempts
    Show {
        /// Destination and receipt, as `deliveries list` shows it: app/0190b5c4-...
        id: DeliveryId,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Send now what waits, was given up or was called off
    Retry(IdsArgs),
    /// Call pending deliveries off
    Cancel(IdsArgs),
}

#[derive(Args)]
pub struct ListArgs {
    /// Only to this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Only in this state
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(State::ALL.map(State::as_str)))]
    state: Option<String>,
    /// Only of this event (crawling) or event name (crawling.completed)
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only of this chatbot
    #[arg(long, value_name = "ID")]
    chatbot: Option<ChatbotId>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = output::limit)]
    limit: usize,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
pub struct IdsArgs {
    /// Destination and receipt, as `deliveries list` shows them: app/0190b5c4-...
    #[arg(required = true, value_name = "ID")]
    ids: Vec<DeliveryId>,
    #[command(flatten)]
    format: FormatArgs,
}

/// What names a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryId {
    destination: String,
    receipt_id: ReceiptId,
}

impl FromStr for DeliveryId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = text
            .split_once('/')
            .and_then(|(destination, id)| Some((destination, id.parse().ok()?)));
        match found {
            Some((destination, receipt_id)) if !destination.is_empty() => Ok(Self {
                destination: destination.to_owned(),
                receipt_id,
            }),
            _ => Err("expected DESTINATION/RECEIPT_ID, as `deliveries list` shows it".to_owned()),
        }
    }
}

impl DeliveryId {
    fn path(&self) -> String {
        format!(
            "/deliveries/{}/{}",
            output::segment(&self.destination),
            self.receipt_id
        )
    }
}

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.destination, self.receipt_id)
    }
}

pub async fn run(command: &DeliveriesCommand, settings: &Settings) -> anyhow::Result<()> {
    let admin = AdminApi::new(settings)?;
    match command {
        DeliveriesCommand::List(args) => list(&admin, args).await,
        DeliveriesCommand::Show { id, format } => show(&admin, id, format.format).await,
        DeliveriesCommand::Retry(args) => tell_all(&admin, args, "retry").await,
        DeliveriesCommand::Cancel(args) => tell_all(&admin, args, "cancel").await,
    }
}

async fn list(admin: &AdminApi, args: &ListArgs) -> anyhow::Result<()> {
    let deliveries = admin::list(admin, "deliveries", args.limit, |cursor, count| {
        path_with(
            "/deliveries",
            [
                ("destination", args.destination.clone()),
                ("state", args.state.clone()),
                ("event", args.event.clone()),
                ("chatbot_id", args.chatbot.map(|id| id.to_string())),
                ("cursor", cursor),
                ("limit", Some(count.min(PAGE_LIMIT).to_string())),
            ],
        )
    })
    .await?;
    match args.format.format {
        Format::Json => output::write(&output::json(&json!({ "deliveries": deliveries }))),
        Format::Table => {
            let headers = [
                "ID",
                "EVENT",
                "RECEIVED",
                "STATE",
                "ATTEMPTS",
                "LAST",
                "NEXT ATTEMPT",
            ];
            output::write(&output::table(headers, deliveries.iter().map(row)))
        }
    }
}

fn row(delivery: &Value) -> [String; 7] {
    [
        text(&delivery["id"]),
        text(&delivery["event"]),
        output::time(&delivery["received_at"]),
        text(&delivery["state"]),
        text(&delivery["attempt_count"]),
        text(&delivery["last_outcome"]),
        output::time(&delivery["next_attempt_at"]),
    ]
}

async fn show(admin: &AdminApi, id: &DeliveryId, format: Format) -> anyhow::Result<()> {
    let delivery = admin.get_from_running(&id.path()).await?;
    if format == Format::Json {
        return output::write(&output::json(&delivery));
    }
    let members = [
        "id",
        "event",
        "event_id",
        "chatbot_id",
        "sequence",
        "received_at",
        "state",
        "attempt_count",
        "next_attempt_at",
        "changed_at",
    ];
    let mut shown = output::members(&delivery, &members);
    let attempts: Vec<_> = delivery["attempts"].as_array().into_iter().flatten().collect();
    if !attempts.is_empty() {
        let headers = [
            "ATTEMPT",
            "BEGAN",
            "MS",
            "OUTCOME",
            "STATUS",
            "WHAT HAPPENED",
            "ANSWER",
        ];
        let rows = attempts.iter().map(|attempt| {
            [
                text(&attempt["number"]),
                output::time(&attempt["started_at"]),
                text(&attempt["duration_ms"]),
                text(&attempt["outcome"]),
                text(&attempt["status"]),
                text(&attempt["detail"]),
                output::beginning(&text(&attempt["answer"])),
            ]
        });
        shown += &format!("\n{}", output::table(headers, rows));
    }
    output::write(&shown)
}

/// Has each delivery retried or cancelled, one after the other, and prints what came of it.
async fn tell_all(admin: &AdminApi, args: &IdsArgs, verb: &str) -> anyhow::Result<()> {
    let mut results = Vec::new();
    for id in &args.ids {
        let answer = admin
            .post_to_running(&format!("{}/{verb}", id.path()), None)
            .await;
        let (state, problem) = match answer {
            Ok(answer) if answer["instruction"]["state"] == "done" => {
                (answer["delivery"]["state"].clone(), None)
            }
            Ok(_) => (Value::Null, Some(output::NOT_YET.to_owned())),
            // What concerns one of them is no reason to leave the others.
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if [404, 409].contains(&refused.status) => {
                    (Value::Null, Some(refused.detail.clone()))
                }
                _ => return Err(error),
            },
        };
        results.push((id, state, problem));
    }
    match args.format.format {
        Format::Json => {
            let results = results.iter().map(
                |(id, state, problem)| json!({ "id": id.to_string(), "state": state, "problem": problem }),
            );
            output::write(&output::json(
                &json!({ "deliveries": results.collect::<Value>() }),
            ))?;
        }
        Format::Table => {
            let rows = results.iter().map(|(id, state, problem)| {
                let problem = problem.clone().unwrap_or_else(|| "-".to_owned());
                [id.to_string(), text(state), problem]
            });
            output::write(&output::table(["ID", "STATE", "PROBLEM"], rows))?;
        }
    }
    let failed_count = results.iter().filter(|(_, _, problem)| problem.is_some()).count();
    if failed_count > 0 {
        let count = match results.len() {
            1 => "1 delivery".to_owned(),
            count => format!("{count} deliveries"),
        };
        bail!("{verb} could not be done for {failed_count} of {count}");
    }
    Ok(())
}
