//! `receipts tail`

use anyhow::Context;
use caigunn_webhook::shutdown::StopSignals;
use clap::Args;
use serde_json::Value;

use crate::admin::AdminApi;
use crate::follow::Follow;
use crate::output::{self, Format, FormatArgs, text};
use crate::which::Of;

#[derive(Args)]
pub struct TailArgs {
    #[command(flatten)]
    which: Of,
    #[command(flatten)]
    format: FormatArgs,
}

pub async fn run(admin: &AdminApi, args: &TailArgs) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen().context("listening for Ctrl-C")?;
    let mut follow = Follow::begin(admin, &args.which).await?;
    output::say(format_args!(
        "following the receiver at {}; Ctrl-C ends it",
        admin.place()
    ));
    tokio::select! {
        followed = print(&mut follow, args.format.format) => followed,
        _ = signals.next() => Ok(()),
    }
}

async fn print(follow: &mut Follow<'_>, format: Format) -> anyhow::Result<()> {
    loop {
        let receipt = follow.next().await?;
        output::stream(&match format {
            Format::Json => format!("{receipt}\n"),
            Format::Table => line(&receipt),
        })?;
    }
}

fn line(receipt: &Value) -> String {
    let at = output::time(&receipt["received_at"]);
    let [event, id, job, chatbot] =
        ["event", "id", "event_id", "chatbot_id"].map(|name| text(&receipt[name]));
    output::printable(&format!("{at}  {event:20}  {id}  job {job}  chatbot {chatbot}")) + "\n"
}
