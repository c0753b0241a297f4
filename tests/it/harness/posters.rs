//! Load: clients that post one notification after another, each on a connection of its own, until the receiver is
//! gone, and keep account of every answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::raw::{self, Raw};
use super::{json, sample, wait_for};

/// Clients at work.
pub struct Posters {
    clients: JoinSet<Vec<Posted>>,
    answered_count: Arc<AtomicUsize>,
}

/// A notification that was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    pub event_id: String,
    pub body: String,
    /// When its last byte had been written, if it was and somebody looked at the clock.
    pub sent_at: Option<Instant>,
    pub end: End,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// 200, with the receipt's id.
    Stored { receipt_id: String },
    /// Not a byte.
    Nothing,
    /// Anything else: another status, or an answer that breaks off.
    Wrong(String),
}

impl Posters {
    /// Starts so many clients.
    pub fn start(count: usize, receiver: SocketAddr) -> Self {
        let answered_count = Arc::new(AtomicUsize::new(0));
        let clients = (0..count).map(|_| post_until_gone(receiver, Arc::clone(&answered_count)));
        Self {
            clients: clients.collect(),
            answered_count,
        }
    }

    /// Waits until so many notifications have been answered.
    pub async fn wait_for_answers(&self, count: usize) {
        wait_for("answers under load", || {
            let answered_count = self.answered_count.load(Ordering::Relaxed);
            async move {
                (answered_count >= count)
                    .then_some(())
                    .ok_or_else(|| format!("{answered_count} answers"))
            }
        })
        .await;
    }

    /// Waits until every client has found the receiver gone; all that they posted.
    pub async fn end(self) -> Vec<Posted> {
        self.clients.join_all().await.concat()
    }
}

async fn post_until_gone(receiver: SocketAddr, answered_count: Arc<AtomicUsize>) -> Vec<Posted> {
    let mut posted = Vec::new();
    while let Ok(mut connection) = Raw::try_connect(receiver).await {
        loop {
            let next = post(&mut connection, "/webhook").await;
            let is_open = matches!(next.end, End::Stored { .. });
            posted.push(next);
            if !is_open {
                break;
            }
            answered_count.fetch_add(1, Ordering::Relaxed);
        }
    }
    posted
}

/// Posts a notification to a path.
pub async fn post(connection: &mut Raw, path: &str) -> Posted {
    let body = json(&sample("crawling.completed"));
    let event_id = text(&body, "event_id");
    let body = body.to_string();
    let is_sent = connection.try_send(raw::post_to(path, &body)).await;
    let sent_at = is_sent.then(Instant::now);
    let end = match is_sent {
        true => read_end(connection).await,
        false => End::Nothing,
    };
    Posted {
        event_id,
        body,
        sent_at,
        end,
    }
}

/// Reads what came of a post.
pub async fn read_end(connection: &mut Raw) -> End {
    match connection.try_read_answer().await {
        Ok(answer) if answer.status() == 200 => End::Stored {
            receipt_id: text(&answer.json(), "receipt_id"),
        },
        Ok(answer) => End::Wrong(format!("{answer:?}")),
        Err(part) if part.is_empty() => End::Nothing,
        Err(part) => End::Wrong(part),
    }
}

/// Fails unless each stored notification has exactly one of `receipts`, the one it was told, and no other has two.
pub fn assert_each_stored_once<'a>(posted: impl IntoIterator<Item = &'a Posted>, receipts: &[Value]) {
    let mut ids_by_event: HashMap<String, Vec<String>> = HashMap::new();
    for receipt in receipts {
        let ids = ids_by_event.entry(text(receipt, "event_id")).or_default();
        ids.push(text(receipt, "id"));
    }
    for posted in posted {
        let ids = ids_by_event.get(&posted.event_id).map_or(&[][..], Vec::as_slice);
        match &posted.end {
            End::Stored { receipt_id } => assert_eq!(ids, [receipt_id.as_str()], "{posted:?}"),
            // It may have been stored before its answer was lost.
            End::Nothing | End::Wrong(_) => assert!(ids.len() <= 1, "{posted:?} has {ids:?}"),
        }
    }
}

/// A member of a JSON object that is a text.
pub fn text(object: &Value, name: &str) -> String {
    let text = object[name].as_str();
    text.unwrap_or_else(|| panic!("no {name} in {object}")).to_owned()
}
