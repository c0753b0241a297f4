//! `deliveries`

use anyhow::bail;
use caigunn_webhook::config::Settings;
use caigunn_webhook::inbox::ReceiptId;
use caigunn_webhook::inbox::outbox::State;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::{self, AdminApi, Refused};
use crate::output::{self, Format, FormatArgs, text};
use crate::which::Which;

const COLUMNS: &str = "ID id | EVENT event | RECEIVED received_at | STATE state | ATTEMPTS attempt_count | LAST last_outcome \
                       | NEXT ATTEMPT next_attempt_at | WHY IT WAITS waits";

const MEMBERS: &str =
    "id event event_id chatbot_id sequence received_at state waits attempt_count next_attempt_at changed_at";

const ATTEMPTS: &str = "ATTEMPT number | BEGAN started_at | MS duration_ms | OUTCOME outcome | STATUS status \
                        | WHAT HAPPENED detail | ANSWER answer";

#[derive(Subcommand)]
pub enum DeliveriesCommand {
    /// List deliveries, newest receipt first
    List(ListArgs),
    /// Show a delivery with its attempts
    Show {
        /// Destination and receipt, as `deliveries list` shows it: app/0190b5c4-...
        #[arg(value_parser = delivery_id)]
        id: String,
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
    #[command(flatten)]
    which: Which,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = output::limit)]
    limit: usize,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
pub struct IdsArgs {
    /// Destination and receipt, as `deliveries list` shows them: app/0190b5c4-...
    #[arg(required = true, value_name = "ID", value_parser = delivery_id)]
    ids: Vec<String>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Takes what names a delivery.
fn delivery_id(text: &str) -> Result<String, String> {
    let parts = text.split_once('/');
    let is_id = parts.is_some_and(|(name, id)| !name.is_empty() && id.parse::<ReceiptId>().is_ok());
    let allowed = "expected DESTINATION/RECEIPT_ID, as `deliveries list` shows it";
    is_id.then(|| text.to_owned()).ok_or_else(|| allowed.to_owned())
}

fn path(id: &str) -> String {
    let (destination, receipt_id) = id.split_once('/').expect("it was taken as one");
    format!("/deliveries/{}/{receipt_id}", output::segment(destination))
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
    let mut query = vec![
        ("destination", args.destination.clone()),
        ("state", args.state.clone()),
    ];
    query.extend(args.which.query());
    let deliveries = admin::list(admin, "deliveries", args.limit, &query).await?;
    args.format.print(&json!({ "deliveries": deliveries }), || {
        output::columns(COLUMNS, &deliveries)
    })
}

async fn show(admin: &AdminApi, id: &str, format: Format) -> anyhow::Result<()> {
    let delivery = admin.get_from_running(&path(id)).await?;
    format.print(&delivery, || {
        let mut attempts = delivery["attempts"].as_array().cloned().unwrap_or_default();
        for attempt in &mut attempts {
            attempt["answer"] = output::beginning(&text(&attempt["answer"])).into();
        }
        let table = match &attempts[..] {
            [] => String::new(),
            attempts => format!("\n{}", output::columns(ATTEMPTS, attempts)),
        };
        output::members(&delivery, MEMBERS) + &table
    })
}

/// Has each delivery retried or cancelled, one after the other, and prints what came of it.
async fn tell_all(admin: &AdminApi, args: &IdsArgs, verb: &str) -> anyhow::Result<()> {
    let mut results = Vec::new();
    for id in &args.ids {
        let answer = admin.post_to_running(&format!("{}/{verb}", path(id)), None).await;
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
        results.push(json!({ "id": id, "state": state, "problem": problem }));
    }
    args.format.print(&json!({ "deliveries": results }), || {
        output::columns("ID id | STATE state | PROBLEM problem", &results)
    })?;
    let failed_count = results
        .iter()
        .filter(|result| !result["problem"].is_null())
        .count();
    if failed_count > 0 {
        let count = match results.len() {
            1 => "1 delivery".to_owned(),
            count => format!("{count} deliveries"),
        };
        bail!("{verb} could not be done for {failed_count} of {count}");
    }
    Ok(())
}
