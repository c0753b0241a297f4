//! `quarantine`

use caigunn_webhook::config::Settings;
use caigunn_webhook::inbox::QuarantineId;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::admin::{self, AdminApi};
use crate::id::id;
use crate::output::{self, Format, Printing, text};

const COLUMNS: &str = "RECEIVED received_at | ID id | REASON reason | BYTES body_bytes ?3 | ACCEPTED AS accepted_as ?1 \
                       | DUPLICATE OF duplicate_of ?2 | WHAT WAS WRONG detail";

const MEMBERS: &str = "id received_at request_id reason detail duplicate_of accepted_as content_type body_bytes truncated damage";

#[derive(Subcommand)]
pub enum QuarantineCommand {
    /// List requests that were refused and kept, and duplicates that differ, newest first
    List {
        /// How many at most; 50 unless it is given
        #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = output::limit)]
        limit: Option<usize>,
    },
    /// Show one, with what is kept of its body
    Show {
        /// Its id
        #[arg(value_parser = id::<QuarantineId>)]
        id: QuarantineId,
    },
    /// Accept after all what can be read as a notification now, as if it came now
    ///
    /// Accepted again it stays the same receipt. What is kept in part, is still no notification, or says something else
    /// than the receipt of its identity, is refused with the reason.
    Accept {
        /// Their ids
        #[arg(required = true, value_name = "ID", value_parser = id::<QuarantineId>)]
        ids: Vec<QuarantineId>,
    },
}

pub async fn run(args: &Printing<QuarantineCommand>, settings: &Settings) -> anyhow::Result<()> {
    let (admin, format) = (AdminApi::new(settings)?, args.format.chosen());
    match &args.command {
        QuarantineCommand::List { limit } => {
            let kept = admin::list(&admin, "quarantine", *limit, &[]).await?;
            format.print_list("quarantine", &kept, COLUMNS)
        }
        QuarantineCommand::Show { id } => show(&admin, *id, format).await,
        QuarantineCommand::Accept { ids } => accept(&admin, ids, format).await,
    }
}

async fn show(admin: &AdminApi, id: QuarantineId, format: Format) -> anyhow::Result<()> {
    let kept = admin.get_from_running(&format!("/quarantine/{id}")).await?;
    format.print(&kept, || {
        let body = match kept["body"].as_str() {
            Some(body) => output::lines(body),
            None => format!("in base64: {}", text(&kept["body_base64"])),
        };
        format!("{}\n{body}\n", output::members(&kept, MEMBERS))
    })
}

/// Accepts one after the other, and prints what came of each.
async fn accept(admin: &AdminApi, ids: &[QuarantineId], format: Format) -> anyhow::Result<()> {
    let row = |id: &QuarantineId, answer: Result<Value, String>| {
        let (answer, problem) =
            answer.map_or_else(|problem| (Value::Null, Some(problem)), |answer| (answer, None));
        let (outcome, receipt_id) = (&answer["outcome"], &answer["receipt_id"]);
        json!({ "id": id, "outcome": outcome, "receipt_id": receipt_id, "problem": problem })
    };
    let to = |id: &QuarantineId| format!("/quarantine/{id}/accept");
    let (results, ended) = admin.post_each(ids, to, row).await?;
    // Of those before what breaks it off it is said what became of them.
    format.print(&json!({ "accepted": results }), || {
        let columns = "ID id | OUTCOME outcome | RECEIPT receipt_id";
        let mut shown = output::columns(columns, &results, format);
        for result in results.iter().filter(|result| !result["problem"].is_null()) {
            let (id, problem) = (text(&result["id"]), text(&result["problem"]));
            shown += &format!("{id}: {}\n", output::printable(&problem));
        }
        shown
    })?;
    ended?;
    output::refuse_failed(&results, "request", "could not be accepted")
}
