//! A user's application: a real HTTP server that takes what is delivered, answers as it is told, and remembers what came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{PATIENCE, free_port, wait_for};

/// An application, gone when it is dropped.
pub struct Application {
    pub address: SocketAddr,
    state: Shared,
    serving: AbortHandle,
}

/// What came in one request.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub webhook_id: String,
    /// `crawling.completed`.
    pub event: String,
    pub event_id: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Instant,
    /// How it was answered; `None` as long as it is not.
    pub status: Option<u16>,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16),
    /// With a header.
    With(u16, &'static str, String),
    /// Not before [`Application::let_go`], and then with 200.
    Held,
}

type Decide = Box<dyn FnMut(&Arrival) -> Reply + Send>;

#[derive(Clone)]
struct Shared {
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    decide: Arc<Mutex<Decide>>,
    lets_go: watch::Sender<bool>,
}

impl Application {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], free_port())), |_| {
            Reply::Status(200)
        })
        .await
    }

    /// One that answers as `decide` says.
    pub async fn answering(decide: impl FnMut(&Arrival) -> Reply + Send + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], free_port())), decide).await
    }

    /// As [`Application::answering`], at an address where another one may have been.
    pub async fn start_at(
        address: SocketAddr,
        decide: impl FnMut(&Arrival) -> Reply + Send + 'static,
    ) -> Self {
        let listener = wait_for("the port to be free", || async {
            TcpListener::bind(address)
                .await
                .map_err(|error| error.to_string())
        })
        .await;
        let state = Shared {
            arrivals: Arc::default(),
            decide: Arc::new(Mutex::new(Box::new(decide))),
            lets_go: watch::Sender::new(false),
        };
        let router = Router::new().fallback(take).with_state(state.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self {
            address,
            state,
            serving: serving.abort_handle(),
        }
    }

    /// Answers otherwise from now on.
    pub fn answer(&self, decide: impl FnMut(&Arrival) -> Reply + Send + 'static) {
        *self.state.decide.lock().unwrap() = Box::new(decide);
    }

    /// Answers what it holds.
    pub fn let_go(&self) {
        self.state.lets_go.send_replace(true);
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// All that came so far, in its order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state.arrivals.lock().unwrap().clone()
    }

    /// What was answered with 2xx, in its order.
    pub fn taken(&self) -> Vec<Arrival> {
        let mut arrivals = self.arrivals();
        arrivals.retain(|arrival| arrival.status.is_some_and(|status| (200..300).contains(&status)));
        arrivals
    }

    /// Waits until so many requests have come.
    pub async fn wait_for_arrivals(&self, count: usize) -> Vec<Arrival> {
        self.wait_until(&format!("{count} requests"), |arrivals| arrivals.len() >= count)
            .await
    }

    /// Waits until what came is as it should be, however long that takes as long as more comes.
    pub async fn wait_until(&self, what: &str, is_reached: impl Fn(&[Arrival]) -> bool) -> Vec<Arrival> {
        let (mut seen_count, mut last_news) = (0, Instant::now());
        loop {
            // There may be many, and each look is short.
            let count = {
                let arrivals = self.state.arrivals.lock().unwrap();
                if is_reached(&arrivals) {
                    return arrivals.clone();
                }
                arrivals.len()
            };
            if count > seen_count {
                (seen_count, last_news) = (count, Instant::now());
            }
            assert!(
                last_news.elapsed() < PATIENCE,
                "the application waited in vain for {what}; {count} requests came, the last: {:?}",
                self.arrivals().last()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Fails unless of each job what was taken first was taken in the order of `expected`, which has each job's ids.
pub fn assert_in_order(taken: &[Arrival], expected: &HashMap<String, Vec<String>>) {
    let mut orders: HashMap<&str, Vec<&str>> = HashMap::new();
    for arrival in taken {
        let order = orders.entry(&arrival.event_id).or_default();
        if !order.contains(&&*arrival.webhook_id) {
            order.push(&arrival.webhook_id);
        }
    }
    for (job, ids) in expected {
        let order = orders.get(&**job).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(order, ids, "of job {job}");
    }
}

async fn take(State(state): State<Shared>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    // Not all that this program sends has one.
    let id = headers
        .get("webhook-id")
        .map(|id| id.to_str().expect("a header of text").to_owned());
    // A body may have text that a strict reader does not take, as CaiGunn's may.
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let member = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    let arrival = Arrival {
        webhook_id: id.unwrap_or_default(),
        event: format!("{}.{}", member("event"), member("status")),
        event_id: member("event_id"),
        headers,
        body,
        at: Instant::now(),
        status: None,
    };
    let (place, reply) = {
        // Held until it is decided, so that what was seen is answered as of then.
        let mut decide = state.decide.lock().unwrap();
        let place = {
            let mut arrivals = state.arrivals.lock().unwrap();
            arrivals.push(arrival.clone());
            arrivals.len() - 1
        };
        (place, decide(&arrival))
    };
    let (status, header) = match reply {
        Reply::Status(status) => (status, None),
        Reply::With(status, name, value) => (status, Some((name, value))),
        Reply::Held => {
            let mut lets_go = state.lets_go.subscribe();
            lets_go
                .wait_for(|lets_go| *lets_go)
                .await
                .expect("the sender is ours");
            (200, None)
        }
    };
    state.arrivals.lock().unwrap()[place].status = Some(status);
    let mut response = Response::new(Body::from(format!("answer {status}")));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if let Some((name, value)) = header {
        response
            .headers_mut()
            .insert(name, value.parse().expect("a header"));
    }
    response
}
