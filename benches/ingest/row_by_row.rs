//! The same path with the same store, but for each notification a transaction of its own.

use std::sync::Arc;

use bytes::Bytes;
use caigunn_webhook::app::App;
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::{self, InboxLocation, Sources};
use caigunn_webhook::event::{ChatbotId, EventId, Identity};
use caigunn_webhook::inbox::postgres::PostgresInbox;
use caigunn_webhook::inbox::{
    Answer, Candidate, Entry, Error, Inbox, Jobs, Leadership, Outbox, Page, PageRequest, QuarantineId,
    QuarantineTotals, Quarantined, Receipt, ReceiptFilter, ReceiptId, Stored,
};
use caigunn_webhook::systemd::Sockets;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

/// A receiver on that database; prints its address, and serves until it is killed.
pub fn serve(url: &str) {
    let keys = [
        ("server.listen", "127.0.0.1:0"),
        ("admin.listen", "127.0.0.1:0"),
        ("inbox.url", url),
    ];
    let sources = Sources {
        flags: keys
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        ..Sources::default()
    };
    let settings = config::load(&sources).expect("the settings are right").settings;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let InboxLocation::Postgres(location) = &settings.inbox_location else {
            panic!("{url} is a PostgreSQL database")
        };
        let inbox = PostgresInbox::open(location, settings.inbox.clone())
            .await
            .expect("it opens");
        let app =
            App::on(Arc::new(RowByRow(inbox)), settings, Sockets::default()).expect("the addresses are free");
        println!("{}", app.public_address());
        app.run(CancellationToken::new()).await.expect("it serves");
    });
}

struct RowByRow(PostgresInbox);

impl Inbox for RowByRow {
    /// As many at once as there are connections.
    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>> {
        Box::pin(async move {
            let storing = batch.into_iter().map(|entry| async {
                let stored = self.0.append(vec![entry]).await?;
                stored.into_iter().next().expect("an answer for the entry")
            });
            Ok(join_all(storing).await)
        })
    }

    fn concurrency(&self) -> usize {
        self.0.concurrency()
    }

    fn receipts(&self, filter: ReceiptFilter, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        self.0.receipts(filter, page)
    }

    fn receipt(&self, id: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>> {
        self.0.receipt(id)
    }

    fn job(&self, event_id: EventId) -> Answer<'_, Vec<Receipt>> {
        self.0.job(event_id)
    }

    fn open_jobs(&self, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        self.0.open_jobs(page)
    }

    fn find(&self, identity: Identity) -> Answer<'_, Option<Receipt>> {
        self.0.find(identity)
    }

    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>> {
        self.0.last_received()
    }

    fn export(&self, after: u64, limit: usize) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        self.0.export(after, limit)
    }

    fn quarantine(&self, page: PageRequest) -> Answer<'_, Page<Quarantined>> {
        self.0.quarantine(page)
    }

    fn quarantined(&self, id: QuarantineId) -> Answer<'_, Option<(Quarantined, Bytes)>> {
        self.0.quarantined(id)
    }

    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals> {
        self.0.quarantine_totals()
    }

    fn expire(&self, before: Timestamp) -> Answer<'_, usize> {
        self.0.expire(before)
    }

    fn accept_quarantined(&self, id: QuarantineId, receipt_id: ReceiptId) -> Answer<'_, ()> {
        self.0.accept_quarantined(id, receipt_id)
    }

    fn jobs(&self) -> &dyn Jobs {
        self.0.jobs()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.0.outbox()
    }

    fn lead<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, Leadership> {
        self.0.lead(candidate)
    }

    fn resign<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, ()> {
        self.0.resign(candidate)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.close()
    }
}
