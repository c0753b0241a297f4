//! Promise: an inbox that hangs holds nothing up, least of all what is to be told of it.

use tokio::time::timeout;

use super::*;
use crate::config::{self, Sources};
use crate::inbox::announce::Announcer;
use crate::inbox::fake::FakeInbox;
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
