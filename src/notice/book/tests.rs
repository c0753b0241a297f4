//! Promise: what begins is said once, what ends is said once if its beginning was, and nothing that waits is lost or out of
//! its order, whatever goes up and down, restarts and fails.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::config::{self, Sources};
use crate::delivery::{Report, Wish};
use crate::event::ChatbotId;
use crate::fingerprint::Fingerprint;
use crate::inbox::outbox::Outcome;
use crate::notice::sight::{Sight, facts};
use crate::subscription::{Registration, Seen, State};

const QUIET: Duration = Duration::from_secs(600);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn settings() -> Settings {
    let list = r#"[{name = "ops", url = "http://127.0.0.1:9/", quiet_minutes = 10}]"#;
    let sources = Sources {
        flags: vec![("notice".to_owned(), list.to_owned())],
        ..Sources::default()
    };
    let mut notices = config::load(&sources).expect("they are right").settings.notices;
    notices.remove(0)
}

fn schedule() -> Schedule {
    Schedule::new([0, 5, 300].map(Duration::from_secs).to_vec()).unwrap()
}

fn report(outcome: Outcome) -> Report {
    Report {
        outcome,
        status: None,
        detail: String::new(),
        answer: Bytes::new(),
        wish: Wish::None,
    }
}

/// A notice's book, and a restart after each step.
struct Told(Books, Settings);

impl Default for Told {
    fn default() -> Self {
        Self(Books::default(), settings())
    }
}

impl Told {
    fn book(&mut self) -> &mut Book {
        // What is kept is all there is.
        self.0 = Books::read(Some(&self.0.written()));
        self.0.notices.entry("ops".to_owned()).or_default()
    }

    /// What is new once these are facts.
    fn sees(&mut self, facts: &Facts, seconds: u64) -> Vec<String> {
        let settings = self.1.clone();
        let book = self.book();
        let before: BTreeSet<_> = book.waiting.iter().map(|waiting| waiting.message.id).collect();
        book.note(facts, &settings, &schedule(), at(seconds));
        let news = book.waiting.iter().map(|waiting| &waiting.message);
        let news = news.filter(|message| !before.contains(&message.id));
        news.map(|message| message.title.clone()).collect()
    }

    /// As [`Told::sees`], of one destination.
    fn sees_app(&mut self, standing: Standing, seconds: u64) -> Vec<String> {
        self.sees(&of(About::Destination, "app", standing), seconds)
    }

    /// Whether the message to be sent now is one with that title.
    fn sends(&mut self, seconds: u64) -> Option<(String, Uuid)> {
        let due = self.book().due(at(seconds)).cloned();
        due.map(|message| (message.title, message.id))
    }

    fn settles(&mut self, id: Uuid, outcome: Outcome, seconds: u64) -> Settled {
        self.book()
            .settle(id, &report(outcome), &schedule(), at(seconds), 0.5)
    }
}

fn of(about: About, name: &str, standing: Standing) -> Facts {
    let name = name.to_owned();
    Facts {
        facts: vec![Fact {
            about,
            id: name.clone(),
            name,
            standing,
            advice: None,
        }],
        ..Facts::default()
    }
}

fn down(since: u64) -> Standing {
    Standing::Wrong(at(since), "answered 503".to_owned())
}

fn well(seen: u64) -> Standing {
    Standing::Well(at(seen))
}

#[test]
fn what_lasts_is_said_once_and_its_end_once() {
    let mut told = Told::default();

    assert!(told.sees_app(well(0), 0).is_empty());
    assert_eq!(told.sees_app(down(3), 5), ["destination app is down"]);
    // Also where another process says that it is down since later.
    for seconds in [8, 11, 100_000] {
        assert!(told.sees_app(down(seconds), seconds).is_empty(), "{seconds}");
    }
    assert!(
        told.sees(&Facts::default(), 100_001).is_empty(),
        "nothing is known"
    );
    assert_eq!(told.sees_app(well(100_002), 100_003), ["destination app is back"]);
    assert!(told.sees_app(well(100_005), 100_006).is_empty());
}

#[test]
fn what_is_known_to_help_is_advised_in_place_of_what_helps_as_a_rule() {
    let mut told = Told::default();
    let mut facts = of(About::Destination, "app", down(3));
    facts.facts[0].advice = Some("resume it".to_owned());

    told.sees(&facts, 5);
    told.sees(&of(About::Destination, "queue", down(6)), 6);

    let advice = |waiting: &Waiting| waiting.message.advice.clone().expect("there is something to do");
    let advice: Vec<_> = told.book().waiting.iter().map(advice).collect();
    assert_eq!(advice[0], "resume it");
    assert!(advice[1].starts_with("mend what that says"), "{advice:?}");
}

#[test]
fn what_was_well_before_it_was_wrong_is_not_back() {
    let mut told = Told::default();
    told.sees_app(down(10), 12);

    assert!(told.sees_app(well(9), 15).is_empty());
    assert_eq!(told.sees_app(well(16), 18), ["destination app is back"]);
}

#[test]
fn what_goes_up_and_down_is_said_once_in_the_quiet_time_and_at_its_end_if_it_is_down_then() {
    let mut told = Told::default();
    assert_eq!(told.sees_app(down(0), 0).len(), 1);
    assert_eq!(told.sees_app(well(3), 3).len(), 1);

    for turn in 0..50 {
        assert!(told.sees_app(down(6 + turn * 6), 6 + turn * 6).is_empty());
        assert!(told.sees_app(well(9 + turn * 6), 9 + turn * 6).is_empty());
    }
    assert!(told.sees_app(down(400), 400).is_empty());
    assert!(told.sees_app(down(400), 599).is_empty());
    assert_eq!(told.sees_app(down(400), 600), ["destination app is down"]);
    let last = &told.book().waiting.back().unwrap().message;
    assert_eq!(last.since, Some(at(400)));
}

#[test]
fn what_began_by_a_clock_that_was_ahead_ends_all_the_same() {
    let mut told = Told::default();
    told.sees_app(down(7_200), 7_200);

    assert_eq!(told.sees_app(well(10), 10), ["destination app is back"]);
}

#[test]
fn a_clock_that_is_set_moves_what_is_remembered_with_it() {
    let mut told = Told::default();
    told.sees_app(down(7_200), 7_200);
    told.book().quiet_until = Some(at(7_260));
    told.book().of_chatbots = [Some(at(7_201)), None];

    told.0.set_clock(at(7_203), at(3));

    assert_eq!(told.book().quiet_until, Some(at(60)));
    assert_eq!(told.book().of_chatbots, [Some(at(1)), None]);
    let subject = told.book().subjects.values().next().unwrap().clone();
    assert_eq!((subject.wrong_since, subject.said_at), (Some(at(0)), Some(at(0))));
}

#[test]
fn of_what_a_newer_program_has_kept_what_can_be_read_is_sent() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(&of(About::Inbox, "", down(0)), 0);
    let kept = told
        .0
        .written()
        .replacen(r#""about":"destination""#, r#""about":"planets""#, 1);

    let read = Books::read(Some(&kept));

    assert_eq!(read.notices["ops"].waiting.len(), 1);
}

#[test]
fn another_thing_has_a_quiet_time_of_its_own() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);

    let other = told.sees(&of(About::Destination, "other", down(1)), 1);

    assert_eq!(other, ["destination other is down"]);
}

#[test]
fn dead_letters_are_said_as_they_come_and_together_after_the_quiet_time() {
    let mut told = Told::default();
    let mut sees = |count, seconds| {
        let standing = Standing::Count(count, "answered 400".to_owned());
        told.sees(&of(About::DeadLetter, "app", standing), seconds)
    };

    assert!(sees(0, 0).is_empty());
    assert_eq!(sees(1, 3), ["a dead letter for destination app"]);
    assert!(sees(1, 5_000).is_empty());
    assert_eq!(sees(3, 5_003), ["2 more dead letters for destination app"]);
    assert!(sees(9, 5_006).is_empty());
    assert!(sees(2, 5_009).is_empty(), "some were sent again");
    assert_eq!(sees(4, 5_700), ["2 more dead letters for destination app"]);
    assert_eq!(sees(5, 9_000), ["one more dead letter for destination app"]);
    let last = &told.book().waiting.back().unwrap().message;
    assert_eq!(
        last.text,
        "given up, and kept, 5 in all; what went wrong there last: answered 400"
    );
    assert_eq!(last.count, 1);
}

#[test]
fn chatbots_that_begin_at_once_are_one_message_that_names_ten() {
    let mut told = Told::default();

    let began = told.sees(&chatbots(0..14, &down(0)), 0);
    let count = told.book().waiting.back().unwrap().message.count;
    let ended = told.sees(&chatbots(0..14, &well(1)), 1);

    assert_eq!((began.len(), count), (1, 14));
    assert!(
        began[0].starts_with("not registered here: chatbot bot 0, "),
        "{began:?}"
    );
    assert!(began[0].ends_with("bot 9 and 4 more"), "{began:?}");
    assert_eq!(ended.len(), 1);
}

/// So many chatbots, all alike.
fn chatbots(numbers: std::ops::Range<u32>, standing: &Standing) -> Facts {
    let fact = |number: u32| Fact {
        about: About::Chatbot,
        id: number.to_string(),
        name: format!("bot {number}"),
        standing: standing.clone(),
        advice: None,
    };
    Facts {
        facts: numbers.map(fact).collect(),
        ..Facts::default()
    }
}

#[test]
fn chatbots_that_are_found_one_after_the_other_are_two_messages() {
    let mut told = Told::default();
    let mut titles = Vec::new();
    // A visit to all of them takes five minutes.
    for turn in 0..=110 {
        let found = (turn as u32 / 4 + 1).min(25);
        titles.extend(told.sees(&chatbots(0..found, &down(0)), turn * 3));
    }
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert_eq!(titles[0], "not registered here: chatbot bot 0");
    assert!(titles[1].ends_with(" and 14 more"), "{titles:?}");

    let mut ended = Vec::new();
    for turn in 111..=220 {
        let back = (turn as u32 - 110).min(25);
        ended.extend(told.sees(&chatbots(0..back, &well(turn * 3)), turn * 3));
    }
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(ended[1].ends_with(" and 14 more"), "{ended:?}");
}

#[test]
fn of_chatbots_with_several_reasons_the_first_is_told_and_that_there_are_others() {
    let mut told = Told::default();
    let mut facts = chatbots(0..2, &down(0));
    facts.facts[1].standing = Standing::Wrong(at(5), "refused".to_owned());

    told.sees(&facts, 6);

    let text = &told.book().waiting.back().unwrap().message.text;
    assert!(
        text.ends_with("answered 503; of the others it is another one"),
        "{text}"
    );
}

#[test]
fn what_waits_is_tried_at_once_in_a_new_term_unless_its_receiver_asked_for_quiet() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).unwrap();
    told.settles(id, Outcome::Unreachable, 0);
    assert_eq!(told.sends(1), None);

    told.0.hurry();
    assert!(told.sends(1).is_some());

    let asks = Report {
        wish: Wish::Less {
            pause: Some(Duration::from_secs(60)),
        },
        ..report(Outcome::Failed)
    };
    // It is due in five minutes.
    told.book().settle(id, &asks, &schedule(), at(1), 0.5);
    told.0.hurry();
    assert_eq!(told.sends(60), None);
    assert!(told.sends(61).is_some());
}

#[test]
fn what_is_tried_in_vain_before_its_time_loses_no_try_and_is_due_when_it_was() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).unwrap();
    told.settles(id, Outcome::Unreachable, 0);
    assert_eq!(
        told.settles(id, Outcome::Refused, 5),
        Settled::Again(Duration::from_secs(300))
    );

    // Ten restarts, in two seconds each.
    for restart in 3..13 {
        told.0.hurry();
        assert_eq!(told.sends(restart * 2).map(|(_, id)| id), Some(id));
        assert_eq!(
            told.settles(id, Outcome::Refused, restart * 2),
            Settled::Again(Duration::from_secs(305 - restart * 2))
        );
        assert_eq!(told.sends(restart * 2), None, "once for each");
    }

    assert_eq!(told.sends(304), None);
    assert!(told.sends(305).is_some());
    assert_eq!(told.settles(id, Outcome::Unreachable, 305), Settled::GivenUp);
}

#[test]
fn where_nobody_is_there_it_is_tried_once_a_minute_which_costs_no_try() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).unwrap();
    told.settles(id, Outcome::Unreachable, 0);
    told.settles(id, Outcome::Unreachable, 5);

    for look in 1..5 {
        let at = 5 + 60 * look;
        assert_eq!(told.sends(at - 1), None);
        assert_eq!(told.sends(at).map(|(_, id)| id), Some(id));
        assert_eq!(told.settles(id, Outcome::Unreachable, at), Settled::AsBefore);
    }

    // There is somebody again who has nothing to say to it: by the schedule alone.
    assert_eq!(told.settles(id, Outcome::Refused, 300), Settled::AsBefore);
    assert_eq!(told.sends(304), None);
    assert!(told.sends(305).is_some());
}

#[test]
fn a_proxy_that_finds_nobody_is_nobody() {
    let away = Report {
        wish: Wish::Less { pause: None },
        ..report(Outcome::Failed)
    };
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).unwrap();
    told.book().settle(id, &away, &schedule(), at(0), 0.5);

    let settled = told.book().settle(id, &away, &schedule(), at(5), 0.5);

    assert_eq!(settled, Settled::Again(Duration::from_secs(60)), "and not 300");
    assert_eq!(told.sends(64), None);
    assert_eq!(told.sends(65).map(|(_, id)| id), Some(id));
}

#[test]
fn who_leads_no_more_has_nothing_of_the_inbox_to_tell_though_nobody_was_there() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).unwrap();
    told.settles(id, Outcome::Unreachable, 0);

    assert_eq!(told.0.of_inbox(), Books::default());
}

#[test]
fn what_is_tried_since_another_message_was_taken_loses_no_try_either() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, refused) = told.sends(0).unwrap();
    told.settles(refused, Outcome::Refused, 0);
    told.settles(refused, Outcome::Refused, 5);

    for turn in 1..10 {
        let other = format!("other {turn}");
        told.sees(&of(About::Destination, &other, down(5)), 5 + turn);
        let (title, taken) = told.sends(5 + turn).unwrap();
        assert!(title.contains(&other), "{title}");
        told.settles(taken, Outcome::Delivered, 5 + turn);
        assert_eq!(told.sends(5 + turn).map(|(_, id)| id), Some(refused));
        let settled = told.settles(refused, Outcome::Refused, 5 + turn);
        assert_eq!(settled, Settled::Again(Duration::from_secs(300 - turn)));
    }
}

#[test]
fn what_is_tried_before_its_time_and_answered_by_a_wish_for_quiet_keeps_to_that() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).unwrap();
    told.settles(id, Outcome::Failed, 0);
    told.0.hurry();
    let pause = Some(Duration::from_secs(60));
    let asks = Report {
        wish: Wish::Less { pause },
        ..report(Outcome::Failed)
    };

    let settled = told.book().settle(id, &asks, &schedule(), at(1), 0.5);

    assert_eq!(settled, Settled::Again(Duration::from_secs(60)));
    assert_eq!(told.sends(60), None);
    assert!(told.sends(61).is_some());
}

#[test]
fn what_could_not_be_told_is_shown_until_it_is_taken() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(&of(About::Disk, "", down(0)), 0);
    assert_eq!(told.0.untold(), []);
    let (_, id) = told.sends(0).unwrap();
    let answered = Report {
        detail: "answered 404".to_owned(),
        ..report(Outcome::Refused)
    };
    told.book().settle(id, &answered, &schedule(), at(0), 0.5);

    let untold = told.0.untold();
    assert_eq!((&*untold[0].notice, untold[0].count), ("ops", 2));
    assert_eq!(
        untold[0].to_string(),
        "what notice ops has to tell was not taken, and is tried again; messages that wait: 2; the last attempt: answered 404"
    );

    told.settles(id, Outcome::Delivered, 5);
    assert_eq!(told.0.untold(), [], "what was not tried yet is on its way");
}

#[test]
fn of_what_could_not_be_told_it_is_shown_what_came_of_the_newest() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(&of(About::Disk, "", down(0)), 0);
    for detail in ["answered 404", "answered 500"] {
        let (_, id) = told.sends(0).unwrap();
        let answered = Report {
            detail: detail.to_owned(),
            ..report(Outcome::Refused)
        };
        told.book().settle(id, &answered, &schedule(), at(0), 0.5);
    }

    assert_eq!(told.0.untold()[0].failure, "answered 500");
}

#[test]
fn what_others_say_is_told_no_longer_than_a_receiver_takes() {
    let detail = "x".repeat(10_000);

    let message = Message::began(About::Destination, &["app"], (at(0), &detail), at(0));

    assert!(message.text.len() < 1_000, "{}", message.text.len());
}

/// That nothing is held, where something comes each hour.
fn silent() -> Facts {
    let words = "no notification came".to_owned();
    let standing = Standing::Awaited(Duration::from_secs(3_600), words);
    of(About::Silence, "", standing)
}

#[test]
fn what_is_awaited_is_told_once_that_has_lasted_over_any_number_of_restarts_and_ends_when_it_comes() {
    let mut told = Told::default();
    let mut titles = Vec::new();
    for seconds in (0..=7_200).step_by(600) {
        // What is kept is all there is after a restart.
        titles.extend(
            told.sees(&silent(), seconds)
                .into_iter()
                .map(|title| (seconds, title)),
        );
    }
    assert_eq!(titles, [(4_200, "nothing is received".to_owned())]);
    let message = &told.book().waiting.back().unwrap().message;
    assert_eq!(message.since, Some(at(0)));

    assert_eq!(
        told.sees(&of(About::Silence, "", well(7_201)), 7_203),
        ["notifications are received again"]
    );
    assert!(told.sees(&silent(), 7_300).is_empty(), "it is awaited anew");
}

#[test]
fn what_came_in_time_ends_no_wait_that_was_told() {
    let mut told = Told::default();

    told.sees(&silent(), 0);
    assert!(told.sees(&of(About::Silence, "", well(10)), 12).is_empty());
    assert!(
        told.sees(&silent(), 3_700).is_empty(),
        "it was removed as too old"
    );
    assert_eq!(told.sees(&silent(), 7_301), ["nothing is received"]);
}

#[test]
fn what_is_called_well_by_what_was_wrong_with_it_is_not_back() {
    let mut told = Told::default();
    told.sees(&of(About::Silence, "", down(0)), 3_601);

    // It may be silent for longer now, by the settings; nothing has come.
    assert!(told.sees(&of(About::Silence, "", well(0)), 3_610).is_empty());
    assert_eq!(
        told.sees(&of(About::Silence, "", well(3_620)), 3_621),
        ["notifications are received again"]
    );
}

#[test]
fn what_is_awaited_since_a_time_to_come_is_awaited_since_now() {
    let mut told = Told::default();
    told.sees(&silent(), 500_000);

    assert!(told.sees(&silent(), 0).is_empty());
    assert_eq!(told.sees(&silent(), 3_601), ["nothing is received"]);
}

#[test]
fn what_an_earlier_process_saw_by_a_right_clock_is_not_moved_when_the_clock_is_set_right_again() {
    let mut told = Told::default();
    let day = 86_400;
    told.sees_app(down(1_000 * day), 1_000 * day);

    // This one began in the past, where its board's battery ended.
    told.0.set_clock(at(10), at(1_001 * day));

    let subject = told.book().subjects.values().next().unwrap().clone();
    assert_eq!(
        (subject.wrong_since, subject.said_at),
        (Some(at(1_000 * day)), Some(at(1_000 * day)))
    );
    assert_eq!(
        told.sees_app(well(1_001 * day), 1_001 * day),
        ["destination app is back"]
    );
    let text = &told.book().waiting.back().unwrap().message.text;
    assert!(text.ends_with("for 24 h"), "{text}");
}

#[test]
fn nothing_is_told_to_be_so_since_a_time_to_come() {
    let mut told = Told::default();

    told.sees_app(down(1_000), 10);
    told.sees_app(well(20), 20);

    let messages: Vec<_> = told
        .book()
        .waiting
        .iter()
        .map(|waiting| waiting.message.clone())
        .collect();
    let since: Vec<_> = messages.iter().map(|message| message.since).collect();
    assert_eq!(since, [Some(at(10)), Some(at(20))]);
    for (message, seconds) in messages.iter().zip([10, 20]) {
        assert!(
            message.text.contains(&format!("since {}", at(seconds))),
            "{}",
            message.text
        );
    }
}

#[test]
fn what_is_there_no_more_is_forgotten_and_nothing_said() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);

    let mut gone = Facts::default();
    gone.all
        .insert(About::Destination, BTreeSet::from(["other".to_owned()]));

    assert!(told.sees(&gone, 5).is_empty());
    assert!(told.book().subjects.is_empty());
}

#[test]
fn what_nobody_wants_to_know_any_more_is_forgotten() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(&of(About::Disk, "", down(0)), 0);

    told.1.about = vec![About::Disk];
    told.sees(&Facts::default(), 5);

    let known: Vec<_> = told.book().subjects.keys().cloned().collect();
    assert_eq!(known, ["disk/"]);
}

#[test]
fn what_waits_to_be_told_of_what_is_there_no_more_is_not_told() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(
        &of(About::DeadLetter, "app", Standing::Count(3, String::new())),
        0,
    );
    told.sees(&chatbots(0..2, &down(0)), 0);
    told.sees(&of(About::Log, "", down(0)), 0);
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut known = Facts::default();
    known.all.insert(About::Destination, all(&["app"]));
    known.all.insert(About::DeadLetter, all(&["app"]));
    known.all.insert(About::Chatbot, all(&["1"]));
    told.sees(&known, 5);
    assert_eq!(told.book().waiting_count(), 4, "one of the chatbots is there");

    for about in [About::Destination, About::DeadLetter, About::Chatbot] {
        known.all.insert(about, BTreeSet::new());
    }
    assert!(told.sees(&known, 10).is_empty());

    let waiting = told.book().waiting.iter().map(|waiting| waiting.message.about);
    assert_eq!(waiting.collect::<Vec<_>>(), [Some(About::Log)]);
}

/// What is seen of a chatbot of which the key is known, and perhaps the id.
fn chatbot_of_key(chatbot_id: Option<ChatbotId>, state: State) -> Facts {
    let chatbot = Registration {
        api_key: Fingerprint::of(&"key".into()),
        chatbot_id,
        title: chatbot_id.map(|_| "One".to_owned()),
        state,
    };
    let seen = Seen {
        is_listed: true,
        chatbots: vec![chatbot],
        ..Seen::default()
    };
    let sight = Sight {
        seen: Some(seen),
        ..Sight::default()
    };
    facts(&sight, &settings(), at(5))
}

#[test]
fn a_chatbot_whose_id_is_found_later_is_the_one_that_was_told_of() {
    let refused = State::Refused {
        failure_count: 1,
        next_at: at(3_600),
        error: "no such key".to_owned(),
    };
    let registered = |seconds| State::Registered {
        since: at(seconds),
        confirmed_at: at(seconds),
    };
    let id = ChatbotId::new(Uuid::from_u128(1));
    let mut told = Told::default();

    let key = Fingerprint::of(&"key".into());
    let began = format!("not registered here: chatbot of API key {key}…");
    assert_eq!(told.sees(&chatbot_of_key(None, refused.clone()), 5), [began]);
    assert!(told.sees(&chatbot_of_key(Some(id), refused), 1_000).is_empty());

    let ended = format!("registered here again: chatbot \"One\" ({id})");
    assert_eq!(
        told.sees(&chatbot_of_key(Some(id), registered(2_000)), 2_001),
        [ended]
    );
    assert!(
        told.sees(&chatbot_of_key(Some(id), registered(2_003)), 2_004)
            .is_empty()
    );
}

#[test]
fn more_subjects_of_a_kind_than_are_remembered_are_not_said_and_silence_no_other() {
    let mut told = Told::default();
    let facts = (0..MAX_SUBJECTS + 5).map(|number| Fact {
        about: About::Chatbot,
        id: number.to_string(),
        name: number.to_string(),
        standing: down(0),
        advice: None,
    });

    told.sees(
        &Facts {
            facts: facts.collect(),
            ..Facts::default()
        },
        0,
    );

    assert_eq!(told.book().subjects.len(), MAX_SUBJECTS);
    assert_eq!(told.sees_app(down(1), 1), ["destination app is down"]);
}

#[test]
fn one_thing_is_told_of_under_whatever_name_it_has() {
    let mut told = Told::default();
    let named = |name: &str, standing| {
        let mut facts = of(About::Chatbot, "id", standing);
        facts.facts[0].name = name.to_owned();
        facts
    };

    assert_eq!(
        told.sees(&named("Shop", down(0)), 0),
        ["not registered here: chatbot Shop"]
    );
    assert!(told.sees(&named("Shop 2", down(0)), 3).is_empty());
    assert_eq!(told.sees(&named("Shop 2", well(6)), 6).len(), 1);
}

#[test]
fn who_asks_to_be_left_alone_is_by_what_begins_later_too() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).expect("at once");
    let pause = Some(Duration::from_secs(600));
    let busy = Report {
        wish: Wish::Less { pause },
        ..report(Outcome::Failed)
    };
    told.book().settle(id, &busy, &schedule(), at(0), 0.5);

    told.sees(&of(About::Disk, "", down(5)), 5);

    assert_eq!(told.sends(599), None);
    let (_, first) = told.sends(600).expect("it may be tried");
    assert_eq!(told.settles(first, Outcome::Delivered, 600), Settled::Taken);
    assert!(told.sends(600).is_some(), "what waits goes at once");
}

#[test]
fn a_clock_that_is_set_changes_no_wait() {
    let mut told = Told::default();
    told.sees_app(down(0), 5_000);
    let (_, id) = told.sends(5_000).expect("at once");
    assert!(matches!(
        told.settles(id, Outcome::Failed, 5_000),
        Settled::Again(_)
    ));

    told.book();
    told.0.set_clock(at(5_001), at(101));

    assert_eq!(told.sends(102), None);
    assert!(told.sends(110).is_some());
}

#[test]
fn a_message_is_tried_by_the_schedule_and_then_given_up() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, id) = told.sends(0).expect("at once");

    assert_eq!(
        told.settles(id, Outcome::Failed, 1),
        Settled::Again(Duration::from_secs(5))
    );
    assert_eq!(told.sends(5), None);
    assert_eq!(told.sends(6).map(|(_, id)| id), Some(id), "the same one");
    assert_eq!(
        told.settles(id, Outcome::Timeout, 6),
        Settled::Again(Duration::from_secs(300))
    );
    assert_eq!(told.settles(id, Outcome::Refused, 400), Settled::GivenUp);
    assert_eq!(told.sends(100_000), None);
}

#[test]
fn of_one_thing_the_end_waits_for_the_beginning_and_nothing_else_does() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    let (_, first) = told.sends(0).unwrap();
    told.settles(first, Outcome::Failed, 0);
    told.sees_app(well(1), 1);
    told.sees(&of(About::Inbox, "", down(2)), 2);

    let (title, other) = told.sends(3).expect("what is about something else");
    assert_eq!(title, "the inbox takes no writes");
    told.settles(other, Outcome::Delivered, 3);

    // Somebody is there, so the rest is tried at once.
    let (title, id) = told.sends(3).unwrap();
    assert_eq!((&*title, id), ("destination app is down", first));
    told.settles(first, Outcome::Delivered, 3);
    assert_eq!(told.sends(3).unwrap().0, "destination app is back");
}

#[test]
fn what_is_said_of_chatbots_comes_in_its_order_whichever_are_named() {
    let mut told = Told::default();
    told.sees(&chatbots(0..2, &down(0)), 0);
    let (_, first) = told.sends(0).unwrap();
    told.settles(first, Outcome::Failed, 0);

    assert_eq!(told.sees(&chatbots(1..2, &well(1)), 1).len(), 1);

    assert_eq!(told.sends(1), None);
    assert_eq!(told.sends(5).map(|(_, id)| id), Some(first));
}

#[test]
fn who_asks_to_be_left_alone_is() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(&of(About::Inbox, "", down(0)), 0);
    let (_, id) = told.sends(0).unwrap();
    let asks = Report {
        wish: Wish::Less {
            pause: Some(Duration::from_secs(60)),
        },
        ..report(Outcome::Refused)
    };

    told.book().settle(id, &asks, &schedule(), at(0), 0.5);

    assert_eq!(told.sends(59), None);
    assert!(told.sends(60).is_some());
}

#[test]
fn the_oldest_is_given_up_where_too_many_wait() {
    let mut told = Told::default();
    let mut given_up = Vec::new();
    for turn in 0..MAX_WAITING as u64 + 3 {
        let facts = of(About::DeadLetter, "app", Standing::Count(turn + 1, String::new()));
        given_up.extend(told.book().note(&facts, &settings(), &schedule(), at(turn * 600)));
    }

    let times: Vec<_> = given_up.iter().map(|message| message.at).collect();
    assert_eq!(times, [at(0), at(600), at(1_200)]);
    assert_eq!(told.book().waiting.len(), MAX_WAITING);
}

#[test]
fn what_is_about_the_inbox_goes_over_into_what_another_has_kept() {
    let mut told = Told::default();
    told.sees_app(down(0), 0);
    told.sees(&of(About::Inbox, "", down(1)), 1);

    let own = told.0.of_inbox();
    let mut kept = Books::default();
    kept.merge(own.clone());
    kept.merge(own);

    let book = &kept.notices["ops"];
    assert_eq!((book.subjects.len(), book.waiting.len()), (1, 1));
    assert_eq!(book.waiting[0].message.title, "the inbox takes no writes");
    assert_eq!(Books::read(Some("{\"notices\": 7}")), Books::default());
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_years() {
    let mut told = Told::default();
    let years = 100_000_000;
    told.sees_app(down(years), years);
    told.sees_app(well(years + 3), years + 3);

    assert!(told.sends(0).is_some());
    assert_eq!(told.sees_app(down(5), 5), ["destination app is down"]);
}

proptest! {
    #[test]
    fn beginnings_and_ends_come_by_turns_and_beginnings_not_within_the_quiet_time(
        steps in prop::collection::vec((any::<bool>(), 1_u64..900), 1..60),
    ) {
        let (mut told, mut now, mut said) = (Told::default(), 0, Vec::new());
        for (is_down, wait) in steps {
            now += wait;
            let standing = if is_down { down(now) } else { well(now) };
            for title in told.sees_app(standing, now) {
                said.push((title.ends_with("down"), now));
            }
        }
        let turns: Vec<_> = said.iter().map(|(is_down, _)| *is_down).collect();
        prop_assert!(turns.iter().enumerate().all(|(index, is_down)| *is_down == (index % 2 == 0)));
        let began: Vec<_> = said.iter().filter(|(is_down, _)| *is_down).map(|(_, at)| *at).collect();
        prop_assert!(began.windows(2).all(|two| two[1] - two[0] >= QUIET.as_secs()));
    }
}
