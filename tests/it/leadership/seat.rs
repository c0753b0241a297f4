//! One store that several receivers of this process share, as they would share a server's.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, EventId, Identity};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{
    Answer, Candidate, Entry, Error, Inbox, Jobs, Leadership, Outbox, Page, PageRequest, QuarantineId,
    QuarantineTotals, Quarantined, Receipt, ReceiptFilter, ReceiptId, Settings, Stored,
};
use tempfile::TempDir;
use uuid::Uuid;

/// The store: a file, and who leads.
pub struct Shared {
    inbox: SqliteInbox,
    leader: Mutex<Option<Candidate>>,
    is_mute: AtomicBool,
    _folder: TempDir,
}

/// A receiver's place at it.
pub struct Seat {
    shared: Arc<Shared>,
    /// How often this receiver has looked for old receipts.
    expire_count: AtomicUsize,
    /// Who led when this receiver closed its inbox.
    leader_at_close: Mutex<Option<Candidate>>,
}

impl Shared {
    pub fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        let settings = Settings {
            duplicate_window: Duration::from_secs(60),
            quarantine_max_count: 100,
            quarantine_max_bytes: 1 << 20,
            max_connections: 8,
            timeout: Duration::from_secs(60),
        };
        let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings).expect("an inbox");
        Arc::new(Self {
            inbox,
            leader: Mutex::default(),
            is_mute: AtomicBool::default(),
            _folder: folder,
        })
    }

    pub fn seat(self: &Arc<Self>) -> Arc<Seat> {
        Arc::new(Seat {
            shared: Arc::clone(self),
            expire_count: AtomicUsize::default(),
            leader_at_close: Mutex::default(),
        })
    }

    /// Does not say any more who leads.
    pub fn mute(&self) {
        self.is_mute.store(true, Ordering::Relaxed);
    }

    /// Ends the lease of whoever leads, as time does when its holder is dead, and gives it to another one, or to
    /// whoever asks first.
    pub fn give_lead_to(&self, name: Option<&str>) {
        *self.leader.lock().unwrap() = name.map(|name| Candidate {
            id: Uuid::new_v4(),
            name: name.to_owned(),
        });
    }
}

impl Seat {
    pub fn expire_count(&self) -> usize {
        self.expire_count.load(Ordering::Relaxed)
    }

    pub fn leader_at_close(&self) -> Option<Candidate> {
        self.leader_at_close.lock().unwrap().clone()
    }
}

impl Inbox for Seat {
    fn lead(&self, candidate: &Candidate) -> Answer<'_, Leadership> {
        if self.shared.is_mute.load(Ordering::Relaxed) {
            let reason = "the server is gone".to_owned();
            return Box::pin(async { Err(Error::Unavailable { reason }) });
        }
        let mut leader = self.shared.leader.lock().unwrap();
        let leader = leader.get_or_insert_with(|| candidate.clone());
        let answer = if leader.id == candidate.id {
            Leadership::Leader
        } else {
            let (id, leader) = (leader.id, leader.name.clone());
            Leadership::Follower { id, leader }
        };
        Box::pin(async { Ok(answer) })
    }

    fn resign(&self, candidate: &Candidate) -> Answer<'_, ()> {
        let mut leader = self.shared.leader.lock().unwrap();
        leader.take_if(|leader| leader.id == candidate.id);
        Box::pin(async { Ok(()) })
    }

    fn expire(&self, before: Timestamp) -> Answer<'_, usize> {
        self.expire_count.fetch_add(1, Ordering::Relaxed);
        self.shared.inbox.expire(before)
    }

    /// The others go on.
    fn close(&self) -> Answer<'_, ()> {
        let leader = self.shared.leader.lock().unwrap().clone();
        *self.leader_at_close.lock().unwrap() = leader;
        Box::pin(async { Ok(()) })
    }

    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>> {
        self.shared.inbox.append(batch)
    }

    fn concurrency(&self) -> usize {
        self.shared.inbox.concurrency()
    }

    fn receipts(&self, filter: ReceiptFilter, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        self.shared.inbox.receipts(filter, page)
    }

    fn receipt(&self, id: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>> {
        self.shared.inbox.receipt(id)
    }

    fn job(&self, event_id: EventId) -> Answer<'_, Vec<Receipt>> {
        self.shared.inbox.job(event_id)
    }

    fn open_jobs(&self, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        self.shared.inbox.open_jobs(page)
    }

    fn find(&self, identity: Identity) -> Answer<'_, Option<Receipt>> {
        self.shared.inbox.find(identity)
    }

    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>> {
        self.shared.inbox.last_received()
    }

    fn export(&self, after: u64, limit: usize) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        self.shared.inbox.export(after, limit)
    }

    fn quarantine(&self, page: PageRequest) -> Answer<'_, Page<Quarantined>> {
        self.shared.inbox.quarantine(page)
    }

    fn quarantined(&self, id: QuarantineId) -> Answer<'_, Option<(Quarantined, Bytes)>> {
        self.shared.inbox.quarantined(id)
    }

    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals> {
        self.shared.inbox.quarantine_totals()
    }

    fn accept_quarantined(&self, id: QuarantineId, receipt_id: ReceiptId) -> Answer<'_, ()> {
        self.shared.inbox.accept_quarantined(id, receipt_id)
    }

    fn jobs(&self) -> &dyn Jobs {
        self.shared.inbox.jobs()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.shared.inbox.outbox()
    }
}
