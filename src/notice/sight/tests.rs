//! Promise: of what is seen that is a fact which is sure, and nothing else.

use super::*;
use crate::config::{self, Sources};
use crate::delivery::{Failure, PAUSED_ITSELF, Status};
use crate::fingerprint::Fingerprint;
use crate::inbox::outbox::Pause;
use crate::subscription::{Probe, ProbeKind};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

fn settings(more: &str) -> Settings {
    let list = format!(r#"[{{name = "ops", url = "http://127.0.0.1:9/", {more}}}]"#);
    let sources = Sources {
        flags: vec![("notice".to_owned(), list)],
        ..Sources::default()
    };
    config::load(&sources)
        .expect("they are right")
        .settings
        .notices
        .remove(0)
}

/// What is known of one thing, where anything is.
fn fact(sight: &Sight, more: &str, about: About) -> Option<Fact> {
    let facts = facts(sight, &settings(more), at(0)).facts;
    facts.into_iter().find(|fact| fact.about == about)
}

/// How one thing is, where anything is known of it.
fn standing(sight: &Sight, more: &str, about: About) -> Option<Standing> {
    fact(sight, more, about).map(|fact| fact.standing)
}

fn destination(state: ShownState, status: Status, pause: Option<Pause>) -> Sight {
    let shown = ShownDestination {
        dead_count: 2,
        ..ShownDestination::sample(state, 1, Some(status), pause)
    };
    Sight {
        destinations: Some(vec![shown]),
        ..Sight::default()
    }
}

fn seen(state: State) -> Sight {
    let chatbot = Registration {
        api_key: Fingerprint::of(&"key".into()),
        chatbot_id: None,
        title: None,
        state,
    };
    let seen = Seen {
        is_listed: true,
        chatbots: vec![chatbot],
        ..Seen::default()
    };
    Sight {
        seen: Some(seen),
        ..Sight::default()
    }
}

#[test]
fn what_was_not_seen_is_no_fact() {
    assert!(facts(&Sight::default(), &settings(""), at(0)).facts.is_empty());
}

#[test]
fn a_destination_that_has_taken_nothing_yet_is_not_known_to_be_well() {
    let of = |state, status| standing(&destination(state, status, None), "", About::Destination);
    let down = Status {
        down_since: Some(at(-9)),
        ..Status::default()
    };
    let took = Status {
        took_at: Some(at(-5)),
        ..Status::default()
    };

    assert_eq!(of(ShownState::Active, Status::default()), None);
    assert_eq!(of(ShownState::Active, took.clone()), Some(Standing::Well(at(-5))));
    assert_eq!(of(ShownState::Paused, took.clone()), None);
    assert_eq!(of(ShownState::Removed, took), None);
    let expected = Standing::Wrong(at(-9), "it fails throughout".to_owned());
    assert_eq!(of(ShownState::Down, down), Some(expected));
}

#[test]
fn a_destination_that_paused_itself_is_told_and_one_that_somebody_paused_is_not() {
    let of = |reason: &str| {
        let pause = Pause {
            at: at(-7),
            reason: reason.to_owned(),
        };
        let sight = destination(ShownState::Paused, Status::default(), Some(pause));
        fact(&sight, "", About::Destination)
    };

    assert_eq!(of("a new release"), None);
    let told = of(&format!("{PAUSED_ITSELF}: answered 410")).expect("it is told");
    let words = format!("{PAUSED_ITSELF}: answered 410; nothing is sent to it until it is resumed");
    assert_eq!(told.standing, Standing::Wrong(at(-7), words));
    // Nothing is sent to it by itself once it takes something, as to one that is down.
    assert_eq!(
        told.advice.as_deref(),
        Some("when it is ready for what is pending, `caigunn-webhook destinations resume app`")
    );
}

#[test]
fn of_a_destination_that_is_down_and_asked_to_be_left_alone_it_is_told_until_when_and_what_is_done_before() {
    let status = |quiet_until| Status {
        down_since: Some(at(-9)),
        quiet_until,
        ..Status::default()
    };
    let of = |quiet_until| {
        let sight = destination(ShownState::Down, status(quiet_until), None);
        let told = fact(&sight, "", About::Destination).expect("it is told");
        (told.standing, told.advice.expect("there is something to do"))
    };

    let (down, mend) = of(None);
    assert_eq!(down, Standing::Wrong(at(-9), "it fails throughout".to_owned()));
    assert!(mend.starts_with("mend what that says"), "{mend}");
    let (left_alone, resume) = of(Some(at(60)));
    let words = format!("it fails throughout; it asked to be left alone until {}", at(60));
    assert_eq!(left_alone, Standing::Wrong(at(-9), words));
    assert_eq!(
        resume,
        "if it is ready for what is pending before, `caigunn-webhook destinations resume app`"
    );
}

#[test]
fn a_destination_that_is_sent_nothing_since_what_waits_cannot_be_read_is_told_once_that_lasts() {
    let of = |state, is_restored, since| {
        let status = Status {
            is_restored,
            failing_since: Some(at(since)),
            last_failure: Some(Failure {
                at: at(since),
                detail: "a row is damaged".to_owned(),
            }),
            ..Status::default()
        };
        fact(&destination(state, status, None), "", About::Destination)
    };

    assert_eq!(of(ShownState::Active, false, -59), None);
    let told = of(ShownState::Active, false, -60).expect("it is told");
    let expected = Standing::Wrong(at(-60), "a row is damaged".to_owned());
    assert_eq!(told.standing, expected);
    let advice = told.advice.expect("there is something to do");
    assert!(advice.contains("inbox check"), "{advice}");
    // What fails by itself is told where it is down, and nothing is missed of one that is paused.
    assert_eq!(of(ShownState::Active, true, -60), None);
    assert_eq!(of(ShownState::Paused, false, -60), None);
}

#[test]
fn dead_letters_are_counted_and_a_removed_destination_is_gone() {
    let count = standing(
        &destination(ShownState::Paused, Status::default(), None),
        "",
        About::DeadLetter,
    );
    assert_eq!(count, Some(Standing::Count(2, String::new())));
    for state in [ShownState::Removed, ShownState::Unconfigured] {
        let gone = facts(&destination(state, Status::default(), None), &settings(""), at(0));
        assert!(gone.facts.is_empty(), "{state:?}");
        for about in [About::Destination, About::DeadLetter] {
            assert_eq!(gone.all[&about], BTreeSet::new(), "{state:?}");
        }
    }
}

#[test]
fn a_disk_is_nearly_full_below_the_share_and_a_log_large_above_the_size() {
    let space = |free: u64, log_bytes| Sight {
        space: Some(Space {
            free_bytes: Some(free << 30),
            volume_bytes: Some(100 << 30),
            log_bytes,
        }),
        ..Sight::default()
    };
    let is_wrong = |sight, more, about| matches!(standing(&sight, more, about), Some(Standing::Wrong(..)));

    assert!(is_wrong(space(9, 0), "", About::Disk));
    assert!(!is_wrong(space(10, 0), "", About::Disk));
    assert!(is_wrong(space(10, 0), "free_percent = 11", About::Disk));
    assert!(!is_wrong(space(10, 256 << 20), "", About::Log));
    assert!(is_wrong(space(10, (256 << 20) + 1), "", About::Log));
    assert!(is_wrong(space(10, 2 << 20), "log_bytes = 1048576", About::Log));
}

#[test]
fn silence_is_longer_than_was_said_and_unknown_where_nobody_said() {
    let of = |received, more| {
        let sight = Sight {
            received: Some(received),
            ..Sight::default()
        };
        standing(&sight, more, About::Silence)
    };
    let ago = |seconds: i64| Some(at(-seconds));

    assert_eq!(of(ago(1_000_000), ""), None);
    assert_eq!(
        of(ago(3_600), "silence_hours = 1"),
        Some(Standing::Well(at(-3_600)))
    );
    let wrong = of(ago(3_601), "silence_hours = 1");
    assert!(matches!(wrong, Some(Standing::Wrong(since, _)) if since == at(-3_601)));
    let awaited = of(None, "silence_hours = 1");
    assert!(
        matches!(awaited, Some(Standing::Awaited(patience, _)) if patience == Duration::from_secs(3_600))
    );
}

#[test]
fn a_chatbot_is_well_where_ours_stands_and_wrong_where_visits_fail_for_long() {
    let of = |state| standing(&seen(state), "", About::Chatbot);
    let registered = State::Registered {
        since: at(-9),
        confirmed_at: at(-3),
    };
    let contested = State::Contested {
        since: at(-9),
        by: String::new(),
    };
    let refused = State::Refused {
        failure_count: 1,
        next_at: at(9),
        error: "no such key".to_owned(),
    };
    let retrying = |is_taken| State::Retrying {
        failure_count: 1,
        next_at: at(9),
        error: "no".to_owned(),
        is_taken,
    };

    assert_eq!(of(registered), Some(Standing::Well(at(-3))));
    assert!(matches!(of(contested), Some(Standing::Wrong(since, _)) if since == at(-9)));
    assert_eq!(
        of(refused),
        Some(Standing::Wrong(at(0), "no such key".to_owned()))
    );
    let patience = Duration::from_secs(900);
    assert_eq!(
        of(retrying(true)),
        Some(Standing::Awaited(patience, "no".to_owned()))
    );
    // Whose URL stands there nobody knows.
    assert_eq!(of(retrying(false)), None);
    assert_eq!(of(State::Pending), None);
}

#[test]
fn of_chatbots_nothing_is_known_before_they_were_listed_in_this_term() {
    let mut sight = seen(State::Superseded { since: at(-9) });
    let known = facts(&sight, &settings(""), at(0)).all;
    assert_eq!(known[&About::Chatbot].len(), 1);

    sight.seen.as_mut().unwrap().is_listed = false;
    assert!(
        !facts(&sight, &settings(""), at(0))
            .all
            .contains_key(&About::Chatbot)
    );

    // Where none is left, whichever was known is gone.
    let all = sight.seen.as_mut().unwrap();
    (all.is_listed, all.chatbots) = (true, Vec::new());
    assert!(facts(&sight, &settings(""), at(0)).all[&About::Chatbot].is_empty());
}

#[test]
fn a_public_url_is_wrong_where_two_probes_in_a_row_were_not_well() {
    let of = |finding, is_well, since, seen_at| {
        let probe = Probe {
            finding,
            detail: "404".to_owned(),
            is_well,
            since: at(since),
            at: at(seen_at),
        };
        let mut sight = seen(State::Pending);
        sight.seen.as_mut().unwrap().probe = Some(probe);
        standing(&sight, "", About::PublicUrl)
    };

    assert_eq!(of(ProbeKind::NoReceiver, false, -9, -9), None);
    let wrong = Standing::Wrong(at(-9), "404".to_owned());
    assert_eq!(of(ProbeKind::NoReceiver, false, -9, -3), Some(wrong.clone()));
    assert_eq!(of(ProbeKind::Ours, true, -9, -9), Some(Standing::Well(at(-9))));
    // One of several on this inbox, or another deployment's.
    let other = ProbeKind::OtherReceiver;
    assert_eq!(of(other, true, -9, -3), Some(Standing::Well(at(-3))));
    assert_eq!(of(other, false, -9, -3), Some(wrong));
}

#[test]
fn a_notice_hears_of_what_it_is_about() {
    let sight = destination(ShownState::Active, Status::default(), None);

    assert_eq!(
        standing(&sight, r#"about = ["inbox", "destination"]"#, About::DeadLetter),
        None
    );
}
