//! `jobs`

use caigunn_webhook::clock::{Timestamp, lasting};
use caigunn_webhook::config::Settings;
use caigunn_webhook::event::{ChatbotId, EventId};
use caigunn_webhook::inbox::JobState;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::admin::{self, AdminApi};
use crate::deliveries::say_why;
use crate::id::{event, id};
use crate::moment::moment;
use crate::output::{self, Format, Printing};
use crate::receipts::mark_sample;
use crate::which::{in_order, warn_of_unheard};

const COLUMNS: &str = "CHANGED changed_at | JOB event_id | EVENT event | STATE state | BEGAN began_at ?2 \
                       | CHATBOT chatbot_id ?1 | WHY reason";

const MEMBERS: &str = "event_id state reason";

const NOTIFICATIONS: &str =
    "RECEIVED received_at | EVENT event | FROM origin | AFTER after | RECEIPT id ?1 | WHY detail";

const FILES: &str = "FAILED FILE filename | WHY detail";

const DELIVERIES: &str = "DELIVERY id | EVENT event ?3 | STATE state | ATTEMPTS attempt_count ?2 | LAST last_outcome ?4 \
                          | NEXT ATTEMPT next_attempt_at ?1 | WHY IT WAITS, OR ENDED why !";

/// How many deliveries of a job are shown.
const MAX_DELIVERIES: usize = 500;

#[derive(Subcommand)]
pub enum JobsCommand {
    /// List jobs, newest first: when they ended, or began
    ///
    /// Trainings of the older wire format have no event_id, so they are no jobs: those that failed are listed by
    /// `receipts list --event training.failed`.
    List(ListArgs),
    /// Show a job: what came of it and when, what failed and why, and its deliveries
    Show {
        /// Its event_id
        #[arg(value_parser = id::<EventId>)]
        event_id: EventId,
    },
}

/// All that is given must match.
#[derive(Args)]
pub struct ListArgs {
    /// Only in this state
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(JobState::NAMES))]
    state: Option<String>,
    /// Only of this event (crawling), or where it ended so (crawling.failed)
    #[arg(long, value_name = "EVENT", value_parser = event)]
    event: Option<String>,
    /// Only of this chatbot
    #[arg(long, value_name = "ID", value_parser = id::<ChatbotId>)]
    chatbot: Option<ChatbotId>,
    /// Only what ended, or began, then or later: a time or a day (UTC unless a zone is given), or how long ago (2h)
    #[arg(long, alias = "from", value_name = "TIME", allow_hyphen_values = true, value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before that
    #[arg(long, alias = "to", value_name = "TIME", allow_hyphen_values = true, value_parser = moment)]
    until: Option<Timestamp>,
    /// How many at most; 50 unless it is given
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = output::limit)]
    limit: Option<usize>,
}

pub async fn run(args: &Printing<JobsCommand>, settings: &Settings) -> anyhow::Result<()> {
    let (admin, format) = (AdminApi::new(settings)?, args.format.chosen());
    match &args.command {
        JobsCommand::List(args) => list(&admin, args, format).await,
        JobsCommand::Show { event_id } => show(&admin, *event_id, format).await,
    }
}

async fn list(admin: &AdminApi, args: &ListArgs, format: Format) -> anyhow::Result<()> {
    in_order(args.since, args.until)?;
    warn_of_unheard(args.event.as_deref());
    let query = [
        ("state", args.state.clone()),
        ("event", args.event.clone()),
        ("chatbot_id", args.chatbot.map(|id| id.to_string())),
        ("since", args.since.map(|time| time.to_string())),
        ("until", args.until.map(|time| time.to_string())),
    ];
    let jobs = admin::list(admin, "jobs", args.limit, &query).await?;
    format.print_list("jobs", &jobs, COLUMNS)
}

async fn show(admin: &AdminApi, event_id: EventId, format: Format) -> anyhow::Result<()> {
    let mut job = admin.get_from_running(&format!("/jobs/{event_id}")).await?;
    let of_job = [("event_id", Some(event_id.to_string()))];
    let deliveries = admin::list(admin, "deliveries", Some(MAX_DELIVERIES), &of_job).await?;
    let mut explained = deliveries.clone();
    if format != Format::Json {
        say_why(admin, &mut explained).await;
    }
    job["deliveries"] = deliveries.into();
    format.print(&job, || {
        let list = |name: &str| job[name].as_array().cloned().unwrap_or_default();
        let mut notifications = list("notifications");
        let mut before = None;
        let (mut files, mut left_out) = (Vec::new(), String::new());
        for notification in &mut notifications {
            let received_at = output::moment(&notification["received_at"]);
            let after = before
                .zip(received_at)
                .map(|(before, at)| lasting(at.since(before)));
            notification["after"] = after.into();
            mark_sample(notification);
            before = received_at;
            let failed = notification["failed_files"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            files.extend_from_slice(failed);
            let count = notification["failed_file_count"].as_u64().unwrap_or_default();
            if count > failed.len() as u64 {
                let (first, id) = (failed.len(), output::text(&notification["id"]));
                left_out += &format!("(the first {first} of {count} files; receipts show {id} has all)\n");
            }
        }
        let mut shown = output::members(&job, MEMBERS);
        for (columns, rows) in [
            (NOTIFICATIONS, notifications),
            (FILES, files),
            (DELIVERIES, explained),
        ] {
            if !rows.is_empty() {
                shown += &format!("\n{}", output::columns(columns, &rows, format));
            }
            if columns == FILES {
                shown += &left_out;
            }
        }
        shown
    })
}
