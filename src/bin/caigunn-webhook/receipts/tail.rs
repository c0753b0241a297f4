//! `receipts tail`

use anyhow::Context;
use caigunn_webhook::shutdown::StopSignals;
use clap::Args;
use serde_json::Value;

use crate::admin::AdminApi;
use crate::follow::{Follow, FollowArgs};
use crate::output::{self, Format, FormatArgs, text};

#[derive(Args)]
pub struct TailArgs {
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub async fn run(admin: &AdminApi, args: &TailArgs) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen().context("listening for Ctrl-C")?;
    let mut follow = Follow::begin(admin, &args.follow).await?;
    eprintln!("following the receiver at {}; Ctrl-C ends it", admin.address());
    tokio::select! {
        followed = print(&mut follow, args.format.format) => followed,
        _ = signals.next() => Ok(()),
    }
}

async fn print(follow: &mut Follow<'_>, format: Format) -> anyhow::Result<()> {
    loop {
        let receipt = follow.next().await?;
        output::write(&match format {
            Format::Json => format!("{receipt}\n"),
            Format::Table => line(&receipt),
        })?;
    }
}

fn line(receipt: &Value) -> String {
    let job = text(&receipt["event_id"]);
    let columns = [
        output::time(&receipt["received_at"]),
        format!("{:20}", text(&receipt["event"])),
        text(&receipt["id"]),
        format!("job {job}"),
        format!("chatbot {}", text(&receipt["chatbot_id"])),
    ];
    output::printable(&columns.join("  ")) + "\n"
}
