//! Load on many receivers: senders that post a notification to any of them, and to any again, until it is answered
//! 200. They cost little, so that what is measured is the receivers.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::harness::raw::{self, status_of};
use crate::harness::{PATIENCE, json, sample_with, wait_for};

/// How long a sender waits before it tries again. CaiGunn and users wait longer; what matters is that they come again.
const PAUSE: Duration = Duration::from_millis(20);

/// Of how many answers some must come within [`PATIENCE`].
const STEP: usize = 500;

/// Notifications that differ in their `event_id` only.
#[derive(Clone)]
pub struct Template {
    request: String,
    id_at: usize,
}

impl Template {
    /// Some that are posted to `/webhook`.
    pub fn new() -> Self {
        Self::posting_to("/webhook")
    }

    pub fn posting_to(path: &str) -> Self {
        Self::posting_to_host("receiver", path)
    }

    /// Some that are posted to the host of that name, wherever they are sent.
    pub fn posting_to_host(host: &str, path: &str) -> Self {
        let body = json(&sample_with("crawling.completed", &Ids::fresh(), Wire::V2024_07)).to_string();
        let request = raw::post(&body).replacen("/webhook", path, 1);
        let request = request.replacen("Host: receiver", &format!("Host: {host}"), 1);
        let id_at = request.find(r#""event_id":""#).expect("it has one") + r#""event_id":""#.len();
        Self { request, id_at }
    }

    /// What of a body stands before its `event_id`, and what behind.
    pub fn around_id(&self) -> (&str, &str) {
        let body_at = self.request.find("\r\n\r\n").expect("a whole head") + 4;
        let id_end = self.id_at + Uuid::nil().hyphenated().to_string().len();
        (&self.request[body_at..self.id_at], &self.request[id_end..])
    }

    /// The body with that `event_id`.
    pub fn body(&self, event_id: Uuid) -> String {
        let (before, behind) = self.around_id();
        format!("{before}{event_id}{behind}")
    }

    fn set(&mut self, event_id: Uuid) {
        let mut text = Uuid::encode_buffer();
        let text = event_id.hyphenated().encode_lower(&mut text);
        self.request
            .replace_range(self.id_at..self.id_at + text.len(), text);
    }
}

/// Senders at work.
pub struct Senders {
    senders: JoinSet<Account>,
    answered_count: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

/// What senders were told.
#[derive(Default)]
pub struct Account {
    /// The `event_id`, the receipt, and whether it was called a new one, of every 200.
    pub stored: Vec<(Uuid, Uuid, bool)>,
    /// How often a post was answered 503.
    pub refused_count: usize,
    /// What the first of those answers was.
    pub refusal: Option<String>,
    /// How often a connection was refused, or broke before the answer was whole.
    pub broken_count: usize,
}

impl Senders {
    /// Starts so many, which share these notifications, and end when all are answered.
    pub fn start(count: usize, receivers: &[SocketAddr], template: &Template, event_ids: &[Uuid]) -> Self {
        let share = event_ids.len().div_ceil(count);
        let shares = event_ids.chunks(share).map(<[Uuid]>::to_vec);
        Self::start_each(receivers, template, shares.map(Vec::into_iter))
    }

    /// Starts so many, which post new notifications until [`Senders::end`].
    pub fn start_endless(count: usize, receivers: &[SocketAddr], template: &Template) -> Self {
        let endless = (0..count).map(|_| std::iter::repeat_with(Uuid::new_v4));
        Self::start_each(receivers, template, endless)
    }

    fn start_each<I: Iterator<Item = Uuid> + Send + 'static>(
        receivers: &[SocketAddr],
        template: &Template,
        shares: impl Iterator<Item = I>,
    ) -> Self {
        let (answered_count, is_over) = (Arc::default(), Arc::default());
        let senders = shares.map(|event_ids| {
            let sender = Sender {
                connections: receivers.iter().map(|address| (*address, None)).collect(),
                template: template.clone(),
                account: Account::default(),
                answered_count: Arc::clone(&answered_count),
                is_over: Arc::clone(&is_over),
            };
            sender.post_all(event_ids)
        });
        Self {
            senders: senders.collect(),
            answered_count,
            is_over,
        }
    }

    pub fn answered_count(&self) -> usize {
        self.answered_count.load(Ordering::Relaxed)
    }

    /// Waits until so many notifications have been answered 200.
    pub async fn wait_for_answers(&self, count: usize) {
        let mut wanted = self.answered_count();
        while wanted < count {
            wanted = count.min(wanted + STEP);
            wait_for("answers under load", || {
                let answered_count = self.answered_count();
                async move {
                    (answered_count >= wanted)
                        .then_some(())
                        .ok_or_else(|| format!("{answered_count} answers of {count}"))
                }
            })
            .await;
        }
    }

    /// Waits until every sender has ended; the endless ones do with the notification that they are at.
    pub async fn end(mut self) -> Account {
        self.is_over.store(true, Ordering::Relaxed);
        let mut account = Account::default();
        while let Some(ended) = self.senders.join_next().await {
            let ended = ended.expect("every answer is 200 or 503");
            account.stored.extend(ended.stored);
            account.refused_count += ended.refused_count;
            account.refusal = account.refusal.or(ended.refusal);
            account.broken_count += ended.broken_count;
        }
        account
    }
}

impl Account {
    /// The receipt of each `event_id`. Fails unless all 200s for one told the same, and at most one a new one.
    pub fn receipts(&self) -> HashMap<Uuid, Uuid> {
        let mut receipts: HashMap<Uuid, (Uuid, usize)> = HashMap::with_capacity(self.stored.len());
        for (event_id, receipt_id, is_new) in &self.stored {
            let (first, new_count) = receipts.entry(*event_id).or_insert((*receipt_id, 0));
            assert_eq!(first, receipt_id, "two receipts of {event_id}");
            *new_count += usize::from(*is_new);
            assert!(*new_count <= 1, "{event_id} was new twice");
        }
        let receipts = receipts.into_iter();
        receipts
            .map(|(event_id, (receipt_id, _))| (event_id, receipt_id))
            .collect()
    }
}

struct Sender {
    connections: Vec<(SocketAddr, Option<TcpStream>)>,
    template: Template,
    account: Account,
    answered_count: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Sender {
    async fn post_all(mut self, mut event_ids: impl Iterator<Item = Uuid>) -> Account {
        let is_endless = event_ids.size_hint().1.is_none();
        while !(is_endless && self.is_over.load(Ordering::Relaxed)) {
            let Some(event_id) = event_ids.next() else { break };
            self.template.set(event_id);
            let posting = timeout(PATIENCE, self.post_until_stored());
            let (receipt_id, is_new) = posting.await.expect("a notification is stored in time");
            self.account.stored.push((event_id, receipt_id, is_new));
            self.answered_count.fetch_add(1, Ordering::Relaxed);
        }
        self.account
    }

    async fn post_until_stored(&mut self) -> (Uuid, bool) {
        loop {
            let place = fastrand::usize(..self.connections.len());
            match self.post_to(place).await {
                Ok(answer) => match status_of(&answer) {
                    200 => return receipt_in(&answer),
                    503 => {
                        self.account.refused_count += 1;
                        self.account.refusal.get_or_insert(answer);
                    }
                    _ => panic!("{answer}"),
                },
                Err(_) => {
                    self.connections[place].1 = None;
                    self.account.broken_count += 1;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn post_to(&mut self, place: usize) -> io::Result<String> {
        let (address, connection) = &mut self.connections[place];
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => TcpStream::connect(*address).await?,
        };
        stream.set_nodelay(true)?;
        stream.write_all(self.template.request.as_bytes()).await?;
        let answer = read_answer(&mut stream).await?;
        if !answer.contains("\r\nconnection: close\r\n") {
            *connection = Some(stream);
        }
        Ok(answer)
    }
}

/// Reads an answer of a declared length.
async fn read_answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut answer = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(head) = memchr::memmem::find(&answer, b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&answer[..head]).expect("a head is ASCII");
        let length = text
            .split("\r\n")
            .find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then_some(value)
            })
            .expect("the length is declared");
        let length: usize = length.parse().expect("a sound length");
        if answer.len() >= head + 4 + length {
            return Ok(String::from_utf8(answer).expect("an answer is text"));
        }
    }
}

/// The receipt that a 200 tells of, and whether it is a new one.
fn receipt_in(answer: &str) -> (Uuid, bool) {
    let member = |name: &str| {
        let (_, rest) = answer.split_once(&format!(r#""{name}":""#)).expect("a member");
        rest.split('"').next().expect("a text")
    };
    let receipt_id = member("receipt_id").parse().expect("a UUID");
    (receipt_id, member("outcome") == "accepted")
}
