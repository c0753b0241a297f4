//! Promise: an inbox that hangs holds nothing up, least of all what is to be told of it.

use tokio::time::timeout;

use super::*;
use crate::config::{self, Sources};
use crate::inbox::announce::Announcer;
use crate::inbox::fake::FakeInbox;
use crate::inbox::outbox::Outcome;
use crate::inbox::writer;
use crate::telemetry::testing::Log;
use crate::term::{Office, office};

/// A watch of an inbox that has been given nothing to let through, so that it takes no writes, with one notice of all that may be told.
fn watch(inbox: &Arc<FakeInbox>) -> (Watch, Settings, Office) {
    let list = r#"[{name = "ops", url = "http://127.0.0.1:9/", silence_hours = 1}]"#;
    let sources = Sources {
        flags: vec![("notice".to_owned(), list.to_owned())],
        ..Sources::default()
    };
    let mut settings = config::load(&sources).expect("they are right").settings;
    let notice = settings.notices.remove(0);
    let inbox: Arc<dyn Inbox> = Arc::clone(inbox) as _;
    let in_time = writer::Settings {
        queue_count: 8,
        timeout: Duration::from_secs(1),
    };
    let (writer, writing) = Writer::new(Arc::clone(&inbox), in_time, Announcer::default());
    tokio::spawn(writing);
    let (office, terms) = office();
    let poster = Poster::new(&notice, None, None).expect("it is sound");
    let parts = Parts {
        notices: vec![(notice.clone(), poster)],
        schedule: Schedule::new(vec![Duration::ZERO]).expect("it is one"),
        deliveries: Deliveries::new(Arc::clone(&inbox), &settings.delivery, &[], Arc::default()),
        inbox,
        writer,
        seen: Box::new(|| Box::pin(std::future::ready(Seen::default()))),
        leader: Candidate {
            id: uuid::Uuid::new_v4(),
            name: "leader".to_owned(),
        },
        terms,
        do_others_lead: Box::new(|| false),
    };
    (Watch::new(parts, &mut Registry::default()), notice, office)
}

/// Looks and keeps so often that what lasts is sure; gives what is to be sent then.
async fn told(watch: &mut Watch, settings: &Settings) -> Option<String> {
    let looking = async {
        for _ in 0..MIN_FAILURES {
            watch.look(std::slice::from_ref(settings)).await;
            watch.keep(false).await;
        }
        watch.begin(0, settings.name()).map(|message| message.title)
    };
    // In no time: the clock is paused.
    timeout(Duration::from_secs(3_600), looking)
        .await
        .expect("it waits for the inbox")
}

#[tokio::test(start_paused = true)]
async fn where_the_machine_slept_another_one_may_have_led() {
    let (mut watch, ..) = watch(&FakeInbox::new());
    assert!(!watch.was_long_away());

    // This process's own time stood still meanwhile.
    watch.turn_at.0 = Timestamp::now().minus(Duration::from_secs(3_600));

    assert!(watch.was_long_away());
}

#[tokio::test(start_paused = true)]
async fn that_the_inbox_takes_no_writes_is_told_also_where_it_hangs() {
    for hangs_from_the_start in [true, false] {
        let inbox = FakeInbox::new();
        let (mut watch, settings, office) = watch(&inbox);
        office.begin();
        if !hangs_from_the_start {
            watch.part().await;
        }
        *inbox.outbox.hangs.lock() = true;

        let title = told(&mut watch, &settings).await;

        assert_eq!(
            title.as_deref(),
            Some("the inbox takes no writes"),
            "{hangs_from_the_start}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_since_too_many_wait_is_in_the_log() {
    let inbox = FakeInbox::new();
    let (mut watch, settings, office) = watch(&inbox);
    office.begin();
    let log = Log::start();
    let mut sight = Sight::default();

    // Each second look something is wrong, later than the quiet time after the last one.
    for turn in 0..102 {
        let now = Timestamp::from_micros(turn * 3_600_000_000);
        sight.inbox = Some(match turn % 2 {
            0 => Err((now, "it is full".to_owned())),
            _ => Ok(()),
        });
        watch.note(&sight, std::slice::from_ref(&settings), now);
    }

    assert_eq!(
        log.lines(),
        [
            "ERROR given up to tell by notice ops: the inbox takes no writes: more than a hundred messages wait",
            "ERROR given up to tell by notice ops: the inbox takes writes again: more than a hundred messages wait"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn one_look_in_vain_says_nothing_of_the_inbox() {
    let (mut watch, settings, office) = watch(&FakeInbox::new());
    office.begin();
    watch.part().await;

    for is_sure in [false, true] {
        assert_eq!(watch.look_at_inbox().await.is_some(), is_sure);
    }
    let now = watch.now();
    let sight = watch
        .see(std::slice::from_ref(&settings), Part::OfInbox, now)
        .await;

    // Whoever does not lead says nothing of all else.
    assert!(sight.inbox.is_some());
    assert!(sight.destinations.is_none() && sight.seen.is_none() && sight.received.is_none());
}

#[tokio::test(start_paused = true)]
async fn in_a_new_term_what_the_inbox_has_counts_and_what_waits_is_tried_at_once() {
    let (mut watch, settings, office) = watch(&FakeInbox::new());
    let (schedule, name) = (vec![Duration::ZERO, Duration::from_secs(3_600)], settings.name());
    watch.parts.schedule = Schedule::new(schedule).expect("it is one");
    office.begin();
    watch.part().await;
    let now = watch.now();
    let wrong = || Some(Err((now, "it is full".to_owned())));
    let sight = Sight {
        inbox: wrong(),
        account: wrong(),
        ..Sight::default()
    };
    watch.books.notices.insert("gone".to_owned(), Book::default());
    watch.note(&sight, std::slice::from_ref(&settings), now);
    assert_eq!(Vec::from_iter(watch.books.notices.keys()), [name]);
    watch.kept = Some(watch.books.written());
    for _ in 0..2 {
        let message = watch.begin(0, name).expect("it is due");
        assert_eq!(watch.begin(0, name), None, "one is under way");
        watch.are_sending[0] = false;
        let report = Report::new(Outcome::Failed, "answered 500".to_owned());
        watch.settle(0, name, &message, &report);
    }
    assert_eq!(watch.begin(0, name), None);

    office.end();
    office.begin();
    watch.part().await;

    // The inbox has nothing: another one has told what is not of the inbox.
    assert_eq!(watch.books.notices[name].waiting_count(), 1);
    let message = watch.begin(0, name).expect("it goes at once");
    assert_eq!(message.about, Some(About::Inbox));
}

#[tokio::test(start_paused = true)]
async fn that_chatbots_cannot_be_looked_after_is_told_once_it_has_lasted() {
    let (mut watch, ..) = watch(&FakeInbox::new());
    let refused = Seen {
        problem: Some("the access token is refused".to_owned()),
        ..Seen::default()
    };
    // Nothing is known before chatbots are listed.
    let unknown = Seen::default();
    let second = Duration::from_secs(1);

    assert_eq!(watch.look_at_account(&refused), None);
    tokio::time::advance(ACCOUNT_PATIENCE - second).await;
    assert_eq!(watch.look_at_account(&unknown), None);
    tokio::time::advance(second).await;
    assert_eq!(watch.look_at_account(&refused), None);
    tokio::time::advance(ACCOUNT_PATIENCE).await;

    let told = watch.look_at_account(&refused).expect("it is sure");
    assert_eq!(told.unwrap_err().1, "the access token is refused");
}
