//! `receipts list` and `receipts show`

use caigunn_webhook::inbox::ReceiptId;
use clap::Args;
use serde_json::json;

use crate::admin::{self, AdminApi};
use crate::output::{self, FormatArgs, text};
use crate::which::Which;

const COLUMNS: &str = "RECEIVED received_at | EVENT event | ID id | JOB event_id | CHATBOT chatbot_id | FROM origin \
                       | BYTES body_bytes";

const MEMBERS: &str = "id sequence received_at event event_id chatbot_id wire origin body_bytes";

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    which: Which,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = output::limit)]
    limit: usize,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
pub struct ShowArgs {
    /// The receipt's id
    id: ReceiptId,
    #[command(flatten)]
    format: FormatArgs,
}

pub async fn run(admin: &AdminApi, args: &ListArgs) -> anyhow::Result<()> {
    let receipts = admin::list(admin, "receipts", args.limit, &args.which.query()).await?;
    args.format.print(&json!({ "receipts": receipts }), || {
        output::columns(COLUMNS, &receipts)
    })
}

pub async fn show(admin: &AdminApi, args: &ShowArgs) -> anyhow::Result<()> {
    let receipt = admin.get_from_running(&format!("/receipts/{}", args.id)).await?;
    args.format.print(&receipt, || {
        let body = text(&receipt["body"]);
        // JSON may be laid out with tabs, which are control characters too.
        let lines = body
            .lines()
            .map(|line| output::printable(&line.replace('\t', "    ")));
        let body = lines.collect::<Vec<_>>().join("\n");
        format!("{}\n{body}\n", output::members(&receipt, MEMBERS))
    })
}
