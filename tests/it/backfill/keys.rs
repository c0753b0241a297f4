//! What CaiGunn refuses of one key or of one job, and what is made of it.

use serde_json::json;

use super::*;

/// One call at a time, so that replies come in the order of jobs.
const ONE_BY_ONE: Settings = Settings {
    concurrency: 1,
    ..SETTINGS
};

/// What a log is answered with, in JSON.
fn no(status: u16) -> Reply {
    Reply::Status(status, None, json!({"detail": "planted"}))
}

/// A fake with another chatbot and its key, of whose jobs there is none.
async fn stage_of_two() -> (Stage, Ids) {
    let stage = Stage::new().await;
    stage.provider.add_chatbot("Another", "key-another");
    let job = stage.begin(Timestamp::now(), HOUR).await;
    stage.complete(&job);
    (stage, job)
}

#[tokio::test]
async fn a_key_of_its_own_chatbot_that_is_answered_403_is_set_aside_and_named() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    // One of them is given up already.
    let stalled = stage.begin(now, 8 * DAY).await;
    let job = stage.begin(now, HOUR).await;
    for job in [&stalled, &job] {
        stage.complete(job);
    }
    stage.provider.reply_always(Route::EventLog, Some(no(403)));
    // Both are asked about at once.
    let mut rounds = stage.rounds();

    for number in 0..3 {
        rounds.round(&stage.keyring, now.plus(MINUTE * number)).await;
    }

    let errors = stage.log.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    let expected = format!(
        "cannot ask what was missed of the jobs of chatbot {}; others are asked about: CaiGunn refused API key ",
        stage.chatbot_id
    );
    assert!(errors[0].starts_with(&expected), "{errors:?}");
    let problem = stage.progress.seen().problem.unwrap_or_default();
    assert!(problem.contains("with 403: planted"), "{problem}");

    // Once it is mended, also the one that is given up is asked about.
    stage.provider.reply_always(Route::EventLog, None);
    pass(HOUR).await;
    rounds.round(&stage.keyring, now.plus(HOUR)).await;
    for job in [&stalled, &job] {
        assert!(stage.is_completed(job).await);
    }
    assert_eq!(stage.progress.seen().problem, None);
}

#[tokio::test]
async fn a_403_about_one_job_is_no_word_on_the_key_and_about_two_it_is() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let mut jobs = Vec::new();
    for age in (1..=5).rev() {
        jobs.push(stage.begin(now, age * HOUR).await);
    }
    for job in &jobs {
        stage.complete(job);
    }
    // Whichever of them is asked about first.
    let replies = [no(403), Reply::Ok, no(403), Reply::Ok, no(403)];
    stage.provider.reply(Route::EventLog, replies);
    let mut rounds = stage.rounds_with(ONE_BY_ONE);

    rounds.round(&stage.keyring, now).await;

    let mut completed = Vec::new();
    for job in &jobs {
        completed.push(stage.is_completed(job).await);
    }
    assert_eq!(completed, [false, true, false, true, false]);
    assert_eq!(stage.log.messages("ERROR"), [""; 0]);
    let warnings = stage.log.messages("WARN");
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for (job, warning) in jobs.iter().step_by(2).zip(&warnings) {
        assert!(
            warning.contains(&format!("of job {}: ", job.event_id)),
            "{warning}"
        );
    }

    // A key that was taken, and is revoked then.
    stage.provider.reply_always(Route::EventLog, Some(no(403)));
    rounds.round(&stage.keyring, now.plus(HOUR)).await;

    let errors = stage.log.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(stage.progress.seen().problem.is_some());
}

#[tokio::test]
async fn old_jobs_of_a_refused_key_take_no_place_in_the_memory_from_those_of_others() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    let another = stage.provider.add_chatbot("Another", "key-another");
    stage.keyring = keyring(&client(&stage.provider), &[]).await;
    stage.provider.refuse(stage.chatbot_id);
    stage.begin_many::<2>(now, 8 * DAY).await;
    let mut rounds = stage.rounds().remembering(2);
    rounds.round(&stage.keyring, now).await;
    let job = Ids {
        chatbot_id: another,
        ..Ids::fresh()
    };
    stage.receive("crawling.initial", &job, now.minus(HOUR)).await;
    stage.complete(&job);

    rounds.round(&stage.keyring, now.plus(MINUTE)).await;

    assert!(stage.is_completed(&job).await);
}

#[tokio::test]
async fn a_404_says_that_there_is_no_log_and_accuses_nobody() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    stage.provider.reply(Route::EventLog, [no(404)]);
    let mut rounds = stage.rounds();

    rounds.round(&stage.keyring, now).await;

    assert_eq!(stage.seen(), [1, 0]);
    assert_eq!(stage.progress.seen().problem, None);
    let said = [stage.log.messages("WARN"), stage.log.messages("ERROR")].concat();
    assert_eq!(said, [""; 0]);
    // Later there is one.
    stage.complete(&job);
    rounds.round(&stage.keyring, now.plus(2 * MINUTE)).await;
    assert!(stage.is_completed(&job).await);
}

#[tokio::test]
async fn whatever_is_said_of_one_key_or_job_the_next_key_is_tried() {
    for status in [400, 401, 403, 404, 410, 422] {
        for order in [["key-another", "key-one"], ["key-one", "key-another"]] {
            let (mut stage, job) = stage_of_two().await;
            stage.keyring = given_keys(&order).collect();
            stage
                .provider
                .reply_to_key(Route::EventLog, "key-another", no(status));

            stage.rounds().round(&stage.keyring, Timestamp::now()).await;

            assert!(stage.is_completed(&job).await, "{status} {order:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_of_the_right_key_is_not_hidden_by_another_one_that_was_heard() {
    for status in [400, 401, 403, 410, 422] {
        for order in [["key-another", "key-one"], ["key-one", "key-another"]] {
            let (mut stage, job) = stage_of_two().await;
            stage.keyring = given_keys(&order).collect();
            stage
                .provider
                .reply_to_key(Route::EventLog, "key-one", no(status));
            let mut rounds = stage.rounds();

            let now = Timestamp::now();
            for number in 0..2 {
                let problem = stage.progress.seen().problem;
                assert_eq!(problem.is_some(), number > 0, "{status} {order:?}");
                let asked = stage
                    .backfill
                    .job(&stage.keyring, job.event_id, None, Mode::DryRun)
                    .await;
                let error = asked.unwrap_err().explained();
                let expected = format!("with {status}: planted; check CAIGUNN_API_KEY");
                assert!(error.contains(&expected), "{order:?}: {error}");
                assert!(!error.contains("CAIGUNN_PUBLIC_URL"), "{error}");
                rounds.round(&stage.keyring, now.plus(MINUTE * number)).await;
            }

            let said = [stage.log.messages("WARN"), stage.log.messages("ERROR")].concat();
            assert_eq!(said.len(), 1, "{status} {order:?}: {said:?}");
            // Nobody knows whose key it is.
            assert!(!said[0].contains(&stage.chatbot_id.to_string()), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_403_of_a_key_that_may_be_of_another_chatbot_keeps_no_other_job_from_being_asked_about() {
    let (mut stage, now) = (Stage::new().await, Timestamp::now());
    stage.keyring = given_keys(&["key-one"]).collect();
    // Of a chatbot whose key was given once.
    let foreign = stage.begin(now, 2 * HOUR).await;
    let job = stage.begin(now, HOUR).await;
    stage.complete(&job);
    stage.provider.reply(Route::EventLog, [no(403)]);

    stage.rounds_with(ONE_BY_ONE).round(&stage.keyring, now).await;

    assert_eq!(stage.asked(), [foreign.event_id, job.event_id]);
    assert!(stage.is_completed(&job).await);
    let warnings = stage.log.messages("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let expected = format!("cannot ask what was missed of job {}: ", foreign.event_id);
    assert!(warnings[0].starts_with(&expected), "{warnings:?}");
}

#[tokio::test]
async fn a_refused_key_is_tried_again_when_the_settings_say_and_is_shown_while_it_is_used() {
    let settings = Settings {
        refused_retry: 5 * MINUTE,
        ..SETTINGS
    };
    let (stage, now) = (Stage::with(&settings).await, Timestamp::now());
    stage.begin(now, HOUR).await;
    stage.provider.refuse(stage.chatbot_id);
    let mut rounds = stage.rounds_with(settings);

    rounds.round(&stage.keyring, now).await;
    rounds.round(&stage.keyring, now.plus(2 * MINUTE)).await;
    assert_eq!(stage.asked().len(), 1);
    let errors = stage.log.messages("ERROR");
    assert!(errors[0].ends_with("trying again in 300 s"), "{errors:?}");
    pass(5 * MINUTE).await;
    rounds.round(&stage.keyring, now.plus(10 * MINUTE)).await;
    assert_eq!(stage.asked().len(), 2);
    assert!(stage.progress.seen().problem.is_some());

    // Another key is used from now on.
    let keyring = given_keys(&["key-new"]).collect();
    stage.provider.add_chatbot("New", "key-new");
    rounds.round(&keyring, now.plus(11 * MINUTE)).await;

    assert_eq!(stage.progress.seen().problem, None);
}

#[tokio::test]
async fn a_401_of_a_key_is_that_keys_also_where_the_list_is_answered_in_another_shape() {
    for list in [Reply::Text(200, r#"{"detail": "planted"}"#), no(404), no(405)] {
        let (mut stage, job) = stage_of_two().await;
        stage.keyring = given_keys(&["key-of-nobody", "key-one"]).collect();
        stage.provider.reply_always(Route::Chatbots, Some(list.clone()));

        stage.rounds().round(&stage.keyring, Timestamp::now()).await;

        assert!(stage.is_completed(&job).await, "{list:?}");
        let errors = stage.log.messages("ERROR");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("CaiGunn refused API key "), "{errors:?}");
    }
    // Where CaiGunn is down, nobody can say whose refusal it is.
    let (mut stage, job) = stage_of_two().await;
    stage.keyring = given_keys(&["key-of-nobody", "key-one"]).collect();
    stage.provider.reply_always(Route::Chatbots, Some(no(503)));

    stage.rounds().round(&stage.keyring, Timestamp::now()).await;

    assert!(!stage.is_completed(&job).await);
    assert_eq!(stage.log.messages("ERROR"), [""; 0]);
}

#[tokio::test]
async fn what_was_missed_in_an_outage_of_hours_is_there_minutes_after_it() {
    let (stage, mut now) = (Stage::new().await, Timestamp::now());
    let jobs: [Ids; 2] = stage.begin_many(now, HOUR).await;
    for job in &jobs {
        stage.complete(job);
    }
    let mut rounds = stage.rounds();
    stage.provider.reply_always(Route::EventLog, Some(no(500)));
    for _ in 0..3 * 60 {
        rounds.round(&stage.keyring, now).await;
        pass(MINUTE).await;
        now = now.plus(MINUTE);
    }
    assert!(stage.asked().len() < 150, "{}", stage.asked().len());
    stage.provider.reply_always(Route::EventLog, None);

    // A quiet time of five minutes, and then as much until their turn.
    for _ in 0..11 {
        rounds.round(&stage.keyring, now).await;
        pass(MINUTE).await;
        now = now.plus(MINUTE);
    }

    for job in &jobs {
        assert!(stage.is_completed(job).await);
    }
    assert_eq!(stage.progress.seen().problem, None);
}
