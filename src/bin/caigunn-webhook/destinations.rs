//! `destinations`

use anyhow::bail;
use caigunn_webhook::config::Settings;
use clap::Subcommand;
use serde_json::Value;

use crate::admin::{AdminApi, path_with};
use crate::output::{self, Format, FormatArgs, text};

#[derive(Subcommand)]
pub enum DestinationsCommand {
    /// Show where notifications are delivered to, and how each destination does
    List {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Send nothing more to a destination until it is resumed; what is for it is kept
    Pause {
        /// Its name in the configuration
        name: String,
        /// Why, for whoever lists destinations
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Send to a destination again, at once with what has waited
    Resume {
        /// Its name in the configuration
        name: String,
        #[command(flatten)]
        format: FormatArgs,
    },
}

pub async fn run(command: &DestinationsCommand, settings: &Settings) -> anyhow::Result<()> {
    let admin = AdminApi::new(settings)?;
    match command {
        DestinationsCommand::List { format } => list(&admin, format.format).await,
        DestinationsCommand::Pause { name, reason, format } => {
            let path = format!("/destinations/{}/pause", output::segment(name));
            let path = path_with(&path, [("reason", reason.clone())]);
            change(&admin, &path, format.format, &format!("{name} is paused")).await
        }
        DestinationsCommand::Resume { name, format } => {
            let path = format!("/destinations/{}/resume", output::segment(name));
            change(&admin, &path, format.format, &format!("{name} is sent to again")).await
        }
    }
}

async fn list(admin: &AdminApi, format: Format) -> anyhow::Result<()> {
    let answer = admin.get_from_running("/destinations").await?;
    if format == Format::Json {
        return output::write(&output::json(&answer));
    }
    let destinations = answer["destinations"].as_array().into_iter().flatten();
    let rows: Vec<_> = destinations.map(row).collect();
    if rows.is_empty() {
        return output::write("no destinations are configured, so notifications are only kept\n");
    }
    let headers = ["DESTINATION", "STATE", "PENDING", "DEAD", "IN FLIGHT", "REMARK"];
    let mut shown = output::table(headers, rows);
    if answer["leader"]["is_self"] == false {
        shown += &match answer["leader"]["name"].as_str() {
            Some(leader) => format!(
                "\n{} leads and delivers; whether a destination is down is known there\n",
                output::printable(leader)
            ),
            None => "\nwhich receiver leads and delivers is not known now\n".to_owned(),
        };
    }
    output::write(&shown)
}

fn row(destination: &Value) -> [String; 6] {
    let status = &destination["status"];
    let pause = &destination["pause"];
    let remark = if let Some(reason) = pause["reason"].as_str() {
        format!("since {}: {reason}", text(&pause["at"]))
    } else if let Some(since) = status["down_since"].as_str() {
        format!("since {since}: {}", text(&status["last_failure"]["detail"]))
    } else {
        text(&status["last_failure"]["detail"])
    };
    [
        text(&destination["name"]),
        text(&destination["state"]),
        text(&destination["pending_count"]),
        text(&destination["dead_count"]),
        text(&status["in_flight_count"]),
        remark,
    ]
}

async fn change(admin: &AdminApi, path: &str, format: Format, done: &str) -> anyhow::Result<()> {
    let answer = admin.post_to_running(path, None).await?;
    if format == Format::Json {
        output::write(&output::json(&answer))?;
    }
    match answer["instruction"]["state"].as_str() {
        Some("done") if format == Format::Table => output::write(&format!("{done}\n")),
        Some("done") => Ok(()),
        _ => bail!(output::NOT_YET),
    }
}
