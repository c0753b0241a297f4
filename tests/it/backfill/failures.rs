//! What happens when CaiGunn, its keys or the inbox fail.

use caigunn_webhook::{backfill, term};
use rusqlite::Connection;
use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::harness::wait_for;

/// One call at a time, so that replies come in the order of jobs.
const ONE_BY_ONE: Settings = Settings {
    concurrency: 1,
    ..SETTINGS
};

fn status(status: u16, retry_after: Option<u64>) -> Reply {
    Reply::Status(status, retry_after, json!({"detail": "planted"}))
}

#[tokio::test]
async fn an_outage_is_said_once_asked_into_little_and_made_good_when_it_ends() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    // Too young to be asked about in a later round.
    let jobs: [Ids; 8] = stage.begin_many(now, Duration::ZERO).await;
    for job in &jobs {
        stage.complete(job);
    }
    let mut rounds = stage.rounds_with(ONE_BY_ONE);
    stage
        .provider
        .reply_always(Route::EventLog, Some(status(500, None)));

    for number in 0..10 {
        let before = stage.asked().len();
        let wait = rounds.round(&stage.keyring, now.plus(SECOND * number)).await;
        assert_eq!(wait, SETTINGS.interval);
        assert!(stage.asked().len() - before <= 3);
        assert_eq!(stage.seen(), [8, 0], "they are counted all the same");
    }
    let problem = "cannot read CaiGunn's log: CaiGunn is unavailable: 500: planted";
    assert_eq!(
        stage.log.messages("WARN"),
        ["cannot ask CaiGunn what was missed: CaiGunn is unavailable: 500: planted; trying again in 60 s"]
    );
    assert_eq!(stage.progress.seen().problem.as_deref(), Some(problem));

    stage.provider.reply_always(Route::EventLog, None);
    for number in 1..4 {
        pass(MINUTE).await;
        rounds.round(&stage.keyring, now.plus(MINUTE * number)).await;
    }

    for job in &jobs {
        assert!(stage.is_completed(job).await);
    }
    assert_eq!(stage.seen(), [0, 0]);
    assert_eq!(stage.progress.seen().problem, None);
    assert_eq!(stage.log.messages("WARN").len(), 1);
    let is_news = |message: &String| message == "CaiGunn tells again what was missed";
    assert_eq!(
        stage
            .log
            .messages("INFO")
            .iter()
            .filter(|message| is_news(message))
            .count(),
        1
    );
}

#[tokio::test]
async fn a_first_round_with_less_jobs_than_make_an_outage_is_begun_again_too() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let [young] = stage.begin_many(now, Duration::ZERO).await;
    let [old] = stage.begin_many(now, 8 * DAY).await;
    for job in [&young, &old] {
        stage.complete(job);
    }
    let mut rounds = stage.rounds();
    stage
        .provider
        .reply(Route::EventLog, [status(503, None), status(503, None)]);

    rounds.round(&stage.keyring, now).await;
    rounds.round(&stage.keyring, now.plus(MINUTE)).await;

    assert!(stage.is_completed(&young).await && stage.is_completed(&old).await);
    assert_eq!(stage.asked().len(), 4);
}

#[tokio::test]
async fn a_first_round_that_is_begun_again_asks_no_job_that_was_answered() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let [running, failing] = stage.begin_many(now, Duration::ZERO).await;
    let mut rounds = stage.rounds_with(ONE_BY_ONE);
    stage
        .provider
        .reply(Route::EventLog, [Reply::Ok, status(429, None)]);

    rounds.round(&stage.keyring, now).await;
    pass(MINUTE).await;
    rounds.round(&stage.keyring, now.plus(MINUTE)).await;
    rounds.round(&stage.keyring, now.plus(MINUTE + SECOND)).await;

    assert_eq!(
        stage.asked(),
        [running.event_id, failing.event_id, failing.event_id]
    );
}

#[tokio::test]
async fn jobs_whose_logs_always_fail_do_not_keep_the_others_waiting() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let failing: [Ids; 3] = stage.begin_many(now, HOUR).await;
    let others: [Ids; 2] = stage.begin_many(now, HOUR).await;
    for job in &others {
        stage.complete(job);
    }
    let mut rounds = stage.rounds_with(ONE_BY_ONE);
    stage.provider.reply(Route::EventLog, vec![status(500, None); 6]);

    for number in [0, 60, 70] {
        pass(MINUTE).await;
        rounds.round(&stage.keyring, now.plus(SECOND * number)).await;
    }

    let expected: Vec<_> = [&failing[..], &failing, &others].concat();
    let expected: Vec<_> = expected.iter().map(|job| job.event_id).collect();
    assert_eq!(stage.asked(), expected);
    assert!(stage.is_completed(&others[1]).await);
}

#[tokio::test]
async fn one_log_that_fails_is_said_of_its_job_and_of_nothing_else() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let [failing, other] = stage.begin_many(now, HOUR).await;
    let mut rounds = stage.rounds_with(ONE_BY_ONE);
    stage.provider.reply(Route::EventLog, [status(500, None)]);

    rounds.round(&stage.keyring, now).await;

    assert_eq!(stage.asked(), [failing.event_id, other.event_id]);
    let expected = format!(
        "cannot ask what was missed of job {}: cannot read CaiGunn's log: CaiGunn is unavailable: 500: planted; it is \
         asked about again, ever more rarely",
        failing.event_id
    );
    assert_eq!(stage.log.messages("WARN"), [expected]);
    assert_eq!(stage.progress.seen().problem, None);
}

#[tokio::test]
async fn each_failure_is_followed_by_the_wait_that_it_asks_for() {
    let cases = [
        (status(500, None), 60),
        (status(503, Some(600)), 600),
        (status(503, Some(5)), 60),
        (status(429, None), 60),
        (status(429, Some(90)), 90),
        (status(429, Some(1_000_000)), 3_600),
        (status(418, None), 60),
        (Reply::Text(200, "{\"webhook_logs\": ["), 60),
        (Reply::Text(200, "{}"), 60),
    ];
    for (reply, seconds) in cases {
        let (stage, now) = (Stage::new().await, Timestamp::now());
        stage.begin(now, HOUR).await;
        let mut rounds = stage.rounds();
        stage.provider.reply_always(Route::EventLog, Some(reply.clone()));

        let mut at = now;
        for _ in 0..2 {
            let wait = rounds.round(&stage.keyring, at).await;
            assert_eq!(wait.as_secs(), seconds, "{reply:?}");
            at = at.plus(wait);
            pass(wait).await;
        }

        assert_eq!(stage.asked().len(), 2, "{reply:?}");
        let mut warnings = [stage.log.messages("WARN"), stage.log.messages("ERROR")].concat();
        // That is said of all calls, whoever made the one that it began with.
        warnings.retain(|warning| !warning.starts_with("CaiGunn is left alone until "));
        assert_eq!(warnings.len(), 1, "{reply:?}: {warnings:?}");
        assert!(
            warnings[0].ends_with(&format!("trying again in {seconds} s")),
            "{warnings:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_or_a_plea_for_patience_ends_the_round_at_once() {
    for (code, kept) in [(401, "refused the access token"), (429, "fewer requests")] {
        let (stage, now) = (Stage::new().await, Timestamp::now());
        stage.begin_many::<5>(now, HOUR).await;
        match code {
            401 => stage.provider.set_access_token("another-token"),
            _ => stage
                .provider
                .reply_always(Route::EventLog, Some(status(code, None))),
        }

        stage.rounds_with(ONE_BY_ONE).round(&stage.keyring, now).await;

        assert_eq!(stage.asked().len(), 1, "{code}");
        let problem = stage.progress.seen().problem.unwrap();
        assert!(problem.contains(kept), "{problem}");
    }
}

#[tokio::test]
async fn a_refusal_of_an_access_token_that_was_replaced_meanwhile_says_nothing_of_a_key() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    stage.complete(&job);
    stage.provider.reply(Route::EventLog, [Reply::Held]);
    let mut rounds = stage.rounds();
    let rotating = async {
        stage.provider.wait_for_calls_of(Route::EventLog, 1).await;
        stage.provider.set_access_token("another-token");
        stage.client.replace_access_token("another-token".into());
        stage.provider.release();
    };
    tokio::join!(rounds.round(&stage.keyring, now), rotating);
    assert!(!stage.is_completed(&job).await);

    rounds.round(&stage.keyring, now.plus(MINUTE)).await;

    assert!(stage.is_completed(&job).await);
}

#[tokio::test]
async fn another_sort_of_failure_is_news() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    stage.begin(now, HOUR).await;
    let mut rounds = stage.rounds();
    let replies = [
        status(500, None),
        status(502, None),
        Reply::Text(200, "{}"),
        status(500, None),
    ];
    stage.provider.reply(Route::EventLog, replies);

    for hours in 0..4 {
        pass(2 * HOUR).await;
        rounds.round(&stage.keyring, now.plus(2 * HOUR * hours)).await;
    }

    let warnings = stage.log.messages("WARN");
    let said = ["500: planted", "/webhook_logs is missing", "500: planted"];
    assert_eq!(warnings.len(), said.len(), "{warnings:?}");
    for (warning, said) in warnings.iter().zip(said) {
        assert!(warning.contains(said), "{warnings:?}");
    }
}

#[tokio::test]
async fn a_round_in_which_nothing_was_due_does_not_say_that_an_outage_is_over() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    stage.begin(now, HOUR).await;
    let mut rounds = stage.rounds();
    stage
        .provider
        .reply_always(Route::EventLog, Some(status(500, None)));

    for number in 0..60 {
        rounds.round(&stage.keyring, now.plus(MINUTE * number)).await;
    }

    assert!(stage.asked().len() < 10);
    assert_eq!(stage.log.messages("WARN").len(), 1);
    assert_eq!(stage.log.messages("INFO"), [""; 0]);
}

#[tokio::test]
async fn jobs_without_a_key_are_counted_and_their_chatbot_is_named_once() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    let ours = stage.begin(now, HOUR).await;
    stage.complete(&ours);
    let (own, foreign) = (stage.chatbot_id, ChatbotId::new(Uuid::now_v7()));
    stage.chatbot_id = foreign;
    stage.begin_many::<4>(now, HOUR).await;
    stage.chatbot_id = own;
    let mut rounds = stage.rounds();

    for number in 0..5 {
        rounds.round(&stage.keyring, now.plus(MINUTE * number)).await;
    }

    let problem =
        format!("no API key is known for chatbot {foreign}, so what was missed of its jobs cannot be asked");
    assert_eq!(stage.asked(), [ours.event_id]);
    assert_eq!(stage.seen(), [4, 0]);
    assert_eq!(stage.log.messages("WARN"), [&*problem]);
    assert_eq!(stage.progress.seen().problem.as_deref(), Some(&*problem));

    // And an outage beside it is said.
    stage.begin(now, HOUR).await;
    stage
        .provider
        .reply_always(Route::EventLog, Some(status(500, None)));
    rounds.round(&stage.keyring, now.plus(HOUR)).await;
    assert_eq!(stage.log.messages("WARN").len(), 2);
}

#[tokio::test]
async fn jobs_of_a_chatbot_that_is_gone_are_counted_and_are_nobodys_trouble() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    stage.chatbot_id = ChatbotId::new(Uuid::now_v7());
    stage.begin_many::<2>(now, HOUR).await;
    // As it is where the account's chatbots were listed.
    stage.keyring.is_whole = true;
    let mut rounds = stage.rounds();

    rounds.round(&stage.keyring, now).await;

    assert_eq!(stage.seen(), [2, 0]);
    assert_eq!(stage.log.messages("WARN"), [""; 0]);
    assert_eq!(stage.progress.seen().problem, None);
}

#[tokio::test]
async fn of_several_given_keys_the_one_that_opens_the_job_is_found() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    for number in 0..3 {
        stage
            .provider
            .add_chatbot("Another", &format!("key-of-another-{number}"));
    }
    let given = [
        "key-of-another-0",
        "key-of-nobody",
        "key-of-another-1",
        "key-one",
        "key-of-another-2",
    ];
    // As when the account's chatbots cannot be listed.
    stage.keyring = given_keys(&given).collect();
    let job = stage.begin(now, HOUR).await;
    stage.complete(&job);

    stage.rounds().round(&stage.keyring, now).await;

    assert!(stage.is_completed(&job).await);
    assert_eq!(stage.asked().len(), 4, "the last key is not needed");
    assert_eq!(stage.log.messages("WARN"), [""; 0]);
}

#[tokio::test]
async fn a_token_that_is_refused_with_every_key_is_not_tried_with_all_of_them() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    let given = (0..10).map(|number| (None, SecretString::from(format!("key-{number}"))));
    stage.keyring = given.collect();
    stage.begin(now, HOUR).await;

    stage.provider.set_access_token("another-token");

    let wait = stage.rounds().round(&stage.keyring, now).await;

    assert_eq!((stage.asked().len(), wait), (1, HOUR));
}

#[tokio::test]
async fn a_key_that_is_refused_is_set_aside_alone_and_named_once_while_all_others_are_asked_about() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    let healthy: [Ids; 3] = stage.begin_many(now, HOUR).await;
    for job in &healthy {
        stage.complete(job);
    }
    let own = stage.chatbot_id;
    stage.chatbot_id = stage.provider.add_chatbot("Gone", "key-gone");
    let gone = stage.chatbot_id;
    stage.begin_many::<5>(now, 2 * HOUR).await;
    stage.chatbot_id = own;
    stage.keyring = keyring(&client(&stage.provider), &[]).await;
    // Its jobs are the oldest, so they come first.
    stage.provider.remove_chatbot(gone);
    let mut rounds = stage.rounds_with(ONE_BY_ONE);

    let wait = rounds.round(&stage.keyring, now).await;
    rounds.round(&stage.keyring, now.plus(HOUR / 2)).await;

    assert_eq!(wait, SETTINGS.interval);
    for job in &healthy {
        assert!(stage.is_completed(job).await);
    }
    assert_eq!(stage.asked().len(), 1 + healthy.len(), "the key is tried once");
    let errors = stage.log.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains(&format!("of chatbot {gone}; others")),
        "{errors:?}"
    );
    assert!(!errors[0].contains("key-gone"), "{errors:?}");
    let problem = stage.progress.seen().problem.unwrap();
    assert!(problem.contains("refused API key"), "{problem}");

    pass(HOUR).await;
    let wait = rounds.round(&stage.keyring, now.plus(3 * HOUR)).await;
    assert_eq!(stage.asked().len(), 2 + healthy.len(), "and again after an hour");
    // Nothing was answered in this round, and that is no outage all the same.
    let warnings = stage.log.messages("WARN");
    assert_eq!((wait, warnings), (SETTINGS.interval, Vec::new()));
}

#[tokio::test]
async fn an_inbox_that_fails_is_said_once_and_loses_nothing() {
    // What breaks it, what mends it, and whether CaiGunn is asked meanwhile.
    let cases = [
        (
            "ALTER TABLE open_job RENAME TO put_away",
            "ALTER TABLE put_away RENAME TO open_job",
            0,
        ),
        (
            "CREATE TRIGGER planted BEFORE INSERT ON receipt BEGIN SELECT RAISE(ABORT, 'planted'); END",
            "DROP TRIGGER planted",
            1,
        ),
    ];
    for (breaking, mending, call_count) in cases {
        let (stage, now) = (Stage::new().await, Timestamp::now());
        let job = stage.begin(now, HOUR).await;
        stage.complete(&job);
        let file = Connection::open(stage.folder.path().join("inbox.db")).unwrap();
        let mut rounds = stage.rounds();

        file.execute_batch(breaking).unwrap();
        rounds.round(&stage.keyring, now).await;
        rounds.round(&stage.keyring, now.plus(SECOND)).await;

        assert_eq!(stage.asked().len(), call_count, "{breaking}");
        let warnings = stage.log.messages("WARN");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("cannot ask CaiGunn what was missed: the inbox is unavailable: "));

        file.execute_batch(mending).unwrap();
        rounds.round(&stage.keyring, now.plus(MINUTE)).await;

        assert!(stage.is_completed(&job).await, "{breaking}");
        assert_eq!(stage.progress.seen().problem, None);
    }
}

#[tokio::test]
async fn a_refused_access_token_is_no_reason_to_wait_once_caigunn_lists_chatbots_again() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let [job] = stage.begin_many(now, HOUR).await;
    stage.complete(&job);
    stage.provider.set_access_token("another-token");
    let (keys, keyring) = watch::channel(Some(stage.keyring.clone()));
    let (office, terms) = term::office();
    office.begin();
    let settings = Settings {
        interval: SECOND,
        ..SETTINGS
    };
    let keeping = backfill::keep(
        settings,
        stage.backfill.clone(),
        keyring,
        stage.progress.clone(),
        terms,
    );
    tokio::spawn(keeping);
    wait_for("the refusal", || async {
        stage.progress.seen().problem.ok_or("none".to_owned())
    })
    .await;

    stage.provider.set_access_token("access-token");
    keys.send_replace(Some(stage.keyring.clone()));

    wait_for("what was missed", || async {
        match stage.is_completed(&job).await && stage.progress.seen().problem.is_none() {
            true => Ok(()),
            false => Err(format!("{:?}", stage.progress.seen())),
        }
    })
    .await;
}
