//! `subscription show`

use caigunn_webhook::config::Settings;
use caigunn_webhook::subscription::visit::{Found, Mode, Target, Visit};
use serde_json::{Value, json};

use super::{UNPLACED, error_of, refuse_failed, registered_url, title, visited};
use crate::admin::AdminApi;
use crate::output::{self, Format, text};
use crate::provider;

/// What is missing where no running receiver tells.
const LEFT_OUT: &str = "since when, the last event received, the last probe and the tokens are left out";

const COLUMNS: &str = "CHATBOT title | ID chatbot_id | REGISTERED URL webhook_url | OURS ours | SINCE since_at ?1 \
                       | LAST EVENT RECEIVED last_received_at ?2";

pub async fn run(settings: &Settings, format: Format) -> anyhow::Result<()> {
    let webhook = provider::webhook(settings)?;
    let visits = visited(settings, webhook, Mode::DryRun).await?;
    // A refusal of the receiver's is no reason to hide what CaiGunn says.
    let admin = AdminApi::new(settings)?;
    let running = match admin.get("/subscription?of_leader=true").await {
        Ok(running) => running.ok_or_else(|| format!("no receiver runs at {}", admin.place())),
        Err(error) => Err(format!("{error:#}")),
    };
    let running = running.unwrap_or_else(|reason| {
        output::say(format_args!("{reason}; {LEFT_OUT}"));
        Value::Null
    });
    if let Some(theirs) = running["webhook_url"]
        .as_str()
        .filter(|url| *url != webhook.shown_url)
    {
        let who = match (&running["leader"]["is_self"], &running["leader"]["name"]) {
            (Value::Bool(false), Value::String(name)) => format!("that leads, {name},"),
            _ => format!("that runs at {}", admin.place()),
        };
        output::say(format_args!(
            "the receiver {who} registers {theirs}, not {}, which is what is called ours here: use its settings",
            webhook.shown_url
        ));
    }
    let chatbots = visits.iter().map(|(target, visit)| {
        let mut known = running["chatbots"].as_array().into_iter().flatten();
        let known = known.find(|known| known["api_key"] == *target.fingerprint.to_string());
        chatbot(target, visit, &webhook.shown_url, known.unwrap_or(&Value::Null))
    });
    let chatbots: Vec<_> = chatbots.collect();
    let result = json!({
        "webhook_url": webhook.shown_url,
        "problem": running["problem"],
        "probe": running["probe"],
        "tokens": running["tokens"],
        "leader": running["leader"],
        "chatbots": chatbots,
    });
    format.print(&result, || {
        let rows: Vec<_> = chatbots.iter().map(row).collect();
        let has_problem = chatbots.iter().any(|chatbot| !chatbot["error"].is_null());
        let problem = if has_problem { " | PROBLEM error !" } else { "" };
        output::columns(&format!("{COLUMNS}{problem}"), &rows, format) + &about_receiver(&running, format)
    })?;
    refuse_failed(&chatbots, "read")
}

/// How a chatbot stands. `known` is what the running receiver says of it; `null` if none runs, or it does not look after
/// that one.
fn chatbot(target: &Target, visit: &Visit, ours: &str, known: &Value) -> Value {
    json!({
        "chatbot_id": target.id,
        "title": target.title,
        "api_key": target.fingerprint,
        "webhook_url": registered_url(visit, ours),
        "is_ours": match visit.found {
            Found::Ours | Found::Older(_) => Some(true),
            Found::Other(_) | Found::Nothing => Some(false),
            Found::Unknown => None,
        },
        "error": match target.id {
            Some(_) => error_of(visit).or(visit.unreadable.as_ref().map(ToString::to_string)),
            None => Some(UNPLACED.to_owned()),
        },
        "state": known["state"],
        "since": known["since"],
        "last_received_at": known["last_received_at"],
    })
}

/// A chatbot as a table shows it.
fn row(chatbot: &Value) -> Value {
    let (is_ours, mut row) = (chatbot["is_ours"].as_bool(), chatbot.clone());
    let ours = match is_ours {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    row["ours"] = ours.into();
    row["title"] = title(chatbot).into();
    // The receiver may not have seen yet what stands there now.
    let is_known = is_ours.is_some_and(|ours| ours == (chatbot["state"] == "registered"));
    row["since_at"] = row["since"].take();
    if !is_known {
        row["since_at"] = Value::Null;
    }
    row
}

/// What the running receiver says of itself, a line each.
fn about_receiver(running: &Value, format: Format) -> String {
    let mut lines = Vec::new();
    if running["leader"]["is_self"] == false {
        lines.push(match running["leader"]["name"].as_str() {
            Some(leader) => format!("The running receiver does not lead: {leader} looks after the chatbots"),
            None => "The running receiver does not look after the chatbots now, nor know who does".to_owned(),
        });
    }
    if let Some(problem) = running["problem"].as_str() {
        lines.push(format!("The running receiver has a problem: {problem}"));
    }
    if let Some(detail) = running["probe"]["detail"].as_str() {
        let at = output::time_in(format, &running["probe"]["at"]);
        // What is registered is below what is probed. Where nothing is, that is not told.
        let registered = running["webhook_url"].as_str();
        let base = registered.and_then(|url| url.rsplit_once("/webhook"));
        let probed = base.map_or("its public URL".to_owned(), |(base, _)| format!("{base}/"));
        lines.push(format!("Last probe of {probed}, {at}: {detail}"));
    }
    let tokens = running["tokens"].as_array();
    for (index, token) in tokens.into_iter().flatten().enumerate() {
        let registered = match token["is_registered"] == true {
            true => ", registered at every chatbot",
            false if index == 0 && !running["webhook_url"].is_null() => {
                ", not registered at every chatbot yet"
            }
            false => "",
        };
        let last_used = match &token["last_used_at"] {
            Value::Null => "not used since the receiver started".to_owned(),
            at => format!("last used {}", output::time_in(format, at)),
        };
        let token = text(&token["token"]);
        lines.push(format!("Token {token}…{registered}: {last_used}"));
    }
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines.iter().map(|line| output::printable(line) + "\n").collect()
}
