//! `trigger`

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use caigunn_webhook::accents::cut;
use caigunn_webhook::config::{Settings, webhook_url};
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{ChatbotId, Event, EventId, Wire};
use caigunn_webhook::http::reachable;
use caigunn_webhook::outgoing;
use clap::Args;
use clap::builder::PossibleValuesParser;
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use crate::admin::AdminApi;
use crate::id::id;
use crate::output::WrongUsage;
use crate::{input, output, web};

/// How long a receiver may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is printed. A receiver's is shorter; what else answers there may send whatever it likes.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// What stands for a job: its initial, then its completed.
const JOBS: [&str; 3] = ["crawling", "uploading", "training"];

#[derive(Args)]
pub struct TriggerArgs {
    /// A job, which is its initial and then its completed, or an event; --set event=NAME and
    /// --set status=NAME make one of it that CaiGunn does not document
    #[arg(required_unless_present = "file", value_parser = PossibleValuesParser::new(names()))]
    event: Option<String>,
    /// Where to, as http://HOST:8080/webhook/TOKEN [default: as configured]
    #[arg(long, value_name = "URL", value_parser = web::url)]
    to: Option<Url>,
    /// The generation of the wire format: 2024-01 or 2024-07
    #[arg(long, default_value = "2024-07")]
    wire: Wire,
    /// The job's id [default: a fresh one, by which the application can tell that it is a sample]
    #[arg(long, value_name = "UUID", value_parser = id::<EventId>)]
    event_id: Option<EventId>,
    /// The chatbot's id [default: one that the running receiver has registered, or a fresh one]
    #[arg(long, value_name = "UUID", value_parser = id::<ChatbotId>)]
    chatbot_id: Option<ChatbotId>,
    /// Sets a member by its path, as in data.detail=oops; a value that is JSON is taken as such
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Posts this file to the byte instead of a sample; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["event", "wire", "event_id", "chatbot_id", "set"])]
    file: Option<PathBuf>,
    /// Only prints the JSON, a line each, as for curl --data
    #[arg(long)]
    print: bool,
    /// How many times, with fresh ids each time unless given
    #[arg(long, default_value_t = 1, allow_hyphen_values = true, value_parser = output::number::<u32, 1, 1_000_000>)]
    count: u32,
}

/// The names that samples have.
fn names() -> impl Iterator<Item = String> {
    let events = Event::NAMES.into_iter().map(|name| name.to_string());
    JOBS.into_iter().map(str::to_owned).chain(events)
}

/// Posts or prints the samples.
pub async fn run(args: &TriggerArgs, settings: &Settings) -> anyhow::Result<()> {
    let file = args.file.as_deref().map(input::read).transpose()?;
    let chatbot_id = match (args.chatbot_id, &file, &args.to) {
        (None, None, None) => registered_chatbot(settings).await,
        (given, _, _) => given,
    };
    let bodies_of_a_round = || match (&file, &args.event) {
        (Some(file), _) => Ok(vec![file.clone()]),
        (None, Some(event)) => sample_bodies(event, chatbot_id, args),
        (None, None) => bail!("name an event, or a file with --file"),
    };
    let url = args.to.clone().map_or_else(|| configured_url(settings), Ok)?;
    let client = web::client(&url, args.to.is_none(), TIMEOUT)?;
    let (mut refused, mut foreign_count): (Vec<u16>, _) = (Vec::new(), 0);
    for _ in 0..args.count {
        for body in bodies_of_a_round()? {
            if args.print {
                output::stream(&format!("{}\n", String::from_utf8_lossy(&body)))?;
                continue;
            }
            let (status, answer) = match post(&client, &url, body).await {
                Err(error) if args.to.is_none() && is_refused(&error) => bail!(
                    "no receiver runs at {}: start it with `caigunn-webhook serve`, or say where it listens with --to or \
                     CAIGUNN_LISTEN",
                    reachable(settings.listen)
                ),
                // The URL may hold the token; errors need not repeat it.
                Err(error) => bail!(
                    "posting to {}: {}",
                    url.origin().ascii_serialization(),
                    outgoing::why(&error, &url)
                ),
                Ok(answered) => answered,
            };
            output::write(&format!("{} {}\n", status.as_u16(), output::lines(&answer)))?;
            refused.extend((!status.is_success()).then_some(status.as_u16()));
            foreign_count += usize::from(status.is_success() && !is_of_receiver(&answer));
        }
    }
    match refused.len() {
        0 if foreign_count > 0 => bail!(
            "not accepted: {}; what answered at {} is no receiver, which says the outcome",
            output::counted(foreign_count, "notification"),
            url.origin().ascii_serialization()
        ),
        0 => Ok(()),
        count if refused.contains(&401) => bail!(
            "not accepted: {}; set CAIGUNN_WEBHOOK_TOKEN as it is set for the receiver, or give \
             its whole URL with --to",
            output::counted(count, "notification")
        ),
        // The admin side has pages at some paths, which are not posted to.
        count if refused.contains(&404) || refused.contains(&405) => bail!(
            "not accepted: {}; nothing takes them at that path: a receiver takes posts at /webhook, or at /webhook/ and its token, \
             on its public side",
            output::counted(count, "notification")
        ),
        count => bail!("not accepted: {}", output::counted(count, "notification")),
    }
}

/// A chatbot that posts to the running receiver, if one runs that tells.
async fn registered_chatbot(settings: &Settings) -> Option<ChatbotId> {
    let answer = AdminApi::new(settings).ok()?.get("/subscription").await;
    let seen = answer
        .inspect_err(|error| {
            output::say(format_args!(
                "{error:#}; so the sample is of a chatbot that nobody has"
            ));
        })
        .ok()??;
    let mut chatbots = seen["chatbots"].as_array()?.iter();
    let registered = chatbots.find(|chatbot| chatbot["state"] == "registered")?;
    registered["chatbot_id"].as_str()?.parse().ok()
}

/// Posts a body; gives the beginning of the answer.
async fn post(client: &Client, url: &Url, body: Vec<u8>) -> reqwest::Result<(StatusCode, String)> {
    let request = client
        .post(url.clone())
        .header("content-type", "application/json")
        .header(sample::HEADER, "true")
        .body(body);
    let mut response = request.send().await?;
    let mut answer = Vec::new();
    while answer.len() < MAX_ANSWER_BYTES
        && let Some(part) = response.chunk().await?
    {
        answer.extend_from_slice(&part);
    }
    let answer = String::from_utf8_lossy(&answer);
    Ok((response.status(), cut(answer.trim_end(), MAX_ANSWER_BYTES)))
}

/// Whether it is what a receiver answers to what it takes. Other programs say 200 to whatever is posted.
fn is_of_receiver(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    answer["outcome"].is_string()
}

/// Whether nothing listens there.
fn is_refused(error: &reqwest::Error) -> bool {
    let cause = outgoing::causes(error).last();
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
}

/// The configured receiver's URL, as CaiGunn would have it, on this machine.
fn configured_url(settings: &Settings) -> anyhow::Result<Url> {
    let base = Url::parse(&format!("http://{}", reachable(settings.listen)))?;
    let token = settings.http.tokens.first();
    let token = token.map_or("", ExposeSecret::expose_secret);
    Ok(Url::parse(&webhook_url(&base, token))?)
}

/// The samples of one round: they share their ids, as the notifications of a job do.
fn sample_bodies(
    name: &str,
    chatbot_id: Option<ChatbotId>,
    args: &TriggerArgs,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut ids = Ids::marked();
    ids.event_id = args.event_id.unwrap_or(ids.event_id);
    let is_wanted = |event: &Event| {
        let known = event.name();
        known.to_string() == name || known.event == name && known.status != "failed"
    };
    let bodies = sample::events(&ids).into_iter().filter(is_wanted).map(|event| {
        let mut notification = sample::notification(event, &ids, args.wire);
        // Without a job it is the chatbot's id that tells a sample, unless it was given.
        if notification.event_id.is_some() || args.chatbot_id.is_some() {
            notification.chatbot_id = chatbot_id.or(notification.chatbot_id);
        }
        // Given on purpose, an id is sent even where the older generation would have none.
        notification.event_id = notification.event_id.or(args.event_id);
        let mut body = sample::to_json(&notification);
        for (path, text) in &args.set {
            set(&mut body, path, text)?;
        }
        Ok(body.to_string().into_bytes())
    });
    bodies.collect()
}

/// Sets the member at a dotted path, making objects on the way; a number is an index where there is an array.
fn set(body: &mut Value, path: &str, text: &str) -> Result<(), WrongUsage> {
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
                .ok_or_else(|| WrongUsage(format!("--set {path}: the array has no item {segment:?}")))?,
            other => {
                return Err(WrongUsage(format!(
                    "--set {path}: {other} has no member {segment:?}"
                )));
            }
        };
    }
    *place = value;
    Ok(())
}

/// The path and the value of an assignment.
fn assignment(text: &str) -> Result<(String, String), &'static str> {
    let parts = text.split_once('=');
    let is_path = |(path, _): &(&str, &str)| path.split('.').all(|member| !member.is_empty());
    let parts = parts.filter(is_path);
    let parts = parts.ok_or("expected PATH=VALUE, as in data.detail=oops")?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}
