//! `receipts replay` and `receipts replays`

use std::time::Duration;

use anyhow::{Context, bail};
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, EventId};
use caigunn_webhook::inbox::ReceiptId;
use caigunn_webhook::inbox::instruction::REPLAY_RATES;
use caigunn_webhook::shutdown::StopSignals;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::admin::{AdminApi, path_with};
use crate::follow::Patient;
use crate::moment::moment;
use crate::output::{self, Format, FormatArgs, WrongUsage, text};

/// How often the receiver is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Args)]
pub struct ReplayArgs {
    /// These receipts, by their ids
    #[arg(value_name = "RECEIPT_ID")]
    ids: Vec<ReceiptId>,
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
    /// Only to this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Only dead letters: deliveries that were given up
    #[arg(long)]
    dead: bool,
    /// All receipts, where nothing above says which
    #[arg(long)]
    all: bool,
    /// Only say how many would be sent where
    #[arg(long)]
    dry_run: bool,
    /// How many in a second at most
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// Do not wait until all are on their way
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
pub struct ReplaysArgs {
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    format: FormatArgs,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok();
    rate.filter(|rate| REPLAY_RATES.contains(rate)).ok_or_else(|| {
        format!(
            "expected a number from {} to {}",
            REPLAY_RATES.start(),
            REPLAY_RATES.end()
        )
    })
}

impl ReplayArgs {
    /// The replay that is asked for, to one destination or to all that want it.
    fn body(&self, destination: Option<&str>) -> Value {
        let members = [
            ("receipt_ids", (!self.ids.is_empty()).then(|| json!(self.ids))),
            ("destination", destination.map(Value::from)),
            ("event", self.event.as_deref().map(Value::from)),
            ("event_id", self.job.map(|id| json!(id))),
            ("chatbot_id", self.chatbot.map(|id| json!(id))),
            ("since", self.since.map(|time| json!(time))),
            ("until", self.until.map(|time| json!(time))),
            ("dead", self.dead.then_some(Value::Bool(true))),
            ("dry_run", self.dry_run.then_some(Value::Bool(true))),
            ("max_per_second", self.rate.map(Value::from)),
        ];
        let members = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn says_which(&self) -> bool {
        !self.ids.is_empty()
            || self.event.is_some()
            || self.chatbot.is_some()
            || self.job.is_some()
            || self.since.is_some()
            || self.until.is_some()
            || self.destination.is_some()
            || self.dead
    }
}

pub async fn run(admin: &AdminApi, args: &ReplayArgs) -> anyhow::Result<()> {
    if !args.says_which() && !args.all && !args.dry_run {
        let reason = "say which receipts: ids, --event, --chatbot, --job, --since, --until, --destination or --dead; or --all";
        return Err(WrongUsage(reason.to_owned()).into());
    }
    if args.dry_run {
        return dry_run(admin, args).await;
    }
    let mut begun = begin(admin, &args.body(args.destination.as_deref())).await?;
    if args.no_wait {
        return report(&begun, args.format.format);
    }
    match wait(admin, &begun).await? {
        Some(ended) => begun = ended,
        None => return left_running(&begun),
    }
    report(&begun, args.format.format)?;
    match begun["progress"]["failure"].as_str() {
        Some(failure) => bail!("it could not be done: {failure}"),
        None => Ok(()),
    }
}

async fn begin(admin: &AdminApi, body: &Value) -> anyhow::Result<Value> {
    let mut answer = admin.post_to_running("/replays", Some(body)).await?;
    Ok(answer["replay"].take())
}

/// Waits for its end, with a progress bar; `None` if somebody wants to wait no more.
async fn wait(admin: &AdminApi, replay: &Value) -> anyhow::Result<Option<Value>> {
    let mut signals = StopSignals::listen().context("listening for Ctrl-C")?;
    tokio::select! {
        ended = ended(admin, replay) => ended.map(Some),
        _ = signals.next() => Ok(None),
    }
}

async fn ended(admin: &AdminApi, replay: &Value) -> anyhow::Result<Value> {
    let path = format!("/replays/{}", text(&replay["id"]));
    let mut receiver = Patient::new(admin);
    let bar = Bar::new(replay["instruction"]["dead"] == true);
    loop {
        let replay = receiver.get(&path).await?["replay"].take();
        bar.show(&replay);
        if !replay["done_at"].is_null() {
            bar.0.finish_and_clear();
            return Ok(replay);
        }
        sleep(LOOK).await;
    }
}

/// How far a replay is, on standard error. Hidden where that is no terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(is_of_dead_letters: bool) -> Self {
        // Of dead letters it is not known how many there are.
        let (bar, template) = if is_of_dead_letters {
            (ProgressBar::no_length(), "{msg}: {pos} dead letters looked at")
        } else {
            (
                ProgressBar::new(0),
                "{msg} {bar:40} {pos}/{len} receipts looked at, {eta} left",
            )
        };
        Self(bar.with_style(ProgressStyle::with_template(template).expect("it is one")))
    }

    fn show(&self, replay: &Value) {
        let progress = &replay["progress"];
        let number = |name: &str| progress[name].as_u64().unwrap_or(0);
        self.0.set_message(match replay["state"].as_str() {
            Some("waiting") => "waiting for its turn".to_owned(),
            _ => format!("{} sent again", number("replayed_count")),
        });
        if self.0.length().is_none() {
            self.0.set_position(number("examined_count"));
        } else {
            let first = number("first");
            self.0.set_length(number("last").saturating_sub(first));
            self.0.set_position(number("position").saturating_sub(first));
        }
    }
}

fn left_running(replay: &Value) -> anyhow::Result<()> {
    eprintln!(
        "replay {id} goes on in the receiver that leads; `caigunn-webhook receipts replays` says how far it is, and \
         `caigunn-webhook receipts end-replay {id}` ends it",
        id = text(&replay["id"])
    );
    Ok(())
}

fn report(replay: &Value, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::write(&output::json(&json!({ "replay": replay }))),
        Format::Table => output::write(&table([replay])),
    }
}

fn table<'a>(replays: impl IntoIterator<Item = &'a Value>) -> String {
    let headers = [
        "REPLAY",
        "BEGUN",
        "STATE",
        "LOOKED AT",
        "MATCHED",
        "SENT AGAIN",
        "WHICH",
    ];
    let rows = replays.into_iter().map(|replay| {
        let progress = &replay["progress"];
        [
            text(&replay["id"]),
            output::time(&replay["created_at"]),
            text(&replay["state"]),
            text(&progress["examined_count"]),
            text(&progress["matched_count"]),
            text(&progress["replayed_count"]),
            which(&replay["instruction"]),
        ]
    });
    output::table(headers, rows)
}

/// What a replay is about, in short.
fn which(instruction: &Value) -> String {
    let members = instruction.as_object().into_iter().flatten();
    let said = members.filter_map(|(name, value)| match value {
        _ if name == "kind" => None,
        Value::Bool(false) => None,
        Value::Bool(true) => Some(name.clone()),
        Value::Array(ids) => Some(format!("{} ids", ids.len())),
        value if name == "receipt_id_count" => Some(format!("{} ids", text(value))),
        value => Some(format!("{name}={}", text(value))),
    });
    let said = said.collect::<Vec<_>>().join(" ");
    if said.is_empty() { "all".to_owned() } else { said }
}

/// Asks for each destination by itself, so that it is known how many go where.
async fn dry_run(admin: &AdminApi, args: &ReplayArgs) -> anyhow::Result<()> {
    let names = match &args.destination {
        Some(name) => vec![name.clone()],
        None => configured(admin).await?,
    };
    let mut counts = Vec::new();
    for name in names {
        let begun = begin(admin, &args.body(Some(&name))).await?;
        let Some(ended) = wait(admin, &begun).await? else {
            return left_running(&begun);
        };
        if let Some(failure) = ended["progress"]["failure"].as_str() {
            bail!("it could not be done: {failure}");
        }
        let count = ended["progress"]["matched_count"].as_u64().unwrap_or(0);
        counts.push((name, count));
    }
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    match args.format.format {
        Format::Json => {
            let destinations = counts
                .iter()
                .map(|(name, count)| json!({ "destination": name, "matched_count": count }));
            output::write(&output::json(&json!({
                "dry_run": true,
                "matched_count": total,
                "destinations": destinations.collect::<Value>(),
            })))
        }
        Format::Table => {
            let rows = counts.into_iter().map(|(name, count)| [name, count.to_string()]);
            let table = output::table(["DESTINATION", "WOULD BE SENT"], rows);
            output::write(&format!("{table}\n{total} in all\n"))
        }
    }
}

/// The names of the destinations that are sent to.
async fn configured(admin: &AdminApi) -> anyhow::Result<Vec<String>> {
    let answer = admin.get_from_running("/destinations").await?;
    let destinations = answer["destinations"].as_array().into_iter().flatten();
    let configured = destinations.filter(|destination| destination["state"] != "removed");
    Ok(configured.map(|destination| text(&destination["name"])).collect())
}

#[derive(Args)]
pub struct EndReplayArgs {
    /// Its id, as `receipts replays` lists it
    id: Uuid,
    #[command(flatten)]
    format: FormatArgs,
}

pub async fn end(admin: &AdminApi, args: &EndReplayArgs) -> anyhow::Result<()> {
    let answer = admin
        .post_to_running(&format!("/replays/{}/end", args.id), None)
        .await?;
    match args.format.format {
        Format::Json => output::write(&output::json(&answer)),
        Format::Table if answer["replay"].is_null() => {
            output::write("it is not done yet: the receiver that leads will end it\n")
        }
        Format::Table => output::write(&table([&answer["replay"]])),
    }
}

pub async fn list(admin: &AdminApi, args: &ReplaysArgs) -> anyhow::Result<()> {
    let path = path_with("/replays", [("limit", Some(args.limit.to_string()))]);
    let answer = admin.get_from_running(&path).await?;
    match args.format.format {
        Format::Json => output::write(&output::json(&answer)),
        Format::Table => output::write(&table(answer["replays"].as_array().into_iter().flatten())),
    }
}
