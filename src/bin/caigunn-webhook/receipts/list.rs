//! `receipts list` and `receipts show`

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, EventId};
use caigunn_webhook::inbox::ReceiptId;
use clap::Args;
use serde_json::{Value, json};

use crate::admin::{self, AdminApi, path_with};
use crate::moment::moment;
use crate::output::{self, Format, FormatArgs, text};

/// How many are asked for at once, at most.
const PAGE_LIMIT: usize = 500;

#[derive(Args)]
pub struct ListArgs {
    /// Only of this event (crawling) or event name (crawling.completed)
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only of this chatbot
    #[arg(long, value_name = "ID")]
    chatbot: Option<ChatbotId>,
    /// Only of this job, by its event_id
    #[arg(long, value_name = "ID")]
    job: Option<EventId>,
    /// Only what was received then or later: a time, a day, or how long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what was received before that
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
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
    // A time is looked for page by page.
    let is_looked_for = args.since.is_some() || args.until.is_some();
    let receipts = admin::list(admin, "receipts", args.limit, |cursor, count| {
        let count = if is_looked_for {
            PAGE_LIMIT
        } else {
            count.min(PAGE_LIMIT)
        };
        path_with(
            "/receipts",
            [
                ("event", args.event.clone()),
                ("chatbot_id", args.chatbot.map(|id| id.to_string())),
                ("event_id", args.job.map(|id| id.to_string())),
                ("since", args.since.map(|time| time.to_string())),
                ("until", args.until.map(|time| time.to_string())),
                ("cursor", cursor),
                ("limit", Some(count.to_string())),
            ],
        )
    })
    .await?;
    match args.format.format {
        Format::Json => output::write(&output::json(&json!({ "receipts": receipts }))),
        Format::Table => {
            let headers = ["RECEIVED", "EVENT", "ID", "JOB", "CHATBOT", "FROM", "BYTES"];
            output::write(&output::table(headers, receipts.iter().map(row)))
        }
    }
}

fn row(receipt: &Value) -> [String; 7] {
    [
        output::time(&receipt["received_at"]),
        text(&receipt["event"]),
        text(&receipt["id"]),
        text(&receipt["event_id"]),
        text(&receipt["chatbot_id"]),
        text(&receipt["origin"]),
        text(&receipt["body_bytes"]),
    ]
}

pub async fn show(admin: &AdminApi, args: &ShowArgs) -> anyhow::Result<()> {
    let receipt = admin.get_from_running(&format!("/receipts/{}", args.id)).await?;
    if args.format.format == Format::Json {
        return output::write(&output::json(&receipt));
    }
    let members = [
        "id",
        "sequence",
        "received_at",
        "event",
        "event_id",
        "chatbot_id",
        "wire",
        "origin",
        "body_bytes",
    ];
    let body = text(&receipt["body"]);
    // JSON may be laid out with tabs, which are control characters too.
    let lines = body
        .lines()
        .map(|line| output::printable(&line.replace('\t', "    ")));
    let body = lines.collect::<Vec<_>>().join("\n");
    output::write(&format!("{}\n{body}\n", output::members(&receipt, &members)))
}
