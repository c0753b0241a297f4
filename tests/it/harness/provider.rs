//! A fake of CaiGunn's API: faithful to its documents, and able to be slow, wrong or down.

mod documented;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use caigunn_webhook::event::{ChatbotId, EventId};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use self::documented::World;
use super::{PATIENCE, wait_for};

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    PutWebhook,
    DeleteWebhook,
    EventLog,
    Chatbots,
    Chatbot,
    RefreshToken,
}

/// A call that the fake has seen.
#[derive(Clone, Debug)]
pub struct Call {
    pub route: Route,
    pub headers: HeaderMap,
    /// With the query.
    pub path: String,
    /// `null` if it is not JSON.
    pub body: Value,
}

/// What the fake answers to a call. Only the documented answer has an effect, and one that is done: a 200 of another kind is a lie.
#[derive(Clone, Debug)]
pub enum Reply {
    /// As documented.
    Ok,
    /// A status, a `Retry-After` in seconds, and a body, in which `{api-key}` stands for the one of the call.
    Status(u16, Option<u64>, Value),
    /// A status and any body.
    Text(u16, &'static str),
    /// The same, though it was done.
    Done(u16, &'static str),
    /// As documented, once [`Provider::release`] is called.
    Held,
}

/// A running fake. It ends with the test's runtime.
#[derive(Clone)]
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<FakeState>,
}

struct FakeState {
    calls: Mutex<Vec<Call>>,
    replies: Mutex<Replies>,
    released: watch::Sender<bool>,
    world: Mutex<World>,
}

#[derive(Default)]
struct Replies {
    queued: HashMap<Route, VecDeque<Reply>>,
    /// Given instead, while there is one; the queue waits.
    constant: HashMap<Route, Reply>,
    /// Given before all others to calls with that API key.
    by_key: HashMap<(Route, &'static str), Reply>,
    /// The same to what is asked about one chatbot by its id.
    by_chatbot: HashMap<ChatbotId, Reply>,
}

impl Provider {
    /// Starts a fake that gives these replies to PUTs in order, and the documented one from then on. It has one
    /// chatbot, titled `First`, with the API key `key-one`; its user's access token is `access-token`.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::on(listener, replies)
    }

    /// As [`Provider::start`], on an open listener.
    pub fn on(listener: TcpListener, replies: impl IntoIterator<Item = Reply>) -> Self {
        let state = Arc::new(FakeState {
            calls: Mutex::default(),
            replies: Mutex::default(),
            released: watch::Sender::new(false),
            world: Mutex::new(World::new("access-token")),
        });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let address = listener.local_addr().expect("a bound listener has an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        let provider = Self { address, state };
        provider.add_chatbot("First", "key-one");
        provider.reply(Route::PutWebhook, replies);
        provider
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a chatbot without a webhook.
    pub fn add_chatbot(&self, title: &str, api_key: &str) -> ChatbotId {
        self.world().add_chatbot(title, api_key)
    }

    /// Deletes a chatbot: it is no longer listed, its API key is unknown, and its details say so.
    pub fn remove_chatbot(&self, id: ChatbotId) {
        self.world().chatbot_mut(id).is_deleted = true;
    }

    /// Calls a chatbot otherwise.
    pub fn rename(&self, id: ChatbotId, title: &str) {
        title.clone_into(&mut self.world().chatbot_mut(id).title);
    }

    pub fn chatbot_id(&self, api_key: &str) -> ChatbotId {
        self.world().chatbot_of(api_key).expect("a known API key").id
    }

    pub fn webhook_url(&self, id: ChatbotId) -> Option<String> {
        self.world().chatbot_mut(id).webhook_url.clone()
    }

    /// Lets another have the chatbot's notifications, or nobody.
    pub fn set_webhook_url(&self, id: ChatbotId, url: Option<&str>) {
        self.world().chatbot_mut(id).webhook_url = url.map(str::to_owned);
    }

    /// Logs what CaiGunn would when it posts this notification for this chatbot. One without an `event_id` is in no
    /// log, for logs are asked for by it.
    pub fn log_event(&self, id: ChatbotId, notification: &Value) {
        self.world().log(id, notification);
    }

    /// Makes these the log of a job, whole and as they are. An entry is seen with the key of the chatbot in its
    /// `data`, or with any if it names none.
    pub fn set_log(&self, event_id: EventId, entries: Vec<Value>) {
        self.world().set_log(event_id, entries);
    }

    /// Has it write URLs in a way of its own.
    pub fn spell(&self, spelling: fn(&str) -> String) {
        self.world().spelling = spelling;
    }

    /// Puts entries into its list that are not as documented.
    pub fn list_untidy(&self, entries: Vec<Value>) {
        self.world().untidy = entries;
    }

    /// Refuses whatever concerns this chatbot with 401.
    pub fn refuse(&self, id: ChatbotId) {
        self.world().refused.push(id);
    }

    /// Makes this the only access token.
    pub fn set_access_token(&self, token: &str) {
        self.world().access_tokens = vec![token.to_owned()];
    }

    /// Queues replies, one a call; after them come documented answers.
    pub fn reply(&self, route: Route, replies: impl IntoIterator<Item = Reply>) {
        let mut all = self.state.replies.lock().unwrap();
        all.queued.entry(route).or_default().extend(replies);
    }

    /// Gives this reply to every call, until it is set to none.
    pub fn reply_always(&self, route: Route, reply: Option<Reply>) {
        let mut all = self.state.replies.lock().unwrap();
        match reply {
            Some(reply) => all.constant.insert(route, reply),
            None => all.constant.remove(&route),
        };
    }

    /// Gives this reply to every call of that route with this API key.
    pub fn reply_to_key(&self, route: Route, api_key: &'static str, reply: Reply) {
        let mut all = self.state.replies.lock().unwrap();
        all.by_key.insert((route, api_key), reply);
    }

    /// Gives this reply to every call for the details of this chatbot.
    pub fn reply_about(&self, id: ChatbotId, reply: Reply) {
        self.state.replies.lock().unwrap().by_chatbot.insert(id, reply);
    }

    /// The calls seen so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// The calls of one kind seen so far.
    pub fn calls_of(&self, route: Route) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.route == route);
        calls
    }

    /// Waits until so many PUTs have come.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        self.wait_for_calls_of(Route::PutWebhook, count).await
    }

    /// Waits until so many calls of one kind have come.
    pub async fn wait_for_calls_of(&self, route: Route, count: usize) -> Vec<Call> {
        wait_for("calls of CaiGunn's API", || {
            let calls = self.calls_of(route);
            async move {
                if calls.len() >= count {
                    Ok(calls)
                } else {
                    Err(format!("{calls:?}"))
                }
            }
        })
        .await
    }

    /// Lets the held replies go.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.state.world.lock().unwrap()
    }
}

impl Route {
    fn of(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<_> = path.strip_prefix("/api/external/")?.split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("PUT", ["chatbot", "webhook"]) => Some(Self::PutWebhook),
            ("DELETE", ["chatbot", "webhook"]) => Some(Self::DeleteWebhook),
            ("GET", ["chatbot", "event", _]) => Some(Self::EventLog),
            ("GET", ["user", "chatbot"]) => Some(Self::Chatbots),
            ("GET", ["user", "chatbot", _]) => Some(Self::Chatbot),
            ("GET", ["user", "token", "refresh"]) => Some(Self::RefreshToken),
            _ => None,
        }
    }
}

async fn serve(State(state): State<Arc<FakeState>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(route) = Route::of(&head.method, head.uri.path()) else {
        return documented::not_found().into_response();
    };
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a short body");
    let call = Call {
        route,
        headers: head.headers,
        path: head.uri.to_string(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    state.calls.lock().unwrap().push(call.clone());
    let reply = state.replies.lock().unwrap().next(&call);
    match reply {
        Reply::Status(status, retry_after, body) => return refusal(status, retry_after, &body, &call),
        Reply::Text(status, body) => return (status_of(status), body).into_response(),
        Reply::Done(status, body) => {
            let _ = state.world.lock().unwrap().answer(&call);
            return (status_of(status), body).into_response();
        }
        Reply::Held => {
            let mut released = state.released.subscribe();
            let _ = timeout(PATIENCE * 2, released.wait_for(|released| *released)).await;
        }
        Reply::Ok => {}
    }
    state.world.lock().unwrap().answer(&call).into_response()
}

impl Replies {
    fn next(&mut self, call: &Call) -> Reply {
        let route = call.route;
        let mut by_key = self.by_key.iter();
        let of_key =
            by_key.find(|((of, key), _)| *of == route && documented::header(call, "api-key") == Some(key));
        let mut by_chatbot = self.by_chatbot.iter();
        let of_chatbot = by_chatbot.find(|(id, _)| call.path.ends_with(&format!("/user/chatbot/{id}")));
        let constant = of_key
            .map(|(_, reply)| reply)
            .or(of_chatbot.map(|(_, reply)| reply))
            .or_else(|| self.constant.get(&route));
        constant
            .cloned()
            .or_else(|| self.queued.get_mut(&route)?.pop_front())
            .unwrap_or(Reply::Ok)
    }
}

fn refusal(status: u16, retry_after: Option<u64>, body: &Value, call: &Call) -> Response {
    let api_key = documented::header(call, "api-key");
    let body = body.to_string().replace("{api-key}", api_key.unwrap_or_default());
    let json = [("content-type", "application/json")];
    let mut response = (status_of(status), json, body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}
