//! Promise: the program does not go on without a part of it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;
use crate::config::{self, Sources};
use crate::event::Wire;
use crate::event::sample::{Ids, notifications, to_json};
use crate::inbox::sqlite::SqliteInbox;
use crate::inbox::{Entry, NewReceipt, RequestId};

/// Far longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A receiver on an inbox of its own.
struct Receiver {
    inbox: Arc<SqliteInbox>,
    readyz: String,
    stop: CancellationToken,
    running: JoinHandle<Result<(), Error>>,
    _folder: tempfile::TempDir,
}

impl Receiver {
    /// Starts it, and waits until it is ready.
    async fn start(keys: &[(&str, &str)]) -> Self {
        let listen = [("server.listen", "127.0.0.1:0"), ("admin.listen", "127.0.0.1:0")];
        let flags = listen
            .iter()
            .chain(keys)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let sources = Sources {
            flags: flags.collect(),
            ..Sources::default()
        };
        let settings = config::load(&sources).expect("they are right").settings;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inbox.db");
        let inbox = Arc::new(SqliteInbox::open(&path, settings.inbox.clone()).expect("it opens"));
        let app = App::on(Arc::clone(&inbox) as Arc<dyn Inbox>, settings, Sockets::default())
            .expect("the addresses are free");
        let stop = CancellationToken::new();
        let receiver = Self {
            inbox,
            readyz: format!("http://{}/readyz", app.public_address()),
            running: tokio::spawn(app.run(stop.clone())),
            stop,
            _folder: folder,
        };
        receiver.wait_until_it_says("ready\n").await;
        receiver
    }

    async fn wait_until_it_says(&self, word: &str) {
        crate::outgoing::provider();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let saying = async {
            loop {
                let answer = client.get(&self.readyz).send().await.expect("an answer");
                if answer.text().await.expect("text").contains(word) {
                    return;
                }
            }
        };
        timeout(PATIENCE, saying).await.expect("it says so");
    }

    async fn assert_ends_for_want_of_its_inbox(self) {
        let ended = timeout(PATIENCE, self.running).await.expect("it ends");
        let error = ended.expect("the app itself does not panic").unwrap_err();
        assert_eq!(error.to_string(), "the inbox ended by itself: its thread is gone");
    }
}

#[tokio::test]
async fn a_panic_on_the_inboxs_thread_ends_the_program_and_is_named() {
    let receiver = Receiver::start(&[]).await;

    receiver.inbox.panic().await;

    receiver.assert_ends_for_want_of_its_inbox().await;
}

#[tokio::test]
async fn a_panic_on_the_inboxs_thread_cuts_the_delay_of_a_stop_short() {
    // Longer than a test has patience.
    let receiver = Receiver::start(&[("server.drain_delay_seconds", "600")]).await;
    receiver.stop.cancel();
    receiver.wait_until_it_says("problem:stopping").await;

    receiver.inbox.panic().await;

    receiver.assert_ends_for_want_of_its_inbox().await;
}

/// An inbox with receipts that came so, each a second after the one before.
async fn inbox_of(folder: &Path, came: &[(Origin, Ids)]) -> SqliteInbox {
    let settings = config::load(&Sources::default())
        .expect("the defaults are right")
        .settings;
    let inbox = SqliteInbox::open(&folder.join("inbox.db"), settings.inbox).expect("it opens");
    let entries = came.iter().zip(0..).map(|((origin, ids), seconds)| {
        let notification = notifications(ids, Wire::V2024_07).remove(0);
        let body = Bytes::from(to_json(&notification).to_string());
        let request = RequestId::new(Uuid::now_v7());
        Entry::Receipt(NewReceipt::new(
            &notification,
            body,
            at(seconds),
            request,
            *origin,
        ))
    });
    inbox.append(entries.collect()).await.expect("they are stored");
    inbox
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
}

#[tokio::test]
async fn the_last_that_caigunn_posted_is_neither_a_sample_nor_what_backfill_brought() {
    let (posted, missed) = (
        || (Origin::Webhook, Ids::fresh()),
        || (Origin::Backfill, Ids::fresh()),
    );
    let sampled = || (Origin::Webhook, Ids::marked());
    for (came, expected) in [
        (vec![], None),
        (vec![posted()], Some(at(0))),
        (vec![posted(), posted(), missed(), sampled()], Some(at(1))),
        (vec![missed(), sampled()], None),
        // It came before all that is looked at.
        ((0..=NEWEST).map(|_| missed()).collect(), Some(at(1))),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let inbox = inbox_of(folder.path(), &came).await;

        let found = last_received_at(&inbox).await.expect("it can be read");

        assert_eq!(found, expected, "of {} receipts", came.len());
    }
}
