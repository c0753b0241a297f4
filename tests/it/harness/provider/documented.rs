//! What CaiGunn knows, and what its documents say it answers. Where they are silent, it does as FastAPI does.

use std::collections::HashMap;
use std::str::FromStr;

use axum::Json;
use axum::http::StatusCode;
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, EventId};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{Call, Route};

/// One user's part of CaiGunn.
pub struct World {
    pub access_tokens: Vec<String>,
    chatbots: Vec<Chatbot>,
    logs: HashMap<EventId, Vec<Logged>>,
    /// How it writes the URLs that it was given.
    pub spelling: fn(&str) -> String,
    /// Entries of its list that are no chatbots as documented; they come first.
    pub untidy: Vec<Value>,
    /// Chatbots of which it tells nothing, and takes no key.
    pub refused: Vec<ChatbotId>,
}

pub struct Chatbot {
    pub id: ChatbotId,
    pub title: String,
    pub api_key: String,
    pub webhook_url: Option<String>,
    pub is_deleted: bool,
}

struct Logged {
    /// Whose key it is seen with; any if there is none.
    chatbot_id: Option<ChatbotId>,
    entry: Value,
}

type Answer = (StatusCode, Json<Value>);

impl World {
    pub fn new(access_token: &str) -> Self {
        Self {
            access_tokens: vec![access_token.to_owned()],
            chatbots: Vec::new(),
            logs: HashMap::new(),
            spelling: str::to_owned,
            untidy: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub fn add_chatbot(&mut self, title: &str, api_key: &str) -> ChatbotId {
        let id = ChatbotId::new(Uuid::now_v7());
        self.chatbots.push(Chatbot {
            id,
            title: title.to_owned(),
            api_key: api_key.to_owned(),
            webhook_url: None,
            is_deleted: false,
        });
        id
    }

    pub fn chatbot_of(&mut self, api_key: &str) -> Option<&mut Chatbot> {
        self.chatbots
            .iter_mut()
            .find(|chatbot| chatbot.api_key == api_key)
    }

    pub fn chatbot_mut(&mut self, id: ChatbotId) -> &mut Chatbot {
        let mut chatbots = self.chatbots.iter_mut();
        chatbots
            .find(|chatbot| chatbot.id == id)
            .expect("a known chatbot")
    }

    pub fn log(&mut self, chatbot_id: ChatbotId, notification: &Value) {
        let Some(event_id) = parsed(&notification["event_id"]) else {
            return;
        };
        let entry = json!({
            "created_at": Timestamp::now(),
            "event_id": notification["event_id"],
            "event": notification["event"],
            "status": notification["status"],
            "data": notification["data"],
            "broadcast_status": "success",
        });
        self.logs.entry(event_id).or_default().push(Logged {
            chatbot_id: Some(chatbot_id),
            entry,
        });
    }

    pub fn set_log(&mut self, event_id: EventId, entries: Vec<Value>) {
        let logged = entries.into_iter().map(|entry| Logged {
            chatbot_id: parsed(&entry["data"]["chatbot_id"]),
            entry,
        });
        self.logs.insert(event_id, logged.collect());
    }

    /// Does what is asked and answers it, or says why not.
    pub fn answer(&mut self, call: &Call) -> Answer {
        let answer = match call.route {
            Route::PutWebhook => self.put_webhook(call),
            Route::DeleteWebhook => self.delete_webhook(call),
            Route::EventLog => self.event_log(call),
            Route::Chatbots => self.chatbots(call),
            Route::Chatbot => self.chatbot(call),
            Route::RefreshToken => self.refresh_token(call),
        };
        match answer {
            Ok(body) => (StatusCode::OK, Json(body)),
            Err(refusal) => refusal,
        }
    }

    fn put_webhook(&mut self, call: &Call) -> Result<Value, Answer> {
        let chatbot = self.chatbot_asked_about(call)?;
        let url = call.body["webhook_url"].as_str();
        let url = url.ok_or_else(|| unprocessable(["body", "webhook_url"], "field required"))?;
        chatbot.webhook_url = Some(url.to_owned());
        Ok(json!({"detail": "Webhook url update successfully"}))
    }

    fn delete_webhook(&mut self, call: &Call) -> Result<Value, Answer> {
        self.chatbot_asked_about(call)?.webhook_url = None;
        Ok(json!({"detail": "Unsubscribe webhook successfully"}))
    }

    fn event_log(&mut self, call: &Call) -> Result<Value, Answer> {
        let chatbot_id = self.chatbot_asked_about(call)?.id;
        let event_id: EventId = id_in_path(call, "event_id")?;
        let logged = self.logs.get(&event_id).map_or(&[][..], Vec::as_slice);
        let entries: Vec<_> = logged
            .iter()
            .filter(|logged| logged.chatbot_id.is_none_or(|id| id == chatbot_id))
            .map(|logged| &logged.entry)
            .collect();
        Ok(json!({ "webhook_logs": entries }))
    }

    fn chatbots(&self, call: &Call) -> Result<Value, Answer> {
        self.check_access_token(call)?;
        let number = |name, default| match query(call, name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| unprocessable(["query", name], "value is not a valid integer")),
        };
        let (offset, limit) = (number("offset", 0)?, number("limit", 30)?);
        let live = self.chatbots.iter().filter(|chatbot| !chatbot.is_deleted);
        let live =
            live.map(|chatbot| json!({"id": chatbot.id, "title": chatbot.title, "api_key": chatbot.api_key}));
        let all = self.untidy.iter().cloned().chain(live);
        let page: Vec<_> = all.skip(offset).take(limit).collect();
        Ok(json!({ "chatbots": page }))
    }

    fn chatbot(&self, call: &Call) -> Result<Value, Answer> {
        self.check_access_token(call)?;
        let id: ChatbotId = id_in_path(call, "id")?;
        let chatbot = self.chatbots.iter().find(|chatbot| chatbot.id == id);
        let chatbot = chatbot.ok_or_else(|| refusal(StatusCode::NOT_FOUND, "Chatbot not found"))?;
        if self.refused.contains(&id) {
            return Err(refusal(
                StatusCode::UNAUTHORIZED,
                "Not authorized for this chatbot",
            ));
        }
        let webhook_url = chatbot.webhook_url.as_deref().map(self.spelling);
        Ok(json!({
            "id": chatbot.id,
            "title": chatbot.title,
            "description": "",
            "api_key": chatbot.api_key,
            "webhook_url": webhook_url,
            "is_deleted": chatbot.is_deleted,
        }))
    }

    /// The new token's form is the fake's own, so that a test can tell it; the old one stays valid.
    fn refresh_token(&mut self, call: &Call) -> Result<Value, Answer> {
        self.check_access_token(call)?;
        let expired_date = query(call, "expired_date")
            .ok_or_else(|| unprocessable(["query", "expired_date"], "field required"))?;
        let token = format!("access-token-until-{expired_date}");
        self.access_tokens.push(token.clone());
        Ok(json!({ "token": token }))
    }

    fn check_access_token(&self, call: &Call) -> Result<(), Answer> {
        match header(call, "caigunn-access-token") {
            None => Err(refusal(StatusCode::UNAUTHORIZED, "Not authenticated")),
            Some(token) if self.access_tokens.iter().any(|known| known == token) => Ok(()),
            Some(_) => Err(refusal(StatusCode::UNAUTHORIZED, "Invalid access token")),
        }
    }

    /// The chatbot of the call's API key.
    fn chatbot_asked_about(&mut self, call: &Call) -> Result<&mut Chatbot, Answer> {
        self.check_access_token(call)?;
        let refused = self.refused.clone();
        header(call, "api-key")
            .and_then(|api_key| self.chatbot_of(api_key))
            .filter(|chatbot| !chatbot.is_deleted && !refused.contains(&chatbot.id))
            .ok_or_else(|| refusal(StatusCode::UNAUTHORIZED, "Invalid api key"))
    }
}

pub fn not_found() -> Answer {
    refusal(StatusCode::NOT_FOUND, "Not Found")
}

pub fn header<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.headers.get(name)?.to_str().ok()
}

fn refusal(status: StatusCode, detail: &str) -> Answer {
    (status, Json(json!({ "detail": detail })))
}

/// FastAPI's answer to what is not of the right form.
fn unprocessable(place: [&str; 2], message: &str) -> Answer {
    let fault = json!({"loc": place, "msg": message, "type": "value_error"});
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "detail": [fault] })),
    )
}

fn id_in_path<T: FromStr>(call: &Call, name: &str) -> Result<T, Answer> {
    let last = call
        .path
        .rsplit('/')
        .next()
        .and_then(|last| last.split('?').next());
    last.and_then(|last| last.parse().ok())
        .ok_or_else(|| unprocessable(["path", name], "value is not a valid uuid"))
}

fn query(call: &Call, name: &str) -> Option<String> {
    let url = Url::parse("http://caigunn").and_then(|base| base.join(&call.path));
    let url = url.expect("a path with a query");
    let mut pairs = url.query_pairs();
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

fn parsed<T: FromStr>(id: &Value) -> Option<T> {
    id.as_str()?.parse().ok()
}
