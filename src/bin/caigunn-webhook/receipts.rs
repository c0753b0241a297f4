//! `receipts`

mod list;
mod replay;
mod tail;

use caigunn_webhook::config::Settings;
use clap::Subcommand;

use crate::admin::AdminApi;

#[derive(Subcommand)]
pub enum ReceiptsCommand {
    /// List what was received, newest first
    List(list::ListArgs),
    /// Show a receipt with its body
    Show(list::ShowArgs),
    /// Follow what is received from now on, until Ctrl-C
    Tail(tail::TailArgs),
    /// Deliver receipts once more, with the same webhook-id
    ///
    /// What is pending anyway is left as it is, and no destination gets what it does not want. The receiver that leads
    /// does it, also when this command is ended.
    Replay(replay::ReplayArgs),
    /// List the latest replays and how far they are
    Replays(replay::ReplaysArgs),
    /// Go no further with a replay; what it has made pending is delivered
    EndReplay(replay::EndReplayArgs),
}

pub async fn run(command: &ReceiptsCommand, settings: &Settings) -> anyhow::Result<()> {
    let admin = AdminApi::new(settings)?;
    match command {
        ReceiptsCommand::List(args) => list::run(&admin, args).await,
        ReceiptsCommand::Show(args) => list::show(&admin, args).await,
        ReceiptsCommand::Tail(args) => tail::run(&admin, args).await,
        ReceiptsCommand::Replay(args) => replay::run(&admin, args).await,
        ReceiptsCommand::Replays(args) => replay::list(&admin, args).await,
        ReceiptsCommand::EndReplay(args) => replay::end(&admin, args).await,
    }
}
