//! Promise: this receiver never believes for longer than the store that it leads, and says who does.
//!
//! The clock is paused: it moves when nothing else can.

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::inbox::Error;
use crate::inbox::Leadership::{Follower, Leader};
use crate::inbox::fake::FakeInbox;
use crate::telemetry::testing::{self, Log};
use crate::term::Term;

const SECOND: Duration = Duration::from_secs(1);

const DEPLOYMENT: &str = "https://hooks.example.com/webhook";

/// What the store says.
type Said = Option<Result<inbox::Leadership, Error>>;

fn leader() -> Said {
    Some(Ok(Leader))
}

fn follower() -> Said {
    let leader = "another (process 7)".to_owned();
    Some(Ok(Follower {
        id: Uuid::new_v4(),
        leader,
    }))
}

fn failure() -> Said {
    let reason = "the connection is gone".to_owned();
    Some(Err(Error::Unavailable { reason }))
}

/// What comes of a future that must not take long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(3_600), future)
        .await
        .expect("it within an hour")
}

/// Has a candidacy go by a clock that goes as its own time does, and by so much more as the machine has slept, which is returned.
fn sleeper(candidacy: &mut Candidacy) -> Arc<Mutex<Duration>> {
    let (begun, since) = (Timestamp::now(), Instant::now());
    let slept = Arc::new(Mutex::new(Duration::ZERO));
    let so_far = Arc::clone(&slept);
    candidacy.clock = Box::new(move || begun.plus(since.elapsed() + *so_far.lock()));
    candidacy.see_sleep();
    slept
}

/// A running candidacy.
struct Stage {
    inbox: Arc<FakeInbox>,
    leadership: Leadership,
    terms: Terms,
    stop: CancellationToken,
    task: JoinHandle<()>,
    slept: Arc<Mutex<Duration>>,
}

impl Stage {
    /// One that has just asked, on a store that says so; `None` is one that says nothing.
    async fn start(said: Said, is_shared: bool) -> Self {
        testing::listen();
        let inbox = FakeInbox::new();
        inbox.leadership.send_replace(said);
        let (mut candidacy, leadership, terms) =
            Candidacy::new(Arc::clone(&inbox) as Arc<dyn Inbox>, is_shared, Some(DEPLOYMENT));
        let slept = sleeper(&mut candidacy);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            candidacy.ask().await;
            candidacy.keep(stopped).await;
        });
        tokio::task::yield_now().await;
        Self {
            inbox,
            leadership,
            terms,
            stop,
            task,
            slept,
        }
    }

    fn say(&self, said: Said) {
        self.inbox.leadership.send_replace(said);
    }

    fn asked_count(&self) -> usize {
        self.inbox.candidates.borrow().len()
    }

    /// The term that lasts.
    async fn term(&mut self) -> Term {
        assert!(self.terms.lasts());
        soon(self.terms.next()).await
    }

    fn assert_leads(&self, leads: bool) {
        assert_eq!((self.terms.lasts(), self.leadership.is_self()), (leads, leads));
    }

    /// What the admin API and the metrics show.
    fn shown(&self) -> (Value, f64) {
        let mut registry = Registry::default();
        self.leadership.register_metrics(&mut registry);
        let page = registry.encode();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("caigunn_webhook_leader "));
        (
            serde_json::to_value(self.leadership.seen()).unwrap(),
            line.unwrap().parse().unwrap(),
        )
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_lead_leads_and_goes_on_asking() {
    let mut stage = Stage::start(leader(), true).await;
    let term = stage.term().await;

    sleep(21 * SECOND).await;

    stage.assert_leads(true);
    assert!(!term.is_cancelled(), "it is one term");
    // At once, and every two seconds.
    assert_eq!(stage.asked_count(), 10 + 1);
    let candidates = stage.inbox.candidates.borrow();
    assert_eq!(candidates[0].id.get_version_num(), 8);
    assert!(candidates.iter().all(|candidate| *candidate == candidates[0]));
    let name = &candidates[0].name;
    assert!(
        name.ends_with(&format!(" (process {})", std::process::id())),
        "{name}"
    );
    assert_eq!(stage.shown(), (json!({"name": name, "is_self": true}), 1.0));
}

#[tokio::test(start_paused = true)]
async fn who_is_told_that_the_inbox_is_another_ends_its_term_and_begins_anew() {
    let mut stage = Stage::start(leader(), true).await;
    let term = stage.term().await;

    stage.say(Some(Ok(inbox::Leadership::Interrupted)));
    let ended = async {
        while !term.is_cancelled() {
            sleep(SECOND).await;
        }
    };
    soon(ended).await;
    stage.assert_leads(false);

    stage.say(leader());
    sleep(LEASE).await;
    stage.assert_leads(true);
    assert!(!stage.term().await.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn another_start_is_another_candidate() {
    let (one, other) = (
        Stage::start(leader(), true).await,
        Stage::start(leader(), true).await,
    );

    assert_ne!(
        one.inbox.candidates.borrow()[0].id,
        other.inbox.candidates.borrow()[0].id
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_names_the_leader_and_takes_over_when_it_is_told_to() {
    let mut stage = Stage::start(follower(), true).await;
    sleep(20 * SECOND).await;

    stage.assert_leads(false);
    let shown = json!({"name": "another (process 7)", "is_self": false});
    assert_eq!(stage.shown(), (shown, 0.0));

    stage.say(leader());
    let since = Instant::now();
    let term = soon(stage.terms.next()).await;
    assert!(since.elapsed() <= INTERVAL, "{:?}", since.elapsed());
    stage.assert_leads(true);

    stage.say(follower());
    soon(term.cancelled()).await;
    assert!(since.elapsed() <= 2 * INTERVAL, "{:?}", since.elapsed());
    stage.assert_leads(false);
    assert_eq!(stage.shown().1, 0.0);
}

#[tokio::test(start_paused = true)]
async fn where_the_store_fails_a_leader_goes_on_to_the_end_of_its_lease_and_no_longer() {
    // Who hangs has been asked already when it is well again.
    for (trouble, patience) in [(failure(), INTERVAL), (None, Duration::ZERO)] {
        let mut stage = Stage::start(leader(), true).await;
        // The last answer is the one after two seconds.
        sleep(3 * SECOND).await;
        let term = stage.term().await;
        let since = Instant::now() - SECOND;

        stage.say(trouble);
        soon(term.cancelled()).await;

        assert_eq!(since.elapsed(), LEASE);
        stage.assert_leads(false);
        assert_eq!(stage.shown(), (json!({"name": null, "is_self": false}), 0.0));

        // It goes on asking, and leads again when it may.
        sleep(61 * SECOND).await;
        stage.assert_leads(false);
        stage.say(leader());
        let again = Instant::now();
        let next = soon(stage.terms.next()).await;
        assert!(again.elapsed() <= patience, "{:?}", again.elapsed());
        assert!(!next.is_cancelled());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_between_two_questions_is_over_then() {
    let mut stage = Stage::start(leader(), true).await;
    let since = Instant::now();
    let term = stage.term().await;

    // The question after two seconds fails late, the next at once, and the one after it would be too late.
    stage.say(None);
    sleep(Duration::from_millis(4_900)).await;
    stage.say(failure());
    soon(term.cancelled()).await;

    assert_eq!(since.elapsed(), LEASE);
    assert_eq!(stage.asked_count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_counted_from_before_it_was_asked_for() {
    let inbox = FakeInbox::new();
    let (mut candidacy, _, mut terms) = Candidacy::new(Arc::clone(&inbox) as Arc<dyn Inbox>, true, None);
    let asked_at = Instant::now();
    tokio::join!(candidacy.ask(), async {
        sleep(4 * SECOND).await;
        inbox.leadership.send_replace(leader());
    });
    let term = soon(terms.next()).await;

    inbox.leadership.send_replace(None);
    tokio::spawn(candidacy.keep(CancellationToken::new()));
    soon(term.cancelled()).await;

    assert_eq!(asked_at.elapsed(), LEASE);
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_lease_that_it_gives_is_none() {
    let inbox = FakeInbox::new();
    let (mut candidacy, leadership, terms) = Candidacy::new(Arc::clone(&inbox) as Arc<dyn Inbox>, true, None);
    let mut asking = Box::pin(candidacy.ask());
    assert!(futures_util::poll!(&mut asking).is_pending());

    // As for a process that is held up before it looks at the store's answer.
    tokio::time::advance(LEASE).await;
    inbox.leadership.send_replace(leader());
    asking.await;

    assert!(!leadership.is_self() && !terms.lasts());
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_while_the_machine_sleeps() {
    for (slept, left, why) in [
        (3_600 * SECOND, Duration::ZERO, "the machine slept for "),
        // It has asked once more by then.
        (3 * SECOND, LEASE - SECOND - 3 * SECOND, NO_ANSWER),
    ] {
        let log = Log::start();
        let mut stage = Stage::start(leader(), true).await;
        let term = stage.term().await;
        stage.say(None);
        sleep(SECOND).await;

        let woke_at = Instant::now();
        *stage.slept.lock() = slept;
        soon(term.cancelled()).await;

        let late = woke_at.elapsed() - left;
        assert!(late <= LOOK, "{slept:?}: {late:?}");
        let said = log.lines().join("\n");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_machine_slept_is_none() {
    let inbox = FakeInbox::new();
    let (mut candidacy, leadership, terms) = Candidacy::new(Arc::clone(&inbox) as Arc<dyn Inbox>, true, None);
    let slept = sleeper(&mut candidacy);
    let mut asking = Box::pin(candidacy.ask());
    assert!(futures_util::poll!(&mut asking).is_pending());

    inbox.leadership.send_replace(leader());
    *slept.lock() = LEASE;
    asking.await;

    assert!(!leadership.is_self() && !terms.lasts());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_alone_leads_however_long_the_machine_slept() {
    let mut stage = Stage::start(leader(), false).await;
    let term = stage.term().await;

    *stage.slept.lock() = 3_600 * SECOND;
    sleep(10 * SECOND).await;

    assert!(!term.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_asked_anew_after_each_lease() {
    let stage = Stage::start(None, true).await;

    sleep(10 * LEASE + SECOND).await;

    assert_eq!(stage.asked_count(), 10 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_cannot_ask_does_not_go_on_naming_a_leader() {
    for trouble in [failure(), None] {
        let log = Log::start();
        let stage = Stage::start(follower(), true).await;

        stage.say(trouble);
        sleep(LEASE - SECOND).await;
        assert_eq!(stage.leadership.leader().as_deref(), Some("another (process 7)"));
        sleep(2 * SECOND).await;
        assert_eq!(stage.leadership.leader(), None);

        stage.say(follower());
        sleep(INTERVAL).await;
        assert_eq!(stage.leadership.leader().as_deref(), Some("another (process 7)"));
        assert_eq!(log.lines(), ["INFO another (process 7) leads"], "that is no news");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_term_and_then_tells_the_store() {
    let mut stage = Stage::start(leader(), true).await;
    let term = stage.term().await;
    stage.say(None);

    stage.stop.cancel();
    soon(term.cancelled()).await;

    stage.assert_leads(false);
    assert!(!stage.task.is_finished(), "the store has not answered");
    stage.say(leader());
    soon(stage.task).await.unwrap();
    let resigned = stage.inbox.resigned.lock();
    assert_eq!(*resigned, stage.inbox.candidates.borrow()[..1]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_store_longer_than_the_lease() {
    let log = Log::start();
    let stage = Stage::start(leader(), true).await;
    stage.say(None);
    let since = Instant::now();

    stage.stop.cancel();
    soon(stage.task).await.unwrap();

    assert_eq!(since.elapsed(), LEASE);
    let lines = log.lines();
    assert_eq!(
        lines.last().unwrap(),
        "WARN cannot tell the inbox that this receiver leads no more: there was no answer in time; another one can lead \
         after 6 s"
    );
}

#[tokio::test(start_paused = true)]
async fn changes_are_said_once() {
    let log = Log::start();
    let stage = Stage::start(follower(), true).await;
    for said in [leader(), failure(), leader(), follower()] {
        stage.say(said);
        sleep(10 * SECOND).await;
    }

    assert_eq!(
        log.lines(),
        [
            "INFO another (process 7) leads",
            "INFO this receiver leads: it keeps the subscriptions, backfills, delivers and removes old receipts",
            "WARN this receiver leads no more, since the inbox did not say for 6 s that it may: the inbox is \
             unavailable: the connection is gone; it goes on asking",
            "INFO this receiver leads: it keeps the subscriptions, backfills, delivers and removes old receipts",
            "INFO another (process 7) leads",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_alone_says_nothing_of_it() {
    let log = Log::start();
    let stage = Stage::start(leader(), false).await;
    sleep(10 * SECOND).await;
    stage.assert_leads(true);

    stage.stop.cancel();
    soon(stage.task).await.unwrap();

    assert_eq!(log.lines(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_time_in_which_nobody_leads_is_no_other_receivers_term() {
    let said = |id| {
        let leader = "another (process 7)".to_owned();
        Some(Ok(Follower { id, leader }))
    };
    let mut stage = Stage::start(said(id(Some(DEPLOYMENT))), true).await;

    stage.say(said(Uuid::nil()));
    sleep(LEASE).await;
    stage.say(leader());
    sleep(LEASE).await;

    stage.term().await;
    assert!(stage.terms.goes_on());
}

#[tokio::test(start_paused = true)]
async fn a_term_goes_on_with_that_of_a_receiver_with_the_same_public_url_and_with_no_other() {
    let follower_of = |deployment| {
        let leader = "another (process 7)".to_owned();
        Some(Ok(Follower {
            id: id(deployment),
            leader,
        }))
    };
    let cases = [
        (leader(), false),
        (follower_of(Some(DEPLOYMENT)), true),
        (follower_of(Some("https://new.example.com/webhook")), false),
        // As of an older release, or one that registers nothing.
        (follower_of(None), false),
    ];
    for (said, goes_on) in cases {
        let mut stage = Stage::start(said, true).await;
        // Meanwhile nobody can say who leads.
        stage.say(failure());
        sleep(LEASE * 2).await;
        stage.say(leader());
        sleep(LEASE).await;

        stage.term().await;
        assert_eq!(stage.terms.goes_on(), goes_on);

        // What is its own is no other's.
        stage.say(failure());
        sleep(LEASE * 2).await;
        stage.say(leader());
        sleep(LEASE).await;
        stage.term().await;
        assert!(!stage.terms.goes_on());
    }
}
