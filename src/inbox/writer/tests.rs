//! Promise: every caller gets the answer that its entry got from the store, and nobody waits for ever.
//!
//! The clock is paused: it moves when nothing else can, so that only what hangs runs out of time.

mod comparing;
mod several;

use bytes::Bytes;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::super::Appended;
use super::super::{NewQuarantined, NewReceipt, Origin, ReceiptId, RequestId};
use super::*;
use crate::clock::Timestamp;
use crate::event::sample::{self, Ids};
use crate::event::{Event, Wire};
use crate::inbox::fake::{FakeInbox, stored};
use crate::telemetry::Lines;

/// An entry with a body of that size.
fn entry(body_bytes: usize) -> Entry {
    Entry::Quarantine(NewQuarantined {
        request_id: RequestId::new(Uuid::nil()),
        received_at: Timestamp::from_micros(0),
        reason: String::new(),
        detail: String::new(),
        receipt_id: None,
        content_type: None,
        body: Bytes::from(vec![0; body_bytes]),
        truncated: false,
    })
}

const PATIENCE: Duration = Duration::from_secs(2);

/// A writer on the fake store, and its task.
fn start(inbox: &Arc<FakeInbox>, queue_count: usize) -> (Writer, JoinHandle<()>) {
    let settings = Settings {
        queue_count,
        timeout: PATIENCE,
    };
    let (writer, task) = Writer::new(
        Arc::clone(inbox) as Arc<dyn Inbox>,
        settings,
        Announcer::default(),
    );
    (writer, tokio::spawn(task))
}

type Asked = JoinHandle<Result<Stored, Error>>;

/// Asks the writer to store an entry; returns when it is in the queue.
async fn ask(writer: &Writer, entry: Entry) -> Asked {
    let (asking, before) = (writer.clone(), writer.queued_count());
    let asked = tokio::spawn(async move { asking.append(entry).await });
    for _ in 0..100 {
        if writer.queued_count() > before {
            return asked;
        }
        tokio::task::yield_now().await;
    }
    panic!(
        "the entry is not in the queue, which holds {}",
        writer.queued_count()
    );
}

/// Asks the writer to store an entry, which it hands to the idle store in a batch of its own.
async fn occupy(writer: &Writer, inbox: &FakeInbox) -> Asked {
    let batch_count = inbox.batches().len();
    let writer = writer.clone();
    let asked = tokio::spawn(async move { writer.append(entry(1)).await });
    inbox.given(batch_count + 1).await;
    asked
}

fn quarantined(body_bytes: usize) -> Stored {
    stored(&entry(body_bytes))
}

fn no_space() -> Error {
    Error::Unavailable {
        reason: "no space left".to_owned(),
    }
}

/// What comes of a future that must not take long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(3_600), future)
        .await
        .expect("an answer within an hour")
}

/// Whether an answer is a timeout after [`PATIENCE`].
fn is_timeout<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Timeout { waited: PATIENCE }))
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_a_batch_is_stored_is_the_next_batch() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    let first = occupy(&writer, &inbox).await;
    let mut waiting = Vec::new();
    for size in [2, 3, 4] {
        waiting.push(ask(&writer, entry(size)).await);
    }

    inbox.gate.add_permits(2);

    assert_eq!(first.await.unwrap().unwrap(), quarantined(1));
    for (asked, size) in waiting.into_iter().zip([2, 3, 4]) {
        assert_eq!(asked.await.unwrap().unwrap(), quarantined(size));
    }
    assert_eq!(inbox.batches(), [vec![1], vec![2, 3, 4]]);
    assert_eq!(writer.queued_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_a_bounded_number_of_entries() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 2_000);
    let mut asked = vec![occupy(&writer, &inbox).await];
    for _ in 0..1_100 {
        asked.push(ask(&writer, Entry::Probe).await);
    }

    inbox.gate.add_permits(4);

    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(inbox.batch_sizes(), [1, 512, 512, 76]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_no_more_entries_once_it_has_its_bytes() {
    const MIB: usize = 1 << 20;
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 20);
    let mut asked = vec![occupy(&writer, &inbox).await];
    let sizes = [3 * MIB, 3 * MIB, 3 * MIB, 20 * MIB, 8 * MIB - 1, 1, 7];
    for size in sizes {
        asked.push(ask(&writer, entry(size)).await);
    }

    inbox.gate.add_permits(5);

    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    let expected = [
        vec![1],
        vec![3 * MIB, 3 * MIB, 3 * MIB],
        vec![20 * MIB],
        vec![8 * MIB - 1, 1],
        vec![7],
    ];
    assert_eq!(inbox.batches(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_has_room_again_later() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 2);
    let mut asked = vec![occupy(&writer, &inbox).await];
    for size in [2, 3] {
        asked.push(ask(&writer, entry(size)).await);
    }
    assert_eq!(writer.queued_count(), 2);

    // The store gives no answer to anything yet, so this one is the writer's.
    let refused = writer.append(entry(4)).await;
    inbox.gate.add_permits(3);
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    let later = writer.append(entry(5)).await;

    assert!(
        matches!(refused, Err(Error::Full { queue_count: 2 })),
        "{refused:?}"
    );
    assert_eq!(later.unwrap(), quarantined(5));
    assert_eq!(inbox.batches(), [vec![1], vec![2, 3], vec![5]]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_store_answers_every_caller_of_the_batch_and_no_other() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    inbox.answer_next_with(Ok(vec![Ok(Stored::Probed)]));
    inbox.answer_next_with(Err(no_space()));
    let before = occupy(&writer, &inbox).await;
    let mut waiting = Vec::new();
    for size in [2, 3, 4] {
        waiting.push(ask(&writer, entry(size)).await);
    }

    inbox.gate.add_permits(3);

    before.await.unwrap().unwrap();
    for asked in waiting {
        let answer = asked.await.unwrap();
        assert!(
            matches!(&answer, Err(Error::Unavailable { reason }) if reason == "no space left"),
            "{answer:?}"
        );
    }
    assert_eq!(writer.append(entry(5)).await.unwrap(), quarantined(5));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_one_entry_answers_its_caller_alone() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    let first = occupy(&writer, &inbox).await;
    let mut waiting = Vec::new();
    for size in [2, 3, 4] {
        waiting.push(ask(&writer, entry(size)).await);
    }
    inbox.answer_next_with(Ok(vec![Ok(quarantined(1))]));
    inbox.answer_next_with(Ok(vec![Ok(quarantined(2)), Err(no_space()), Ok(quarantined(4))]));

    inbox.gate.add_permits(2);

    assert_eq!(first.await.unwrap().unwrap(), quarantined(1));
    let [second, third, fourth] = waiting.try_into().expect("three callers");
    assert_eq!(second.await.unwrap().unwrap(), quarantined(2));
    assert!(matches!(third.await.unwrap(), Err(Error::Unavailable { .. })));
    assert_eq!(fourth.await.unwrap().unwrap(), quarantined(4));
    // One bad entry is no evidence against the store.
    writer.ready().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_whether_it_is_ready_leaves_the_queue_to_notifications() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 2);
    let occupied = occupy(&writer, &inbox).await;
    let mut asking: Vec<_> = (0..100)
        .map(|_| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.ready().await })
        })
        .collect();
    while writer.queued_count() == 0 {
        tokio::task::yield_now().await;
    }
    // Who asked first has gone.
    asking.remove(0).abort();
    let stored = ask(&writer, entry(2)).await;

    inbox.gate.add_permits(2);

    for asked in asking {
        soon(asked).await.unwrap().unwrap();
    }
    occupied.await.unwrap().unwrap();
    stored.await.unwrap().unwrap();
    // Later ones ask anew.
    tokio::time::advance(EVIDENCE_AGE).await;
    inbox.gate.add_permits(1);
    writer.ready().await.unwrap();
    assert_eq!(inbox.batch_sizes(), [1, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_a_timeout_for_all_until_it_is_back() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    let started_at = Instant::now();
    let first = occupy(&writer, &inbox).await;
    let second = ask(&writer, entry(2)).await;

    let answers = [soon(first).await.unwrap(), soon(second).await.unwrap()];
    assert!(answers.iter().all(is_timeout), "{answers:?}");
    assert_eq!(started_at.elapsed(), PATIENCE);

    // Who comes now need not wait: the store still owes its last answer.
    let (later, ready) = (soon(writer.append(entry(3))).await, soon(writer.ready()).await);
    assert!(is_timeout(&later) && is_timeout(&ready), "{later:?}, {ready:?}");
    assert_eq!(started_at.elapsed(), PATIENCE);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    let (later, ready) = (soon(writer.append(entry(4))).await, soon(writer.ready()).await);
    assert!(is_timeout(&later) && is_timeout(&ready), "{later:?}, {ready:?}");

    inbox.gate.add_permits(3);
    inbox.answered(1).await;
    assert_eq!(writer.append(entry(5)).await.unwrap(), quarantined(5));
    writer.ready().await.unwrap();
    // What was refused meanwhile never reached the store.
    assert_eq!(inbox.batches(), [[1], [5]]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_just_in_time_is_no_timeout() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    let first = occupy(&writer, &inbox).await;
    let second = ask(&writer, entry(2)).await;

    // Each batch has the whole time for itself.
    for _ in 0..2 {
        tokio::time::advance(PATIENCE - Duration::from_millis(1)).await;
        inbox.gate.add_permits(1);
        tokio::task::yield_now().await;
    }

    assert_eq!(first.await.unwrap().unwrap(), quarantined(1));
    assert_eq!(second.await.unwrap().unwrap(), quarantined(2));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_no_longer_waits_disturbs_nobody() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    let in_the_store = occupy(&writer, &inbox).await;
    let in_the_queue = ask(&writer, entry(2)).await;
    let neighbour = ask(&writer, entry(3)).await;

    for gone in [in_the_store, in_the_queue] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    inbox.gate.add_permits(2);

    assert_eq!(neighbour.await.unwrap().unwrap(), quarantined(3));
    // What was asked for is stored all the same.
    assert_eq!(inbox.batches(), [vec![1], vec![2, 3]]);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_shown_by_a_recent_commit_and_else_by_a_probe() {
    let inbox = FakeInbox::new();
    inbox.gate.add_permits(100);
    let (writer, _task) = start(&inbox, 10);
    let probe = 0;

    writer.append(entry(1)).await.unwrap();
    tokio::time::advance(Duration::from_millis(29_999)).await;
    writer.ready().await.unwrap();
    assert_eq!(inbox.batches(), [[1]], "a recent commit is enough");

    tokio::time::advance(Duration::from_millis(1)).await;
    writer.ready().await.unwrap();
    assert_eq!(inbox.batches(), [[1], [probe]], "an old one is not");

    tokio::time::advance(Duration::from_millis(999)).await;
    writer.ready_now().await.unwrap();
    assert_eq!(inbox.batches(), [[1], [probe]], "the probe is a commit too");
    tokio::time::advance(Duration::from_millis(1)).await;
    writer.ready_now().await.unwrap();
    assert_eq!(
        inbox.batches(),
        [[1], [probe], [probe]],
        "a person wants to know it now"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_every_two_seconds_has_two_probes_a_minute_written_and_hears_of_a_failure_at_once() {
    let inbox = FakeInbox::new();
    inbox.gate.add_permits(100);
    let (writer, _task) = start(&inbox, 10);
    for _ in 0..30 {
        writer.ready().await.unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    assert_eq!(inbox.batches(), [[0], [0]]);

    inbox.answer_next_with(Err(no_space()));
    writer.append(entry(1)).await.unwrap_err();

    writer.ready().await.unwrap_err();
    assert_eq!(inbox.batches(), [[0], [0], [1]]);
    // And of its end with the next question.
    tokio::time::advance(Duration::from_secs(2)).await;
    writer.ready().await.unwrap();
    assert_eq!(inbox.batches(), [[0], [0], [1], [0]]);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_commit_the_store_is_tried() {
    let inbox = FakeInbox::new();
    inbox.gate.add_permits(100);
    let (writer, _task) = start(&inbox, 10);
    inbox.answer_next_with(Err(no_space()));

    let first = writer.ready().await.unwrap_err();

    assert!(first.to_string().contains("no space left"), "{first}");
    assert_eq!(inbox.batches(), [[0]]);
}

#[tokio::test(start_paused = true)]
async fn a_recent_failure_shows_that_the_store_is_not_ready() {
    let inbox = FakeInbox::new();
    inbox.gate.add_permits(100);
    let (writer, _task) = start(&inbox, 10);
    inbox.answer_next_with(Err(no_space()));
    writer.append(entry(1)).await.unwrap_err();

    let at_once = writer.ready().await.unwrap_err();
    assert!(at_once.to_string().contains("no space left"), "{at_once}");
    assert_eq!(inbox.batches(), [[1]]);

    tokio::time::advance(Duration::from_secs(1)).await;
    inbox.answer_next_with(Err(no_space()));
    writer.ready().await.unwrap_err();
    tokio::time::advance(Duration::from_secs(1)).await;
    writer.ready().await.unwrap();
    assert_eq!(inbox.batches(), [[1], [0], [0]]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outweighs_the_commit_before_it() {
    let inbox = FakeInbox::new();
    let settings = Settings {
        queue_count: 10,
        timeout: Duration::from_millis(100),
    };
    let (writer, task) = Writer::new(
        Arc::clone(&inbox) as Arc<dyn Inbox>,
        settings,
        Announcer::default(),
    );
    tokio::spawn(task);
    inbox.gate.add_permits(1);
    writer.append(entry(1)).await.unwrap();
    writer.ready().await.unwrap();

    let hanging = writer.append(entry(2)).await;

    assert!(matches!(hanging, Err(Error::Timeout { .. })), "{hanging:?}");
    let ready = writer.ready().await;
    assert!(matches!(ready, Err(Error::Timeout { .. })), "{ready:?}");
}

/// The lines of a page that are about a metric, without the name's common start.
fn shown(writer: &Writer, metric: &str) -> Vec<String> {
    let mut registry = Registry::default();
    writer.register_metrics(&mut registry);
    let page = registry.encode();
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("caigunn_webhook_"));
    let mut lines: Vec<_> = lines
        .filter(|line| line.starts_with(metric))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn entries_that_wait_are_shown_and_a_batch_is_counted_with_all_that_are_in_it() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 2_000);
    let mut asked = vec![occupy(&writer, &inbox).await];
    for _ in 0..515 {
        asked.push(ask(&writer, Entry::Probe).await);
    }
    assert_eq!(shown(&writer, "queue_depth"), ["queue_depth 515.0"]);

    inbox.gate.add_permits(3);
    for asked in asked {
        asked.await.unwrap().unwrap();
    }

    assert_eq!(inbox.batch_sizes(), [1, 512, 3]);
    assert_eq!(shown(&writer, "queue_depth"), ["queue_depth 0.0"]);
    assert_eq!(
        shown(&writer, "batch_entries"),
        [
            r#"batch_entries_bucket{le="+Inf"} 3"#,
            r#"batch_entries_bucket{le="1.0"} 1"#,
            r#"batch_entries_bucket{le="128.0"} 2"#,
            r#"batch_entries_bucket{le="16.0"} 2"#,
            r#"batch_entries_bucket{le="2.0"} 1"#,
            r#"batch_entries_bucket{le="256.0"} 2"#,
            r#"batch_entries_bucket{le="32.0"} 2"#,
            r#"batch_entries_bucket{le="4.0"} 2"#,
            r#"batch_entries_bucket{le="512.0"} 3"#,
            r#"batch_entries_bucket{le="64.0"} 2"#,
            r#"batch_entries_bucket{le="8.0"} 2"#,
            "batch_entries_count 3",
            "batch_entries_sum 516.0",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_or_hangs_is_counted_as_failed_with_the_time_it_was_waited_for() {
    let inbox = FakeInbox::new();
    let (writer, _task) = start(&inbox, 10);
    inbox.answer_next_with(Err(no_space()));
    let failing = occupy(&writer, &inbox).await;
    tokio::time::advance(Duration::from_millis(250)).await;
    inbox.gate.add_permits(1);
    failing.await.unwrap().unwrap_err();

    // Nothing lets it through.
    writer.append(entry(2)).await.unwrap_err();

    let durations = |what: &str| shown(&writer, &format!("commit_duration_seconds_{what}"));
    let failed = ["failed_commits_total 2"];
    assert_eq!(shown(&writer, "failed_commits"), failed, "while it hangs");
    inbox.gate.add_permits(2);
    inbox.answered(2).await;
    writer.append(entry(3)).await.unwrap();
    assert_eq!(shown(&writer, "failed_commits"), failed, "when it is back");
    assert_eq!(
        durations("count"),
        [
            r#"commit_duration_seconds_count{result="failed"} 2"#,
            r#"commit_duration_seconds_count{result="ok"} 1"#,
        ]
    );
    assert_eq!(
        durations("sum"),
        [
            r#"commit_duration_seconds_sum{result="failed"} 2.25"#,
            r#"commit_duration_seconds_sum{result="ok"} 0.0"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_holds_the_registry_does_not_keep_the_task_from_ending() {
    let inbox = FakeInbox::new();
    let (writer, task) = start(&inbox, 10);
    let mut registry = Registry::default();
    writer.register_metrics(&mut registry);

    drop(writer);

    soon(task).await.unwrap();
    assert!(registry.encode().contains("\ncaigunn_webhook_queue_depth 0.0\n"));
}

#[tokio::test(start_paused = true)]
async fn when_all_writers_are_gone_the_task_stores_what_waits_and_ends() {
    let inbox = FakeInbox::new();
    let (writer, task) = start(&inbox, 10);
    let mut asked = vec![occupy(&writer, &inbox).await];
    for size in [2, 3] {
        asked.push(ask(&writer, entry(size)).await);
    }
    // A caller holds a writer, so that these go first.
    for gone in asked {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    drop(writer);
    assert!(!task.is_finished());

    inbox.gate.add_permits(2);
    task.await.unwrap();

    assert_eq!(inbox.batches(), [vec![1], vec![2, 3]]);
    assert_eq!(*inbox.answered_count.borrow(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_all_writers_are_gone_the_task_waits_for_a_late_store_before_it_ends() {
    let inbox = FakeInbox::new();
    let (writer, mut task) = start(&inbox, 10);
    assert!(is_timeout(&occupy(&writer, &inbox).await.await.unwrap()));

    drop(writer);
    let ended = timeout(Duration::from_secs(3_600), &mut task).await;
    assert!(ended.is_err(), "the store may still be writing");

    inbox.gate.add_permits(1);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_its_task_a_writer_says_that_it_has_ended() {
    let inbox = FakeInbox::new();
    let (writer, task) = start(&inbox, 10);
    let asked = occupy(&writer, &inbox).await;

    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());

    for answer in [asked.await.unwrap(), writer.append(entry(2)).await] {
        assert!(matches!(&answer, Err(Error::Unavailable { reason }) if reason == "the writer has ended"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_too_late_for_its_caller_is_told_all_the_same() {
    let inbox = FakeInbox::new();
    let mut registry = Registry::default();
    let announcer = Announcer::register(&mut registry, Lines::one_by_one(), None);
    let settings = Settings {
        queue_count: 10,
        timeout: PATIENCE,
    };
    let (writer, task) = Writer::new(Arc::clone(&inbox) as Arc<dyn Inbox>, settings, announcer);
    let task = tokio::spawn(task);
    let notification = sample::notification(Event::CrawlingInitial, &Ids::fresh(), Wire::V2024_07);
    let receipt = NewReceipt::new(
        &notification,
        Bytes::from_static(b"{}"),
        Timestamp::from_micros(0),
        RequestId::new(Uuid::nil()),
        Origin::Webhook,
    );
    let mut accepted = writer.accepted();
    let receipt_id = ReceiptId::new(Uuid::from_u128(1));
    let new = Stored::Receipt(Appended::New { receipt_id });
    inbox.answer_next_with(Ok(vec![Ok(new)]));

    let answer = writer.append(Entry::Receipt(receipt)).await;
    assert!(matches!(answer, Err(Error::Timeout { .. })), "{answer:?}");
    assert!(!accepted.has_changed().unwrap());
    inbox.gate.add_permits(1);

    let told_of = timeout(PATIENCE, accepted.changed()).await;
    told_of.expect("it is told of").unwrap();
    let told = r#"notifications_total{outcome="accepted",origin="webhook"} 1"#;
    assert!(registry.encode().contains(told), "{}", registry.encode());
    drop(writer);
    task.await.unwrap();
}
