//! Promise: no clock removes a receipt; age does. Here the clock is a number, and time passes when a test says so.

use bytes::Bytes;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::event::Wire;
use crate::event::sample::{self, Ids};
use crate::inbox::sqlite::SqliteInbox;
use crate::inbox::{Entry, NewReceipt, Origin, PageRequest, ReceiptFilter, RequestId, Settings};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Ten days, so that the clock is believed up to a day.
const RETENTION: Duration = Duration::from_secs(10 * 86_400);

/// An inbox on a machine whose clock can be set.
struct Machine {
    folder: TempDir,
    inbox: Arc<dyn Inbox>,
    clock: Arc<AtomicU64>,
    retention: Retention,
    known: Option<Known>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // In 2024, in microseconds.
        let clock = Arc::new(AtomicU64::new(1_722_330_900_000_000));
        let (inbox, retention) = start(&folder, &clock);
        Self {
            folder,
            inbox,
            clock,
            retention,
            known: None,
        }
    }

    /// The receiver stops and starts.
    async fn restart(&mut self) {
        self.inbox.close().await.expect("it closes");
        (self.inbox, self.retention) = start(&self.folder, &self.clock);
        self.known = None;
    }

    fn set_ahead(&self, by: Duration) {
        self.clock.fetch_add(by.as_micros() as u64, Ordering::Relaxed);
    }

    fn set_back(&self, by: Duration) {
        self.clock.fetch_sub(by.as_micros() as u64, Ordering::Relaxed);
    }

    /// Takes so many receipts, stamped as the clock says.
    async fn take(&self, count: usize) {
        let received_at = read(&self.clock);
        let one = |_| {
            let event = sample::events(&Ids::fresh()).swap_remove(0);
            let notification = sample::notification(event, &Ids::fresh(), Wire::V2024_07);
            let body = Bytes::from(sample::to_json(&notification).to_string());
            let request_id = RequestId::new(Uuid::now_v7());
            let receipt = NewReceipt::new(&notification, body, received_at, request_id, Origin::Webhook);
            Entry::Receipt(receipt)
        };
        let stored = self.inbox.append((0..count).map(one).collect()).await;
        assert!(stored.expect("it takes the batch").iter().all(Result::is_ok));
    }

    /// One round of retention.
    async fn round(&mut self) {
        let now = self
            .retention
            .now(&mut self.known)
            .await
            .expect("the inbox works");
        self.retention.round(now.minus(RETENTION)).await;
    }

    /// So much passes, with a round in each hour.
    async fn run(&mut self, time: Duration) {
        for _ in 0..time.as_secs() / HOUR.as_secs() {
            tokio::time::advance(HOUR).await;
            self.set_ahead(HOUR);
            self.round().await;
        }
    }

    async fn count(&self) -> usize {
        let page = PageRequest::first(500);
        let page = self.inbox.receipts(ReceiptFilter::default(), page).await;
        page.expect("it is read").items.len()
    }

    fn held(&self) -> u64 {
        self.retention.held.load(Ordering::Relaxed)
    }
}

fn start(folder: &TempDir, clock: &Arc<AtomicU64>) -> (Arc<dyn Inbox>, Retention) {
    let settings = Settings {
        duplicate_window: Duration::from_secs(60),
        quarantine_max_count: 10,
        quarantine_max_bytes: 1 << 20,
        max_connections: 8,
        timeout: Duration::from_secs(60),
    };
    let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings).expect("it opens");
    let (inbox, clock): (Arc<dyn Inbox>, _) = (Arc::new(inbox), Arc::clone(clock));
    let retention = Retention::new(Arc::clone(&inbox), RETENTION, move || read(&clock));
    (inbox, retention)
}

fn read(clock: &AtomicU64) -> Timestamp {
    Timestamp::from_micros(clock.load(Ordering::Relaxed) as i64)
}

#[tokio::test(start_paused = true)]
async fn all_that_is_old_goes_at_once_however_much_it_is() {
    let mut machine = Machine::new();
    machine.round().await;
    // More than the inbox removes in a step.
    machine.take(300).await;

    machine.run(RETENTION).await;
    assert_eq!(machine.count().await, 300);
    machine.run(HOUR).await;
    assert_eq!(machine.count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn receipts_go_when_they_are_as_old_as_the_retention() {
    let mut machine = Machine::new();
    machine.round().await;
    machine.take(3).await;
    machine.run(DAY * 2).await;
    machine.take(2).await;

    machine.run(DAY * 8 - HOUR).await;
    assert_eq!(machine.count().await, 5);
    machine.run(HOUR * 2).await;
    assert_eq!(machine.count().await, 2);
    machine.run(DAY * 2 - HOUR * 3).await;
    assert_eq!(machine.count().await, 2);
    machine.run(HOUR * 3).await;
    assert_eq!(machine.count().await, 0);
    assert_eq!(machine.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn nights_for_which_no_receiver_runs_count() {
    let mut machine = Machine::new();
    machine.round().await;
    machine.take(3).await;
    for _ in 0..9 {
        machine.run(HOUR * 6).await;
        machine.set_ahead(HOUR * 18);
        machine.restart().await;
        machine.round().await;
    }
    assert_eq!(machine.count().await, 3);

    machine.run(DAY + HOUR).await;

    assert_eq!(machine.count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_far_ahead_removes_nothing_by_that() {
    for ahead in [DAY * 11, DAY * 91, DAY * 366] {
        for restarts in [true, false] {
            let mut machine = Machine::new();
            machine.round().await;
            machine.take(300).await;
            machine.run(DAY).await;
            machine.set_ahead(ahead);
            if restarts {
                machine.restart().await;
            }
            machine.round().await;
            assert_eq!(machine.count().await, 300);
            assert_eq!(machine.held(), ahead.as_secs());

            // However often it starts, and whatever comes meanwhile.
            machine.take(100).await;
            for _ in 0..3 {
                machine.restart().await;
                machine.run(HOUR * 3).await;
            }
            assert_eq!(machine.count().await, 400);
            machine.set_back(ahead);
            machine.run(HOUR * 3).await;
            machine.restart().await;
            machine.run(HOUR * 3).await;
            assert_eq!((machine.count().await, machine.held()), (400, 0));

            // Nor does it keep anything for ever: two days have passed, but for some hours.
            machine.run(DAY * 9).await;
            assert_eq!(machine.count().await, 100);
            machine.run(DAY).await;
            assert_eq!(machine.count().await, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_was_off_for_longer_than_the_retention_is_held_until_that_has_passed() {
    let mut machine = Machine::new();
    machine.round().await;
    machine.take(3).await;
    machine.set_ahead(DAY * 400);
    machine.restart().await;
    machine.round().await;
    machine.take(2).await;

    machine.run(DAY * 10 - HOUR).await;
    assert_eq!((machine.count().await, machine.held()), (5, 400 * 86_400));
    machine.run(HOUR * 3).await;

    assert_eq!((machine.count().await, machine.held()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_board_takes_in_1970_is_kept_as_long_as_all_else() {
    let mut machine = Machine::new();
    let since_1970 = Duration::from_micros(machine.clock.load(Ordering::Relaxed));
    // The very first time, and later once more.
    machine.set_back(since_1970);
    machine.round().await;
    for _ in 0..2 {
        machine.take(2).await;
        machine.set_ahead(since_1970);
        machine.round().await;
        machine.take(1).await;
        machine.run(DAY).await;
        machine.set_back(since_1970);
        machine.restart().await;
        machine.round().await;
    }
    machine.set_ahead(since_1970);

    machine.run(DAY * 8 - HOUR).await;
    assert_eq!(machine.count().await, 6);
    machine.run(HOUR * 3).await;
    assert_eq!(machine.count().await, 3);
    machine.run(DAY).await;
    assert_eq!(machine.count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn in_an_inbox_of_an_older_program_the_newest_receipts_say_how_late_it_is() {
    for (ahead, left) in [(DAY / 2, 100), (DAY * 91, 200), (DAY * 366, 200)] {
        let mut machine = Machine::new();
        machine.take(100).await;
        machine.set_ahead(DAY * 10 - HOUR);
        machine.take(100).await;
        machine.set_ahead(ahead);

        machine.round().await;

        assert_eq!(machine.count().await, left);
        assert_eq!(machine.held(), 0, "of what was before nobody knows");
        machine.run(HOUR * 2).await;
        assert_eq!(machine.count().await, 100, "the others are old now");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_inbox_with_one_receipt_of_the_future_is_looked_through_all_the_same() {
    let mut machine = Machine::new();
    machine.set_ahead(DAY * 366);
    machine.take(1).await;
    machine.set_back(DAY * 366);
    machine.take(100).await;
    machine.set_ahead(DAY * 11);
    machine.take(100).await;
    machine.set_ahead(DAY * 366);
    machine.take(1).await;
    machine.set_back(DAY * 366);

    machine.round().await;

    assert_eq!(machine.count().await, 101);
}

#[tokio::test(start_paused = true)]
async fn an_old_inbox_whose_newest_receipts_are_all_of_the_future_keeps_the_others() {
    let mut machine = Machine::new();
    machine.take(100).await;
    machine.set_ahead(DAY * 366);
    machine.take(10).await;
    machine.set_back(DAY * 366);

    machine.round().await;

    assert_eq!(machine.count().await, 110);
}
