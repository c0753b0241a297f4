//! `receipts`

mod replay;
mod tail;

use caigunn_webhook::config::Settings;
use caigunn_webhook::event::sample;
use caigunn_webhook::inbox::ReceiptId;
use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;

use crate::admin::AdminApi;
use crate::id::id;
use crate::output::{self, Format, Printing, text};
use crate::which::{ListArgs, Of};

pub use replay::say_if_nothing_is_sent_to;

const COLUMNS: &str = "RECEIVED received_at | EVENT event | ID id | JOB event_id | CHATBOT chatbot_id ?1 | FROM origin ?2 \
                       | BYTES body_bytes ?3";

const MEMBERS: &str = "id sequence received_at event event_id chatbot_id wire origin body_bytes trace damage";

#[derive(Subcommand)]
pub enum ReceiptsCommand {
    /// List what was received, newest first
    List(ListArgs),
    /// Show a receipt with its body
    Show {
        /// The receipt's id
        #[arg(value_parser = id::<ReceiptId>)]
        id: ReceiptId,
    },
    /// Follow what is received from now on, until Ctrl-C
    Tail(Of),
    /// Deliver receipts once more, with the same webhook-id
    ///
    /// What is pending anyway is left as it is, and no destination gets what it does not want. The receiver that leads
    /// does it, also when this command is ended.
    Replay(replay::ReplayArgs),
    /// List the latest replays and how far they are
    Replays {
        /// How many at most
        #[arg(long, value_name = "COUNT", default_value_t = 20, allow_hyphen_values = true, value_parser = output::number::<u16, 1, 500>)]
        limit: u16,
    },
    /// Go no further with a replay; what it has made pending is delivered
    EndReplay {
        /// Its id, as `receipts replays` lists it
        #[arg(value_parser = id::<Uuid>)]
        id: Uuid,
    },
}

pub async fn run(args: &Printing<ReceiptsCommand>, settings: &Settings) -> anyhow::Result<()> {
    let (admin, format) = (AdminApi::new(settings)?, args.format.chosen());
    match &args.command {
        ReceiptsCommand::List(args) => {
            let mut listed = args.items(&admin, "receipts", Vec::new()).await?;
            if format != Format::Json {
                listed.iter_mut().for_each(mark_sample);
            }
            format.print_list("receipts", &listed, COLUMNS)
        }
        ReceiptsCommand::Show { id } => show(&admin, *id, format).await,
        ReceiptsCommand::Tail(which) => tail::run(&admin, which, format).await,
        ReceiptsCommand::Replay(args) => replay::run(&admin, args, format).await,
        ReceiptsCommand::Replays { limit } => replay::list(&admin, *limit, format).await,
        ReceiptsCommand::EndReplay { id } => replay::end(&admin, *id, format).await,
    }
}

async fn show(admin: &AdminApi, id: ReceiptId, format: Format) -> anyhow::Result<()> {
    let receipt = admin.get_from_running(&format!("/receipts/{id}")).await?;
    format.print(&receipt, || {
        let body = output::lines(&text(&receipt["body"]));
        let mut shown = receipt.clone();
        mark_sample(&mut shown);
        format!("{}\n{body}\n", output::members(&shown, MEMBERS))
    })
}

/// Says of a sample, in place of how it came, that it is one.
pub fn mark_sample(receipt: &mut Value) {
    let job = output::text(&receipt["event_id"]).parse().ok();
    let chatbot = output::text(&receipt["chatbot_id"]).parse().ok();
    if sample::is_sample(job, chatbot) {
        receipt["origin"] = "sample".into();
    }
}
