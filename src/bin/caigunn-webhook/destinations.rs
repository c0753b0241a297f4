//! `destinations`

use anyhow::bail;
use caigunn_webhook::config::Settings;
use clap::Subcommand;
use serde_json::Value;

use crate::admin::{AdminApi, path_with};
use crate::output::{self, Format, Printing, text};

const COLUMNS: &str = "DESTINATION name | KIND kind ?2 | WHERE TO to ?1 | STATE state | PENDING pending_count | DEAD dead_count \
                       | IN FLIGHT status/in_flight_count ?3 | REMARK remark !";

#[derive(Subcommand)]
pub enum DestinationsCommand {
    /// Show where notifications are delivered to, and how each destination does
    List,
    /// Send nothing more to a destination until it is resumed; what is for it is kept
    Pause {
        /// Its name in the configuration
        name: String,
        /// Why, for whoever lists destinations
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Send to a destination again, at once with what has waited
    Resume {
        /// Its name in the configuration
        name: String,
    },
    /// Remove a destination that is configured no more, with what waits for it, before its time
    Remove {
        /// The name that it had in the configuration
        name: String,
    },
}

pub async fn run(args: &Printing<DestinationsCommand>, settings: &Settings) -> anyhow::Result<()> {
    let (admin, format) = (AdminApi::new(settings)?, args.format.chosen());
    let (name, verb, reason, done) = match &args.command {
        DestinationsCommand::List => return list(&admin, format).await,
        DestinationsCommand::Pause { name, reason } => (name, "pause", reason.clone(), "is paused"),
        DestinationsCommand::Resume { name } => (name, "resume", None, "is sent to again"),
        DestinationsCommand::Remove { name } => (name, "remove", None, "is removed"),
    };
    let waiting = match args.command {
        DestinationsCommand::Remove { .. } => pending_count(&admin, name).await?,
        _ => 0,
    };
    let path = format!("/destinations/{}/{verb}", output::segment(name));
    let answer = admin
        .post_to_running(&path_with(&path, [("reason", reason)]), None)
        .await?;
    let is_done = answer["instruction"]["state"] == "done";
    let closed = match waiting {
        0 => String::new(),
        count => format!(
            "; what waited for it is closed: {}",
            output::counted(count, "delivery")
        ),
    };
    let said = || format!("{name} {done}{closed}\n");
    format.print(&answer, || is_done.then(said).unwrap_or_default())?;
    if !is_done {
        bail!(output::NOT_YET);
    }
    Ok(())
}

/// How many deliveries wait for a destination.
async fn pending_count(admin: &AdminApi, name: &str) -> anyhow::Result<usize> {
    let answer = admin.get_from_running("/destinations").await?;
    let mut destinations = answer["destinations"].as_array().into_iter().flatten();
    let found = destinations.find(|destination| destination["name"] == *name);
    let count = found.and_then(|found| found["pending_count"].as_u64());
    Ok(usize::try_from(count.unwrap_or_default())?)
}

async fn list(admin: &AdminApi, format: Format) -> anyhow::Result<()> {
    let answer = admin.get_from_running("/destinations").await?;
    format.print(&answer, || {
        let mut destinations = answer["destinations"].as_array().cloned().unwrap_or_default();
        if destinations.is_empty() {
            return "no destinations are configured, so notifications are only kept\n".to_owned();
        }
        for destination in &mut destinations {
            destination["remark"] = remark(destination, format).into();
        }
        output::columns(COLUMNS, &destinations, format) + &about_leader(&answer["leader"])
    })
}

/// Who knows more, if another receiver leads.
fn about_leader(leader: &Value) -> String {
    match leader["name"].as_str() {
        _ if leader["is_self"] != false => String::new(),
        Some(name) => format!(
            "\n{} leads and delivers; whether a destination is down is known there\n",
            output::printable(name)
        ),
        None => "\nwhich receiver leads and delivers is not known now\n".to_owned(),
    }
}

/// What keeps a destination from getting everything now. What went wrong before the oldest that is pending came is over.
/// The cause comes first: a narrow table shows where a text begins.
fn remark(destination: &Value, format: Format) -> String {
    let (status, pause) = (&destination["status"], &destination["pause"]);
    let failure = &status["last_failure"];
    let is_of_pending = status["oldest_received_at"].as_str() <= failure["at"].as_str();
    let time = |at: &Value| output::shown_time(at, format);
    let said = |when: &str, at: &Value, what: &Value| format!("{} ({when} {})", text(what), time(at));
    let quiet_until = &status["quiet_until"];
    match destination["state"].as_str() {
        Some("active" | "down") if !quiet_until.is_null() => format!(
            "{}; it asked to be left alone until {}, and is tried at once by `destinations resume` (at {})",
            text(&failure["detail"]),
            time(quiet_until),
            time(&failure["at"])
        ),
        Some("paused") => said("since", &pause["at"], &pause["reason"]),
        Some("unconfigured") => format!(
            "not configured where the receiver leads: removed after {}",
            time(&destination["removed_after"])
        ),
        Some("down") => said("since", &status["down_since"], &failure["detail"]),
        Some("active") if !status["oldest_received_at"].is_null() && is_of_pending => {
            said("at", &failure["at"], &failure["detail"])
        }
        _ => "-".to_owned(),
    }
}
