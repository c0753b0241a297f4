//! `receipts replay` and `receipts replays`

use std::time::Duration;

use anyhow::bail;
use caigunn_webhook::inbox::ReceiptId;
use caigunn_webhook::inbox::instruction::REPLAY_RATES;
use clap::Args;
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::admin::{AdminApi, path_with};
use crate::follow::{Patient, until_stopped};
use crate::id::id;
use crate::output::{self, Format, WrongUsage, counted, text};
use crate::which::Which;

const COLUMNS: &str = "REPLAY id | BEGUN created_at | STATE state | LOOKED AT progress/examined_count ?2 \
                       | MATCHED progress/matched_count ?1 | MADE PENDING progress/replayed_count | WHICH which";

/// How often the receiver is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Args)]
pub struct ReplayArgs {
    /// These receipts, by their ids
    #[arg(value_name = "RECEIPT_ID", value_parser = id::<ReceiptId>)]
    ids: Vec<ReceiptId>,
    #[command(flatten)]
    which: Which,
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
    #[arg(long, value_name = "PER_SECOND", allow_hyphen_values = true, value_parser = rate)]
    rate: Option<f64>,
    /// Do not wait until all are on their way
    #[arg(long)]
    no_wait: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let (least, most) = (REPLAY_RATES.start(), REPLAY_RATES.end());
    let rate = text.parse().ok().filter(|rate| REPLAY_RATES.contains(rate));
    rate.ok_or_else(|| format!("expected a number from {least} to {most}"))
}

impl ReplayArgs {
    /// The replay that is asked for, to one destination or to all that want it.
    fn body(&self, destination: Option<&str>) -> Value {
        let members = [
            ("receipt_ids", (!self.ids.is_empty()).then(|| json!(self.ids))),
            ("destination", destination.map(Value::from)),
            ("dead", self.dead.then_some(Value::Bool(true))),
            ("dry_run", self.dry_run.then_some(Value::Bool(true))),
            ("max_per_second", self.rate.map(Value::from)),
        ];
        let which = self.which.query().into_iter();
        let which = which.map(|(name, value)| (name, value.map(Value::from)));
        let members = members
            .into_iter()
            .chain(which)
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn says_which(&self) -> bool {
        let is_given = |(_, value): &(_, Option<String>)| value.is_some();
        let is_named = !self.ids.is_empty() || self.destination.is_some() || self.dead;
        is_named || self.which.query().iter().any(is_given)
    }
}

pub async fn run(admin: &AdminApi, args: &ReplayArgs, format: Format) -> anyhow::Result<()> {
    if !args.says_which() && !args.all && !args.dry_run {
        let reason = "say which receipts: ids, --event, --chatbot, --job, --since, --until, --destination or --dead; or --all";
        return Err(WrongUsage(reason.to_owned()).into());
    }
    args.which.check()?;
    if args.dry_run {
        return dry_run(admin, args, format).await;
    }
    let mut replay = begin(admin, &args.body(args.destination.as_deref())).await?;
    if !args.no_wait {
        match until_stopped(ended(admin, &replay)).await? {
            Some(ended) => replay = ended,
            None => return left_running(&replay),
        }
    }
    format.print(&json!({ "replay": replay }), || table([&replay], format))?;
    if args.destination.is_none() && !args.no_wait {
        let count = replay["progress"]["matched_count"].as_u64().unwrap_or(0);
        say_if_nothing_is_sent_to(admin, usize::try_from(count)?, format).await?;
    }
    refuse_unfinished(&replay)
}

/// Says to people why there was nothing, where there are no destinations.
pub async fn say_if_nothing_is_sent_to(admin: &AdminApi, count: usize, format: Format) -> anyhow::Result<()> {
    if count == 0 && format != Format::Json && configured(admin).await?.is_empty() {
        output::say("no destinations are configured");
    }
    Ok(())
}

/// That a replay did not come to its own end is a failure of whoever waited for it.
fn refuse_unfinished(replay: &Value) -> anyhow::Result<()> {
    match (replay["state"].as_str(), replay["progress"]["failure"].as_str()) {
        (Some("ended"), _) => bail!("an operator has ended it before its end"),
        (_, Some(failure)) => bail!("it could not be done: {failure}"),
        (_, None) => Ok(()),
    }
}

async fn begin(admin: &AdminApi, body: &Value) -> anyhow::Result<Value> {
    let mut answer = admin.post_to_running("/replays", Some(body)).await?;
    Ok(answer["replay"].take())
}

/// Waits for its end, with a progress bar.
async fn ended(admin: &AdminApi, replay: &Value) -> anyhow::Result<Value> {
    let path = format!("/replays/{}", text(&replay["id"]));
    let mut receiver = Patient::new(admin);
    let bar = output::progress("{msg}");
    loop {
        let replay = receiver.get(&path).await?["replay"].take();
        bar.set_message(how_far(&replay));
        if !replay["done_at"].is_null() {
            bar.finish_and_clear();
            return Ok(replay);
        }
        sleep(LOOK).await;
    }
}

/// How far a replay is.
fn how_far(replay: &Value) -> String {
    let progress = &replay["progress"];
    let number = |name: &str| progress[name].as_u64().unwrap_or(0);
    let first = number("first");
    let (done, all) = (number("position") - first, number("last") - first);
    let waits = progress["waits_for"].as_str().map_or_else(String::new, |name| {
        format!("; waits for {name}, which takes no more now")
    });
    match replay["state"].as_str() {
        Some("waiting") => "waiting for its turn".to_owned(),
        _ => format!(
            "{} looked at ({} %), {} sent again{waits}",
            number("examined_count"),
            done * 100 / all.max(1),
            number("replayed_count")
        ),
    }
}

fn left_running(replay: &Value) -> anyhow::Result<()> {
    output::say(format_args!(
        "replay {id} goes on in the receiver that leads; `caigunn-webhook receipts replays` says how far it is, and \
         `caigunn-webhook receipts end-replay {id}` ends it",
        id = text(&replay["id"])
    ));
    Ok(())
}

fn table<'a>(replays: impl IntoIterator<Item = &'a Value>, format: Format) -> String {
    let mut replays: Vec<_> = replays.into_iter().cloned().collect();
    for replay in &mut replays {
        replay["which"] = which(&replay["instruction"]).into();
    }
    output::columns(COLUMNS, &replays, format)
}

/// What a replay is about, in short.
fn which(instruction: &Value) -> String {
    let members = instruction.as_object().into_iter().flatten();
    let said = members.filter_map(|(name, value)| match value {
        _ if name == "kind" => None,
        Value::Bool(false) => None,
        Value::Bool(true) => Some(name.clone()),
        // How fast says nothing of which.
        _ if name == "max_per_second" => None,
        Value::Array(ids) => Some(counted(ids.len(), "id")),
        value if name == "receipt_id_count" => Some(counted(value.as_u64().unwrap_or_default(), "id")),
        value => Some(format!("{name}={}", text(value))),
    });
    let said = said.collect::<Vec<_>>().join(" ");
    if said.is_empty() { "all".to_owned() } else { said }
}

/// Asks for each destination by itself, so that it is known how many go where.
async fn dry_run(admin: &AdminApi, args: &ReplayArgs, format: Format) -> anyhow::Result<()> {
    let names = match &args.destination {
        Some(name) => vec![name.clone()],
        None => configured(admin).await?,
    };
    let (mut counts, mut total) = (Vec::new(), 0);
    for name in names {
        let begun = begin(admin, &args.body(Some(&name))).await?;
        let Some(ended) = until_stopped(ended(admin, &begun)).await? else {
            output::say("nothing was sent, only counted");
            return Ok(());
        };
        refuse_unfinished(&ended)?;
        let count = ended["progress"]["matched_count"].as_u64().unwrap_or(0);
        counts.push(json!({ "destination": name, "matched_count": count }));
        total += count;
    }
    say_if_nothing_is_sent_to(admin, counts.len(), format).await?;
    let result = json!({ "dry_run": true, "matched_count": total, "destinations": counts });
    format.print(&result, || {
        let table = output::columns(
            "DESTINATION destination | WOULD BE SENT matched_count",
            &counts,
            format,
        );
        format!("{table}\n{total} in all\n")
    })
}

/// The names of the destinations that are sent to.
async fn configured(admin: &AdminApi) -> anyhow::Result<Vec<String>> {
    let answer = admin.get_from_running("/destinations").await?;
    let destinations = answer["destinations"].as_array().into_iter().flatten();
    let configured = destinations.filter(|destination| !destination["kind"].is_null());
    Ok(configured.map(|destination| text(&destination["name"])).collect())
}

pub async fn end(admin: &AdminApi, id: Uuid, format: Format) -> anyhow::Result<()> {
    let answer = admin.post_to_running(&format!("/replays/{id}/end"), None).await?;
    let replay = answer.get("replay");
    format.print(&answer, || {
        replay.map_or_else(String::new, |replay| table([replay], format))
    })?;
    if replay.is_none() {
        bail!(output::NOT_YET);
    }
    Ok(())
}

pub async fn list(admin: &AdminApi, limit: u16, format: Format) -> anyhow::Result<()> {
    let path = path_with("/replays", [("limit", Some(limit.to_string()))]);
    let answer = admin.get_from_running(&path).await?;
    let replays = || table(answer["replays"].as_array().into_iter().flatten(), format);
    format.print(&answer, replays)
}
