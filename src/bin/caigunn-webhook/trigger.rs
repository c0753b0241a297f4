//! `trigger`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use caigunn_webhook::config::{Settings, webhook_url};
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{ChatbotId, Event, EventId, IdTexts, Name, Wire};
use caigunn_webhook::http::reachable;
use caigunn_webhook::outgoing;
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

/// How long a receiver may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct TriggerArgs {
    /// An event, such as crawling.completed, or a job, such as crawling: its initial, then its completed
    #[arg(required_unless_present = "file", value_parser = |name: &str| events_named(name).map(|_| name.to_owned()))]
    event: Option<String>,
    /// The receiver's URL [default: the configured address and token]
    #[arg(long, value_name = "URL")]
    to: Option<Url>,
    /// The generation of the wire format: 2024-01 or 2024-07
    #[arg(long, default_value = "2024-07")]
    wire: Wire,
    /// The job's id [default: a fresh one]
    #[arg(long, value_name = "UUID")]
    event_id: Option<EventId>,
    /// The chatbot's id [default: a fresh one]
    #[arg(long, value_name = "UUID")]
    chatbot_id: Option<ChatbotId>,
    /// Sets a member by its path, as in data.detail=oops; a value that is JSON is taken as such
    #[arg(long, value_name = "PATH=VALUE", value_parser = |text: &str| split(text).map(|_| text.to_owned()))]
    set: Vec<String>,
    /// Posts this file to the byte instead of a sample; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["event", "wire", "event_id", "chatbot_id", "set"])]
    file: Option<PathBuf>,
    /// Only prints the JSON, a line each, as for curl --data
    #[arg(long)]
    print: bool,
    /// How many times, with fresh ids each time unless given
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
}

/// Posts or prints the samples.
pub async fn run(args: &TriggerArgs, settings: &Settings) -> anyhow::Result<()> {
    let events = args.event.as_deref().map(events_named).transpose()?;
    let file = args.file.as_deref().map(read).transpose()?;
    let bodies_of_a_round = || match (&file, &events) {
        (Some(file), _) => Ok(vec![file.clone()]),
        (None, Some(events)) => sample_bodies(events, args),
        (None, None) => bail!("name an event, or a file with --file"),
    };
    if args.print {
        for _ in 0..args.count {
            for body in bodies_of_a_round()? {
                print(&String::from_utf8_lossy(&body))?;
            }
        }
        return Ok(());
    }
    let url = args.to.clone().map_or_else(|| configured_url(settings), Ok)?;
    let client = outgoing::to_this_machine().timeout(TIMEOUT).build()?;
    let mut refused_count = 0;
    for _ in 0..args.count {
        for body in bodies_of_a_round()? {
            refused_count += u32::from(!post(&client, &url, body).await?);
        }
    }
    if refused_count > 0 {
        bail!("{refused_count} of the notifications were not accepted");
    }
    Ok(())
}

/// Posts a body and prints the answer. Whether it was a good one.
async fn post(client: &reqwest::Client, url: &Url, body: Vec<u8>) -> anyhow::Result<bool> {
    let request = client
        .post(url.clone())
        .header("content-type", "application/json")
        .body(body);
    // The URL may hold the token; errors need not repeat it.
    let tried = || format!("posting to {}", url.origin().ascii_serialization());
    let response = request
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(tried)?;
    let status = response.status();
    let answer = response
        .text()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(tried)?;
    print(&format!("{} {}", status.as_u16(), answer.trim_end()))?;
    Ok(status.is_success())
}

/// Prints a line, for a reader who may have gone.
fn print(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("writing to standard output")
}

/// The configured receiver's URL, as CaiGunn would have it, on this machine.
fn configured_url(settings: &Settings) -> anyhow::Result<Url> {
    let base = Url::parse(&format!("http://{}", reachable(settings.listen)))?;
    let token = settings
        .http
        .tokens
        .first()
        .map(|token| token.expose_secret())
        .unwrap_or_default();
    Ok(Url::parse(&webhook_url(&base, token))?)
}

/// The events that a name stands for: one, or those of a job.
fn events_named(name: &str) -> anyhow::Result<Vec<Name>> {
    let of_job = |status| {
        Event::NAMES
            .into_iter()
            .find(move |known| known.event == name && known.status == status)
    };
    if let (Some(initial), Some(completed)) = (of_job("initial"), of_job("completed")) {
        return Ok(vec![initial, completed]);
    }
    let (event, status) = name.split_once('.').filter(|(event, status)| !event.is_empty() && !status.is_empty()).ok_or_else(|| {
        let known: Vec<_> = Event::NAMES.iter().map(Name::to_string).collect();
        anyhow!("{name:?} is no event; take crawling, uploading, training, one of {}, or another name with a dot", known.join(", "))
    })?;
    Ok(vec![Name {
        event: event.to_owned().into(),
        status: status.to_owned().into(),
    }])
}

/// The samples of one round: they share their ids, as the notifications of a job do.
fn sample_bodies(names: &[Name], args: &TriggerArgs) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut ids = Ids::fresh();
    ids.event_id = args.event_id.unwrap_or(ids.event_id);
    ids.chatbot_id = args.chatbot_id.unwrap_or(ids.chatbot_id);
    let bodies = names.iter().map(|name| {
        let known = sample::events(&ids)
            .into_iter()
            .find(|event| event.name() == *name);
        let event = known.unwrap_or_else(|| Event::Unrecognized {
            name: name.clone(),
            data: None,
            id_texts: IdTexts::default(),
        });
        let mut notification = sample::notification(event, &ids, args.wire);
        // Given on purpose, an id is sent even where the older generation would have none.
        notification.event_id = notification.event_id.or(args.event_id);
        let mut body = sample::to_json(&notification);
        for assignment in &args.set {
            set(&mut body, assignment)?;
        }
        Ok(body.to_string().into_bytes())
    });
    bodies.collect()
}

/// Sets the member at a dotted path, making objects on the way; a number is an index where there is an array.
fn set(body: &mut Value, assignment: &str) -> anyhow::Result<()> {
    let (path, text) = split(assignment)?;
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let mut place = body;
    for segment in path.split('.') {
        if place.is_null() {
            *place = Value::Object(serde_json::Map::new());
        }
        place = match place {
            Value::Object(members) => members.entry(segment).or_insert(Value::Null),
            Value::Array(items) => segment
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .with_context(|| format!("--set {path}: the array has no item {segment:?}"))?,
            other => bail!("--set {path}: {other} has no member {segment:?}"),
        };
    }
    *place = value;
    Ok(())
}

/// The path and the value of an assignment.
fn split(assignment: &str) -> anyhow::Result<(&str, &str)> {
    assignment
        .split_once('=')
        .context("expected PATH=VALUE, as in data.detail=oops")
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut content)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut content))
    };
    read.with_context(|| format!("reading {}", path.display()))?;
    Ok(content)
}
