//! What only the worker's own clock shows: how soon it looks for what was accepted, and how long it leaves the store to those
//! who post.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;
use crate::delivery::http;
use crate::delivery::send::{Parcel, Report, sample};
use crate::delivery::{Kind, metrics};
use crate::inbox::fake::{FakeInbox, Record};
use crate::inbox::outbox::{DestinationId, Outcome, State};
use crate::metrics::Registry;
use crate::rotating::Rotating;
use crate::telemetry::testing::Log;

const MS: Duration = Duration::from_millis(1);

/// How long a test waits for what must come, by the paused clock.
const PATIENCE: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// Takes everything at once.
#[derive(Default)]
struct Taking {
    /// The numbers that it was given, and when.
    taken: Mutex<Vec<(u64, Instant)>>,
}

impl Sender for Taking {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        let taken = (parcel.receipt.sequence, Instant::now());
        self.taken.lock().push(taken);
        let report = Report::new(Outcome::Delivered, String::new());
        Box::pin(std::future::ready(report))
    }
}

fn back_in_a_second() -> BoxFuture<'static, bool> {
    Box::pin(async {
        sleep(1000 * MS).await;
        true
    })
}

/// Ends by whatever it is sent, and is back a second later.
#[derive(Default)]
struct Falling {
    sent_at: Mutex<Vec<Instant>>,
}

impl Sender for Falling {
    fn send(&self, _: Parcel) -> BoxFuture<'_, Report> {
        self.sent_at.lock().push(Instant::now());
        let report = Report::new(Outcome::Unreachable, String::new());
        Box::pin(std::future::ready(report))
    }

    fn is_back(&self) -> BoxFuture<'_, bool> {
        back_in_a_second()
    }
}

/// Ends by number 16, with all that is under way then, and is back a second later.
#[derive(Default)]
struct FallingByOne {
    taking: Taking,
    falls: tokio::sync::Notify,
}

impl Sender for FallingByOne {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        let is_poison = parcel.receipt.sequence == 16;
        let report = self.taking.send(parcel);
        Box::pin(async move {
            if is_poison {
                sleep(10 * MS).await;
                self.falls.notify_waiters();
                // What else was under way is heard of first.
                sleep(MS).await;
            } else if timeout(20 * MS, self.falls.notified()).await.is_err() {
                return report.await;
            }
            Report::new(Outcome::Unreachable, String::new()).asking(Wish::Unknown)
        })
    }

    fn is_back(&self) -> BoxFuture<'_, bool> {
        back_in_a_second()
    }
}

/// Does not find where the first one goes until somebody has looked, a second later, and takes all others.
#[derive(Default)]
struct Away(Taking);

impl Sender for Away {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        let is_away = parcel.receipt.sequence == 1 && parcel.attempt == 1;
        let report = self.0.send(parcel);
        Box::pin(async move {
            match report.await {
                report if !is_away => report,
                report => Report {
                    outcome: Outcome::Failed,
                    wish: Wish::WhenBack,
                    ..report
                },
            }
        })
    }

    fn is_back(&self) -> BoxFuture<'_, bool> {
        back_in_a_second()
    }
}

/// Says of the first that it takes nothing for an hour, and takes all that comes later.
#[derive(Default)]
struct Quiet(Taking);

impl Sender for Quiet {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        let is_first = self.0.taken.lock().is_empty();
        let report = self.0.send(parcel);
        Box::pin(async move {
            match report.await {
                report if !is_first => report,
                report => Report {
                    outcome: Outcome::Refused,
                    wish: Wish::Less { pause: Some(HOUR) },
                    ..report
                },
            }
        })
    }
}

/// Refuses everything.
#[derive(Default)]
struct Refusing(Taking);

impl Sender for Refusing {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        let report = self.0.send(parcel);
        Box::pin(async {
            Report {
                outcome: Outcome::Refused,
                ..report.await
            }
        })
    }
}

/// Takes nothing, for that reason.
#[derive(Default)]
struct Unsendable(Mutex<Option<(Outcome, Wish)>>);

impl Sender for Unsendable {
    fn send(&self, _: Parcel) -> BoxFuture<'_, Report> {
        let (outcome, wish) = self.0.lock().expect("it is told first");
        let report = Report::new(outcome, "that cannot be".to_owned());
        Box::pin(std::future::ready(report.asking(wish)))
    }
}

/// Refuses everything, and thinks about it for a while where it has had that before.
#[derive(Default)]
struct Slow(Refusing);

impl Sender for Slow {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        let wait = if parcel.attempt == 1 {
            Duration::ZERO
        } else {
            5000 * MS
        };
        let report = self.0.send(parcel);
        Box::pin(async move {
            sleep(wait).await;
            report.await
        })
    }
}

/// Refuses everything until it is mended.
#[derive(Default)]
struct Mended {
    refusing: Refusing,
    is_mended: AtomicBool,
}

impl Sender for Mended {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        match self.is_mended.load(Ordering::Relaxed) {
            true => self.refusing.0.send(parcel),
            false => self.refusing.send(parcel),
        }
    }
}

/// A worker on a store in memory.
struct Site<S = Taking> {
    inbox: Arc<FakeInbox>,
    sender: Arc<S>,
    /// Tells that something was accepted.
    wake: watch::Sender<()>,
    worker: JoinHandle<()>,
    orders: mpsc::Sender<Order>,
    board: Board,
    secrets: Rotating<Vec<SecretString>>,
}

impl Site {
    /// With so many receipts in the log, each of a job of its own, and so many attempts at once.
    fn with(receipt_count: u64, max_in_flight: usize, record_time: Duration) -> Self {
        Self::sending(vec![Duration::ZERO], receipt_count, max_in_flight, record_time)
    }

    /// When it was sent, once it is.
    async fn sent_at(&self, sequence: u64) -> Instant {
        let waiting = async {
            loop {
                let taken = self.sender.taken.lock().clone();
                if let Some((_, at)) = taken.iter().find(|(taken, _)| *taken == sequence) {
                    return *at;
                }
                sleep(MS).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is sent")
    }
}

impl<S: Sender + Default> Site<S> {
    /// To such a destination, tried by that schedule.
    fn sending(
        schedule: Vec<Duration>,
        receipt_count: u64,
        max_in_flight: usize,
        record_time: Duration,
    ) -> Self {
        let inbox = FakeInbox::new();
        *inbox.outbox.record_time.lock() = record_time;
        Self::at(inbox, schedule, receipt_count, max_in_flight)
    }

    /// With what is there already.
    fn at(inbox: Arc<FakeInbox>, schedule: Vec<Duration>, receipt_count: u64, max_in_flight: usize) -> Self {
        let (sender, wake) = (Arc::new(S::default()), watch::Sender::new(()));
        let (orders, received) = mpsc::channel(1);
        let parts = Parts {
            schedule: Schedule::new(schedule).unwrap(),
            ..parts(inbox.clone(), sender.clone(), &wake, max_in_flight)
        };
        let (board, secrets) = (parts.board.clone(), parts.settings.secrets.clone());
        let site = Self {
            worker: tokio::spawn(work(parts, received, CancellationToken::new())),
            inbox,
            sender,
            wake,
            orders,
            board,
            secrets,
        };
        (1..=receipt_count).for_each(|sequence| site.accept(sequence));
        site
    }

    /// Puts a receipt into the log, and tells nobody.
    fn accept(&self, sequence: u64) {
        let Parcel { receipt, body, .. } = parcel(sequence);
        let mut log = self.inbox.outbox.log.lock();
        log.push((receipt, body));
    }

    /// Waits until it shows so many as pending.
    async fn pending(&self, count: u64) {
        let waiting = async {
            while self.board.status().map(|status| status.pending_count) != Some(count) {
                sleep(MS).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("so many are");
    }

    /// Tells the worker that; gives what comes of it.
    async fn tell(&self, what: What) -> Result<usize, Undone> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order { what, answer }).await.unwrap();
        timeout(PATIENCE, answered).await.expect("it answers").unwrap()
    }

    /// The first records, once there are so many.
    async fn records(&self, count: usize) -> Vec<Record> {
        let waiting = async {
            loop {
                let records = self.inbox.outbox.records.lock().clone();
                if records.len() >= count {
                    return records;
                }
                sleep(MS).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is recorded")
    }
}

impl<S> Drop for Site<S> {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

/// Of a worker that tries everything once.
fn parts(
    inbox: Arc<FakeInbox>,
    sender: Arc<dyn Sender>,
    wake: &watch::Sender<()>,
    max_in_flight: usize,
) -> Parts {
    let settings = http::Settings {
        url: "http://127.0.0.1/".parse().unwrap(),
        headers: reqwest::header::HeaderMap::new(),
        proxy: false,
    };
    let settings = DestinationSettings {
        max_in_flight,
        ..sample::destination(Kind::Http(settings), PATIENCE)
    };
    let board = Board::default();
    let shown = [("app", board.clone())];
    Parts {
        inbox,
        leader: Candidate {
            id: Uuid::nil(),
            name: "test".to_owned(),
        },
        destination: destination(),
        settings,
        schedule: Schedule::new(vec![Duration::ZERO]).unwrap(),
        sender,
        wake: wake.subscribe(),
        board,
        metrics: metrics::register(&mut Registry::default(), &shown).remove(0),
        grace: Duration::ZERO,
    }
}

/// One that has begun with nothing, and takes no step by itself.
async fn standing(parts: &Parts) -> Worker<'_> {
    let (_, orders) = mpsc::channel(1);
    Worker::new(parts, orders, restore(parts).await)
}

/// Of the receipt of that number, of a job of its own.
fn parcel(sequence: u64) -> Parcel {
    let mut parcel = sample::parcel(r#"{"event":"x","status":"y"}"#);
    parcel.receipt.sequence = sequence;
    parcel.receipt.event_id = Some(crate::event::EventId::new(Uuid::from_u128(sequence.into())));
    parcel
}

fn destination() -> Destination {
    Destination {
        id: DestinationId(1),
        name: "app".to_owned(),
        cursor: 0,
        added_at: Timestamp::from_micros(0),
        removed_at: None,
        unconfigured_at: None,
        pause: None,
        pending_count: 0,
        dead_count: 0,
    }
}

fn pause() -> Pause {
    Pause {
        at: Timestamp::now(),
        reason: "a move".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_large_record_the_store_is_left_to_those_who_post_for_longer_than_that_took() {
    let large = GIVES_WAY_FROM;
    for (in_flight, record_time, has_arrivals, expected) in [
        (large, 10 * MS, true, 50 * MS),
        (large, 1000 * MS, true, MAX_WAY),
        (large, 10 * MS, false, Duration::ZERO),
        (large - 1, 10 * MS, true, Duration::ZERO),
    ] {
        let site = Site::with(2 * in_flight as u64, in_flight, record_time);
        if has_arrivals {
            site.wake.send_replace(());
        }

        // What is sent meanwhile waits for the first.
        let records = site.records(2).await;

        let counts: Vec<_> = records.iter().map(|record| record.count).collect();
        assert_eq!(counts, [in_flight; 2]);
        let way = records[1].begun - records[0].done;
        // The clock of a timer goes in milliseconds.
        let is_expected = (expected..expected + 2 * MS).contains(&way);
        assert!(is_expected, "{in_flight} {record_time:?} {has_arrivals}: {way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_sent_at_once_and_where_the_word_of_it_is_missed_within_a_second() {
    let site = Site::with(0, 16, MS);
    sleep(INTERVAL / 2).await;

    let accepted_at = Instant::now();
    site.accept(1);
    site.wake.send_replace(());
    let told = site.sent_at(1).await - accepted_at;
    let accepted_at = Instant::now();
    site.accept(2);
    let missed = site.sent_at(2).await - accepted_at;

    assert!(told <= MS, "{told:?}");
    assert!(missed > 2 * MS && missed <= INTERVAL, "{missed:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_said_to_be_unrecorded_until_it_can_be_opened_again() {
    let site = Site::with(1, 1, PATIENCE / 2);
    let reopen = || What::Reopen(vec![(parcel(1).receipt, None)]);
    site.wake.send_replace(());
    site.sent_at(1).await;
    sleep(MS).await;

    assert_eq!(site.tell(reopen()).await, Err(Undone::Unrecorded));

    site.records(1).await;
    assert_eq!(site.tell(reopen()).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_expires_while_nothing_is_sent_is_pending_no_more() {
    let log = Log::start();
    let site = Site::with(0, 16, MS);
    let pause = Pause {
        at: Timestamp::now(),
        reason: String::new(),
    };
    site.tell(What::Pause(pause)).await.unwrap();
    (1..=3).for_each(|sequence| site.accept(sequence));
    site.pending(3).await;

    site.inbox.outbox.log.lock().drain(..2);

    site.pending(1).await;
    let expected = "WARN receipts before number 3 have expired, 2 of them not delivered to app";
    let said = log.lines();
    assert_eq!(
        said.iter().filter(|said| *said == expected).count(),
        1,
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_word_that_comes_while_the_log_is_read_is_kept_for_the_next_look_into_it() {
    let site = Site::with(0, 16, MS);
    *site.inbox.outbox.read_time.lock() = 50 * MS;
    sleep(INTERVAL / 2).await;
    // It is read for this one.
    site.accept(1);
    site.wake.send_replace(());
    sleep(10 * MS).await;

    let accepted_at = Instant::now();
    site.accept(2);
    site.wake.send_replace(());
    let sent = site.sent_at(2).await - accepted_at;

    assert!(sent < 100 * MS, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn who_ends_by_what_it_is_sent_has_it_again_when_it_is_back_once() {
    let schedule = vec![Duration::ZERO, 3600 * 1000 * MS];
    let site: Site<Falling> = Site::sending(schedule, 1, 16, MS);
    site.wake.send_replace(());

    sleep(PATIENCE / 2).await;

    let sent_at = site.sender.sent_at.lock();
    assert_eq!(sent_at.len(), 2, "{sent_at:?}");
    let wait = sent_at[1] - sent_at[0];
    assert!((1000 * MS..1200 * MS).contains(&wait), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn what_ends_who_takes_it_with_all_that_is_under_way_is_not_sent_each_time_that_it_is_back() {
    let site: Site<FallingByOne> = Site::sending(vec![Duration::ZERO, HOUR], 16, 16, MS);
    site.wake.send_replace(());

    sleep(PATIENCE / 2).await;

    let sent = sequences(&site.sender.taking);
    let count = sent.iter().filter(|sequence| **sequence == 16).count();
    assert_eq!(count, 3, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn what_found_nobody_is_tried_again_soon_though_others_were_taken_meanwhile() {
    let site: Site<Away> = Site::sending(vec![Duration::ZERO, HOUR], 3, 1, MS);
    site.wake.send_replace(());

    sleep(PATIENCE / 2).await;

    assert_eq!(sequences(&site.sender.0), [1, 2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn who_asked_to_be_left_alone_gets_all_that_waits_when_somebody_says_so() {
    let site: Site<Quiet> = Site::sending(vec![Duration::ZERO, HOUR / 60], 3, 1, MS);
    site.wake.send_replace(());
    site.records(1).await;
    sleep(PATIENCE / 2).await;
    assert_eq!(sequences(&site.sender.0), [1]);

    assert_eq!(site.tell(What::Resume).await, Ok(1));

    sleep(MS * 100).await;
    assert_eq!(sequences(&site.sender.0), [1, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn who_asked_to_be_left_alone_is_left_alone_though_somebody_wants_one_tried() {
    let site: Site<Quiet> = Site::sending(vec![Duration::ZERO, HOUR], 3, 1, MS);
    site.wake.send_replace(());
    site.records(1).await;

    assert_eq!(site.tell(What::Retry(3)).await, Ok(1));
    assert_eq!(site.tell(What::Retry(9)).await, Ok(0));

    sleep(PATIENCE / 2).await;
    assert_eq!(sequences(&site.sender.0), [1]);
}

/// A delivery that was refused once, as is said of it, and waits for so long since.
fn refused(sequence: u64, detail: &str, wait: Duration) -> (Delivery, Receipt, Attempt) {
    let now = Timestamp::now();
    let attempt = Attempt {
        number: 1,
        started_at: now,
        duration: MS,
        outcome: Outcome::Refused,
        status: None,
        detail: detail.to_owned(),
        answer: Bytes::new(),
    };
    let row = Delivery {
        destination: DestinationId(1),
        sequence,
        state: State::Pending,
        step: 1,
        attempt_count: 1,
        replay_count: 0,
        outcome: Some(attempt.outcome),
        due_at: now.plus(wait),
        changed_at: now,
    };
    (row, parcel(sequence).receipt, attempt)
}

#[tokio::test(start_paused = true)]
async fn who_asked_to_be_left_alone_is_left_alone_by_whoever_leads_next() {
    let minute = HOUR / 60;
    let asked = "answered 429, with Retry-After";
    // It waits for longer than by the schedule where it was asked to, or where the schedule was another one.
    for (waiting, is_quiet) in [
        (vec![refused(1, asked, HOUR)], true),
        (vec![refused(1, asked, 2 * minute)], true),
        (vec![refused(1, asked, minute)], false),
        (vec![refused(1, "answered 503", HOUR)], false),
        (vec![refused(1, "", HOUR)], false),
        // Nobody can ask for so long.
        (vec![refused(1, asked, 2 * HOUR)], false),
        (
            vec![refused(1, asked, 2 * minute), refused(2, "answered 503", HOUR)],
            true,
        ),
    ] {
        let (inbox, count) = (FakeInbox::new(), waiting.len() as u64);
        *inbox.outbox.pending.lock() = waiting;
        let site: Site = Site::at(inbox, vec![Duration::ZERO, minute, HOUR], 3, 16);

        sleep(PATIENCE / 2).await;

        let mut others = Vec::from_iter(count + 1..=3);
        let sent = sequences(&site.sender);
        assert_eq!(sent, if is_quiet { Vec::new() } else { others.clone() });
        if is_quiet {
            assert_eq!(site.tell(What::Resume).await, Ok(1));
            sleep(PATIENCE / 2).await;
            others.insert(0, 1);
            assert_eq!(sequences(&site.sender), others);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_it_asked_to_be_left_alone_and_by_which_words_is_known_to_whoever_leads_next() {
    let minute = HOUR / 60;
    let asked = |sequence, wait| refused(sequence, "answered 429, with Retry-After", wait);
    let (mut row, receipt, attempt) = asked(1, HOUR);
    let by_a_clock_that_was_ahead = [&mut row.due_at, &mut row.changed_at];
    by_a_clock_that_was_ahead
        .into_iter()
        .for_each(|at| *at = at.plus(10 * HOUR));
    for waiting in [
        vec![asked(1, 2 * minute), asked(2, HOUR), asked(3, 3 * minute)],
        vec![(row, receipt, attempt)],
    ] {
        let inbox = FakeInbox::new();
        *inbox.outbox.pending.lock() = waiting;
        let site: Site = Site::at(inbox, vec![Duration::ZERO, minute, HOUR], 0, 16);
        assert_eq!(site.tell(What::Retry(99)).await, Ok(0));

        let status = site.board.status().expect("its worker is there");
        let left = status
            .quiet_until
            .expect("it is left alone")
            .since(Timestamp::now());
        assert!((HOUR - minute..=HOUR).contains(&left), "{left:?}");
        let failure = status.last_failure.expect("it is shown");
        assert_eq!(failure.detail, "answered 429, with Retry-After");
    }
}

/// Of so many receipts, of which ten were refused: it is down. The paused clock moves no single attempts, which the
/// system's brings some seconds later, of what was not tried yet.
async fn down<S: Sender + Default>(receipt_count: u64) -> Site<S> {
    let site = Site::sending(vec![Duration::ZERO, HOUR], receipt_count, 1, MS);
    site.wake.send_replace(());
    sleep(INTERVAL / 2).await;
    site
}

/// Waits until so many came.
async fn until_so_many(taking: &Taking, count: usize) {
    let waiting = async {
        while attempt_count(taking) < count {
            sleep(MS).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("they come");
}

#[tokio::test(start_paused = true)]
async fn of_what_is_down_that_one_is_tried_at_once_that_somebody_wants_tried_and_no_other() {
    let site: Site<Refusing> = down(60).await;
    assert_eq!(sequences(&site.sender.0), Vec::from_iter(1..=10));

    for _ in 0..30 {
        assert_eq!(site.tell(What::Retry(99)).await, Ok(0));
    }
    let others = attempt_count(&site.sender.0) - 10;
    assert!(others < 10, "{others}");
    for (count, sequence) in [(1, 5), (2, 7), (3, 5)] {
        assert_eq!(site.tell(What::Retry(sequence)).await, Ok(1));
        until_so_many(&site.sender.0, 10 + count).await;
    }

    let sent = sequences(&site.sender.0).split_off(10);
    let asked_for: Vec<_> = sent.into_iter().filter(|sequence| *sequence <= 10).collect();
    assert_eq!(asked_for, [5, 7, 5]);
}

#[tokio::test(start_paused = true)]
async fn of_what_is_down_all_that_somebody_wants_tried_goes_one_after_the_other() {
    let site: Site<Slow> = down(10).await;

    for sequence in [5, 7, 9] {
        assert_eq!(site.tell(What::Retry(sequence)).await, Ok(1));
    }

    let taking = &site.sender.0.0;
    until_so_many(taking, 13).await;
    let mut asked_for = sequences(taking).split_off(10);
    asked_for.sort_unstable();
    assert_eq!(asked_for, [5, 7, 9]);
    let (first, last) = {
        let taken = taking.taken.lock();
        (taken[10].1, taken[12].1)
    };
    assert!(last - first >= 10_000 * MS, "{:?}", last - first);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_while_it_was_down_is_sent_when_it_is_back() {
    let site: Site<Mended> = down(14).await;
    let taking = &site.sender.refusing.0;
    assert_eq!(sequences(taking), Vec::from_iter(1..=10));
    for count in 11..=14 {
        assert_eq!(site.tell(What::Resume).await, Ok(1));
        until_so_many(taking, count).await;
    }
    let known = attempt_count(taking);

    site.sender.is_mended.store(true, Ordering::Relaxed);
    assert_eq!(site.tell(What::Resume).await, Ok(1));
    sleep(PATIENCE / 2).await;

    let mut sent = sequences(taking).split_off(known);
    sent.sort_unstable();
    assert!(sent.ends_with(&[10, 11, 12, 13, 14]), "{sent:?}");
    assert!(!sent.contains(&5), "it failed before: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn with_a_pause_that_is_ended_all_that_waits_is_sent_also_what_was_refused() {
    let site: Site<Refusing> = Site::sending(vec![Duration::ZERO, HOUR], 3, 1, MS);
    site.wake.send_replace(());
    sleep(PATIENCE / 6).await;
    assert_eq!(site.tell(What::Pause(pause())).await, Ok(1));
    sleep(PATIENCE / 6).await;
    assert_eq!(sequences(&site.sender.0), [1, 2, 3]);

    assert_eq!(site.tell(What::Resume).await, Ok(1));

    sleep(PATIENCE / 6).await;
    assert_eq!(sequences(&site.sender.0), [1, 2, 3, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_was_down_when_it_was_paused_gets_all_that_waits_with_the_end_of_the_pause() {
    let site: Site<Mended> = down(12).await;
    assert_eq!(site.tell(What::Pause(pause())).await, Ok(1));
    site.sender.is_mended.store(true, Ordering::Relaxed);
    let known = attempt_count(&site.sender.refusing.0);

    assert_eq!(site.tell(What::Resume).await, Ok(1));

    sleep(PATIENCE / 6).await;
    let mut sent = sequences(&site.sender.refusing.0).split_off(known);
    sent.sort_unstable();
    assert_eq!(sent, Vec::from_iter(1..=12));
    let status = site.board.status().expect("its worker is there");
    assert_eq!((status.pause, status.down_since), (None, None));
}

#[tokio::test(start_paused = true)]
async fn of_what_is_down_every_other_attempt_is_with_the_newest() {
    let site: Site<Refusing> = down(60).await;
    for count in [11, 12] {
        assert_eq!(site.tell(What::Resume).await, Ok(1));
        until_so_many(&site.sender.0, count).await;
    }

    assert_eq!(sequences(&site.sender.0)[10..12], [11, 60]);
}

#[tokio::test(start_paused = true)]
async fn what_is_down_is_tried_at_once_with_new_secrets() {
    let site: Site<Mended> = down(12).await;
    site.sender.is_mended.store(true, Ordering::Relaxed);

    site.secrets.replace(vec!["whsec_new".into()]);

    sleep(INTERVAL * 2).await;
    let status = site.board.status().expect("its worker is there");
    assert_eq!((status.down_since, status.last_failure), (None, None));
}

#[tokio::test(start_paused = true)]
async fn with_new_secrets_what_waits_is_tried_soon_also_what_was_refused() {
    let site: Site<Refusing> = Site::sending(vec![Duration::ZERO, HOUR], 3, 1, MS);
    site.wake.send_replace(());
    sleep(PATIENCE / 6).await;
    assert_eq!(sequences(&site.sender.0), [1, 2, 3]);

    site.secrets.replace(vec!["whsec_new".into()]);
    sleep(INTERVAL * 2).await;

    assert_eq!(sequences(&site.sender.0), [1, 2, 3, 1, 2, 3]);
    sleep(PATIENCE / 6).await;
    assert_eq!(sequences(&site.sender.0).len(), 6);
}

/// How often something came.
fn attempt_count(taking: &Taking) -> usize {
    taking.taken.lock().len()
}

/// The numbers of what came, as it came.
fn sequences(taking: &Taking) -> Vec<u64> {
    let taken = taking.taken.lock();
    taken.iter().map(|(sequence, _)| *sequence).collect()
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_nothing_can_be_sent_to_fails_from_the_first_attempt_on() {
    for (outcome, wish, expected) in [
        // As a command that is not there.
        (Outcome::Ours, Wish::None, true),
        // As what can be read no more, and what is too large.
        (Outcome::Ours, Wish::NeverThis, false),
        (Outcome::Refused, Wish::NeverThis, false),
    ] {
        let site: Site<Unsendable> = Site::sending(vec![Duration::ZERO, HOUR], 0, 1, Duration::ZERO);
        *site.sender.0.lock() = Some((outcome, wish));
        site.accept(1);
        site.wake.send_replace(());

        site.records(1).await;

        let waiting = async {
            loop {
                let status = site.board.status().unwrap_or_default();
                if status.last_failure.is_some() {
                    return status.failing_since.is_some();
                }
                sleep(MS).await;
            }
        };
        let fails = timeout(PATIENCE, waiting).await.expect("it is shown");
        assert_eq!(fails, expected, "{outcome:?}, {wish:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_loaded_while_too_many_were_sent_waits_for_the_end_of_that_rest() {
    let wake = watch::Sender::new(());
    let parts = parts(FakeInbox::new(), Arc::new(Taking::default()), &wake, 16);
    for (wish, sent_count) in [(Wish::None, 1), (Wish::Less { pause: None }, 0)] {
        let mut worker = standing(&parts).await;
        let Parcel { receipt, body, .. } = parcel(2);
        let now = worker.now();
        worker.backlog.offer(&receipt, now);
        let begun = worker.backlog.begin(now).expect("it may be sent");
        worker.body_bytes = begun.body_bytes;
        // What was under way beside it. Later than any clock of this test comes to.
        let answered_at = now.plus(HOUR);
        worker.health.note(1, Outcome::Refused, wish, answered_at, 0.0);

        let loaded = Loaded {
            begun: vec![begun],
            receipts: Ok(vec![(receipt, body)]),
        };
        worker.send(loaded, false);

        assert_eq!(worker.attempts.len(), sent_count, "{wish:?}");
        assert_eq!(worker.backlog.in_flight_count(), sent_count, "{wish:?}");
        assert_eq!(worker.backlog.has_ready(now), sent_count == 0, "{wish:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_makes_nothing_that_was_seen_longer_ago() {
    let wake = watch::Sender::new(());
    let parts = parts(FakeInbox::new(), Arc::new(Taking::default()), &wake, 16);
    let mut worker = standing(&parts).await;
    let at = worker.now();
    worker.missing = Some((at, Box::pin(std::future::pending())));
    worker.last_failure = Some(Failure {
        at,
        detail: String::new(),
    });
    (worker.failing_since, worker.took_at) = (Some(at), Some(at));

    // The clock of the system stays where it is, so it is set back by that.
    tokio::time::advance(HOUR).await;
    worker.now();

    let seen = [
        worker.missing.as_ref().map(|(since, _)| *since),
        worker.last_failure.as_ref().map(|failure| failure.at),
        worker.failing_since,
        worker.took_at,
    ];
    for seen_at in seen {
        assert!(
            seen_at.is_some_and(|seen_at| seen_at < at.minus(HOUR / 2)),
            "{seen:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_whose_rows_cannot_be_read_is_shown_with_that_until_they_can() {
    let inbox = FakeInbox::new();
    *inbox.outbox.has_damaged_rows.lock() = true;
    let site: Site = Site::at(inbox, vec![Duration::ZERO], 1, 1);
    let shown = async |is_restored: bool| {
        let waiting = async {
            loop {
                let status = site.board.status();
                if let Some(status) = status.filter(|status| status.is_restored == is_restored) {
                    return status;
                }
                sleep(MS).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is shown")
    };

    let first = shown(false).await;
    sleep(3 * STORE_PAUSE).await;
    let later = shown(false).await;

    assert!(!site.board.takes_orders());
    assert!(first.failing_since.is_some() && first.failing_since == later.failing_since);
    let failure = later.last_failure.expect("it is said why");
    assert!(failure.detail.contains("a row is damaged"), "{failure:?}");
    *site.inbox.outbox.has_damaged_rows.lock() = false;
    assert_eq!(shown(true).await.failing_since, None);
    site.sent_at(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_sent_once_more_is_counted_as_none_from_then_on() {
    let site: Site<Refusing> = Site::sending(vec![Duration::ZERO], 1, 1, MS);
    let dead_count = || site.board.status().map(|status| status.dead_count);
    site.wake.send_replace(());
    site.records(1).await;
    assert_eq!(site.tell(What::Pause(pause())).await, Ok(1));
    assert_eq!(dead_count(), Some(1));

    let (row, receipt, _) = refused(1, "", Duration::ZERO);
    let dead = Delivery {
        state: State::Dead,
        ..row
    };
    assert_eq!(site.tell(What::Reopen(vec![(receipt, Some(dead))])).await, Ok(1));

    assert_eq!(dead_count(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_expire_are_counted_no_more() {
    let site = Site::with(0, 1, MS);
    *site.inbox.outbox.destinations.lock() = vec![Destination {
        dead_count: 7,
        ..destination()
    }];

    sleep(INTERVAL * (DEAD_COUNT_INTERVALS + 2)).await;

    assert_eq!(site.board.status().map(|status| status.dead_count), Some(7));
}

#[tokio::test(start_paused = true)]
async fn an_order_is_done_only_when_it_is_recorded() {
    let site = Site::with(0, 1, 1000 * MS);

    assert_eq!(site.tell(What::Pause(pause())).await, Ok(1));

    assert_eq!(site.inbox.outbox.records.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_records_nothing_no_more_is_sent_than_may_wait_for_it() {
    let in_flight = 16;
    let site = Site::with(4 * MAX_UNRECORDED as u64, in_flight, HOUR);
    site.wake.send_replace(());

    sleep(PATIENCE).await;

    let count = attempt_count(&site.sender);
    // Some are being recorded, and as many as run at once end when there are too many.
    let most = MAX_UNRECORDED + 2 * in_flight;
    assert!((MAX_UNRECORDED..=most).contains(&count), "{count}");
}

#[tokio::test(start_paused = true)]
async fn what_went_wrong_is_tried_before_its_time_only_where_somebody_was_missing() {
    let site: Site<Unsendable> = Site::sending(vec![Duration::ZERO, HOUR], 0, 1, MS);
    *site.sender.0.lock() = Some((Outcome::Unreachable, Wish::WhenBack));
    site.accept(1);
    site.wake.send_replace(());

    sleep(PATIENCE).await;

    assert_eq!(site.inbox.outbox.records.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_missed_while_nothing_is_sent() {
    let wake = watch::Sender::new(());
    let parts = parts(FakeInbox::new(), Arc::new(Falling::default()), &wake, 16);
    let mut worker = standing(&parts).await;
    let now = worker.now();
    let end = |worker: &mut Worker, sequence| {
        worker.backlog.offer(&parcel(sequence).receipt, now);
        let begun = worker.backlog.begin(now).expect("it may be sent");
        worker.body_bytes += begun.body_bytes;
        let (_, receipt, attempt) = refused(sequence, "", Duration::ZERO);
        worker.settle(Ended {
            begun,
            receipt_id: receipt.id,
            attempt: Attempt {
                outcome: Outcome::Unreachable,
                ..attempt
            },
            wish: Wish::WhenBack,
        });
        assert_eq!(worker.body_bytes, 0);
    };
    end(&mut worker, 1);
    assert!(worker.missing.is_some());

    worker.set_pause(Some(pause()));
    assert!(worker.missing.is_none());
    // What was under way then.
    end(&mut worker, 2);
    assert!(worker.missing.is_none());
    worker.set_pause(None);
    end(&mut worker, 3);
    assert!(worker.missing.is_some());

    (1..=3).for_each(|sequence| _ = worker.backlog.cancel(&parcel(sequence).receipt, None, now));
    worker.backlog.progress(PauseChange::Keep);
    worker.recorded(Ok(()));

    assert!(worker.missing.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_loaded_goes_back_to_wait_and_less_is_asked_for() {
    let wake = watch::Sender::new(());
    let parts = parts(FakeInbox::new(), Arc::new(Taking::default()), &wake, 16);
    let mut worker = standing(&parts).await;
    let (now, failure) = (worker.now(), inbox::Error::unavailable("it is slow"));
    let large = Receipt {
        body_bytes: MAX_LOAD_BYTES,
        ..parcel(1).receipt
    };
    worker.backlog.offer(&large, now);
    for (receipts, is_stopping, load_bytes) in [
        (Err(failure), false, MAX_LOAD_BYTES / 2),
        (Ok(vec![(large, Bytes::new())]), true, MAX_LOAD_BYTES),
    ] {
        let begun = worker.backlog.begin(now).expect("it may be sent");
        worker.body_bytes += begun.body_bytes;

        let begun = vec![begun];
        worker.send(Loaded { begun, receipts }, is_stopping);

        assert!(worker.backlog.has_ready(now) && worker.attempts.is_empty());
        assert_eq!((worker.body_bytes, worker.load_bytes), (0, load_bytes));
        worker.store_rests_until = None;
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_store_has_not_taken_what_it_failed_to_nothing_is_sent() {
    let wake = watch::Sender::new(());
    let parts = parts(FakeInbox::new(), Arc::new(Taking::default()), &wake, 16);
    let mut worker = standing(&parts).await;
    let now = worker.now();
    let Parcel { receipt, body, .. } = parcel(1);
    worker.backlog.offer(&receipt, now);
    worker.hand.put(receipt, body);
    worker.set_pause(Some(pause()));
    worker.record();
    worker.recorded(Err(inbox::Error::unavailable("the disk is full")));
    worker.set_pause(None);
    worker.store_rests_until = None;
    worker.record();

    worker.begin(now);
    assert!(worker.attempts.is_empty());

    worker.recorded(Ok(()));
    worker.begin(now);
    assert_eq!(worker.attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_loaded_than_there_is_room_for() {
    let wake = watch::Sender::new(());
    let parts = parts(FakeInbox::new(), Arc::new(Taking::default()), &wake, 16);
    for (load_bytes, first_count) in [(MAX_LOAD_BYTES, 2), (MIN_LOAD_BYTES, 1)] {
        let mut worker = standing(&parts).await;
        let now = worker.now();
        worker.load_bytes = load_bytes;
        for sequence in 1..=16 {
            let large = Receipt {
                body_bytes: MAX_BODY_BYTES / 2 + 1,
                ..parcel(sequence).receipt
            };
            worker.backlog.offer(&large, now);
        }

        // Others begin only when these are loaded, and while there is room.
        for count in [first_count, first_count] {
            worker.begin(now);
            assert_eq!(worker.backlog.in_flight_count(), count);
        }
        for _ in 0..2 {
            worker.loading = None;
            worker.begin(now);
            assert_eq!(worker.backlog.in_flight_count(), 2);
        }
    }
}
