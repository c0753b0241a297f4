//! `deliveries`

use caigunn_webhook::accents::cut;
use caigunn_webhook::config::Settings;
use caigunn_webhook::inbox::ReceiptId;
use caigunn_webhook::inbox::outbox::State;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::{AdminApi, Refused};
use crate::output::{self, Format, Printing, text};
use crate::receipts::say_if_nothing_is_sent_to;
use crate::which::ListArgs;

const COLUMNS: &str = "ID id | EVENT event ?2 | RECEIVED received_at ?3 | STATE state | ATTEMPTS attempt_count ?4 \
                       | LAST last_outcome ?5 | NEXT ATTEMPT next_attempt_at ?1 | WHY IT WAITS, OR ENDED why !";

const MEMBERS: &str =
    "id event event_id chatbot_id sequence received_at state waits attempt_count next_attempt_at changed_at";

const ATTEMPTS: &str = "ATTEMPT number | BEGAN started_at | MS duration_ms ?1 | OUTCOME outcome | STATUS status \
                        | WHAT HAPPENED detail | ANSWER answer ?2";

/// Of how many deliveries of a list it is asked what happened last; of more their outcomes are shown alone.
const MAX_ASKED: usize = 50;

/// The longest part of an answer that a table shows, in characters.
const MAX_ANSWER_CHARS: usize = 80;

#[derive(Subcommand)]
pub enum DeliveriesCommand {
    /// List deliveries, newest receipt first
    List {
        /// Only to this destination
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
        /// Only in this state
        #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(State::NAMES))]
        state: Option<String>,
        #[command(flatten)]
        args: ListArgs,
    },
    /// Show a delivery with its attempts
    Show {
        /// Destination and receipt, as `deliveries list` shows it: app/0190b5c4-...
        #[arg(value_parser = delivery_id)]
        id: String,
    },
    /// Send now what waits, was given up or was called off
    ///
    /// What was given up or called off begins its schedule anew.
    Retry(Ids),
    /// Call pending deliveries off
    Cancel(Ids),
}

#[derive(Args)]
pub struct Ids {
    /// Destination and receipt, as `deliveries list` shows them: app/0190b5c4-...
    #[arg(required = true, value_name = "ID", value_parser = delivery_id)]
    ids: Vec<String>,
}

/// Takes what names a delivery.
fn delivery_id(text: &str) -> Result<String, String> {
    let parts = text.split_once('/');
    let is_id = parts.is_some_and(|(name, id)| !name.is_empty() && id.parse::<ReceiptId>().is_ok());
    let allowed = "expected DESTINATION/RECEIPT_ID, the id whole, as `deliveries list` shows it with --wide";
    is_id.then(|| text.to_owned()).ok_or_else(|| allowed.to_owned())
}

fn path(id: &str) -> String {
    let (destination, receipt_id) = id.split_once('/').expect("it was taken as one");
    format!("/deliveries/{}/{receipt_id}", output::segment(destination))
}

pub async fn run(args: &Printing<DeliveriesCommand>, settings: &Settings) -> anyhow::Result<()> {
    let (admin, format) = (AdminApi::new(settings)?, args.format.chosen());
    match &args.command {
        DeliveriesCommand::List {
            destination,
            state,
            args,
        } => {
            let query = vec![("destination", destination.clone()), ("state", state.clone())];
            let mut listed = args.items(&admin, "deliveries", query).await?;
            if format != Format::Json {
                say_why(&admin, &mut listed).await;
            }
            format.print_list("deliveries", &listed, COLUMNS)?;
            say_if_nothing_is_sent_to(&admin, listed.len(), format).await
        }
        DeliveriesCommand::Show { id } => show(&admin, id, format).await,
        DeliveriesCommand::Retry(Ids { ids }) => tell_all(&admin, ids, ("retry", "retried"), format).await,
        DeliveriesCommand::Cancel(Ids { ids }) => {
            tell_all(&admin, ids, ("cancel", "cancelled"), format).await
        }
    }
}

/// Gives each delivery a member `why`: why it waits or, where it was given up, what the last attempt came to.
pub async fn say_why(admin: &AdminApi, deliveries: &mut [Value]) {
    let mut asked_count = 0;
    for delivery in deliveries {
        let why = match delivery["state"].as_str() {
            Some("pending") if delivery["waits"].is_null() => "is being sent, or waits for its turn".into(),
            Some("pending") => delivery["waits"].clone(),
            Some("dead") if asked_count < MAX_ASKED => {
                asked_count += 1;
                match admin.get_from_running(&path(&text(&delivery["id"]))).await {
                    Ok(shown) => last_of(&shown, &delivery["last_outcome"]),
                    // One that is gone meanwhile, or damaged, hides no other; of a receiver that is late or gone nothing more is asked.
                    Err(error) => {
                        asked_count = if error.is::<Refused>() {
                            asked_count
                        } else {
                            MAX_ASKED
                        };
                        delivery["last_outcome"].clone()
                    }
                }
            }
            Some("dead") => delivery["last_outcome"].clone(),
            Some("cancelled") => "was called off".into(),
            Some("removed") => "its destination was removed".into(),
            _ => Value::Null,
        };
        delivery["why"] = why;
    }
}

/// What the last attempt of a delivery came to, with what was said then.
fn last_of(shown: &Value, outcome: &Value) -> Value {
    let last = shown["attempts"].as_array().and_then(|attempts| attempts.last());
    match last.and_then(|last| last["detail"].as_str()) {
        Some(detail) => format!("{}: {detail}", text(outcome)).into(),
        None => outcome.clone(),
    }
}

async fn show(admin: &AdminApi, id: &str, format: Format) -> anyhow::Result<()> {
    let delivery = admin.get_from_running(&path(id)).await?;
    format.print(&delivery, || {
        output::members(&delivery, MEMBERS) + &attempts(&delivery, format)
    })
}

/// The attempts of a delivery, and how many before them are kept no more.
fn attempts(delivery: &Value, format: Format) -> String {
    let mut attempts = delivery["attempts"].as_array().cloned().unwrap_or_default();
    let Some(first) = attempts.first().and_then(|first| first["number"].as_u64()) else {
        return String::new();
    };
    for attempt in &mut attempts {
        let answer = text(&attempt["answer"]);
        let line = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        attempt["answer"] = cut(&line, MAX_ANSWER_CHARS).into();
    }
    let table = output::columns(ATTEMPTS, &attempts, format);
    let not_kept = match first - 1 {
        0 => String::new(),
        count => format!(
            "Only the last {} attempts are kept: {count} before them {} not.\n",
            attempts.len(),
            if count == 1 { "is" } else { "are" }
        ),
    };
    format!("\n{table}{not_kept}")
}

/// Has each delivery retried or cancelled, one after the other, and prints what came of it.
async fn tell_all(
    admin: &AdminApi,
    ids: &[String],
    (verb, done): (&str, &str),
    format: Format,
) -> anyhow::Result<()> {
    let row = |id: &String, answer: Result<Value, String>| {
        let (delivery, problem) = match answer {
            Ok(mut answer) if answer["instruction"]["state"] == "done" => (answer["delivery"].take(), None),
            Ok(_) => (Value::Null, Some(output::NOT_YET.to_owned())),
            Err(problem) => (Value::Null, Some(problem)),
        };
        let (state, waits) = (&delivery["state"], &delivery["waits"]);
        json!({ "id": id, "state": state, "waits": waits, "problem": problem })
    };
    let to = |id: &String| format!("{}/{verb}", path(id));
    let (results, ended) = admin.post_each(ids, to, row).await?;
    // Of those before what breaks it off it is said what became of them.
    format.print(&json!({ "deliveries": results }), || {
        let columns = "ID id | STATE state | WHY IT WAITS waits | PROBLEM problem";
        output::columns(columns, &results, format)
    })?;
    ended?;
    output::refuse_failed(&results, "delivery", &format!("could not be {done}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_delivery_it_is_said_how_many_attempts_are_kept_no_more() {
        let shown_of = |kept: &[Value]| attempts(&json!({ "attempts": kept }), Format::Table);
        let shown = |first: u64| {
            shown_of(&[first, first + 1].map(|number| json!({ "number": number, "answer": "" })))
        };

        let last_line = |text: &str| text.lines().last().map(str::to_owned);
        assert_eq!(shown_of(&[]), "");
        assert!(!shown(1).contains("kept"), "{}", shown(1));
        for (first, said) in [
            (2, "Only the last 2 attempts are kept: 1 before them is not."),
            (24, "Only the last 2 attempts are kept: 23 before them are not."),
        ] {
            assert_eq!(last_line(&shown(first)).as_deref(), Some(said));
        }
    }
}
