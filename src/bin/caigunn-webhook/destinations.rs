//! `destinations`

use anyhow::bail;
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::Settings;
use caigunn_webhook::delivery::view::{Trouble, TroubleKind};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::{AdminApi, path_with};
use crate::output::{self, Format, Printing};

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
            "; what waited for it is not sent any more: {}",
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

/// What keeps a destination from taking what is for it. The cause comes first: a narrow table shows where a text begins.
fn remark(destination: &Value, format: Format) -> String {
    let time = |at: Option<Timestamp>| {
        at.map_or("a time that is not known".to_owned(), |at| {
            output::shown_time(&at.to_string().into(), format)
        })
    };
    if destination["state"] == "unconfigured" {
        return format!(
            "not configured where the receiver leads: removed after {}",
            output::shown_time(&destination["removed_after"], format)
        );
    }
    let told = &destination["trouble"];
    if told.is_null() {
        return "-".to_owned();
    }
    let Ok(trouble) = Trouble::deserialize(told) else {
        // Of a newer receiver, in its words.
        let said = ["kind", "detail"]
            .into_iter()
            .filter_map(|member| told[member].as_str());
        return said.collect::<Vec<_>>().join(": ");
    };
    let detail = trouble.detail.unwrap_or("why is not known".to_owned());
    match (trouble.kind, trouble.until) {
        (TroubleKind::WaitsLong, _) => format!(
            "the oldest waits since {}: `deliveries list --state pending` says why",
            time(trouble.since)
        ),
        (_, Some(until)) => format!(
            "{detail}{}; it asked to be left alone until {}, and is tried at once by `destinations resume`",
            trouble
                .since
                .map_or(String::new(), |since| format!(" (since {})", time(Some(since)))),
            time(Some(until))
        ),
        (_, None) => format!("{detail} (since {})", time(trouble.since)),
    }
}
