//! `subscription show`

use anyhow::bail;
use caigunn_webhook::config::Settings;
use caigunn_webhook::subscription::once;
use caigunn_webhook::subscription::visit::{Found, Mode, Target};
use serde_json::{Value, json};
use url::Url;

use super::{ASK_DOCTOR, UNPLACED, error_of, registered_url, targets, title_and_id};
use crate::admin::AdminApi;
use crate::output::{self, Format, counted};
use crate::provider;

/// What is missing where no running receiver tells.
const LEFT_OUT: &str = "since when, the last event received, the last probe and the tokens are left out";

pub async fn run(settings: &Settings, format: Format) -> anyhow::Result<()> {
    let webhook = provider::webhook(settings)?;
    let client = provider::client(settings)?;
    let visits = once::ensure(&client, webhook, targets(settings).await?, Mode::DryRun).await;
    // A refusal of the receiver's is no reason to hide what CaiGunn says.
    let admin = AdminApi::new(settings)?;
    let running = match admin.get("/subscription?of_leader=true").await {
        Ok(Some(running)) => running,
        Ok(None) => {
            output::say(format_args!("no receiver runs at {}; {LEFT_OUT}", admin.place()));
            Value::Null
        }
        Err(error) => {
            output::say(format_args!("{error:#}; {LEFT_OUT}"));
            Value::Null
        }
    };
    let shown: Vec<_> = visits
        .iter()
        .map(|(target, visit)| {
            let fingerprint = target.fingerprint.to_string();
            let known = running["chatbots"]
                .as_array()
                .and_then(|chatbots| chatbots.iter().find(|known| known["api_key"] == *fingerprint));
            Shown {
                target,
                url: registered_url(visit, &webhook.shown_url),
                is_ours: match visit.found {
                    Found::Ours => Some(true),
                    Found::Other(_) | Found::Nothing => Some(false),
                    Found::Unknown => None,
                },
                error: match target.id {
                    Some(_) => error_of(visit).or(visit.unreadable.as_ref().map(ToString::to_string)),
                    None => Some(UNPLACED.to_owned()),
                },
                known: known.unwrap_or(&Value::Null),
            }
        })
        .collect();
    let result = json!({
        "webhook_url": webhook.shown_url,
        "problem": running["problem"],
        "probe": running["probe"],
        "tokens": running["tokens"],
        "leader": running["leader"],
        "chatbots": shown.iter().map(Shown::to_json).collect::<Value>(),
    });
    format.print(&result, || {
        let headers = [
            "CHATBOT",
            "ID",
            "REGISTERED URL",
            "OURS",
            "SINCE",
            "LAST EVENT RECEIVED",
        ];
        let table = output::table(headers, shown.iter().map(Shown::row));
        table + &about_receiver(&running, &webhook.public_url)
    })?;
    let failed_count = shown.iter().filter(|shown| shown.error.is_some()).count();
    if failed_count > 0 {
        bail!(
            "{failed_count} of {} could not be read; {ASK_DOCTOR}",
            counted(visits.len(), "chatbot")
        );
    }
    Ok(())
}

/// How a chatbot stands, for [`run`].
struct Shown<'a> {
    target: &'a Target,
    url: Option<String>,
    is_ours: Option<bool>,
    error: Option<String>,
    /// What the running receiver says of it; `null` if none runs, or it does not look after that one.
    known: &'a Value,
}

impl Shown<'_> {
    fn to_json(&self) -> Value {
        json!({
            "chatbot_id": self.target.id,
            "title": self.target.title,
            "api_key": self.target.fingerprint,
            "webhook_url": self.url,
            "is_ours": self.is_ours,
            "error": self.error,
            "state": self.known["state"],
            "since": self.known["since"],
            "last_received_at": self.known["last_received_at"],
        })
    }

    fn row(&self) -> [String; 6] {
        let ours = match (&self.error, self.is_ours) {
            (Some(error), _) => error,
            (None, Some(true)) => "yes",
            (None, Some(false)) => "no",
            (None, None) => "unknown",
        };
        let [title, id] = title_and_id(self.target);
        // The receiver may not have seen yet what stands there now.
        let is_known = self
            .is_ours
            .is_some_and(|ours| ours == (self.known["state"] == "registered"));
        let since = if is_known {
            &self.known["since"]
        } else {
            &Value::Null
        };
        [
            title,
            id,
            self.url.clone().unwrap_or_else(|| "-".to_owned()),
            ours.to_owned(),
            output::time(since),
            output::time(&self.known["last_received_at"]),
        ]
    }
}

/// What the running receiver says of itself, a line each.
fn about_receiver(running: &Value, public_url: &Url) -> String {
    let mut text = String::new();
    if running["leader"]["is_self"] == false {
        text += &match running["leader"]["name"].as_str() {
            Some(leader) => format!(
                "The running receiver does not lead: {} looks after the chatbots\n",
                output::printable(leader)
            ),
            None => {
                "The running receiver does not look after the chatbots now, nor know who does\n".to_owned()
            }
        };
    }
    if let Some(problem) = running["problem"].as_str() {
        text += &format!(
            "The running receiver has a problem: {}\n",
            output::printable(problem)
        );
    }
    if let Some(detail) = running["probe"]["detail"].as_str() {
        let at = output::time(&running["probe"]["at"]);
        text += &format!(
            "Last probe of {public_url}, {at}: {}\n",
            output::printable(detail)
        );
    }
    for token in running["tokens"].as_array().into_iter().flatten() {
        let registered = if token["is_registered"] == true {
            ", the one registered"
        } else {
            ""
        };
        text += &format!(
            "Token {}…{registered}: last used {}\n",
            token["token"].as_str().unwrap_or("-"),
            match &token["last_used_at"] {
                Value::Null => "not since the receiver started".to_owned(),
                at => output::time(at),
            }
        );
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}
